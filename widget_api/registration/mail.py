"""Write the letters of registration: the link of an application, its refusal, a handover, a proof that is missing."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.deliveries.model import GiveUp
from widget_api.mail import outbox
from widget_api.mail.outbox import Letter
from widget_api.people import accounts_store
from widget_api.registration import service, store
from widget_api.registration.model import KIND, STOP_AFTER
from widget_api.signing import Purpose
from widget_api.sites import service as sites

PATH = "/sites/application"


def application_url(context: Context, application_id: str) -> str:
    token = context.signer.sign(Purpose.APPLICATION, [application_id])
    return f"{context.settings.public_url}{PATH}/{token}"


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    about, database = letter.parameters, context.database
    application = await store.find(database, about["application_id"]) if "application_id" in about else None
    if "application_id" in about and application is None:
        return None
    recipient = await _find_recipient(database, about, application)
    if recipient is None:
        return None
    kind, (email, language) = about["letter"], recipient
    values = await _find_values(context, letter, language, application)
    described = describe(language, kind, **values)
    if kind in ("claim_wanted", "origin_lost", "origin_removed") and context.settings.operator_contact:
        described["lines"] += [f"{i18n.text(language, 'footer.operator')} {context.settings.contact}"]
    return outbox.compose(
        context,
        "registration",
        language,
        email,
        i18n.text(language, "footer.service"),
        (letter.kind, letter.id),
        **described,
    )


async def _find_recipient(
    database: Database, about: Mapping[str, str], application: Row | None
) -> tuple[str, str] | None:
    """The address and the language; None where the user was disabled meanwhile."""
    if "user_id" in about:
        user = await accounts_store.find_by_id(database, about["user_id"])
        return (user["email"], user["language"]) if user is not None and user["disabled_at"] is None else None
    if "site_id" in about:
        site = await sites.by_id(database, about["site_id"])
        return site.agency.email, site.language
    assert application is not None, "a letter is about a site or an application"
    return application["contact_email"], application["language"]


async def _find_values(context: Context, letter: Letter, language: str, application: Row | None) -> dict[str, Any]:
    about = letter.parameters
    kind, origin = about["letter"], about.get("origin")
    values: dict[str, Any] = {"url": f"{context.settings.public_url}/cabinet/sites/{about.get('site_id')}"}
    if application is not None:
        values |= {"origin": application["origin"], "name": application["name"], "reason": application["reason"] or ""}
    if kind in ("link", "refused"):
        assert application is not None, "these letters are about one"
        again = f"{context.settings.public_url}/sites/new"
        return values | {"url": application_url(context, application["id"]) if kind == "link" else again}
    if kind in ("claim_wanted", "origin_lost", "origin_removed"):
        values["url"] += "/access"
    site = await sites.by_id(context.database, about["site_id"])
    if kind == "claim_wanted":
        asked = await store.list_handovers(context.database, about["application_id"])
        told = next((one["asked_at"] for one in asked if one["site_id"] == site.id), letter.created_at)
        values |= {"date": i18n.format_date(language, service.answer_until(site.calendar, told))}
    values |= {"site": site.name, "origin": origin or values["origin"]}
    if kind == "proof_failed":
        proofs = await store.list_proofs(context.database, site.id)
        proof = next((one for one in proofs if one["origin"] == origin), None)
        if proof is None or proof["told_at"] is None:  # found again meanwhile
            raise GiveUp("the proof is there again")
        stops_on = site.calendar.local_date(proof["told_at"] + STOP_AFTER)
        values |= {"date": i18n.format_date(language, stops_on)}
    return values


def describe(language: str, kind: str, **values: Any) -> dict[str, Any]:
    """What the template shows of a letter of a kind."""
    key = f"registration.mail.{kind}"
    names = [name for name in ("text", "then", "not_you") if i18n.has(f"{key}.{name}")]
    return {
        "subject": i18n.text(language, f"{key}.subject", **values),
        "lines": [i18n.text(language, f"{key}.{name}", **values) for name in names],
        "said": values.get("reason", "") if kind == "refused" else "",
        "button": i18n.text(language, f"{key}.button"),
        "url": values["url"],
    }


LETTERS = outbox.Handler(KIND, _write, lifetime=3 * clock.DAY)
