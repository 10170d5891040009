"""Reads what a browser sends from a form; a page without scripts has no other way to speak."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs

from widget_api.errors import Malformed

LIMIT = 65_536  # bytes; 4,000 Russian letters are 24,000 of them, percent-encoded
FIELDS = 200


class Form:
    """Fields by name; a name may stand for several values (boxes of a list).

    Browsers write each line end as two characters, and count it as one (HTML, «constructing the entry list»).
    """

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = {name: [value.replace("\r\n", "\n") for value in given] for name, given in values.items()}

    def one(self, name: str) -> str:
        """The last value of a name, empty where there is none."""
        return self._values.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        return [value for value in self._values.get(name, []) if value]

    def has(self, name: str) -> bool:
        return name in self._values

    def within(self, prefix: str) -> list[str]:
        """What follows the prefix in the names that begin with it."""
        return [name.removeprefix(prefix) for name in self._values if name.startswith(prefix)]


def of_fields(fields: Iterable[tuple[str, str]]) -> Form:
    """The same from a form that came in parts, files beside it."""
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    return Form(values)


def parse(body: bytes) -> Form:
    """Raises Malformed where it is no form, or one of absurdly many fields."""
    try:
        return Form(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS))
    except ValueError:
        raise Malformed from None
