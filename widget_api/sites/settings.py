"""Declare the settings of a site, each once: its type, default and rule, who changes it, and whose else it is.

`Site` has them as attributes. Reading and copying a row, both forms of the cabinet, the options of `site add` and
`site set`, the checks and the journal go through SETTINGS. A new setting is a field here, a column of `sites` with its
migration, and its texts (`cabinet.settings.*`). Borders, calendars, the jurisdiction, the consent document and what a
collection has besides are no such settings: each has a page of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from widget_api import journal
from widget_api.errors import FieldError
from widget_api.i18n import DEFAULT_LANGUAGE, LANGUAGES

SiteType = Literal["basic", "extended"]
Moderation = Literal["before", "after"]
Moderator = Literal["agent", "operator"]
Contact = Literal["optional", "required"]
ConsentRule = Literal["always", "contacts"]  # which reports need consent
Appeals = Literal["off", "handoff"]
Discussion = Literal["off", "moderated"]
MailAnswers = Literal["publish", "hold"]
Outside = Literal["refuse", "forward"]

Editor = Literal["agency", "operator", "elsewhere"]  # who has it in the form of a site; elsewhere: on another page
Scope = Literal["children", "test", "site"]  # who has the site's value: all child sites, its test mode alone, or nobody

DEFAULT_TIME_ZONE = "Europe/Moscow"
MAX_NAME = 200  # characters of the name of a site or an agency
MAX_PHOTOS = 10  # photos of a report
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_SPDX = re.compile(r"[A-Za-z0-9.+-]{2,64}")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is known of a setting: `help` is its line in a command's help, `longest` in characters as typed.

    A value for which `holds` is false is an error with `code`. The journal has the values of those that are `listed`,
    of the others that they changed.
    """

    help: str
    editor: Editor
    scope: Scope
    listed: bool
    longest: int
    code: str
    holds: Callable[[Any], bool]
    name: str = ""
    default: Any = None
    is_number: bool = False
    is_optional: bool = False  # None where it is empty
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> Any:
        """The value of a form's field. A number that is none becomes -1, which no setting takes."""
        if not self.is_number:
            return text.lower() if self.code == "colour" else text
        return int(text) if text.isascii() and text.isdigit() and len(text) <= self.longest else -1

    def clean(self, value: Any) -> Any:
        """The value as it is stored."""
        if isinstance(value, str):
            value = value.strip()
        return value or None if self.is_optional else value

    def find_error(self, value: Any) -> FieldError | None:
        """What is wrong with a clean value."""
        if self.choices:
            return None if value in self.choices else FieldError(self.name, "unknown")
        if self.is_optional and value is None:
            return None
        if not self.holds(value):
            return FieldError(self.name, self.code)
        if len(str(value)) > self.longest:
            return FieldError(self.name, "too_long", (("max", self.longest),))
        return None


def _setting(
    help: str,  # noqa: A002 - the word of typer
    default: Any = None,
    *,
    editor: Editor = "agency",
    scope: Scope = "children",
    listed: bool = True,
    longest: int = MAX_NAME,
    code: str = "required",
    holds: Callable[[Any], bool] = bool,
) -> Any:
    one = Setting(help=help, editor=editor, scope=scope, listed=listed, longest=longest, code=code, holds=holds)
    return field(default=default, metadata={"setting": one})


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _is_url(text: str) -> bool:
    return text.startswith(("https://", "http://")) and text.isprintable() and " " not in text


def _is_license(text: str) -> bool:
    return _SPDX.fullmatch(text) is not None or _is_url(text)


@dataclass(frozen=True, kw_only=True)
class SiteSettings:
    """The settings of a site, in the order of the forms."""

    name: str = _setting("As residents read it.", "", scope="test", listed=False)
    language: str = _setting("Of letters and pages.", DEFAULT_LANGUAGE, code="language", holds=LANGUAGES.__contains__)
    contact: Contact = _setting("Whether an e-mail address is required.", "optional")
    consent: ConsentRule = _setting("Which reports need consent.", "always")
    photos: int = _setting(
        "How many a report may have.", 3, longest=2, code="photos", holds=lambda most: 0 <= most <= MAX_PHOTOS
    )
    accent: str | None = _setting(
        "Colour of the buttons: #rrggbb.", longest=7, code="colour", holds=lambda text: bool(_COLOUR.fullmatch(text))
    )
    appeals: Appeals = _setting("Formal appeals under 59-FZ.", "off", scope="test")
    appeals_url: str | None = _setting(
        "The site's form on the state portal.", scope="test", listed=False, longest=500, code="url", holds=_is_url
    )
    discussion: Discussion = _setting("Comments on problems.", "off", scope="site")
    mail_answers: MailAnswers = _setting("Answers by mail: at once, or once somebody looked.", "publish")
    outside: Outside = _setting("Reports of places outside the territory.", "refuse", scope="site")
    license: str = _setting(
        "Of the open data: an SPDX name or an address.", "CC-BY-4.0", longest=500, code="license", holds=_is_license
    )
    type: SiteType = _setting("basic: the form; extended: with the list too.", "extended", editor="operator")
    moderation: Moderation = _setting("Publish before or after a check.", "before", editor="operator", scope="test")
    moderator: Moderator = _setting("Who moderates.", "agent", editor="operator")
    time_zone: str = _setting(
        "For due dates.", DEFAULT_TIME_ZONE, editor="elsewhere", longest=64, code="time_zone", holds=_is_time_zone
    )
    retention_days: int = _setting(
        "Days personal data are kept after the last change.",
        journal.DEFAULT_RETENTION,
        editor="elsewhere",
        scope="site",
        longest=6,
        code="positive",
        holds=lambda days: days > 0,
    )


def _list_settings() -> dict[str, Setting]:
    hints, found = get_type_hints(SiteSettings), {}
    for one in fields(SiteSettings):
        hint = hints[one.name]
        found[one.name] = replace(
            one.metadata["setting"],
            name=one.name,
            default=one.default,
            is_number=hint is int,
            is_optional=type(None) in get_args(hint),
            choices=get_args(hint) if get_origin(hint) is Literal else (),
        )
    return found


SETTINGS: Mapping[str, Setting] = _list_settings()
LISTED = frozenset(name for name, one in SETTINGS.items() if one.listed)


def list_names(*, editor: Editor | None = None, scope: Scope | None = None) -> tuple[str, ...]:
    """The names of settings in the order of the forms: all, or those of an editor or a scope."""
    return tuple(
        name
        for name, one in SETTINGS.items()
        if (editor is None or one.editor == editor) and (scope is None or one.scope == scope)
    )


def clean_settings(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """Those settings that are among `values` as they are stored, and their errors in the order of the forms."""
    clean = {name: one.clean(values[name]) for name, one in SETTINGS.items() if name in values}
    wrong = [error for name, value in clean.items() if (error := SETTINGS[name].find_error(value)) is not None]
    if clean.get("appeals") == "handoff" and not clean.get("appeals_url"):  # a link needs its address
        wrong.append(FieldError("appeals_url", "required"))
    return clean, wrong
