"""Renders the service's own pages and letters: Jinja2 with escaping on and every undefined name an error."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from widget_api import i18n, status_table

THEMES = ("black-on-white", "white-on-black", "blue")  # the schemes of a «версия для слабовидящих»

SHAPES = {status: one.shape for status, one in status_table.STATUSES.items()}
TONES = {shape: one.tone for shape, one in status_table.SHAPES.items()}


@cache
def static_url(name: str) -> str:
    """The address of a static file, with the hash of its content, so that it may be cached for good."""
    content = status_table.paint(name, (resources.files("widget_api") / "static" / name).read_bytes())
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()}"


def _autoescape(template_name: str | None) -> bool:
    return template_name is None or not template_name.endswith(".txt")  # letters' plain text is no HTML


environment = Environment(
    loader=PackageLoader("widget_api"),
    autoescape=_autoescape,  # noqa: S701 - off for the plain text of letters alone
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)
environment.globals |= {
    "static": static_url,
    "shapes": SHAPES,
    "tones": TONES,
    "drawings": status_table.SHAPES,
    "themes": THEMES,
    "languages": i18n.LANGUAGES,
}


def render(template: str, language: str, **values: Any) -> str:
    """The finished text of a template. What templates may call beside their own values:

    `t(key, …)`, `date(day)`, `moment(seconds, zone)`, `day(seconds, zone)`, `number(n)`, `file_size(bytes)`,
    `static(name)`,
    `own_name(code, name)` of a category whose name may be the dictionaries'. Pages also read `site` (None where the
    page belongs to no site), `theme`, `private`, `kept`, the query that the choice of a language leaves as it is, and
    `way_on`, where a refusal sends its reader, `back`, where they came from.
    """
    language = i18n.known(language)
    return environment.get_template(template).render(
        {
            "language": language,
            "t": partial(i18n.text, language),
            "date": partial(i18n.format_date, language),
            "moment": partial(i18n.format_moment, language),
            "day": partial(i18n.format_day, language),
            "number": partial(i18n.format_number, language),
            "file_size": partial(i18n.format_size, language),
            "own_name": partial(i18n.category_name, language),
            "site": None,
            "theme": None,
            "private": False,
            "kept": "",
            "way_on": None,
            "back": None,
            **values,
        }
    )
