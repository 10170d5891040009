"""Access the parameters of a GeoReport call, which clients may repeat, leave empty, or write with brackets."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from widget_api.errors import FieldError, Invalid
from widget_api.open311.georeport import strip_illegal
from widget_api.open311.parse import parse_moment

_BRACKETS = re.compile(r"(\w+)\[([^\[\]]+)\](\[\])?")
MAX_PARAMETERS = 1000  # fields of a form, items of a comma-separated list


class Parameters:
    """The parameters of a query or form. An empty one counts as absent (GeoReport v2, «jurisdiction_id»)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value.strip():
                self._values.setdefault(name, []).append(strip_illegal(value))

    def first(self, name: str) -> str | None:
        """Return the first value, without surrounding white space."""
        return self._values[name][0].strip() if name in self._values else None

    def text(self, name: str) -> str | None:
        """Return a longer text with LF line ends (forms send CRLF)."""
        value = self.first(name)
        return None if value is None else value.replace("\r\n", "\n").replace("\r", "\n")

    def listed(self, name: str) -> list[str]:
        """Return the items of a comma-separated list."""
        return [part.strip() for part in (self.first(name) or "").split(",") if part.strip()][:MAX_PARAMETERS]

    def group(self, name: str) -> dict[str, list[str]]:
        """Return the values of `name[code]=value` and `name[code][]=value` by code."""
        group: dict[str, list[str]] = {}
        for key, values in self._values.items():
            match = _BRACKETS.fullmatch(key)
            if match is not None and match[1] == name:
                group.setdefault(match[2], []).extend(values)
        return group

    def repeated(self, name: str) -> list[str]:
        """Return the distinct values of `name`, `name[]` and `name[0]`, any of which may be repeated."""
        values = [*self._values.get(name, []), *self._values.get(f"{name}[]", [])]
        values += [value for numbered in self.group(name).values() for value in numbered]
        return list(dict.fromkeys(value.strip() for value in values))

    def extended(self) -> dict[str, str]:
        """Return the attributes that another instance of this service adds (docs/api.md, «GeoReport»)."""
        return {code: values[0].strip() for code, values in self.group("extended_attributes").items()}

    def moment(self, name: str) -> int | None:
        """Parse a date-time into whole seconds. Raises Invalid."""
        text = self.first(name)
        if text is None:
            return None
        seconds = parse_moment(text)
        if seconds is None or not 0 <= seconds < 2**40:
            raise Invalid((FieldError(name, "date"),))
        return seconds

    def whole(self, name: str, default: int, largest: int, smallest: int = 1) -> int:
        """Parse a whole number. Raises Invalid."""
        text = self.first(name)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", text) or not smallest <= int(text) <= largest:
            raise Invalid((FieldError(name, "between", (("min", smallest), ("max", largest))),))
        return int(text)

    def first_values(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._values.items()}

    def fingerprint(self, files: str = "") -> str:
        """Return a hash of all parameters but the key, whatever their order. `files` is a digest of uploaded files."""
        parts = sorted((name, values) for name, values in self._values.items() if name != "api_key")
        parts += [("", [files])] if files else []
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()
