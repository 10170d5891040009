"""Who follows a problem or speaks under it: an address, a language, and the consent to keep both."""

from __future__ import annotations

from dataclasses import dataclass

from widget_api import i18n
from widget_api.database import Database
from widget_api.errors import FieldError, Invalid
from widget_api.problems.intake import EMAIL, Fields, is_email
from widget_api.settings import Settings
from widget_api.sites import consent
from widget_api.sites.model import Site


@dataclass(frozen=True, kw_only=True)
class Person:
    """Personal data: for `followers` and `commenters` alone. `consent_hash` is that of the document agreed to."""

    email: str
    language: str
    consent_version: str
    consent_hash: str
    ip: str | None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was typed, checked as far as that goes without the site's documents."""

    email: str
    language: str
    consent_version: str


def read(fields: Fields, language: str) -> Draft | None:
    """email, consent and lang. What is wrong stands in `fields.wrong`; None where something is."""
    before = len(fields.wrong)
    email = fields.line("email", EMAIL)
    if email is None:
        if len(fields.wrong) == before:
            fields.refuse("email", "required")
    elif not is_email(email):
        fields.refuse("email", "email")
    given = fields.object("consent").data
    if given.get("processing") is not True:
        fields.refuse("consent.processing", "required")
    if not isinstance(given.get("version"), str):
        fields.refuse("consent.version", "required")
    if len(fields.wrong) > before or email is None:
        return None
    return Draft(email=email, language=i18n.chosen(fields.data.get("lang"), language), consent_version=given["version"])


async def agreed(database: Database, site: Site, settings: Settings, draft: Draft, ip: str) -> Person:
    """The person with what they agreed to. Raises Invalid where the document is another one by now."""
    document = await consent.agreed(database, site, settings, draft.consent_version)
    if document is None:
        raise Invalid((FieldError("consent.version", "consent_version"),))
    return Person(
        email=draft.email,
        language=draft.language,
        consent_version=document.version,
        consent_hash=document.hash,
        ip=ip,
    )
