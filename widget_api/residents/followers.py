"""Serve the follow form without scripts, and the mailed pages that confirm and end following."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import validation, web
from widget_api.database import Row
from widget_api.errors import NotFound
from widget_api.followers import service
from widget_api.mail import links
from widget_api.problems import bodies, persons
from widget_api.problems.model import parse_number
from widget_api.problems.store import followers, records
from widget_api.residents import problem_forms
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.sites.model import Site


async def show_follow_form(request: Request) -> Response:
    """GET /s/{key}/problems/{number}/follow"""
    site, problem = await _find_problem(request)
    return await problem_forms.show_form(request, site, "follow", problem["number"])


async def send_follow_form(request: Request) -> Response:
    """POST /s/{key}/problems/{number}/follow"""
    context = web.context(request)
    site, problem = await _find_problem(request)
    number = problem["number"]

    async def take(sent: problem_forms.Submission) -> None:
        body, address = validation.parse(bodies.Follow, sent.data), web.client_address(request)
        person = await persons.read_person(context.database, site, context.settings, body, sent.language, address)
        await service.follow_problem(context.database, site.id, number, person, None)

    return await problem_forms.handle_form(request, site, "follow", number, take)


async def _find_problem(request: Request) -> tuple[Site, Row]:
    """The published problem of the path. Raises NotFound."""
    database = web.context(request).database
    site = await sites.by_key(database, request.path_params["key"])
    return site, await records.find_published(database, site.id, parse_number(request.path_params["number"]))


# --- the mailed pages ----------------------------------------------------------------------------------------------


async def _read_link(request: Request, purpose: Purpose) -> tuple[Row, Row]:
    """The follower and the problem. Raises NotFound («link_invalid»)."""
    context = web.context(request)
    follower_id = context.signer.read(purpose, request.path_params["token"])
    follower = await followers.find(context.database, follower_id) if isinstance(follower_id, str) else None
    problem = await records.find(context.database, follower["problem_id"]) if follower else None
    if follower is None or problem is None:
        raise NotFound("link_invalid")
    return follower, problem


async def _render_page(request: Request, template: str, purpose: Purpose) -> Response:
    context, (follower, problem) = web.context(request), await _read_link(request, purpose)
    site = await sites.by_id(context.database, problem["site_id"])
    state = "follows" if follower["confirmed_at"] is not None else "waiting"
    if follower["stopped_at"] is not None or not problem["published"]:
        state = "gone"
    return web.html_response(
        request,
        template,
        private=True,
        language=web.negotiate_language(request, follower["language"]),
        site=site,
        problem=problem,
        state=state,
        action=request.url.path,
        page_url=links.problem_url(context, site, problem["number"]),
        stop_url=links.unfollow_url(context, follower["id"]),
    )


async def show_confirmation(request: Request) -> Response:
    """GET /follow/{token}. Only the button confirms, since mail scanners follow links."""
    return await _render_page(request, "resident/follow.html", Purpose.FOLLOW)


async def confirm_following(request: Request) -> Response:
    """POST /follow/{token}"""
    context, (follower, _) = web.context(request), await _read_link(request, Purpose.FOLLOW)
    await context.limits.hit("confirmations", web.client_address(request))
    await service.confirm_following(context.database, follower)
    return web.see_other(request.url.path + web.language_query(request))


async def show_unfollow_page(request: Request) -> Response:
    """GET /unfollow/{token}"""
    return await _render_page(request, "resident/unfollow.html", Purpose.UNFOLLOW)


async def unfollow(request: Request) -> Response:
    """POST /unfollow/{token}, by the button or by a mail program."""
    follower, _ = await _read_link(request, Purpose.UNFOLLOW)
    await service.stop_following(web.context(request).database, follower)
    return await problem_forms.answer_unsubscribe(request)


routes: list[BaseRoute] = [
    Route("/s/{key}/problems/{number}/follow", show_follow_form, methods=["GET"]),
    Route("/s/{key}/problems/{number}/follow", send_follow_form, methods=["POST"]),
    Route("/follow/{token}", show_confirmation, methods=["GET"]),
    Route("/follow/{token}", confirm_following, methods=["POST"]),
    Route("/unfollow/{token}", show_unfollow_page, methods=["GET"]),
    Route("/unfollow/{token}", unfollow, methods=["POST"]),
]
