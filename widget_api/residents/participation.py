"""Serve the forms to vote, join and write without scripts, and the mailed pages that confirm and withdraw."""

from __future__ import annotations

from typing import Any, get_args

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.context import Context
from widget_api.database import Row
from widget_api.errors import Conflict, NotFound
from widget_api.mail import links
from widget_api.participation import api, service, store
from widget_api.participation.model import Act
from widget_api.problems import persons
from widget_api.problems.model import parse_number, split_entry
from widget_api.problems.store import records
from widget_api.residents import collection_view, problem_forms
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.sites.http import Handler
from widget_api.sites.model import Site

MOST_SHOWN = 200  # of who joined, on the author's page


def _act(request: Request) -> Act:
    """The action, which the address ends with."""
    return next(one for one in get_args(Act) if request.url.path.endswith(f"/{one}"))


def _form_values(site: Site, problem: Row) -> dict[str, Any]:
    """What the page of a form shows of the entry."""
    roles = [(role, role) for role in service.list_roles(site, problem)]
    return {"entry": split_entry(problem["description"])[0], "roles": roles}


async def show_form(request: Request) -> Response:
    """GET /s/{key}/c/{slug}/{number}/vote, join, contact"""
    site = await sites.by_key(web.context(request).database, request.path_params["key"])
    number, act = parse_number(request.path_params["number"]), _act(request)
    problem = await service.find_entry(web.context(request).database, site, number, act)
    return await problem_forms.show_form(request, site, act, number, **_form_values(site, problem))


async def send_form(request: Request) -> Response:
    """POST /s/{key}/c/{slug}/{number}/vote, join, contact"""
    context = web.context(request)
    site = await sites.by_key(context.database, request.path_params["key"])
    number, act = parse_number(request.path_params["number"]), _act(request)
    problem = await service.find_entry(context.database, site, number, act)

    async def take(sent: problem_forms.Submission) -> None:
        data = {
            **sent.data,
            "role": sent.form.one("role"),
            "declared": sent.form.one("declared") == "yes",
            "show_email": sent.form.one("show_email") == "yes",
        }
        body, words = api.read_words(act, data, service.list_roles(site, problem))
        address = web.client_address(request)
        person = await persons.read_person(context.database, site, context.settings, body, sent.language, address)
        await service.ask_to_confirm(context.database, site, number, act, person, words, None)

    return await problem_forms.handle_form(request, site, act, number, take, **_form_values(site, problem))


async def action_values(context: Context, site: Site, problem: Row, language: str) -> dict[str, Any] | None:
    """What the page of an entry says of its action; None where visitors can do nothing by e-mail."""
    act = site.collection.action if site.collection else "none"
    if site.collection is None or act not in get_args(Act):
        return None
    refusal = ""
    try:
        await service.find_entry(context.database, site, problem["number"], act)  # type: ignore[arg-type]
    except (Conflict, NotFound) as error:
        refusal = error.code
    wanted = await service.list_wanted_roles(context.database, site, problem) if not refusal else ()
    given = orjson.loads(problem["answers"])
    needed = collection_view.find_needed(site.collection, given)
    most = await store.find_most(context.database, site.id) if act == "vote" else 0
    about = {
        "act": act,
        "refusal": refusal,
        "count": problem["participants"],
        "needed": needed,
        "bar": collection_view.make_bar(problem["participants"], needed or most),
        "wanted": ", ".join(wanted),
    }
    return about | vote_values(site, language)


def vote_values(site: Site, language: str) -> dict[str, Any]:
    """What pages say of when and how often one votes: a key of the period's text, with its days, and the rules."""
    assert site.collection is not None, "entries are voted for"
    voting, (period, days) = site.collection.voting, service.describe_period(site, language)
    period = "over" if voting.is_over(clock.now()) else period
    return {"voting": voting, "period": period, **days}


