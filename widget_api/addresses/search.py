"""Find the houses that a typed address can mean, best first, and those nearest to a point.

Streets that share most groups of three letters with the text are compared word by word: what no word of the street is
similar to has to be the house. So «8 марта 12», «12а ленина» and «садов 5» need no rule of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple, TypedDict

from widget_api.addresses import spelling, store
from widget_api.addresses.spelling import JOINTS, House, Spelling
from widget_api.database import Database
from widget_api.geo.model import distance

MOST = 7  # items
NEAR = 150  # metres from a point to a house that names it
_NEAREST = 50  # houses that are measured exactly
_STREETS = 12  # whose houses are looked at
_WORTH = 0.75  # of the best street's score; below it a street is not what was meant
_SIMILAR = 0.6  # ratio of difflib; below it two words have nothing in common
# What a street loses for a word of its own that was not typed (people leave out first names and titles), for a number
# of its own («1-я Садовая» is not «Садовая»), and for a typed word that it does not have; as shares of the word.
_OWN_WORD, _OWN_NUMBER, _TYPED_WORD = 0.35, 0.9, 0.5
_NUMBER_WEIGHT, _LONGEST_WEIGHT = 3, 8
_NO_HOUSE = 0.15  # what a street loses that has no house of the number
# A house that was typed adds 0.2 to the score of its street: from which sum it may be meant, from which it is, and how
# much less another has that may be meant as well.
_LIKELY, _CERTAIN, _CLOSE = 0.75, 1.1, 0.1


@dataclass(frozen=True)
class Match:
    """How well a street fits, at most about 1, and what of the text is left for the house."""

    score: float
    rest: tuple[str, ...]


class Item(TypedDict):
    """An address, as the API shows it."""

    text: str
    lat: float
    lng: float


class _Candidate(NamedTuple):
    score: float
    item: Item
    is_house: bool  # that was typed, or of which that can be a flat


async def find(database: Database, site_id: str, text: str) -> list[Item]:
    """Return up to `MOST` addresses: houses, and streets where no number was typed or none fits."""
    return [one.item for one in await _rank(database, site_id, text)][:MOST]


async def resolve(database: Database, site_id: str, text: str) -> tuple[Item | None, list[Item]]:
    """Return the house that a text means without a doubt, or those that it may mean, the likeliest first."""
    likely = [one for one in await _rank(database, site_id, text) if one.is_house and one.score >= _LIKELY]
    close = [one for one in likely if one.item["text"] == text or one.score > likely[0].score - _CLOSE]
    items = [one.item for one in close][:MOST]
    same = next((item for item in items if item["text"] == text), None)
    certain = items[0] if len(items) == 1 and likely[0].score >= _CERTAIN else same
    return certain, [] if certain else items


async def _rank(database: Database, site_id: str, text: str) -> list[_Candidate]:
    """All candidates, best first."""
    found = dict[str, _Candidate]()
    for typed in spelling.read_typed(text):
        streets = await store.find_streets(database, site_id, sorted(spelling.trigrams(typed.tokens)))
        matches = sorted(((compare(typed, one.name), one) for one in streets), key=lambda pair: -pair[0].score)
        for match, street in matches[:_STREETS]:
            if match.score <= max(0, matches[0][0].score * _WORTH):
                break
            houses = list(spelling.find_houses(match.rest))
            rows = await store.find_houses(database, site_id, street.number, houses[0].number) if houses else []
            whole: Item = {"text": street.name, "lat": street.lat, "lng": street.lng}
            ranked = [_Candidate(match.score - (_NO_HOUSE if houses else 0), whole, False)]
            exact = next((house.key for house in houses if any(row["house"] == house.key for row in rows)), None)
            for row in rows:
                item: Item = {"text": f"{street.name}, {row['text']}", "lat": row["lat"], "lng": row["lng"]}
                ranked.append(_Candidate(match.score + _rank_house(row["house"], houses), item, row["house"] == exact))
            for one in ranked:
                name = one.item["text"]
                if name not in found or found[name].score < one.score:
                    found[name] = one
    return sorted(found.values(), key=lambda one: (-one.score, len(one.item["text"]), one.item["text"]))


async def find_near(database: Database, site_id: str, lat: float, lng: float) -> list[Item]:
    """Return up to `MOST` houses within `NEAR` metres, the nearest first."""
    rows = await store.find_near(database, site_id, lat, lng, NEAR, _NEAREST)
    found = sorted((distance(lat, lng, row["lat"], row["lng"]), f"{row['name']}, {row['text']}", row) for row in rows)
    return [{"text": text, "lat": row["lat"], "lng": row["lng"]} for far, text, row in found[:MOST] if far <= NEAR]


def compare(typed: Spelling, street: str) -> Match:
    """Compare what was typed with the name of a street, word by word."""
    own = _read(street)
    words = [one for one in own.tokens if one not in JOINTS]
    rest, matched, weighed = list(typed.tokens), 0.0, 0.0
    for word in sorted(words, key=lambda one: (one.isdecimal(), -len(one))):
        weight = _weigh(word)
        best, at = max(((_similarity(token, word), -at) for at, token in enumerate(rest)), default=(0.0, 0))
        if best:
            del rest[-at]
            matched += weight * best
            weighed += weight
        else:
            weighed += weight * (_OWN_NUMBER if word.isdecimal() else _OWN_WORD)
    weighed += sum(_weigh(token) * _TYPED_WORD for token in rest if len(token) > 2 and token.isalpha())
    numbers = sum(token.isdecimal() for token in rest)
    weighed += max(0, numbers - 1) * 0.5
    score = matched / weighed if weighed else 0.0
    if score and typed.kinds:
        score += 0.06 if own.kinds & typed.kinds else -0.1
    return Match(score, tuple(rest))


@lru_cache(maxsize=4096)
def _read(street: str) -> Spelling:
    return spelling.read_street(street)


def _weigh(word: str) -> float:
    return _NUMBER_WEIGHT if word.isdecimal() else min(len(word), _LONGEST_WEIGHT)


def _similarity(typed: str, word: str) -> float:
    """From 0 to 1. Numbers are equal or not; a beginning of the word is nearly the word; one letter is an initial."""
    if typed == word:
        return 1.0
    if typed.isdecimal() or word.isdecimal() or typed in JOINTS:
        return 0.0
    if word.startswith(typed):
        return 0.5 if len(typed) == 1 else 0.95
    if len(typed) < 3 or 2 * min(len(typed), len(word)) < _SIMILAR * (len(typed) + len(word)):
        return 0.0
    matcher = _matcher(word)
    matcher.set_seq1(typed)
    if matcher.quick_ratio() < _SIMILAR:  # which is at least the ratio
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= _SIMILAR else 0.0


@lru_cache(maxsize=4096)
def _matcher(word: str) -> SequenceMatcher[str]:
    """A matcher to which a word of a street is known, which is most of its work."""
    return SequenceMatcher(None, "", word, autojunk=False)


def _rank_house(key: str, wanted: Sequence[House]) -> float:
    """What a house adds to the score of its street: most if it is what was typed, less for each part that is not."""
    for place, house in enumerate(wanted):
        if key == house.key:
            return 0.2 - 0.05 * place
    return 0.05 - 0.001 * len(key) + (0.02 if key.startswith(wanted[0].key) else 0.0)
