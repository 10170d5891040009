"""The settings of a site that its agency decides by itself: how it looks to residents, what they may do, what is open.

Who moderates, the border, the time zone and how long data are kept are the operator's, on the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from widget_api import i18n
from widget_api.sites.model import Contact, Discussion, MailAnswers, Site

_CHOICES = {"contact": get_args(Contact), "discussion": get_args(Discussion), "mail_answers": get_args(MailAnswers)}
FIELDS = ("name", "accent", "contact", "photos", "discussion", "mail_answers", "license")


def choices(language: str) -> dict[str, list[tuple[str, str]]]:
    """What there is to choose from, by field: value and name."""
    return {
        field: [(value, i18n.text(language, f"cabinet.settings.choice.{field}.{value}")) for value in values]
        for field, values in _CHOICES.items()
    }


def of(site: Site) -> dict[str, str]:
    """As the form shows them."""
    return {name: str(value if (value := getattr(site, name)) is not None else "") for name in FIELDS}


def changed(site: Site, fields: Mapping[str, str]) -> dict[str, Any]:
    """Columns a form changes; what it leaves out stays as it is. `sites.changes.update` says whether they are right.

    Only these: whoever adds a field to the form by hand sets nothing else.
    """
    before = of(site)
    given = {name: text for name in FIELDS if (text := fields.get(name, before[name]).strip()) != before[name]}
    columns: dict[str, Any] = dict(given)
    if "accent" in given:
        columns["accent"] = given["accent"].lower() or None
    if "photos" in given:
        columns["photos"] = int(given["photos"]) if given["photos"].isascii() and given["photos"].isdigit() else -1
    return columns
