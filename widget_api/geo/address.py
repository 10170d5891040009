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
_ABBREVIATIONS = {short: kind for kind, forms in _KINDS.items() for short in forms.split("|")}
_WORDS = "|".join(sorted(map(re.escape, _ABBREVIATIONS), key=len, reverse=True))
_KIND = re.compile(rf"(?<![\w-])({_WORDS})(?:\.|(?![\w-]))", re.IGNORECASE)
_HOUSE = re.compile(r"(?:д(?:ом)?\.?\s*)?\d[\w/\\ .-]{0,14}", re.IGNORECASE)
_TRAILING_HOUSE = re.compile(r"\s(?:д(?:ом)?\.?\s*)?\d+[\w/-]{0,5}$", re.IGNORECASE)


def find_street(address: str | None) -> str | None:
    """Return the street of an address without the house, None if there is none: «ул. Мира, д. 5» → «улица Мира»."""
    parts = [" ".join(part.split()) for part in (address or "").split(",")]
    parts = [part for part in parts if part]
    named = next((part for part in parts if _KIND.search(part)), None)
    if named is None:
        houses = [at for at, part in enumerate(parts) if _HOUSE.fullmatch(part)]
        if houses and houses[0] > 0:
            named = parts[houses[0] - 1]
        elif parts and _TRAILING_HOUSE.search(parts[-1]):
            named = parts[-1]
    if named is None:
        return None
    street = _KIND.sub(lambda match: _ABBREVIATIONS[match[1].lower()] + " ", _TRAILING_HOUSE.sub("", named))
    return " ".join(street.split())[:LONGEST_STREET] or None
