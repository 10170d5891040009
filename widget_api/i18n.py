"""Look up all texts for people by language and key, so that the code contains none (locale/*.json).

The languages are those of the dictionaries: `common.xx.json` has the language's name and its locale for dates and
numbers. Code that offers, checks or lists languages uses LANGUAGES.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from babel import Locale
from babel.dates import format_date as babel_date
from babel.dates import format_time as babel_time
from babel.lists import format_list as babel_list
from babel.numbers import format_decimal

from widget_api import clock

DEFAULT_LANGUAGE = "ru"
PLURAL_FORMS = frozenset({"zero", "one", "two", "few", "many", "other"})
NARROW_SPACE = "\u202f"
NO_BREAK_SPACE = "\u00a0"

Plural = dict[str, str]
_PLACE = re.compile(r"\.\d+")  # «photos.0» is one of the photos
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Language:
    """A language. `locale` is that of its dictionary (en_GB, for «12 December»), for Babel and Open Graph."""

    name: str
    locale: Locale
    texts: dict[str, str | Plural]


class MissingText(LookupError):
    """No dictionary has this key, or a placeholder has no value: an error of the code, never of a visitor."""


def _flatten(tree: dict[str, Any], path: str = "") -> dict[str, str | Plural]:
    flat: dict[str, str | Plural] = {}
    for name, value in tree.items():
        key = f"{path}{name}"
        if isinstance(value, str) or ("other" in value and PLURAL_FORMS.issuperset(value)):
            flat[key] = value
        else:
            flat |= _flatten(value, f"{key}.")
    return flat


def _load(files: list[Traversable]) -> Language:
    merged: dict[str, Any] = {}
    for file in files:
        tree = orjson.loads(file.read_bytes())
        duplicates = merged.keys() & tree.keys()
        if duplicates:
            raise ValueError(f"{file.name}: {', '.join(sorted(duplicates))} stands in another dictionary too")
        merged |= tree
    language = merged.pop("language")
    return Language(language["name"], Locale.parse(language["locale"]), _flatten(merged))


def read(folder: Traversable) -> dict[str, Language]:
    """Read the languages of a folder of dictionaries, by code, the default one first if it exists."""
    files: dict[str, list[Traversable]] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            _, code, _ = file.name.split(".")
            files.setdefault(code, []).append(file)
    return {code: _load(files[code]) for code in sorted(files, key=lambda code: (code != DEFAULT_LANGUAGE, code))}


LANGUAGES = read(resources.files("widget_api") / "locale")


def supported_language(language: str | None) -> str:
    """Return the code of a supported language («en-US» → «en»), or the default language."""
    short = (language or "").lower().replace("_", "-").partition("-")[0]
    return short if short in LANGUAGES else DEFAULT_LANGUAGE


def requested_language(requested: object, default: str) -> str:
    """Return `asked`, any input, if it is the code of a supported language, else `otherwise`."""
    return requested if isinstance(requested, str) and requested in LANGUAGES else default


def texts(language: str) -> dict[str, str | Plural]:
    """Return all texts of a language by their dotted keys."""
    return LANGUAGES[supported_language(language)].texts


def _locale(language: str) -> Locale:
    return LANGUAGES[supported_language(language)].locale


def has(key: str) -> bool:
    return key in LANGUAGES[DEFAULT_LANGUAGE].texts


def text(language: str, key: str, **values: object) -> str:
    """Return the text of a key with its placeholders replaced.

    If the text has plural forms, `count` chooses one. Whole numbers are formatted with narrow spaces, except `number`,
    which is a name («№ 12345»), not a quantity; dates as by `format_date`. Raises MissingText.
    """
    entry = texts(language).get(key)
    if entry is None:
        raise MissingText(key)
    if isinstance(entry, dict):
        if not isinstance(count := values.get("count"), int):
            raise MissingText(f"{key}: a text with plural forms needs `count`")
        entry = entry.get(_locale(language).plural_form(count), entry["other"])

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise MissingText(f"{key}: no value for {{{name}}}")
        value = values[name]
        if isinstance(value, date):
            return format_date(language, value)
        return format_number(language, value) if isinstance(value, int) and name != "number" else str(value)

    return _PLACEHOLDER.sub(fill, entry)


def entry_text(language: str, key: str, **values: object) -> str:
    """Return a text as it speaks of an entry of a collection (`entries.{key}`), else as of a report."""
    own = f"entries.{key}"
    return text(language, own if has(own) else key, **values)


def category_name(language: str, code: str, own: str | None = None) -> str:
    """Return a site's own name of a category, else the dictionaries', else the code (an unknown one of a platform)."""
    if own:
        return own
    return text(language, f"categories.{code}") if has(f"categories.{code}") else code


def category_words(language: str, code: str) -> str:
    """Return search words for a category; empty for a site's own code."""
    return text(language, f"category_words.{code}") if has(f"category_words.{code}") else ""


