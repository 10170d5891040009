"""Write the letters of visits: the invitation, and that a visit was called off."""

from __future__ import annotations

from email.message import EmailMessage

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.deliveries.model import GiveUp
from widget_api.mail import links
from widget_api.people import letters
from widget_api.people.letters import Letter
from widget_api.problems.store import contacts
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.visits import service, store
from widget_api.visits.model import NOTICED


def invitation_url(context: Context, invitation_id: str) -> str:
    return f"{context.settings.public_url}/invited/{context.signer.sign(Purpose.VISIT, invitation_id)}"


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    now, kind = clock.now(), letter["letter"]
    found = await store.find_invitation(context.database, letter["id"])
    if found is None or not found["published"]:
        return None
    if await contacts.find_reached(context.database, letter["problem_id"]) is None:
        return None
    if kind == "invited" and (letter["invited_at"] < now - NOTICED or service.find_state(found, now) == "over"):
        raise GiveUp("the mail server did not take it in time")
    site, language = await sites.by_id(context.database, found["site_id"]), found["language"]
    values = {
        "agency": found["agency"],
        "collection": site.name,
        "number": found["number"],
        "moment": i18n.format_moment(language, found["at"], site.time_zone),
        "place": found["place"],
        "stop": links.stop_url(context, letter["problem_id"]),
    }
    key = f"visits.mail.{kind}"
    return letters.compose(
        context,
        "registration",
        language,
        found["email"],
        site.name,
        ("visit", letter["id"], kind),
        subject=i18n.text(language, f"{key}.subject", **values),
        lines=[i18n.text(language, f"{key}.text", **values), i18n.text(language, "visits.mail.why", **values)],
        said=found["text"],
        button=i18n.text(language, f"{key}.button"),
        url=invitation_url(context, letter["id"]),
    )


async def _end(tx: Transaction, letter: Letter, given_up: bool) -> None:
    now = clock.now()
    await store.end_letter(tx, letter["id"], letter["letter"], now, now if given_up else None)


LETTERS = letters.of_table("visit", "visit_invitations", _write, _end)
