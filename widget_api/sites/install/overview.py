"""Summarize a site's counts for the installation check: where the widget was seen, what fails, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from widget_api import clock, i18n
from widget_api.errors import TooMany
from widget_api.sites.install.inspection import CheckLine
from widget_api.sites.install.sightings import OTHERS, SEEN_KINDS, Sighting
from widget_api.sites.model import Site
from widget_api.web import releases
from widget_api.web.releases import MAJOR_VERSION

SHOWN_DAYS = 30
RECENT_DAYS = 7  # older failures are ignored

Severity = Literal["wrong", "note"]
_KEY_FINDINGS: tuple[tuple[str, Severity], ...] = (("key_expired", "wrong"), ("key_old", "note"))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something to fix. `code` names its texts (`install.findings.<code>`)."""

    code: str
    severity: Severity = "wrong"
    origin: str = ""
    version: str = ""
    count: int = 0
    last_at: int = 0


@dataclass(frozen=True, kw_only=True)
class WidgetOrigin:
    """An origin on which the widget works, and its releases there."""

    origin: str
    versions: tuple[str, ...]
    count: int
    last_at: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    last_at: int | None
    places: tuple[WidgetOrigin, ...]
    days: tuple[tuple[str, int], ...]  # day and openings, oldest first, without gaps
    findings: tuple[Finding, ...] = field(default=())
    failures: tuple[Finding, ...] = field(default=())  # within SHOWN_DAYS, whether they still happen or not


def make_overview(sightings: Sequence[Sighting], today: date, origins: frozenset[str], own: str) -> Overview:
    """Summarize the counts of the last SHOWN_DAYS. `own`, the service's origin, is excluded from the host pages."""
    seen = [one for one in sightings if one.kind in SEEN_KINDS and one.origin != own]
    places = tuple(
        WidgetOrigin(
            origin=origin,
            versions=tuple(sorted({one.version for one in of_origin if one.version not in ("", OTHERS)})),
            count=sum(one.count for one in of_origin),
            last_at=max(one.last_at for one in of_origin),
        )
        for origin in dict.fromkeys(one.origin for one in sorted(seen, key=lambda one: -one.last_at))
        for of_origin in ([one for one in seen if one.origin == origin],)
    )
    return Overview(
        last_at=max((one.last_at for one in seen), default=None),
        places=places,
        days=_count_by_day(seen, today),
        findings=tuple(_list_findings(sightings, seen, today, origins)),
        failures=tuple(_list_failures(sightings)),
    )


@dataclass(frozen=True, kw_only=True)
class OldKeyUse:
    """Uses of replaced keys on the pages of one origin; OTHERS where no page is known: a bookmark, a printed code."""

    origin: str
    recent: int  # within RECENT_DAYS
    count: int  # within SHOWN_DAYS
    last_at: int
    refused: bool  # the last one with a key that has expired


def list_old_key_uses(sightings: Sequence[Sighting], today: date) -> list[OldKeyUse]:
    """The uses of replaced keys by origin, the latest first."""
    since = (today - timedelta(days=RECENT_DAYS)).isoformat()
    by_origin: dict[str, list[Sighting]] = {}
    for one in sorted(sightings, key=lambda one: -one.last_at):
        if one.kind in ("key_old", "key_expired"):
            by_origin.setdefault(one.origin, []).append(one)
    return [
        OldKeyUse(
            origin=origin,
            recent=sum(one.count for one in found if one.day > since),
            count=sum(one.count for one in found),
            last_at=found[0].last_at,
            refused=found[0].kind == "key_expired",
        )
        for origin, found in by_origin.items()
    ]


def _count_by_day(seen: Sequence[Sighting], today: date) -> tuple[tuple[str, int], ...]:
    days = [(today - timedelta(days=back)).isoformat() for back in reversed(range(SHOWN_DAYS))]
    return tuple((day, sum(one.count for one in seen if one.day == day)) for day in days)


