"""Write the letters of visits: the invitation, and that a visit was called off."""

from __future__ import annotations

from email.message import EmailMessage

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.deliveries.model import GiveUp
from widget_api.mail import links, outbox
from widget_api.mail.outbox import Letter, Outcome
from widget_api.problems.store import contacts
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.visits import service, store
from widget_api.visits.model import KIND, NOTICED


def invitation_url(context: Context, invitation_id: str) -> str:
    return f"{context.settings.public_url}/invited/{context.signer.sign(Purpose.VISIT, invitation_id)}"


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    now, kind = clock.now(), letter.parameters["letter"]
    found = await store.find_invitation(context.database, letter.subject)
    if found is None or not found["published"] or (kind == "invited" and found["called_off_at"] is not None):
        return None
    if await contacts.find_reached(context.database, found["problem_id"]) is None:
        return None
    if kind == "invited" and (letter.created_at < now - NOTICED or service.find_state(found, now) == "over"):
        raise GiveUp("the mail server did not take it in time")
    site, language = await sites.by_id(context.database, found["site_id"]), found["language"]
    values = {
        "agency": found["agency"],
        "collection": site.name,
        "number": found["number"],
        "moment": i18n.format_moment(language, found["at"], site.time_zone),
        "place": found["place"],
        "stop": links.stop_url(context, found["problem_id"]),
    }
    key = f"visits.mail.{kind}"
    return outbox.compose(
        context,
        "registration",
        language,
        found["email"],
        site.name,
        (letter.kind, letter.id),
        subject=i18n.text(language, f"{key}.subject", **values),
        lines=[i18n.text(language, f"{key}.text", **values), i18n.text(language, "visits.mail.why", **values)],
        said=found["text"],
        button=i18n.text(language, f"{key}.button"),
        url=invitation_url(context, letter.subject),
    )


async def _record(tx: Transaction, letter: Letter, outcome: Outcome) -> None:
    if outcome == "refused":
        await store.mark_failed(tx, letter.subject, clock.now())
    elif outcome == "sent" and letter.parameters["letter"] == "invited":
        found = await store.find_invitation(tx, letter.subject)
        if found is not None and found["called_off_at"] is not None:  # while it was on its way
            await outbox.enqueue(tx, letter.kind, letter.subject, letter="called_off")


LETTERS = outbox.Handler(KIND, _write, _record)
