"""Serve tiles of the base map. Errors have no body, since nobody reads it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.errors import TooMany
from widget_api.tiles import model

_TILE_CACHE = "public, max-age=86400, stale-while-revalidate=604800, stale-if-error=604800"
_MISSING_CACHE, _FAILURE_CACHE = "public, max-age=300", "public, max-age=5"
# Host pages that isolate themselves (COEP: require-corp) may embed tiles.
_HEADERS = {"Cross-Origin-Resource-Policy": "cross-origin"}


@web.at_once
async def get_tile(request: Request) -> Response:
    """GET /tiles/{z}/{x}/{y}: 404 where there is no tile or no site, 502 and 504 where the source does not answer."""
    address = model.parse_address(*(request.path_params[name] for name in ("z", "x", "y")))
    if address is None:
        return _empty(404)
    context = web.context(request)
    try:
        await context.limits.hit("tiles", web.client_address(request))
    except TooMany as error:
        return Response(status_code=429, headers={"Retry-After": str(error.retry_after), "Cache-Control": "no-store"})
    cached = await context.tiles.get(context.database, address)
    if cached.tile is None:
        return _empty(cached.status)
    headers = _HEADERS | {"ETag": cached.tile.tag, "Cache-Control": _TILE_CACHE}
    if cached.tile.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(cached.tile.body, headers=headers, media_type=cached.tile.media_type)


def _empty(status: int) -> Response:
    """A response without a body, for which a map draws nothing."""
    return Response(status_code=status, headers={"Cache-Control": _MISSING_CACHE if status == 404 else _FAILURE_CACHE})


routes: list[BaseRoute] = [Route("/tiles/{z}/{x}/{y}", get_tile, methods=["GET"])]
