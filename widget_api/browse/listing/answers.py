"""Parse the parameters that a collection's list has beside those of problems: answers to its questions, and `past`.

`field.{code}` of a choice is one of its keys, or several between commas, one of which an entry has; of a short text
it is words, all of which the answer has. `past=true` gives the entries of a dated collection whose last day is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from widget_api.database.word_forms import MOST_WORDS, stems
from widget_api.problems.projections.answers import CHOICES, FOUND_BY
from widget_api.sites.model import Question, Site
from widget_api.validation import values, wrong_parameter

PREFIX, PAST = "field.", "past"


@dataclass(frozen=True)
class Parameters:
    chosen: tuple[tuple[str, tuple[str, ...]], ...] = ()
    past: bool = False


NONE = Parameters()


def find_questions(site: Site) -> tuple[Question, ...]:
    """The questions by whose answers the entries of a collection can be found, in order."""
    return tuple(sorted((one for one in site.fields if one.datatype in FOUND_BY), key=lambda one: one.order))


def is_parameter(name: str, site: Site) -> bool:
    return name.startswith(PREFIX) or (name == PAST and site.is_dated) if site.collection else False


def take_parameters(query: Iterable[tuple[str, str]], site: Site) -> tuple[Iterable[tuple[str, str]], Parameters]:
    """Split a query into the parameters of problems and those of the collection. Raises Malformed."""
    rest, own = list[tuple[str, str]](), list[tuple[str, str]]()
    for name, value in query:
        (own if is_parameter(name, site) else rest).append((name, value))
    if not own:
        return rest, NONE
    questions = {PREFIX + one.code: one for one in find_questions(site)}
    repeated = [name for name, question in questions.items() if question.datatype in CHOICES]
    given = values(own, {*questions, PAST}, repeated)
    if (past := given.pop(PAST, "")) not in ("", "true"):
        raise wrong_parameter(PAST, ("true",))
    chosen = tuple(one for name, text in sorted(given.items()) for one in _parse(name, questions[name], text))
    return rest, Parameters(chosen, bool(past))


def _parse(name: str, question: Question, text: str) -> list[tuple[str, tuple[str, ...]]]:
    if question.datatype in CHOICES:
        known, keys = [key for key, _ in question.values], sorted({part.strip() for part in text.split(",")} - {""})
        if not keys or not set(keys) <= set(known):
            raise wrong_parameter(name, known)
        return [(question.code, tuple(keys))]
    words = list(dict.fromkeys(stems(text)[:MOST_WORDS]))
    if not words:
        raise wrong_parameter(name)
    return [(question.code, (word,)) for word in words]
