"""Find what is remarkable about a host: of the state, or made to look like another one.

Letters are compared by the shapes that people mistake for each other (Unicode, UTS 39, section 4), of the alphabets
that registries of .ru, .рф and the common domains allow.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import idna

from widget_api.registration.model import Mark

_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN")
# Not `confusable_homoglyphs`: it lists Unicode's confusable characters one by one (м goes with ʍ, н with ʜ, т with ᴛ, к
# with ĸ, ч with nothing) and has no skeleton by which two hosts compare. Its check of mixed scripts would replace three
# lines here, for a megabyte of tables.
_SHAPES = {
    ord(letter): shape
    for shape, letters in {
        "a": "аα", "b": "вьъβ", "c": "с", "d": "ԁ", "e": "еёэε", "g": "ԍ", "h": "нһ", "i": "іїι", "j": "ј", "k": "кκ",
        "l": "1iіӏιı", "m": "м", "n": "пη", "o": "о0οσ", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ", "t": "тτ",
        "u": "ицυ", "v": "ν", "w": "шщԝω", "x": "хχ", "y": "уү", "3": "з", "4": "ч",
    }.items()
    for letter in letters
}  # fmt: skip
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("-", ""), ("_", ""))


def find_marks(host: str, others: Iterable[str]) -> list[Mark]:
    """What an operator should know of a host, in its ASCII form without www, beside those that are registered."""
    shown, marks = to_unicode(host), list[Mark]()
    if host == "gov.ru" or host.endswith(".gov.ru"):
        marks.append(Mark("gov", "good"))
    if shown != host:
        marks.append(Mark("punycode", "note", host))
    if any(_count_scripts(label) > 1 for label in shown.split(".")):
        marks.append(Mark("mixed", "warning", shown))
    name, whole = _skeleton(host.rpartition(".")[0]), _skeleton(host)
    for other in sorted(set(others) - {host}):
        if _skeleton(other) == whole or _skeleton(other.rpartition(".")[0]) == name:
            marks.append(Mark("alike", "warning", to_unicode(other)))
        elif host.endswith(f".{other}") or other.endswith(f".{host}"):
            marks.append(Mark("part", "note", to_unicode(other)))
    return marks


def to_unicode(host: str) -> str:
    """A host as people read it."""
    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host


def is_of_host(email: str, host: str) -> bool:
    """Whether an address lies on a host or a domain above or below it, such as mail@gorod.ru for www.gorod.ru."""
    domain = email.rpartition("@")[2].lower()
    try:
        domain = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return False
    if "." not in domain:
        return False
    return domain == host or domain.endswith(f".{host}") or host.endswith(f".{domain}")


def _count_scripts(label: str) -> int:
    names = [unicodedata.name(letter, "") for letter in label if letter.isalpha()]
    return len({name.partition(" ")[0] for name in names} & set(_SCRIPTS))


def _skeleton(host: str) -> str:
    """A text that is the same for hosts that look alike."""
    decomposed = unicodedata.normalize("NFKD", to_unicode(host).casefold())
    text = "".join(one for one in decomposed if not unicodedata.combining(one)).translate(_SHAPES)
    for pair, shape in _PAIRS:
        text = text.replace(pair, shape)
    return text
