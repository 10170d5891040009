"""Search the documents: a few hundred sections in memory, by the stems of their words."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    wanted = len(word_forms.parse_query(query))
    counts = [(sum(word_forms.find_words(one.stems, query)), one) for one in _index(language)]
    most = max((count for count, _ in counts), default=0)
    if not most:
        return Found(())
    best = [one for count, one in counts if count == most]
    best.sort(key=lambda one: -_hits(one.section.heading, query))  # otherwise in the order of the index
    return Found(tuple(_result(one, query) for one in best[:MAX_RESULTS]), most == wanted)


@dataclass(frozen=True)
class _Indexed:
    document: Document
    section: Section
    stems: frozenset[str]


@cache
def _index(language: str) -> tuple[_Indexed, ...]:
    """List the sections of all documents that the index shows, with the stems of their words."""
    documents = [library.get(name, language) for name in library.NAMES if library.has(name)]
    return tuple(
        _Indexed(one, section, frozenset(word_forms.stems(" ".join([section.heading, *section.blocks]))))
        for one in documents
        for section in one.sections
    )


def _hits(text: str, query: str) -> int:
    return sum(is_hit for _, is_hit in _split(text, query))


def _split(text: str, query: str) -> Iterator[Piece]:
    """Split a text into words of the query and what is between them."""
    end = 0
    for word in _WORD.finditer(text):
        if word_forms.is_word_of(word[0], query):
            yield text[end : word.start()], False
            yield word[0], True
            end = word.end()
    yield text[end:], False


def _result(one: _Indexed, query: str) -> Result:
    best = max(one.section.blocks, key=lambda block: _hits(block, query), default="")
    heading, excerpt = _split(one.section.heading, query), _split(_cut(best, query), query)
    return Result(one.document, one.section, tuple(heading), tuple(excerpt))


def _cut(text: str, query: str) -> str:
    """Return the part of a text around the first word of the query, in whole words."""
    text = " ".join(text.split())
    first = len(next(_split(text, query))[0])
    start = 0 if first <= _BEFORE else text.rfind(" ", 0, first - _BEFORE) + 1
    end = len(text) if len(text) - start <= _EXCERPT else text.rfind(" ", start, start + _EXCERPT)
    end = end if end > start else start + _EXCERPT
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"
