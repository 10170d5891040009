"""Words as a search compares them: without case, «ё» as «е», by their stems (Snowball, Russian and English).

PostgreSQL does the same by itself, with dictionaries of its own from the same algorithms (migration 0003); here it is
done for SQLite, which knows no word forms.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache

import Stemmer

SHORTEST_PREFIX = 3  # letters; what begins with fewer is half the town
MOST_WORDS = 12
_WORD = re.compile(r"[^\W_]+")
_held = threading.local()  # a stemmer is one thread's


def words(text: str) -> list[str]:
    """Letters and digits, in the order they stand."""
    return _WORD.findall(text.casefold().replace("ё", "е"))


def stem(word: str) -> str:
    """A word of Latin letters is taken for English; one with digits is no word of either."""
    if any(letter.isdigit() for letter in word):
        return word
    try:
        russian, english = _held.stemmers
    except AttributeError:
        russian, english = _held.stemmers = Stemmer.Stemmer("russian"), Stemmer.Stemmer("english")
    found: str = (english if word.isascii() else russian).stemWord(word)
    return found


def stems(text: str) -> list[str]:
    return [stem(word) for word in words(text)]


def asked(text: str) -> list[str]:
    """The words a person looks for: each must be there. The last may still be being typed, then an asterisk ends it.

    Quotes, operators and whatever else stands between letters mean nothing.
    """
    found = list(dict.fromkeys(words(text)[:MOST_WORDS]))
    if found and text[-1:].isalnum() and len(found[-1]) >= SHORTEST_PREFIX:
        found[-1] += "*"
    return found


def match(text: str) -> str:
    """The query of an FTS5 table of stems; empty where nothing was asked for."""
    return " AND ".join(f'"{stem(word.removesuffix("*"))}"{"*" if word[-1] == "*" else ""}' for word in asked(text))


def tsquery(text: str) -> str:
    """PostgreSQL's: it knows the stems itself."""
    return " & ".join(f"{word.removesuffix('*')}{':*' if word[-1] == '*' else ''}" for word in asked(text))


def says(text: str, query: str) -> bool:
    """Whether a text holds all words of a query, as a person wrote it."""
    there = set(stems(text))
    return all(
        any(one.startswith(wanted) for one in there) if typing else wanted in there for wanted, typing in _wanted(query)
    )


@lru_cache(maxsize=256)
def _wanted(query: str) -> tuple[tuple[str, bool], ...]:
    return tuple((stem(word.removesuffix("*")), word[-1] == "*") for word in asked(query))
