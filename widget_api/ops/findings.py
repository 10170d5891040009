"""Define what the doctor finds: a check, whether it passed, and sentences that pages say in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from widget_api import clock, i18n

Value = str | int
_MOMENT = "_at"  # how the names of values end that are Unix times


@dataclass(frozen=True)
class Note:
    """A sentence: `code` names its text (`doctor.<code>`). A caution asks for a change although the service works."""

    code: str
    values: Mapping[str, Value]
    is_caution: bool = False

    def text(self, language: str, time_zone: str | None) -> str:
        moments = {
            name: i18n.format_moment(language, int(value), time_zone) if time_zone else clock.rfc3339(int(value))
            for name, value in self.values.items()
            if name.endswith(_MOMENT)
        }
        return i18n.text(language, f"doctor.{self.code}", **{**self.values, **moments})


def note(code: str, **values: Value) -> Note:
    return Note(code, values)


def caution(code: str, **values: Value) -> Note:
    return Note(code, values, is_caution=True)


def quote(error: object) -> Note:
    """The words of another program, which are not translated."""
    return note("quoted", text=str(error))


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    ok: bool
    notes: Sequence[Note]
    subject: str = ""  # what was checked, where there are several

    def text(self, language: str, time_zone: str | None = None) -> str:
        """The notes in words; moments as RFC 3339 has them, in a `time_zone` as people write them."""
        said = "; ".join(one.text(language, time_zone) for one in self.notes)
        return f"{self.subject}: {said}" if self.subject else said

    @property
    def detail(self) -> str:
        """The notes in English, for the command line."""
        return self.text("en")

    @property
    def is_caution(self) -> bool:
        """Whether something should be changed, although the check passed."""
        return self.ok and any(one.is_caution for one in self.notes)


def passed(name: str, *notes: Note) -> Finding:
    return Finding(name, True, notes)


def failed(name: str, *notes: Note) -> Finding:
    return Finding(name, False, notes)
