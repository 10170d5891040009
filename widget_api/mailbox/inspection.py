"""All that is read of a letter before anything is decided about it; what cannot be read is known for that at once."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from widget_api.mailbox import bounces, kind, parse
from widget_api.mailbox.bounces import Failure
from widget_api.mailbox.kind import Classification
from widget_api.mailbox.model import Arrival
from widget_api.mailbox.parse import Letter
from widget_api.settings import Settings

log = logging.getLogger(__name__)


def inspect_letter(arrival: Arrival, settings: Settings) -> tuple[Letter, Classification, Failure | None]:
    """The letter, what it is, and of a returned one what failed.

    Raises TooComplex, also where the library stumbles over what was sent to it in a way nobody foresaw: such a letter
    would come again and again, and those behind it would wait.
    """
    try:
        letter = parse.read_letter(arrival.raw)
        found = kind.classify(
            letter.message,
            envelope_sender=arrival.sender,
            own=frozenset({settings.mailbox.lower()}),
            host=urlsplit(settings.public_url).hostname or "",
        )
        return letter, found, bounces.parse_failure(letter.message) if found.kind == "bounce" else None
    except (parse.TooComplex, MemoryError):
        raise
    except Exception as error:
        log.warning("a letter cannot be read: %s", type(error).__name__)
        raise parse.TooComplex from error
