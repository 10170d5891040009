"""The parameters of a GeoReport call as they come in the wild: repeated, empty, with brackets, in a query or a form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from widget_api.errors import FieldError, Invalid
from widget_api.open311.georeport import strip_illegal
from widget_api.open311.parse import parse_moment

_BRACKETS = re.compile(r"(\w+)\[([^\[\]]+)\](\[\])?")
MAX_PARAMETERS = 1000  # fields of a form, items of a comma list


class Parameters:
    """An empty parameter equals an absent one (GeoReport v2, «jurisdiction_id»)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value.strip():
                self._values.setdefault(name, []).append(strip_illegal(value))

    def one(self, name: str) -> str | None:
        """The first value without the space around it."""
        return self._values[name][0].strip() if name in self._values else None

    def text(self, name: str) -> str | None:
        """A longer text, with line ends as everywhere else here (forms send CRLF)."""
        value = self.one(name)
        return None if value is None else value.replace("\r\n", "\n").replace("\r", "\n")

    def many(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def listed(self, name: str) -> list[str]:
        """A comma list."""
        return [part.strip() for part in (self.one(name) or "").split(",") if part.strip()][:MAX_PARAMETERS]

    def group(self, name: str) -> dict[str, list[str]]:
        """`name[code]=value` and `name[code][]=value`, by code."""
        found: dict[str, list[str]] = {}
        for key, values in self._values.items():
            match = _BRACKETS.fullmatch(key)
            if match is not None and match[1] == name:
                found.setdefault(match[2], []).extend(values)
        return found

    def repeated(self, name: str) -> list[str]:
        """`name`, `name[]` and `name[0]`, repeated as often as there is something to say, each once."""
        found = [*self.many(name), *self.many(f"{name}[]")]
        found += [one for numbered in self.group(name).values() for one in numbered]
        return list(dict.fromkeys(one.strip() for one in found))

    def extended(self) -> dict[str, str]:
        """What another instance of this service tells beside the specification (docs/api.md, «GeoReport»)."""
        return {code: values[0].strip() for code, values in self.group("extended_attributes").items()}

    def moment(self, name: str) -> int | None:
        """Whole seconds of a date-time. Raises Invalid where it is none."""
        text = self.one(name)
        if text is None:
            return None
        seconds = parse_moment(text)
        if seconds is None or not 0 <= seconds < 2**40:
            raise Invalid((FieldError(name, "date"),))
        return seconds

    def whole(self, name: str, default: int, largest: int, smallest: int = 1) -> int:
        """A whole number. Raises Invalid."""
        text = self.one(name)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", text) or not smallest <= int(text) <= largest:
            raise Invalid((FieldError(name, "between", (("min", smallest), ("max", largest))),))
        return int(text)

    def firsts(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._values.items()}

    def fingerprint(self, files: str = "") -> str:
        """Of all that was said but the key: the same request, in whatever order and format of the reply.

        `files` stands for what came along with it.
        """
        said = sorted((name, values) for name, values in self._values.items() if name != "api_key")
        said += [("", [files])] if files else []
        return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()