def format_list(language: str, names: Sequence[str]) -> str:
    """Join names: «телефон, почта и номер машины»."""
    return babel_list(names, locale=_locale(language))


def format_number(language: str, number: int | float) -> str:
    """Format a number: 1234567 → «1 234 567». Spaces between thousands are narrow and non-breaking."""
    return format_decimal(number, locale=_locale(language)).replace(NO_BREAK_SPACE, NARROW_SPACE)


def format_size(language: str, size: int) -> str:
    """Format a size in bytes: 340 КБ, 2,1 МБ. A kilobyte has 1000 bytes, as in file managers."""
    if size < 1_000_000:
        return text(language, "common.size_kb", size=format_number(language, max(1, round(size / 1000))))
    return text(language, "common.size_mb", size=format_number(language, round(size / 1_000_000, 1)))


def format_date(language: str, day: date | str, *, today: date | None = None) -> str:
    """Format a date: «12 декабря», with the year if it differs from that of `today` (UTC): «12 декабря 2027»."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    today = today or datetime.fromtimestamp(clock.now(), UTC).date()
    pattern = "d MMMM" if day.year == today.year else "d MMMM y"
    return str(babel_date(day, pattern, locale=_locale(language))).replace(" ", NO_BREAK_SPACE, 1)


def format_weekday(language: str, day: date) -> str:
    """Format a date with its day of the week, as a heading: «Четверг, 26 ноября»."""
    name = str(babel_date(day, "cccc", locale=_locale(language)))
    return f"{name[:1].upper()}{name[1:]}, {format_date(language, day, today=day)}"


def format_month(language: str, day: date) -> str:
    """Format the month of a date: «ноябрь 2026»."""
    return str(babel_date(day, "LLLL y", locale=_locale(language))).replace(" ", NO_BREAK_SPACE)


def format_short_month(language: str, day: date) -> str:
    """Format the month of a date in a few letters: «нояб.»."""
    return str(babel_date(day, "LLL", locale=_locale(language)))


def format_moment(language: str, seconds: int, time_zone: str, *, today: date | None = None) -> str:
    """Format a Unix time in the site's time zone: «12 декабря, 14:05»."""
    moment = datetime.fromtimestamp(seconds, ZoneInfo(time_zone))
    return f"{format_date(language, moment.date(), today=today)}, {format_clock(language, seconds, time_zone)}"


def format_day(language: str, seconds: int, time_zone: str, *, today: date | None = None) -> str:
    """Format the date of a Unix time in the site's time zone: «12 декабря»."""
    return format_date(language, datetime.fromtimestamp(seconds, ZoneInfo(time_zone)).date(), today=today)


def format_clock(language: str, seconds: int, time_zone: str) -> str:
    """Format the time of day of a Unix time in the site's time zone: «14:05»."""
    moment = datetime.fromtimestamp(seconds, ZoneInfo(time_zone))
    return str(babel_time(moment.time(), "HH:mm", locale=_locale(language)))


def field_error(
    language: str, field: str, code: str, values: tuple[tuple[str, str | int], ...] = (), *, entry: bool = False
) -> str:
    """Return the text of a field's error: the one for this field if there is one («Опишите проблему»), else the code's.

    A code may also have a text for errors with a certain value: `outside_other` for those with `other`. Codes without
    a text of their own have that of the command line. `entry`: the form is that of a collection.
    """
    suffixes = [_PLACE.sub("", field).replace(".", "_"), *(name for name, _ in values)]
    key = next((key for suffix in suffixes if has(key := f"fields.{code}_{suffix}")), f"fields.{code}")
    if not has(key) and has(other := f"sites.fields.{code}"):
        said = text(language, other, **dict(values))
        return f"{said[0].upper()}{said[1:]}."
    return (entry_text if entry else text)(language, key, **dict(values))
