"""Words as a search compares them: without case, «ё» as «е», by their stems (Snowball, Russian and English).

PostgreSQL does the same by itself, with dictionaries of its own from the same algorithms (migration 0003); here it is
done for SQLite, which knows no word forms.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import lru_cache

import Stemmer

SHORTEST_PREFIX = 3  # letters; what begins with fewer is half the town
MOST_WORDS = 12
_WORD = re.compile(r"[^\W_]+")
# What people write in addresses, first as it is written most: each finds the others. A form of two words («б-р») is
# looked for as both, wherever they stand: SQLite's index keeps no order, and one found too many does less harm than a
# street not found.
_ADDRESS: dict[str, tuple[str, ...]] = {
    "ул": ("ул", "улица"),
    "пр": ("пр", "просп", "проспект"),  # «пр-т» and «пр-кт» hold the first of these
    "пер": ("пер", "переулок"),
    "пл": ("пл", "площадь"),
    "бульвар": ("бульвар", "бул", "б р"),
    "ш": ("ш", "шоссе"),
    "наб": ("наб", "набережная"),
    "проезд": ("проезд", "пр д"),
    "д": ("д", "дом"),
    "мкр": ("мкр", "микрорайон"),
}
_HOUSE = "д"  # stands in nearly every address
_HYPHEN = re.compile("[\u2010-\u2013]")
_HYPHENATED = {"пр-т": "пр", "пр-кт": "пр", "пр-д": "проезд", "б-р": "бульвар", "мкр-н": "мкр"}
_SHORTENED = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(_HYPHENATED, key=len, reverse=True))})(?!\w)")
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


def parse_query(text: str) -> list[str]:
    """The words a person looks for: each must be there. The last may still be being typed, then an asterisk ends it.

    Quotes, operators and whatever else stands between letters mean nothing. A word of addresses is told in its most
    frequent form, by which `forms` knows the others. «Дом» alone is no address, and means itself.
    """
    plain = _SHORTENED.sub(lambda short: _HYPHENATED[short[0]], _HYPHEN.sub("-", text.casefold()))
    typed = list(dict.fromkeys(words(plain)[:MOST_WORDS]))
    typing = bool(typed) and text[-1:].isalnum() and len(typed[-1]) >= SHORTEST_PREFIX
    frequent = [_most_frequent(word) for word in typed]
    known = typed if frequent == [_HOUSE] else frequent
    return [word + "*" if typing and word == known[-1] else word for word in dict.fromkeys(known)]


def _most_frequent(word: str) -> str:
    return _address_words().get(stem(word), word)


@lru_cache(maxsize=1)
def _address_words() -> dict[str, str]:
    """The stem of each form that is one word, and the most frequent form."""
    return {stem(form): word for word, known in _ADDRESS.items() for form in known if " " not in form}


def list_forms(text: str) -> list[list[list[str]]]:
    """Each word that is `asked`, in each of its forms, of which one must be there: of one word or two."""
    found = parse_query(text)
    return [[found]] if found == [_HOUSE] else [_forms(word) for word in found]


def _forms(word: str) -> list[list[str]]:
    bare, typing = word.removesuffix("*"), word[-1] == "*"
    if bare not in _ADDRESS:
        return [[word]]
    return [[one + "*" * (typing and len(one) >= SHORTEST_PREFIX) for one in form.split()] for form in _ADDRESS[bare]]


def match(text: str) -> str:
    """The query of an FTS5 table of stems; empty where nothing was asked for."""
    return _query(text, " AND ", " OR ", lambda one: f'"{stem(one.removesuffix("*"))}"{"*" if one[-1] == "*" else ""}')


def tsquery(text: str) -> str:
    """PostgreSQL's: it knows the stems itself."""
    return _query(text, " & ", " | ", lambda one: one.replace("*", ":*"))


def _query(text: str, both: str, either: str, written: Callable[[str], str]) -> str:
    return both.join(
        f"({either.join(f'({both.join(map(written, form))})' for form in word)})" for word in list_forms(text)
    )


def contains(text: str, query: str) -> bool:
    """Whether a text holds all words of a query, as a person wrote it."""
    there = set(stems(text))
    return all(any(all(_split_text(*one, there) for one in form) for form in word) for word in _split_query(query))


def _split_text(wanted: str, typing: bool, there: set[str]) -> bool:
    return any(one.startswith(wanted) for one in there) if typing else wanted in there


@lru_cache(maxsize=256)
def _split_query(query: str) -> list[list[list[tuple[str, bool]]]]:
    return [
        [[(stem(one.removesuffix("*")), one[-1] == "*") for one in form] for form in word] for word in list_forms(query)
    ]
