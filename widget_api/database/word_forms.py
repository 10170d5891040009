"""Normalise words for search: without case, «ё» as «е», reduced to stems (Snowball, Russian and English).

PostgreSQL does the same itself, with dictionaries made by the same algorithms (migration 0003). SQLite has no stemming,
so it is done here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterator, Set
from functools import lru_cache

import Stemmer

SHORTEST_PREFIX = 3  # letters; shorter prefixes match too much
MOST_WORDS = 12
_WORD = re.compile(r"[^\W_]+")
# Variants of address words, the most frequent first: each matches the others. A form of two words («б-р») matches both
# words in any place: SQLite's index has no positions, and a false match does less harm than a missed street.
_ADDRESS: dict[str, tuple[str, ...]] = {
    "ул": ("ул", "улица"),
    "пр": ("пр", "просп", "проспект"),  # «пр-т» and «пр-кт» contain the first of these
    "пер": ("пер", "переулок"),
    "пл": ("пл", "площадь"),
    "бульвар": ("бульвар", "бул", "б р"),
    "ш": ("ш", "шоссе"),
    "наб": ("наб", "набережная"),
    "проезд": ("проезд", "пр д"),
    "д": ("д", "дом"),
    "мкр": ("мкр", "микрорайон"),
}
_HOUSE = "д"  # occurs in nearly every address
_HYPHEN = re.compile("[\u2010-\u2013]")
_HYPHENATED = {"пр-т": "пр", "пр-кт": "пр", "пр-д": "проезд", "б-р": "бульвар", "мкр-н": "мкр"}
_SHORTENED = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(_HYPHENATED, key=len, reverse=True))})(?!\w)")
_thread_local = threading.local()  # stemmers are not thread-safe


def words(text: str) -> list[str]:
    """Split a text into normalised words of letters and digits, in order."""
    return _WORD.findall(text.casefold().replace("ё", "е"))


def stem(word: str) -> str:
    """Return the stem of a word, English if it is ASCII, otherwise Russian. Words with digits stay unchanged."""
    if any(letter.isdigit() for letter in word):
        return word
    try:
        russian, english = _thread_local.stemmers
    except AttributeError:
        russian, english = _thread_local.stemmers = Stemmer.Stemmer("russian"), Stemmer.Stemmer("english")
    result: str = (english if word.isascii() else russian).stemWord(word)
    return result


def stems(text: str) -> list[str]:
    return [stem(word) for word in words(text)]


def parse_query(text: str) -> list[str]:
    """Parse a query into words that all have to match. The last one may be incomplete and then ends with an asterisk.

    Quotes, operators and other punctuation have no meaning. Address words are returned in their most frequent form,
    from which `list_forms` makes the others. «Дом» alone is an ordinary word.
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
    """Map the stem of each one-word form to the most frequent form."""
    return {stem(form): word for word, known in _ADDRESS.items() for form in known if " " not in form}


def list_forms(text: str) -> list[list[list[str]]]:
    """Return the forms of each word of a query, one of which has to match. A form is a list of one or two words."""
    query = parse_query(text)
    return [[query]] if query == [_HOUSE] else [_forms(word) for word in query]


def _forms(word: str) -> list[list[str]]:
    bare, is_prefix = word.removesuffix("*"), word[-1] == "*"
    if bare not in _ADDRESS:
        return [[word]]
    return [
        [part + "*" * (is_prefix and len(part) >= SHORTEST_PREFIX) for part in form.split()] for form in _ADDRESS[bare]
    ]


def match(text: str) -> str:
    """Return the query for an FTS5 table of stems; empty if the text has no words."""
    return _query(
        text, " AND ", " OR ", lambda word: f'"{stem(word.removesuffix("*"))}"{"*" if word[-1] == "*" else ""}'
    )


def tsquery(text: str) -> str:
    """Return the query for PostgreSQL, which does the stemming itself."""
    return _query(text, " & ", " | ", lambda word: word.replace("*", ":*"))


def _query(text: str, conjunction: str, disjunction: str, term: Callable[[str], str]) -> str:
    return conjunction.join(
        f"({disjunction.join(f'({conjunction.join(map(term, form))})' for form in word)})" for word in list_forms(text)
    )


def contains(text: str, query: str) -> bool:
    """Whether a text contains all words of a query."""
    return all(find_words(frozenset(stems(text)), query))


def find_words(text_stems: Set[str], query: str) -> Iterator[bool]:
    """Tell for each word of a query whether a text with these stems contains it."""
    for word in _terms(query):
        yield any(all(_matches(*term, text_stems) for term in form) for form in word)


def find_forms(known: Collection[str], query: str) -> list[list[list[list[str]]]]:
    """Return the forms of each word of a query, each of their words as those of the known stems that it matches."""
    return [[[_find(known, *term) for term in form] for form in word] for word in _terms(query)]


def _find(known: Collection[str], wanted: str, is_prefix: bool) -> list[str]:
    if is_prefix:
        return [stem for stem in known if stem.startswith(wanted)]
    return [wanted] if wanted in known else []


def needed(query: str) -> list[str]:
    """Return substrings of every text that contains the query, of those words whose stem begins all their forms.

    Snowball's Russian stemmer only cuts endings off; the English one also replaces letters. Texts are compared without
    case, with «е» for «ё».
    """
    forms = [word[0][0][0] for word in _terms(query) if len(word) == len(word[0]) == 1]
    return [wanted for wanted in forms if not wanted.isascii()]


def _matches(wanted: str, is_prefix: bool, text_stems: Set[str]) -> bool:
    return any(found.startswith(wanted) for found in text_stems) if is_prefix else wanted in text_stems


@lru_cache(maxsize=256)
def _terms(query: str) -> list[list[list[tuple[str, bool]]]]:
    """Return `list_forms` with each word as (stem, whether it is a prefix)."""
    return [
        [[(stem(part.removesuffix("*")), part[-1] == "*") for part in form] for form in word]
        for word in list_forms(query)
    ]
