"""Serve the webmaster's pages: the generator of the code to embed, and the check of an installation."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.errors import Invalid, Malformed, NotFound, TooMany, WrongType
from widget_api.sites import service as sites
from widget_api.sites.install import options, overview, service
from widget_api.sites.model import Site

# The generator embeds the widget and the frame.
GENERATOR_POLICY = web.WIDGET_POLICY.replace("blob:", "blob:; frame-src 'self'")
_FORM_LIMIT = 8192  # bytes


async def show_generator(request: Request) -> Response:
    """GET /s/{key}/install: previews of the three ways of embedding the site, with their code."""
    context = web.context(request)
    site = await sites.by_key(context.database, request.path_params["key"])
    language = web.negotiate_language(request, site.language)
    values = options.generator_values(site, request.query_params, language, context.settings.public_url)
    return web.html_response(
        request, "install/generator.html", language=language, site=site, policy=GENERATOR_POLICY, **values
    )


async def show_check(request: Request) -> Response:
    """GET /s/{key}/install/check?token=…: where and in which version the widget was seen, and what fails."""
    return await _render_check(request, await _read_link(request))


async def check_now(request: Request) -> Response:
    """POST /s/{key}/install/check?token=…: check one page of the site now."""
    web.require_same_origin(request)
    context, site = web.context(request), await _read_link(request)
    if web.media_type(request) != "application/x-www-form-urlencoded":
        raise WrongType
    try:
        sent = dict(
            parse_qsl((await web.read_body(request, _FORM_LIMIT)).decode("utf-8", "replace"), max_num_fields=10)
        )
    except ValueError:
        raise Malformed from None
    url = sent.get("url", "").replace("\0", "")
    language = web.negotiate_language(request, site.language)
    try:
        await context.limits.hit("inspections", web.client_address(request), site.id)
        address, lines = await service.check_page(context.database, context.settings, context.outbound, site, url)
    except TooMany as error:
        return await _render_check(
            request, site, 429, url=url[:500], wrong=overview.describe_wait(language, error, site.time_zone)
        )
    except Invalid as error:
        wrong = i18n.field_error(language, "url", error.fields[0].code, error.fields[0].values)
        return await _render_check(request, site, 422, url=url[:500], wrong=wrong)
    return await _render_check(
        request, site, url=url, looked_at=address, lines=overview.describe_lines(language, lines)
    )


async def _read_link(request: Request) -> Site:
    site = await service.find_site_by_link(web.context(request), request.query_params.get("token", ""))
    if site is None:
        raise NotFound("link_invalid")
    return site


async def _render_check(request: Request, site: Site, status: int = 200, **values: Any) -> Response:
    context, language = web.context(request), web.negotiate_language(request, site.language)
    found = await service.read_overview(context.database, context.settings, site)
    return web.html_response(
        request,
        "install/check.html",
        status,
        language=language,
        site=site,
        private=True,
        found=overview.page_values(language, found, site),
        look={"url": "", "wrong": "", "looked_at": "", "lines": []} | values,
    )


routes: list[BaseRoute] = [
    Route("/s/{key}/install", show_generator, methods=["GET"]),
    Route("/s/{key}/install/check", show_check, methods=["GET"]),
    Route("/s/{key}/install/check", check_now, methods=["POST"]),
]
