"""Standard Webhooks signatures: HMAC-SHA-256 over id, timestamp and body (https://www.standardwebhooks.com/, 1.0).

The standard's library would need more lines around it: it has a clock of its own, takes a body for text alone, and
raises errors of several kinds where a header is no signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE = 300  # seconds a message may be old or early
MIN_KEY_LENGTH = 16  # bytes of a secret that takes longer to guess than anybody has
_PREFIX = "whsec_"


def decode_secret(key: str) -> bytes:
    """`whsec_` and base64, as the standard has it; any other key counts as it stands."""
    if key.startswith(_PREFIX):
        try:
            return base64.b64decode(key.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return key.encode()


def is_strong(key: str) -> bool:
    """Whether nobody guesses it."""
    return len(decode_secret(key)) >= MIN_KEY_LENGTH


def is_readable(key: str) -> bool:
    """Whether what follows `whsec_` is base64, as whoever receives will take it."""
    return not key.startswith(_PREFIX) or decode_secret(key) != key.encode()


def sign(key: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of a message."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{_digest(key, message_id, str(at), body)}",
    }


def is_valid(key: str, headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Whether one of the signatures is this key's, and the message of now."""
    message_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not at.isascii() or not at.isdigit() or len(at) > 12 or abs(now - int(at)) > TOLERANCE:
        return False
    expected = _digest(key, message_id, at, body).encode()
    offered = (one.partition(",") for one in headers.get("webhook-signature", "").split()[:20])
    return any(
        version == "v1" and hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected)
        for version, _, signature in offered
    )


def _digest(key: str, message_id: str, at: str, body: bytes) -> str:
    signed = f"{message_id}.{at}.".encode("utf-8", "surrogatepass") + body
    return base64.b64encode(hmac.new(decode_secret(key), signed, hashlib.sha256).digest()).decode()
