"""The install check in words, for pages and for the command line."""

from __future__ import annotations

from typing import Any

from widget_api import i18n
from widget_api.sites.install.inspection import Line
from widget_api.sites.install.overview import SHOWN_DAYS, Finding, Overview
from widget_api.sites.model import Site


def told(language: str, lines: list[Line]) -> list[dict[str, str]]:
    """Each line of the active check: state, code, what was found, what to do."""
    return [
        {
            "state": line.state,
            "code": line.code,
            "text": i18n.text(language, f"install.lines.{line.code}", **line.values),
            "todo": _todo(language, f"install.todo.{line.code}", **line.values) if line.state != "ok" else "",
        }
        for line in lines
    ]


def _todo(language: str, key: str, **values: object) -> str:
    return i18n.text(language, key, **values) if i18n.has(key) else ""


def findings(language: str, found: Overview, site: Site) -> list[dict[str, Any]]:
    return [_finding(language, one, site) for one in found.findings]


def _finding(language: str, one: Finding, site: Site) -> dict[str, Any]:
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


def page(language: str, found: Overview, site: Site) -> dict[str, Any]:
    """What the check's page shows."""
    most = max((count for _, count in found.days), default=0)
    return {
        "span": SHOWN_DAYS,
        "last": i18n.format_moment(language, found.last_at, site.time_zone) if found.last_at else "",
        "places": [
            {
                "origin": place.origin,
                "versions": ", ".join(place.versions),
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
        "findings": findings(language, found, site),
    }
