"""Serve /status: whether the service works, in words for webmasters and residents, without anything of its inside."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.deliveries.delays import read_delays
from widget_api.sites.settings import DEFAULT_TIME_ZONE

PATH = "/status"


async def show_status(request: Request) -> Response:
    """GET /status; 503 where the database does not answer, for monitors that look at nothing else."""
    found, language = await read_delays(web.context(request).database), web.negotiate_language(request)

    def moment(at: int | None) -> str:
        return "" if at is None else i18n.format_moment(language, at, DEFAULT_TIME_ZONE)

    return web.html_response(
        request,
        "status.html",
        200 if found.works else 503,
        public=True,
        language=language,
        found=found,
        at=moment(found.at),
        since={"letters": moment(found.letters), "platforms": moment(found.platforms)},
    )


routes: list[BaseRoute] = [Route(PATH, show_status, methods=["GET"])]
