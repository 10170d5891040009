"""Reads a comment, from the API's JSON or from the page's form, and names everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widget_api.errors import Invalid
from widget_api.problems import names, persons
from widget_api.problems.discussion.model import NAME, TEXT, Comment, visible
from widget_api.problems.intake import Fields
from widget_api.problems.persons import Draft
from widget_api.sites.model import Site


def parse(site: Site, data: Mapping[str, Any], language: str) -> tuple[Comment, Draft]:
    """name, text, email, consent, lang. Raises Invalid with every field that is wrong."""
    fields = Fields(data)
    name = _text(fields, "name", *NAME)
    text = _text(fields, "text", *TEXT)
    if name:
        name = " ".join(name.split())
        if code := names.refusal(site, name):
            fields.refuse("name", code)
    person = persons.read(fields, language)
    if fields.wrong or person is None or name is None or text is None:
        raise Invalid(tuple(fields.wrong))
    return Comment(name=name, text=text), person


def _text(fields: Fields, name: str, shortest: int, longest: int) -> str | None:
    before = len(fields.wrong)
    text = visible(fields.text(name, longest) or "")
    if len(fields.wrong) > before:
        return None
    if not text:
        fields.refuse(name, "required")
    elif len(text) < shortest:
        fields.refuse(name, "too_short", min=shortest)
    return text or None
