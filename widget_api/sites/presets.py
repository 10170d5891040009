"""Read the presets of collections: presets/*.json, each with its texts, categories, questions and statuses.

A new one also needs its name in NAMES, the text `collections_cabinet.preset.<name>`, and entries for the demonstration
(demo/sample_entries.json).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from widget_api.i18n import DEFAULT_LANGUAGE
from widget_api.sites.model import Action, Category, Question, Site, Who

_FOLDER = Path(__file__).parent / "presets"
NAMES = ("volunteers", "inspectors", "resource-centres", "programmes", "budgeting", "experts", "initiatives")
_ANSWERS = frozenset({"resolved", "answered"})
_DIRECTORY = frozenset({"moderation", "accepted", "duplicate", "rejected", "withdrawn"})


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Texts are by language; `statuses` are those that its entries may have."""

    icon: str  # an SVG path for 24 pixels, as appearance.ICONS
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


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((_FOLDER / f"{name}.json").read_bytes())
    return found


@cache
def find(name: str) -> Preset:
    """The preset with one of the NAMES."""
    given = _read(name)
    if "statuses" in given:
        given["statuses"] = frozenset(given["statuses"])
    categories = tuple((one["code"], one["name"]) for one in given["categories"])
    return Preset(**given | {"fields": tuple(given["fields"]), "categories": categories})


def localize(site: Site, language: str) -> Site:
    """The site with the words of its collection in another language, if all of them are still its preset's; else as it
    is: an agency's own words exist in the site's language alone, and a mixture would help nobody."""
    own = site.collection
    if own is None or language == site.language:
        return site
    words = _translations(own.preset, site.language, language)
    try:
        return replace(
            site,
            name=words[site.name],
            words_language=language,
            collection=replace(own, summary=words[own.summary]),
            categories=tuple(_localize_category(one, words) for one in site.categories),
            former_categories=tuple(_localize_category(one, words) for one in site.former_categories),
        )
    except KeyError:
        return site


def _localize_category(category: Category, words: Mapping[str, str]) -> Category:
    asked, removed = (
        tuple(_localize_question(one, words) for one in questions)
        for questions in (category.questions, category.removed_questions)
    )
    return replace(category, name=words[category.name or ""], questions=asked, removed_questions=removed)


def _localize_question(question: Question, words: Mapping[str, str]) -> Question:
    return replace(
        question,
        description=words[question.description],
        hint=words[question.hint],
        values=tuple((key, words[name]) for key, name in question.values),
    )


@cache
def _translations(name: str, source: str, target: str) -> Mapping[str, str]:
    """The texts of a preset in one language, with those in another."""
    found = {"": ""}

    def collect(value: Any) -> None:
        if isinstance(value, Mapping):
            if DEFAULT_LANGUAGE in value:
                found[choose_text(value, source)] = choose_text(value, target)
            else:
                collect(list(value.values()))
        elif isinstance(value, list):
            for one in value:
                collect(one)

    collect(_read(name))
    return found
