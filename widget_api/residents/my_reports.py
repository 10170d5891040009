"""Serve /mine: request a mailed link to all reports of an address, and list them under that link.

Nothing reveals whether an address has any reports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import sinks
from widget_api.errors import FieldError, Invalid, NotFound, TooMany
from widget_api.mail import links
from widget_api.participation import store as participants
from widget_api.problems import forms, resident_mail
from widget_api.problems.store import contacts, followers
from widget_api.problems.submit import OTHER_LETTERS_A_DAY
from widget_api.problems.wording import first_line
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.sites.kinds import IS_NO_TEST
from widget_api.validation import clean, is_email
from widget_api.web import brute_force

_FIRST_LINE_LENGTH = 90  # characters of each report
MAX_REPORTS = 200  # on the page; nobody has more


async def show_request_form(request: Request) -> Response:
    """GET /mine"""
    return _render_request_form(request, asked="asked" in request.query_params)


def _render_request_form(
    request: Request, status: int = 200, email: str = "", error: str = "", asked: bool = False
) -> Response:
    return web.html_response(
        request, "resident/ask_reports.html", status, private=True, email=email, error=error, asked=asked
    )


async def send_request_form(request: Request) -> Response:
    """POST /mine. The response is the same for every address."""
    context, language = web.context(request), web.negotiate_language(request)
    email = forms.parse_form(await web.read_body(request, forms.MAX_FORM_SIZE)).one("email")
    try:
        await context.limits.hit("reports_links", web.client_address(request))
        await request_link(context, email)
    except Invalid as error:
        sentence = i18n.field_error(language, "email", error.fields[0].code, error.fields[0].values)
        return _render_request_form(request, 422, email[:254], sentence)
    except TooMany as error:
        response = _render_request_form(request, 429, email[:254], web.error_detail(language, error))
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    return web.see_other("/mine?asked=1" + web.language_query(request).replace("?", "&"))


async def show_reports(request: Request) -> Response:
    """GET /mine/{token}"""
    context = web.context(request)
    language = web.negotiate_language(request)
    rows, followed, taken = await read_reports(context, request.path_params["token"])
    return web.html_response(
        request,
        "resident/reports.html",
        language=language,
        private=True,
        reports=[
            {**_row_view(language, row), "href": links.track_url(context, row["id"], row["link_id"])} for row in rows
        ],
        followed=[
            {
                **_row_view(language, row),
                "href": await _page_url(context, row),
                "stop_href": links.unfollow_url(context, row["id"]),
            }
            for row in followed
        ],
        taken=[
            {
                **_row_view(language, row),
                "act": row["action"],
                "href": await _page_url(context, row),
                "stop_href": links.own_action_url(context, row["id"]),
            }
            for row in taken
        ],
        several_sites=len({row["site_name"] for row in (*rows, *followed, *taken)}) > 1,
    )


async def _page_url(context: Context, followed: Row) -> str:
    return links.problem_url(context, await sites.by_id(context.database, followed["site_id"]), followed["number"])


def _row_view(language: str, row: Row) -> dict[str, Any]:
    return {
        "number": row["number"],
        "status": row["status"],
        "duplicate_of": row["duplicate_of"],
        "asked": row["awaits"] == "author",
        "first_line": first_line(row["description"], _FIRST_LINE_LENGTH)
        or i18n.category_name(language, row["category"]),
        "day": i18n.format_day(language, row["created_at"], row["time_zone"]),
        "site": row["site_name"],
    }


async def request_link(context: Context, email: str) -> None:
    """Enqueue the letter if this address has a confirmed report. Raises Invalid («email»).

    Neither the response, nor its duration, nor the remaining number of letters reveals whether it has: every request
    is counted, and responses are delayed to full steps of a clock.
    """
    email = " ".join(clean(email).split())
    if not is_email(email):
        raise Invalid((FieldError("email", "email" if email else "required"),))
    async with brute_force.at_full_steps():
        await _enqueue_letter(context, email)


async def request_link_for_author(context: Context, problem_id: str) -> None:
    """Enqueue the letter for the author of a report, whose private page does not show the address."""
    contact = await contacts.find(context.database, problem_id)
    if contact is not None and contact["email"] and contact["confirmed_at"] is not None:
        await _enqueue_letter(context, contact["email"])


async def _enqueue_letter(context: Context, email: str) -> None:
    now = clock.now()

    async def work(tx: Transaction) -> None:
        if await contacts.letters_today(tx, email, now) >= OTHER_LETTERS_A_DAY:
            return
        await contacts.add_letter(tx, email, now)
        report = await find_newest_confirmed(tx, contacts.email_hash(email))
        if report is not None:
            await resident_mail.enqueue_letter(tx, report, sinks.REPORTS, now)

    await context.database.write(work)


async def read_reports(context: Context, token: str) -> tuple[Sequence[Row], Sequence[Row], Sequence[Row]]:
    """All reports of the address that a link was mailed to, the problems it follows, the entries it takes part in.

    Raises NotFound («link_invalid») where it is old or forged, or a private link was changed since.
    """
    named = links.read_link(context, Purpose.REPORTS, token)
    of = await find_confirmed_hash(context.database, named.identifier) if named else None
    if named is None or of is None or await hash_private_links(context.database, of) != named.link_id:
        raise NotFound("link_invalid")
    database = context.database
    taken = await participants.list_confirmed_of_address(database, of)
    return await list_reports(database, of), await followers.of_person(database, of), taken


async def find_newest_confirmed(tx: Transaction, email_hash: str) -> Row | None:
    """The first event of the address's newest confirmed report, for `enqueue_letter`."""
    return await tx.row(
        "SELECT c.site_id, c.problem_id, e.id, e.position FROM contacts c"
        " JOIN events e ON e.problem_id = c.problem_id AND e.kind = 'received'"
        " WHERE c.email_hash = :hash AND c.email IS NOT NULL AND c.confirmed_at IS NOT NULL"
        " ORDER BY c.confirmed_at DESC, c.problem_id DESC LIMIT 1",
        hash=email_hash,
    )


