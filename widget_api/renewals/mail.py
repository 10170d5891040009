"""Write the yearly question about an entry, its reminder, and to the agency that an entry was hidden."""

from __future__ import annotations

from email.message import EmailMessage

from widget_api import i18n
from widget_api.context import Context
from widget_api.mail import links, outbox
from widget_api.mail.outbox import Letter
from widget_api.problems.model import split_entry
from widget_api.problems.store import contacts, records
from widget_api.renewals import service, store
from widget_api.signing import Purpose
from widget_api.sites import service as sites


def renewal_url(context: Context, problem_id: str) -> str:
    return f"{context.settings.public_url}/renew/{context.signer.sign(Purpose.RENEW, problem_id)}"


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    database, problem_id, kind = context.database, letter.subject, letter.parameters["letter"]
    renewal, problem = await store.find(database, problem_id), await records.find(database, problem_id)
    if renewal is None or problem is None or problem["erased_at"] is not None:
        return None
    site, state = await sites.by_id(database, renewal["site_id"]), service.find_state(renewal, problem)
    contact = await contacts.find_reached(database, problem_id)
    if kind == "hidden":
        language, to = site.language, site.agency.email
        url = f"{context.settings.public_url}/cabinet/problems/{problem_id}"
    elif contact is not None and state == "asked":
        language, to, url = contact["language"], contact["email"], renewal_url(context, problem_id)
    else:
        return None
    values = {
        "title": split_entry(problem["description"])[0],
        "number": problem["number"],
        "collection": site.name,
        "track": links.track_url(context, problem_id, problem["link_id"]) if kind != "hidden" else "",
    }
    key = f"renewals.mail.{kind}"
    return outbox.compose(
        context,
        "registration",
        language,
        to,
        site.name,
        (letter.kind, letter.id),
        subject=i18n.text(language, f"{key}.subject", **values),
        lines=[i18n.text(language, f"{key}.text", **values), i18n.text(language, f"{key}.then", **values)],
        said="",
        button=i18n.text(language, f"{key}.button"),
        url=url,
    )


LETTERS = outbox.Handler(store.KIND, _write)
