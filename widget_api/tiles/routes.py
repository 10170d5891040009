"""GET /tiles/{z}/{x}/{y}: what a map asks for, many at a time; short answers without a page where there is none."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.errors import TooMany
from widget_api.tiles import model

_GOOD = "public, max-age=86400, stale-while-revalidate=604800, stale-if-error=604800"
_ABSENT, _AILING = "public, max-age=300", "public, max-age=5"
# A host page that isolates itself (COEP: require-corp) may show it too.
_HEADERS = {"Cross-Origin-Resource-Policy": "cross-origin"}


async def tile(request: Request) -> Response:
    """A picture; 404 where there is none or no site of ours, 502 and 504 where its source does not answer."""
    address = model.parse(*(request.path_params[name] for name in ("z", "x", "y")))
    if address is None:
        return _none(404)
    context = web.context(request)
    try:
        await context.limits.hit("tiles", web.client_address(request))
    except TooMany as error:
        return Response(status_code=429, headers={"Retry-After": str(error.retry_after), "Cache-Control": "no-store"})
    held = await context.tiles.get(context.database, address)
    if held.tile is None:
        return _none(held.status)
    headers = _HEADERS | {"ETag": held.tile.tag, "Cache-Control": _GOOD}
    if held.tile.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(held.tile.body, headers=headers, media_type=held.tile.media_type)


def _none(status: int) -> Response:
    """The map leaves the ground empty."""
    return Response(status_code=status, headers={"Cache-Control": _ABSENT if status == 404 else _AILING})


routes: list[BaseRoute] = [Route("/tiles/{z}/{x}/{y}", tile, methods=["GET"])]
