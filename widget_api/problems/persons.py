"""Who follows a problem or speaks under it: an address, a language, and the consent to keep both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from widget_api import i18n
from widget_api.database import Database
from widget_api.errors import FieldError, Invalid
from widget_api.problems.intake import EMAIL, Fields, is_email
from widget_api.problems.model import Consent, Report
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
    name_version: str | None = None  # of the document under which the name may be published; None = it may not
    name_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was typed, checked as far as that goes without the site's documents."""

    email: str
    language: str
    consent_version: str
    publish_name: bool = False
    name_version: str | None = None  # that was read; None: the one that is current


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
    if not isinstance(given.get("name_version"), str | None):
        fields.refuse("consent.name_version", "consent_version")
    if len(fields.wrong) > before or email is None:
        return None
    return Draft(
        email=email,
        language=i18n.chosen(fields.data.get("lang"), language),
        consent_version=given["version"],
        publish_name=given.get("publish_name") is True,
        name_version=given.get("name_version"),
    )


async def agreed(database: Database, site: Site, settings: Settings, draft: Draft, ip: str) -> Person:
    """The person with what they agreed to. Raises Invalid where a document is another one by now."""
    given = await _consent(
        database, site, settings, draft.language, ip, draft.consent_version, draft.name_version, draft.publish_name
    )
    return Person(
        email=draft.email,
        language=draft.language,
        consent_version=given.version,
        consent_hash=given.hash,
        ip=ip,
        name_version=given.name_version,
        name_hash=given.name_hash,
    )


async def with_consent(
    database: Database, site: Site, settings: Settings, report: Report, given: Mapping[str, Any], ip: str
) -> Report:
    """The report with what its author agreed to: `given` is the body's `consent`.

    Raises Invalid where a document is another one by now.
    """
    publish_name, name_version = report.contact.publish_name, given.get("name_version")
    consented = await _consent(
        database, site, settings, report.language, ip, given["version"], name_version, publish_name
    )
    return replace(report, consent=consented)


async def _consent(
    database: Database,
    site: Site,
    settings: Settings,
    language: str,
    ip: str,
    version: str,
    name_version: Any,
    publish_name: bool,
) -> Consent:
    """Find the documents that were agreed to. Raises Invalid where one of those named is another one by now.

    `name_version` is checked where it is given, and recorded only with the consent to publish the name.
    """
    document = await consent.agreed(database, site, settings, version)
    if document is None:
        raise Invalid((FieldError("consent.version", "consent_version"),))
    if not isinstance(name_version, str | None):
        raise Invalid((FieldError("consent.name_version", "consent_version"),))
    of_name = None
    if publish_name or name_version is not None:
        of_name = await consent.agreed_to_publish(database, site, settings, name_version, language)
        if of_name is None:
            raise Invalid((FieldError("consent.publish_name", "consent_version"),))
    named = of_name if publish_name else None
    return Consent(
        version=document.version,
        hash=document.hash,
        publish_name=publish_name,
        ip=ip,
        name_version=named.version if named else None,
        name_hash=named.hash if named else None,
    )
