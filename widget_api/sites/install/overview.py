"""What the counts of a site say: when and where the widget was last seen, and what is wrong, each with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from widget_api.sites.install.model import REST, Sighting
from widget_api.web import releases

SHOWN_DAYS = 30
RECENT_DAYS = 7  # what is older than this is no longer «wrong»
_SEEN = ("seen", "framed")

Severity = Literal["wrong", "note"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something to do. `code` names its texts (`install.findings.<code>`)."""

    code: str
    severity: Severity = "wrong"
    origin: str = ""
    version: str = ""
    count: int = 0
    last_at: int = 0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the widget works, in which releases."""

    origin: str
    versions: tuple[str, ...]
    count: int
    last_at: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    last_at: int | None
    places: tuple[Place, ...]
    days: tuple[tuple[str, int], ...]  # day and openings, oldest first, without gaps
    findings: tuple[Finding, ...] = field(default=())


def overview(sightings: Sequence[Sighting], today: date, origins: frozenset[str], own: str) -> Overview:
    """Of the counts of the last 30 days. `own` is the service's origin: previews and frames, which are no host page."""
    seen = [one for one in sightings if one.kind in _SEEN and one.origin != own]
    places = tuple(
        Place(
            origin=origin,
            versions=tuple(sorted({one.version for one in here if one.version not in ("", REST)})),
            count=sum(one.count for one in here),
            last_at=max(one.last_at for one in here),
        )
        for origin in dict.fromkeys(one.origin for one in sorted(seen, key=lambda one: -one.last_at))
        for here in ([one for one in seen if one.origin == origin],)
    )
    return Overview(
        last_at=max((one.last_at for one in seen), default=None),
        places=places,
        days=_by_day(seen, today),
        findings=tuple(_findings(sightings, seen, today, origins)),
    )


def _by_day(seen: Sequence[Sighting], today: date) -> tuple[tuple[str, int], ...]:
    days = [(today - timedelta(days=back)).isoformat() for back in reversed(range(SHOWN_DAYS))]
    return tuple((day, sum(one.count for one in seen if one.day == day)) for day in days)


def _findings(
    sightings: Sequence[Sighting], seen: Sequence[Sighting], today: date, origins: frozenset[str]
) -> list[Finding]:
    since = (today - timedelta(days=RECENT_DAYS)).isoformat()
    recent = [one for one in sightings if one.day > since]
    found = []
    if not seen:
        found.append(Finding(code="never_seen"))
    elif all(one.day <= since for one in seen):
        found.append(Finding(code="silent", last_at=max(one.last_at for one in seen)))
    refused = [one for one in recent if one.kind == "origin_refused" and one.origin not in origins]
    found += _grouped("origin_refused", [one for one in refused if one.origin not in (REST, "null")])
    found += _grouped("origin_null", [one for one in refused if one.origin == "null"])
    found += _grouped("origin_many", [one for one in refused if one.origin == REST])
    found += _grouped("key_expired", [one for one in recent if one.kind == "key_expired"])
    found += _grouped("key_old", [one for one in recent if one.kind == "key_old"], "note")
    blocked = {(one.origin, one.day) for one in recent if one.kind == "failed.connect"}
    # A policy that blocks the calls keeps the settings back too: one cause, told once.
    recent = [one for one in recent if one.kind != "failed.config" or (one.origin, one.day) not in blocked]
    for reason in ("connect", "img", "script", "load", "config", "send", "crash"):
        found += _grouped(f"failed_{reason}", [one for one in recent if one.kind == f"failed.{reason}"])
    found += _old_releases([one for one in seen if one.day > since])
    return sorted(found, key=lambda finding: finding.severity != "wrong")


def _grouped(code: str, sightings: Sequence[Sighting], severity: Severity = "wrong") -> list[Finding]:
    """One finding for each origin, the busiest first."""
    found = [
        Finding(
            code=code,
            severity=severity,
            origin=origin,
            count=sum(one.count for one in here),
            last_at=max(one.last_at for one in here),
        )
        for origin in dict.fromkeys(one.origin for one in sightings)
        for here in ([one for one in sightings if one.origin == origin],)
    ]
    return sorted(found, key=lambda finding: -finding.count)


def _old_releases(seen: Sequence[Sighting]) -> list[Finding]:
    known = releases.list_versions()
    return [
        Finding(
            code="release_old",
            severity="note",
            version=version,
            origin=", ".join(dict.fromkeys(one.origin for one in here)),
            count=sum(one.count for one in here),
            last_at=max(one.last_at for one in here),
        )
        for version in sorted({one.version for one in seen})
        if version in known and version != releases.newest_version(version.split(".")[0])
        for here in ([one for one in seen if one.version == version],)
    ]
