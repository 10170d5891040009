"""Render the service's own pages and letters with Jinja2; undefined names are errors."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from widget_api import i18n, status_table
from widget_api.web import tokens

# The colour schemes of the «версия для слабовидящих», and the `theme` of a widget on a page that has one.
THEMES = {"black-on-white": "contrast", "white-on-black": "contrast-black", "blue": "contrast-blue"}

SHAPES = {status: entry.shape for status, entry in status_table.STATUSES.items()}
UNSOLVED = tuple(status for status, entry in status_table.STATUSES.items() if entry.group == "closed")
TONES = {name: shape.tone for name, shape in status_table.SHAPES.items()}


@cache
def static_url(name: str) -> str:
    """Return the URL of a static file with the hash of its content, so that it can be cached forever."""
    content = tokens.paint(name, (resources.files("widget_api") / "static" / name).read_bytes())
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()}"


def _autoescape(template_name: str | None) -> bool:
    return template_name is None or not template_name.endswith(".txt")  # plain text of letters


environment = Environment(
    loader=PackageLoader("widget_api"),
    autoescape=_autoescape,  # noqa: S701 - off for the plain text of letters only
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
    "unsolved_statuses": UNSOLVED,
    "themes": THEMES,
    "languages": i18n.LANGUAGES,
}


def render(template: str, language: str, **values: Any) -> str:
    """Render a template. Beside their own values templates can use:

    - the functions `t(key, …)`, `date(day)`, `moment(seconds, zone)`, `day(seconds, zone)`, `number(n)`,
      `file_size(bytes)`, `static(name)`, and `own_name(code, name)`, the name of a category, which may be that of the
      dictionaries; where `site` is a collection, `t` prefers the words for entries;
    - `site` (None on pages of no site), `theme`, `widget_theme` (empty where the widget follows the device),
      `private`, `kept` (the query that the language links preserve),
      `recovery_path` (a page that helps after an error), `back` (the start page after an error) and
      `operator_contact` (text and link of each way to reach the operator).
    """
    language = i18n.supported_language(language)
    of_entry = getattr(values.get("site"), "collection", None) is not None  # some letters name a site alone
    return environment.get_template(template).render(
        {
            "language": language,
            "t": partial(i18n.entry_text if of_entry else i18n.text, language),
            "date": partial(i18n.format_date, language),
            "moment": partial(i18n.format_moment, language),
            "day": partial(i18n.format_day, language),
            "number": partial(i18n.format_number, language),
            "file_size": partial(i18n.format_size, language),
            "own_name": partial(i18n.category_name, language),
            "site": None,
            "theme": None,
            "widget_theme": THEMES.get(str(values.get("theme")), ""),
            "private": False,
            "kept": "",
            "recovery_path": None,
            "back": None,
            "operator_contact": (),
            **values,
        }
    )
