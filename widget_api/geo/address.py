"""Find the street in an address that a resident, a geocoder or an official wrote.

Reports are counted by street, so that spellings of one street should be equal: abbreviations of the kind of street are
written out. Nothing is looked up: a street that is written in two other ways counts as two.
"""

from __future__ import annotations

import re

LONGEST_STREET = 80  # characters
_KINDS = {
    "улица": "улица|ул",
    "проспект": "проспект|просп|пр-т|пр-кт",
    "переулок": "переулок|пер",
    "проезд": "проезд|пр-д",
    "шоссе": "шоссе",
    "бульвар": "бульвар|б-р|бул",
    "набережная": "набережная|наб",
    "площадь": "площадь|пл",
    "микрорайон": "микрорайон|мкр|мкрн",
    "квартал": "квартал|кв-л",
    "аллея": "аллея",
    "тупик": "тупик|туп",
    "тракт": "тракт",
    "линия": "линия",
}
# Each form of a kind of street → the kind written out.
KINDS = {short: kind for kind, forms in _KINDS.items() for short in forms.split("|")}
_WORDS = "|".join(sorted(map(re.escape, KINDS), key=len, reverse=True))
_KIND = re.compile(rf"(?<![\w-])({_WORDS})(?:\.|(?![\w-]))", re.IGNORECASE)
_HOUSE = re.compile(r"(?:д(?:ом)?\.?\s*)?\d[\w/\\ .-]{0,14}", re.IGNORECASE)
_TRAILING_HOUSE = re.compile(r"\s(?:д(?:ом)?\.?\s*)?\d+[\w/-]{0,5}$", re.IGNORECASE)


_FLAT = re.compile(r"(?<!\w)кв(?:артира)?[. ]*\d+")


def find_street(address: str | None) -> str | None:
    """Return the street of an address without the house, None if there is none: «ул. Мира, д. 5» → «улица Мира»."""
    parts = _from_street(address)
    return " ".join(_write_out(_TRAILING_HOUSE.sub("", parts[0])).split())[:LONGEST_STREET] or None if parts else None


def normalise_address(address: str | None) -> str:
    """Return street and house in a form that is equal for spellings of one house, empty if there is no street:
    «г. Заречье, ул. Мира, д. 5, кв. 2» → «улица мира 5»."""
    text = _FLAT.sub(" ", ", ".join(_from_street(address)).casefold().replace("ё", "е"))
    return " ".join(word for word in re.findall(r"\w+", _write_out(text)) if word not in ("д", "дом"))


def _from_street(address: str | None) -> list[str]:
    """The parts of an address between commas, from that with the street; none if it names no street."""
    parts = [" ".join(part.split()) for part in (address or "").split(",")]
    parts = [part for part in parts if part]
    named = next((at for at, part in enumerate(parts) if _KIND.search(part)), None)
    if named is None:
        houses = [at for at, part in enumerate(parts) if _HOUSE.fullmatch(part)]
        if houses and houses[0] > 0:
            named = houses[0] - 1
        elif parts and _TRAILING_HOUSE.search(parts[-1]):
            named = len(parts) - 1
    return [] if named is None else parts[named:]


def _write_out(text: str) -> str:
    return _KIND.sub(lambda match: KINDS[match[1].lower()] + " ", text)