def _list_findings(
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
    found += _group_by_origin("origin_refused", [one for one in refused if one.origin not in (OTHERS, "null")])
    found += _group_by_origin("origin_null", [one for one in refused if one.origin == "null"])
    found += _group_by_origin("origin_many", [one for one in refused if one.origin == OTHERS])
    for code, severity in _KEY_FINDINGS:
        found += _group_by_origin(code, [one for one in recent if one.kind == code and one.origin != OTHERS], severity)
    blocked = {(one.origin, one.day) for one in recent if one.kind == "failed.connect"}
    # A policy that blocks requests also makes loading the settings fail: reported once.
    recent = [one for one in recent if one.kind != "failed.config" or (one.origin, one.day) not in blocked]
    found += _list_failures(recent)
    found += _find_old_releases([one for one in seen if one.day > since])
    return sorted(found, key=lambda finding: finding.severity != "wrong")


def _list_failures(sightings: Sequence[Sighting]) -> list[Finding]:
    reasons = ("connect", "img", "script", "load", "config", "send", "crash")
    kinds = [(f"failed_{reason}", f"failed.{reason}") for reason in reasons]
    return [
        finding
        for code, kind in kinds
        for finding in _group_by_origin(code, [one for one in sightings if one.kind == kind])
    ]


def _group_by_origin(code: str, sightings: Sequence[Sighting], severity: Severity = "wrong") -> list[Finding]:
    """One finding for each origin, the most frequent first."""
    found = [
        Finding(
            code=code,
            severity=severity,
            origin=origin,
            count=sum(one.count for one in of_origin),
            last_at=max(one.last_at for one in of_origin),
        )
        for origin in dict.fromkeys(one.origin for one in sightings)
        for of_origin in ([one for one in sightings if one.origin == origin],)
    ]
    return sorted(found, key=lambda finding: -finding.count)


def _find_old_releases(seen: Sequence[Sighting]) -> list[Finding]:
    known = releases.list_releases()
    return [
        Finding(
            code="release_old",
            severity="note",
            version=version,
            origin=", ".join(dict.fromkeys(one.origin for one in of_version)),
            count=sum(one.count for one in of_version),
            last_at=max(one.last_at for one in of_version),
        )
        for version in sorted({one.version for one in seen})
        if version in known and version != releases.newest_release(version.split(".")[0])
        for of_version in ([one for one in seen if one.version == version],)
    ]


def describe_lines(language: str, lines: list[CheckLine]) -> list[dict[str, str]]:
    """Describe the results of a page's check: state, code, text, advice."""
    return [
        {
            "state": line.state,
            "code": line.code,
            "text": i18n.text(language, f"install.lines.{line.code}", **line.values),
            "todo": _advice(language, f"install.todo.{line.code}", **line.values) if line.state != "ok" else "",
        }
        for line in lines
    ]


def _advice(language: str, key: str, **values: object) -> str:
    return i18n.text(language, key, **values) if i18n.has(key) else ""


def describe_wait(language: str, error: TooMany, time_zone: str) -> str:
    """When a check may begin again, to the minute."""
    at = clock.now() + error.retry_after + 59
    return i18n.text(language, "install.look.too_many", time=i18n.format_clock(language, at, time_zone))


def describe_findings(language: str, found: Overview, site: Site) -> list[dict[str, Any]]:
    return [_describe_finding(language, one, site) for one in found.findings]


def _describe_finding(language: str, one: Finding, site: Site) -> dict[str, Any]:
    values = {"origin": one.origin, "version": one.version}
    return {
        "code": one.code,
        "severity": one.severity,
        "origin": one.origin,
        "text": i18n.text(language, f"install.findings.{one.code}", **values),
        "todo": i18n.text(language, f"install.advice.{one.code}"),
        "count": one.count,
        "moment": i18n.format_moment(language, one.last_at, site.time_zone) if one.last_at else "",
    }


def _name_version(language: str, version: str) -> str:
    return (
        version if releases.is_released(version) else i18n.text(language, "install.check.unreleased", version=version)
    )


def page_values(language: str, found: Overview, site: Site) -> dict[str, Any]:
    """Values of the check's page."""
    most = max((count for _, count in found.days), default=0)
    return {
        "span": SHOWN_DAYS,
        "last": i18n.format_moment(language, found.last_at, site.time_zone) if found.last_at else "",
        "build": releases.served_build(MAJOR_VERSION),
        "places": [
            {
                "origin": place.origin,
                "versions": ", ".join(_name_version(language, version) for version in place.versions),
                "count": place.count,
                "moment": i18n.format_moment(language, place.last_at, site.time_zone),
            }
            for place in found.places
        ],
        "days": [
            {"day": i18n.format_date(language, day), "count": count, "share": 100 * count / most if most else 0}
            for day, count in found.days
        ],
        "most": most,
        "findings": describe_findings(language, found, site),
    }
