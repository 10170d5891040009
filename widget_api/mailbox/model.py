"""What becomes of a letter, and why it waits for somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["taken", "held", "ignored", "refused"]
# Why a letter is held, each with a sentence in the dictionaries (`mailbox.held.<reason>`).
REASONS = (
    *("token", "sender", "dmarc", "site", "moderator", "spam", "status", "unclear", "empty"),
    *("date", "date_past", "text", "expected_on", "responsible", "duplicate_of", "too_long", "other"),
)
MAX_HELD = 20  # of one problem, of senders nobody vouches for


@dataclass(frozen=True)
class Arrival:
    """A letter as it came, with what its envelope says. `sender` None: nobody told it (a mailbox that was read)."""

    raw: bytes = field(repr=False)
    sender: str | None
    recipients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is written down of a letter."""

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
