"""Search the documents: a few hundred sections in memory, by the stems of their words.

Everybody may ask, so a search looks up what it can: asking each word of each text took half a second for small words.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache

from widget_api.database import word_forms
from widget_api.documents import library
from widget_api.documents.library import Document, Section

MAX_RESULTS = 30
_EXCERPT = 240  # characters
_BEFORE = 60  # of them before the first word found
_WORD = re.compile(r"[^\W_]+")

Piece = tuple[str, bool]  # some text, and whether it is a word of the query


@dataclass(frozen=True)
class Result:
    document: Document
    section: Section
    heading: tuple[Piece, ...]
    excerpt: tuple[Piece, ...]


@dataclass(frozen=True)
class Found:
    """What was found for a query. Where no section has all of its words, the results have some of them."""

    results: tuple[Result, ...]
    complete: bool = True


def search(query: str, language: str) -> Found:
    """Find the sections with most words of a query, in any form; first those with words in their headings."""
    index = _index(language)
    words = word_forms.find_forms(index.places, query)
    counts = Counter(number for word in words for number in index.sections_with(word))
    most = max(counts.values(), default=0)
    wanted = frozenset(stem for word in words for form in word for stems in form for stem in stems)
    best = [index.sections[number] for number in sorted(counts) if counts[number] == most]
    best.sort(key=lambda one: -_hits(one.heading, wanted))  # otherwise in the order of the index
    return Found(tuple(_result(one, wanted) for one in best[:MAX_RESULTS]), most == len(words))


@dataclass(frozen=True)
class _Indexed:
    """A section with the stems of its heading and of each of its blocks, word by word."""

    document: Document
    section: Section
    heading: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _Index:
    sections: tuple[_Indexed, ...]
    places: Mapping[str, Set[int]]  # which sections have a stem

    def sections_with(self, word: Iterable[Iterable[Iterable[str]]]) -> Set[int]:
        """Which sections have any form of a word, that is all parts of it."""
        return {
            number
            for form in word
            for number in set.intersection(*({at for stem in stems for at in self.places[stem]} for stems in form))
        }


@cache
def _index(language: str) -> _Index:
    """Index the sections of all documents that are listed."""
    documents = [library.get(name, language) for name in library.NAMES if library.has(name)]
    sections = tuple(
        _Indexed(
            one,
            section,
            tuple(word_forms.stems(section.heading)),
            tuple(tuple(word_forms.stems(block)) for block in section.blocks),
        )
        for one in documents
        for section in one.sections
    )
    places = defaultdict[str, set[int]](set)
    for number, section in enumerate(sections):
        for stem in {*section.heading, *(stem for block in section.blocks for stem in block)}:
            places[stem].add(number)
    return _Index(sections, dict(places))


def _hits(stems: Iterable[str], wanted: Set[str]) -> int:
    return sum(stem in wanted for stem in stems)


def _split(text: str, wanted: Set[str]) -> Iterator[Piece]:
    """Split a text into words of the query and what is between them."""
    end = 0
    for word in _WORD.finditer(text):
        if not wanted.isdisjoint(word_forms.stems(word[0])):
            yield text[end : word.start()], False
            yield word[0], True
            end = word.end()
    yield text[end:], False


def _result(one: _Indexed, wanted: Set[str]) -> Result:
    hits = [_hits(block, wanted) for block in one.blocks]
    best = one.section.blocks[hits.index(max(hits))] if hits else ""
    heading, excerpt = _split(one.section.heading, wanted), _split(_cut(best, wanted), wanted)
    return Result(one.document, one.section, tuple(heading), tuple(excerpt))


def _cut(text: str, wanted: Set[str]) -> str:
    """Return the part of a text around the first word of the query, in whole words."""
    text = " ".join(text.split())
    first = len(next(_split(text, wanted))[0])
    start = 0 if first <= _BEFORE else text.rfind(" ", 0, first - _BEFORE) + 1
    end = len(text) if len(text) - start <= _EXCERPT else text.rfind(" ", start, start + _EXCERPT)
    end = end if end > start else start + _EXCERPT
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"