async def author_values(context: Context, site: Site, problem: Row, language: str) -> list[dict[str, Any]] | None:
    """Who joined, for the private page of an entry's author, newest first; None where nobody can join. No address."""
    if site.collection is None or site.collection.action != "join" or problem["erased_at"] is not None:
        return None
    rows = await store.list_confirmed(context.database, problem["id"], "join")
    return [
        {
            **{name: row[name] for name in ("name", "role", "text")},
            "day": i18n.format_day(language, row["confirmed_at"], site.time_zone),
        }
        for row in reversed(rows[-MOST_SHOWN:])
    ]


# --- the mailed pages ----------------------------------------------------------------------------------------------


async def _read_link(context: Context, purpose: Purpose, token: str) -> tuple[Row, Row, Site]:
    """The row, its entry and its collection. Raises NotFound («link_invalid»)."""
    row_id = context.signer.read(purpose, token)
    row = await store.find(context.database, row_id) if isinstance(row_id, str) else None
    problem = await records.find(context.database, row["problem_id"]) if row else None
    if row is None or problem is None:
        raise NotFound("link_invalid")
    return row, problem, await sites.by_id(context.database, row["site_id"])


async def _render(request: Request, template: str, purpose: Purpose) -> Response:
    context, token = web.context(request), request.path_params["token"]
    row, problem, site = await _read_link(context, purpose, token)
    shown = await service.find_site(context.database, row)
    state = await service.find_state(context.database, site, row)
    if shown is None and state != "done":
        state = "gone"
    language = web.negotiate_language(request, row["language"])
    left, own = None, shown.collection if shown else None  # voices of the person, while the vote goes on
    if own and row["action"] == "vote" and row["person"] and not own.voting.find_refusal(clock.now()):
        left = own.voting.per_person - await store.count_voices(context.database, site.id, row["person"])
    return web.html_response(
        request,
        template,
        private=True,
        language=language,
        site=site,
        problem=problem,
        row=row,
        entry=split_entry(problem["description"])[0] if problem["published"] else "",
        state=state,
        final=service.stays_counted(site.collection, row, clock.now()),
        action=request.url.path,
        page_url=links.problem_url(context, site, problem["number"]) if shown and problem["published"] else None,
        own_url=links.own_action_url(context, row["id"]),
        left=left,
        per_person=site.collection.voting.per_person if site.collection else 0,
    )


async def show_confirmation(request: Request) -> Response:
    """GET /action/{token}. Only the button confirms, since mail scanners follow links."""
    return await _render(request, "resident/action.html", Purpose.ACTION)


async def confirm(request: Request) -> Response:
    """POST /action/{token}"""
    context = web.context(request)
    row, _, _ = await _read_link(context, Purpose.ACTION, request.path_params["token"])
    await context.limits.hit("confirmations", web.client_address(request))
    await service.confirm(context.database, row)
    return web.see_other(request.url.path + web.language_query(request))


async def show_own_action(request: Request) -> Response:
    """GET /my-action/{token}"""
    return await _render(request, "resident/own_action.html", Purpose.OWN_ACTION)


async def leave(request: Request) -> Response:
    """POST /my-action/{token}, by the button or by a mail program."""
    context = web.context(request)
    row, _, _ = await _read_link(context, Purpose.OWN_ACTION, request.path_params["token"])
    await service.leave(context.database, row)
    return await problem_forms.answer_unsubscribe(request)


PAGES: list[tuple[str, str, Handler]] = [
    (f"/{{number}}/{act}", method, handler)
    for act in get_args(Act)
    for method, handler in (("GET", show_form), ("POST", send_form))
]
routes: list[BaseRoute] = [
    Route("/action/{token}", show_confirmation, methods=["GET"]),
    Route("/action/{token}", confirm, methods=["POST"]),
    Route("/my-action/{token}", show_own_action, methods=["GET"]),
    Route("/my-action/{token}", leave, methods=["POST"]),
]
