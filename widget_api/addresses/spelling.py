"""Read the names of streets and what people type into comparable words, numbers and houses.

Both sides are read by the same rules: case, «ё», abbreviations, ordinals («1-я», «первая») and the spelling of houses
(«д. 12, корп. 2» and «12 к2») make no difference. Latin letters that look like Cyrillic ones are taken for these, and
text without any Cyrillic letter for Russian typed on an English keyboard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from widget_api.geo.address import KINDS

LONGEST = 200  # characters of a typed address that are read
_MOST_TOKENS = 14
JOINTS = ("/", "-")  # tokens between the parts of a house
# Beside the abbreviations of documents, those that are typed; «пр» is an avenue or a passage.
_TYPED_KINDS = {
    "у": "улица",
    "прт": "проспект",
    "прд": "проезд",
    "ш": "шоссе",
    "бульв": "бульвар",
    "бр": "бульвар",
    "мкр-н": "микрорайон",
    "микр-н": "микрорайон",
    "ал": "аллея",
}
# Each form of a kind → the kinds that it can mean.
_KINDS_OF = {form: frozenset({kind}) for form, kind in (KINDS | _TYPED_KINDS).items()}
_KINDS_OF["пр"] = frozenset({"проспект", "проезд"})
_STREET = _KINDS_OF["улица"]

_LOOK_ALIKE = str.maketrans("aceopxyktmbh", "асеорхуктмвн")
_KEYBOARD = str.maketrans("qwertyuiop[]asdfghjkl;'zxcvbnm,.`", "йцукенгшщзхъфывапролджэячсмитьбюе")
_ORDINALS = {
    stem: str(number)
    for number, stem in enumerate(
        ("перв", "втор", "трет", "четверт", "пят", "шест", "седьм", "восьм", "девят", "десят"), 1
    )
}
_ORDINAL = re.compile(rf"({'|'.join(_ORDINALS)})(?:ый|ой|ая|ое|ого|ую|ий|ья|ье|ьего|ьей)")
_INDEX = re.compile(r"(?<!\d)\d{6}(?!\d)")  # a postal one
# Kinds with a hyphen, numbers with the ending of an ordinal, numbers, words, and what joins the parts of a house.
_HYPHENATED = "|".join(sorted((form for form in _KINDS_OF if "-" in form), key=len, reverse=True))
_TOKEN = re.compile(
    rf"(?<!\w)(?:{_HYPHENATED})(?!\w)|\d+(?:-?(?:ый|ой|ий|ая|ое|го|му|я|й|е)(?![^\W\d_])|-?лет\w*|(?=\D|$))|[^\W\d_]+|[/-]"
)
_TOWN = {"г", "гор", "город", "пос", "посёлок", "поселок", "село", "обл", "область", "район", "россия"}
_FLAT = {"кв", "квартира", "оф", "офис", "подъезд", "этаж", "эт", "комната", "ком"}
_HOUSE = {"д", "дом"}
_PARTS = {"к": "к", "корп": "к", "корпус": "к", "кор": "к", "с": "с", "стр": "с", "строение": "с", "строен": "с"}
_LETTER = {"лит", "литер", "литера"}


@dataclass(frozen=True)
class Spelling:
    """An address that was read: its words and numbers in their order, and the kinds of street that were named."""

    tokens: tuple[str, ...]
    kinds: frozenset[str]


@dataclass(frozen=True)
class House:
    """The number before everything else, and the whole in one spelling: «д. 12 А, корп. 2» → 12, «12ак2»."""

    number: int
    key: str


def read_street(name: str) -> Spelling:
    """Read the name of a street: «1-я Садовая улица» → («1», «садовая»), «улица»."""
    return _split(_plain(name))


def read_typed(text: str) -> list[Spelling]:
    """The readings of what was typed, the likeliest first."""
    text = _plain(text[:LONGEST])
    latin, cyrillic = re.search("[a-z]", text), re.search("[а-я]", text)
    if not latin:
        return [_split(text)]
    alike = _split(text.translate(_LOOK_ALIKE))
    return [alike] if cyrillic else [_split(text.translate(_KEYBOARD)), alike]


def read_house(text: str) -> House | None:
    """Read the number of a house, as a list of addresses has it; None if it begins with no number."""
    found = list(find_houses(_tokens(_plain(text).translate(_LOOK_ALIKE))))
    return found[0] if found else None


def find_houses(tokens: tuple[str, ...]) -> Iterator[House]:
    """The houses that the words left beside a street can mean, the most exact first: «12-45» is a house or its flat."""
    start = next((at for at, token in enumerate(tokens) if token.isdecimal()), None)
    if start is None:
        return
    keys, at = [tokens[start][:6]], start + 1
    while at < len(tokens):
        token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        if token in _PARTS and after.isdecimal():
            part, at = _PARTS[token] + after, at + 2
        elif token in JOINTS and after.isdecimal():
            part, at = token + after, at + 2
        elif token in _LETTER or (token == JOINTS[1] and len(after) == 1 and after.isalpha()):
            at += 1
            continue
        elif len(token) == 1 and token.isalpha() and keys[-1][-1:].isdecimal():
            part, at = token, at + 1
        else:
            break
        keys.append(keys[-1] + part)
    number = int(keys[0])
    yield from (House(number, key) for key in reversed(keys))


def trigrams(tokens: tuple[str, ...]) -> set[str]:
    """The groups of three letters by which streets are found; a number counts as a whole.

    Words are padded at their beginning alone, so that the beginning of a word, typed so far, has no group of its own.
    """
    found = set[str]()
    for token in (token for token in tokens if token not in JOINTS):
        padded = f"  {token}"
        found |= {f"#{token}"} if token.isdecimal() else {padded[at : at + 3] for at in range(len(padded) - 2)}
    return found


def _plain(text: str) -> str:
    return _INDEX.sub(" ", text.casefold().replace("ё", "е").replace("дробь", "/"))


def _tokens(text: str) -> tuple[str, ...]:
    found = []
    for token in _TOKEN.findall(text):
        number = re.match(r"\d+", token)
        if number is None:
            ordinal = _ORDINAL.fullmatch(token)
            found.append(_ORDINALS[ordinal[1]] if ordinal else token)
        else:
            found += [number[0]] + (["лет"] if "лет" in token else [])
    return tuple("лет" if token.startswith("лети") else token for token in found)


def _split(text: str) -> Spelling:
    """Take apart kinds of streets, towns and flats; what is left are words of a street and parts of a house."""
    tokens, words, kinds, at = _tokens(text), list[str](), frozenset[str](), 0
    while at < len(tokens):
        token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        if token in _FLAT and after.isdecimal():
            at += 2
        elif token in _TOWN:
            at += 2 if after.isalpha() and after not in _KINDS_OF else 1
        elif token in _HOUSE and after[:1].isdecimal():
            at += 1
        elif token in _KINDS_OF and _KINDS_OF.get(after) == _STREET and len(kinds_of := _KINDS_OF[token]) == 1:
            words += kinds_of  # «Набережная улица»: a name that is a kind as well
            at += 1
        elif token in _KINDS_OF and not kinds and (words or at + 1 < len(tokens)):
            kinds, at = _KINDS_OF[token], at + 1
        else:
            words.append(token)
            at += 1
    if not any(word.isalpha() and len(word) > 1 for word in words):  # «Набережная», «1-я линия»: the kind is the name
        words, kinds = [*sorted(kinds), *words], frozenset()
    return Spelling(tuple(words[:_MOST_TOKENS]), kinds)