async def find_confirmed_hash(database: Database, problem_id: str) -> str | None:
    """The hash of a report's confirmed address; None where it is not confirmed or erased."""
    row = await database.row(
        "SELECT email_hash FROM contacts WHERE problem_id = :id AND email IS NOT NULL AND confirmed_at IS NOT NULL",
        id=problem_id,
    )
    return None if row is None else row["email_hash"]


async def hash_private_links(database: Database, email_hash: str) -> str | None:
    """A hash that changes with every private link of this address; None while none was ever changed.

    A link to all reports leads to the private page of each, so it must end when one of those is replaced.
    """
    rows = await database.rows(
        "SELECT p.link_id FROM contacts c JOIN problems p ON p.id = c.problem_id"
        " WHERE c.email_hash = :hash AND p.link_id IS NOT NULL ORDER BY p.link_id",
        hash=email_hash,
    )
    return hashlib.sha256(" ".join(row["link_id"] for row in rows).encode()).hexdigest() if rows else None


async def list_reports(database: Database, email_hash: str) -> Sequence[Row]:
    """Problems of an address with the names of their sites, newest first."""
    return await database.rows(
        "SELECT p.id, p.link_id, p.number, p.awaits, p.duplicate_of, p.description, p.category, p.created_at,"
        " CASE WHEN p.spam THEN 'rejected' ELSE p.status END AS status,"  # outcomes.is_rejected_as_spam
        " s.name AS site_name, s.time_zone FROM contacts c JOIN problems p ON p.id = c.problem_id"
        " JOIN sites s ON s.id = p.site_id"
        " WHERE c.email_hash = :hash AND c.confirmed_at IS NOT NULL AND p.erased_at IS NULL"
        f" AND {IS_NO_TEST}"
        f" ORDER BY p.created_at DESC, p.id DESC LIMIT {MAX_REPORTS}",
        hash=email_hash,
    )


routes: list[BaseRoute] = [
    Route("/mine", show_request_form, methods=["GET"]),
    Route("/mine", send_request_form, methods=["POST"]),
    Route("/mine/{token}", show_reports, methods=["GET"]),
]
