"""Data classes of an incoming letter and of its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["taken", "held", "ignored", "refused"]
# Why a letter is held, each with a sentence in the dictionaries (`mailbox.held.<reason>`).
REASONS = (
    *("token", "sender", "dmarc", "site", "moderator", "spam", "status", "unclear", "empty", "disabled"),
    *("date", "date_past", "text", "expected_on", "responsible", "duplicate_of", "too_long", "photo_after", "other"),
)
MAX_HELD = 20  # letters of unverified senders held for one problem


@dataclass(frozen=True)
class Arrival:
    """A letter as received, with its envelope. `sender` is None if unknown, as for a polled mailbox."""

    raw: bytes = field(repr=False)
    sender: str | None
    recipients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome that is recorded of a letter."""

    kind: Literal["answer", "bounce", "automatic", "loop", "other"]
    state: State
    reason: str | None = None
    site_id: str | None = None
    problem_id: str | None = None
    sender: str | None = None
    subject: str | None = None
    text: str | None = None
    status: str | None = None
    expected_on: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    event_id: str | None = None
    stored: str | None = None
