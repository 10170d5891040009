"""Read who follows a problem or comments on it: an address, a language, and the consent to store both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from widget_api import i18n
from widget_api.database import Database
from widget_api.errors import FieldError, Invalid
from widget_api.problems import bodies
from widget_api.problems.model import Consent, Report
from widget_api.settings import Settings
from widget_api.sites import consent
from widget_api.sites.model import Site

if TYPE_CHECKING:
    from widget_api.comments.api import NewComment
    from widget_api.problems.bodies import Follow


@dataclass(frozen=True, kw_only=True)
class Person:
    """Personal data, stored in `followers` and `commenters` only. `consent_hash` is that of the accepted document."""

    email: str
    language: str
    consent_version: str
    consent_hash: str
    ip: str | None
    name_version: str | None = None  # version of the consent to publish the name; None = it may not be published
    name_hash: str | None = None


async def read_person(
    database: Database, site: Site, settings: Settings, body: Follow | NewComment, language: str, ip: str
) -> Person:
    """Return the person with the documents they accepted. Raises Invalid if a document has changed since."""
    language = i18n.requested_language(body.lang, language)
    given = await _consent(database, site, settings, language, ip, body.consent, body.consent.publish_name is True)
    return Person(
        email=body.email,
        language=language,
        consent_version=given.version,
        consent_hash=given.hash,
        ip=ip,
        name_version=given.name_version,
        name_hash=given.name_hash,
    )


async def with_consent(
    database: Database, site: Site, settings: Settings, report: Report, given: bodies.Consent | None, ip: str | None
) -> Report:
    """Return the report with the documents its author accepted. Raises Invalid if a document has changed since.

    Without a consent nothing of its sender is kept, `ip` included.
    """
    if given is None:
        return report
    publish_name = report.contact.publish_name
    return replace(report, consent=await _consent(database, site, settings, report.language, ip, given, publish_name))


async def _consent(
    database: Database,
    site: Site,
    settings: Settings,
    language: str,
    ip: str | None,
    given: bodies.Consent,
    publish_name: bool,
) -> Consent:
    """Find the accepted documents. Raises Invalid if one of those named has changed since.

    The document about the name is checked if it is named, and recorded only with the consent to publish the name.
    """
    document = await consent.find_agreed(database, site, settings, given.version)
    if document is None:
        raise Invalid((FieldError("consent.version", "consent_version"),))
    name_document = None
    if publish_name or given.name_version is not None:
        name_document = await consent.find_agreed_to_publish(database, site, settings, given.name_version, language)
        if name_document is None:
            raise Invalid((FieldError("consent.publish_name", "consent_version"),))
    named = name_document if publish_name else None
    return Consent(
        version=document.version,
        hash=document.hash,
        publish_name=publish_name,
        ip=ip,
        name_version=named.version if named else None,
        name_hash=named.hash if named else None,
    )
