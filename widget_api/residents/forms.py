"""Parse bodies of HTML forms."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs

from widget_api.errors import Malformed

MAX_FORM_SIZE = 65_536  # bytes; 4,000 Russian letters take 24,000, percent-encoded
MAX_FIELDS = 200


class Form:
    """Fields by name; a name may have several values (check boxes).

    Browsers send each line end as two characters and count it as one (HTML, «constructing the entry list»).
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
        """The remainders of the names that begin with a prefix."""
        return [name.removeprefix(prefix) for name in self._values if name.startswith(prefix)]


def from_fields(fields: Iterable[tuple[str, str]]) -> Form:
    """A form from the fields of a multipart body."""
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    return Form(values)


def parse_form(body: bytes) -> Form:
    """Parse a URL-encoded body. Raises Malformed where it is invalid or has more than MAX_FIELDS fields."""
    try:
        return Form(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Malformed from None
