"""Read the presets of collections: presets/*.json, each with its texts, categories, questions and statuses.

A new one also needs its name in NAMES, the text `collections_cabinet.preset.<name>`, and entries for the demonstration
(demo/sample_entries.json).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from widget_api.i18n import DEFAULT_LANGUAGE
from widget_api.sites.model import Action, Who

_FOLDER = Path(__file__).parent / "presets"
NAMES = ("volunteers", "inspectors", "resource-centres", "programmes", "budgeting", "experts", "initiatives")
_ANSWERS = frozenset({"resolved", "answered"})
_DIRECTORY = frozenset({"moderation", "accepted", "duplicate", "rejected", "withdrawn"})


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Texts are by language; `statuses` are those that its entries may have."""

    title: Mapping[str, str]
    summary: Mapping[str, str]
    entry: Mapping[str, str]  # what the title of an entry is called
    add: Mapping[str, str]  # the label of the button that leads to the form
    action: Action
    who: Who
    statuses: frozenset[str] = _DIRECTORY
    answer_days: int | None = None  # working days until an answer is due; None: no day is promised
    renewed: bool = False  # authors are asked once a year whether an entry is up to date
    visits: bool = False  # agencies invite the authors of its entries to visits (visits/)
    categories: tuple[tuple[str, Mapping[str, str]], ...]  # codes and names
    fields: tuple[Mapping[str, Any], ...]
    roles: str | None = None  # the field that names the roles in which one can join

    @property
    def is_answered(self) -> bool:
        """Whether the agency answers an entry; it only checks those of a directory."""
        return not _ANSWERS.isdisjoint(self.statuses)

    def questions(self, language: str) -> list[dict[str, Any]]:
        """The fields in one language, as GeoReport definition attributes."""
        return [_translate(field, language) for field in self.fields]


def choose_text(texts: Mapping[str, str], language: str) -> str:
    """The text in a language, in the default one where there is none."""
    return texts.get(language, texts[DEFAULT_LANGUAGE])


def _translate(value: Any, language: str) -> Any:
    """A copy in which each text by languages is the text of one."""
    if isinstance(value, Mapping):
        if DEFAULT_LANGUAGE in value:
            return choose_text(value, language)
        return {key: _translate(one, language) for key, one in value.items()}
    return [_translate(one, language) for one in value] if isinstance(value, list) else value


@cache
def find(name: str) -> Preset:
    """The preset with one of the NAMES."""
    given = orjson.loads((_FOLDER / f"{name}.json").read_bytes())
    if "statuses" in given:
        given["statuses"] = frozenset(given["statuses"])
    categories = tuple((one["code"], one["name"]) for one in given["categories"])
    return Preset(**given | {"fields": tuple(given["fields"]), "categories": categories})
