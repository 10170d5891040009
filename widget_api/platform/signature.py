"""Create and verify Standard Webhooks signatures: HMAC-SHA-256 over id, timestamp and body.

See https://www.standardwebhooks.com/, 1.0. The standard's own library would need more code around it: it has a clock of
its own, treats a body as text only, and raises errors of several kinds if a header is not a signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE = 300  # seconds by which a message's timestamp may differ from now
MIN_KEY_LENGTH = 16  # bytes of a secret that cannot be guessed in practice
_PREFIX = "whsec_"


def decode_secret(key: str) -> bytes:
    """Decode a key of the standard's form, `whsec_` and base64; any other key is used as it is."""
    if key.startswith(_PREFIX):
        try:
            return base64.b64decode(key.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return key.encode()


def is_strong(key: str) -> bool:
    """Whether a key is too long to be guessed."""
    return len(decode_secret(key)) >= MIN_KEY_LENGTH


def is_readable(key: str) -> bool:
    """Whether the part after `whsec_`, if any, is base64, as receivers expect."""
    return not key.startswith(_PREFIX) or decode_secret(key) != key.encode()


def sign(key: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a signed message."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{_digest(key, message_id, str(at), body)}",
    }


def is_valid(key: str, headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Whether one of the signatures was made with this key, and the timestamp is within TOLERANCE of now."""
    message_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not at.isascii() or not at.isdigit() or len(at) > 12 or abs(now - int(at)) > TOLERANCE:
        return False
    expected = _digest(key, message_id, at, body).encode()
    signatures = (signature.partition(",") for signature in headers.get("webhook-signature", "").split()[:20])
    return any(
        version == "v1" and hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected)
        for version, _, signature in signatures
    )


def _digest(key: str, message_id: str, at: str, body: bytes) -> str:
    signed = f"{message_id}.{at}.".encode("utf-8", "surrogatepass") + body
    return base64.b64encode(hmac.new(decode_secret(key), signed, hashlib.sha256).digest()).decode()
