"""Sign and verify tokens: one salt and maximum age per purpose, keys that can be rotated, a limit on the length."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from itsdangerous import Signer as Sealing
from itsdangerous.encoding import base64_encode, want_bytes
from itsdangerous.signer import SigningAlgorithm

from widget_api.clock import DAY, HOUR

MAXIMUM_LENGTH = 1024  # itsdangerous inflates: a 65 kB token can become 50 MB
SHORT = 100  # bytes; compression hardly shortens such payloads
ADDRESS_LENGTH = 48  # characters of a token in a mail address: an identifier, a day and a seal, in base32
_SEAL = 12  # bytes; RFC 2104, section 5, allows truncation to 10 bytes or more


class Purpose(Enum):
    """Salt and maximum age in seconds of each kind of token."""

    TICKET = ("ticket", DAY)  # has its own expiry after two hours; an expired one is reported as such, not as forged
    TRACK = ("track", 5 * 365 * DAY)
    CONFIRM = ("confirm", 30 * DAY)
    FORM = ("form", 12 * HOUR)
    PHOTO = ("photo", DAY)
    PICTURE = ("picture", 7 * DAY)  # a seal, with its own expiry
    HIDDEN_PICTURE = ("hidden-picture", DAY)  # the same
    DOCUMENT = ("document", 7 * DAY)  # the same
    DEVICE = ("device", 180 * DAY)  # the same
    DOCUMENT_TOKEN = ("document-token", DAY)
    REPLY = ("reply", 365 * DAY)  # in a mail address, like the three below
    BOUNCED_AGENCY = ("bounced-agency", 60 * DAY)  # servers give up after five days; some queues are slower
    BOUNCED_CONTACT = ("bounced-contact", 60 * DAY)
    BOUNCED_FOLLOWER = ("bounced-follower", 60 * DAY)
    REPORTS = ("reports", DAY)
    FOLLOW = ("follow", 30 * DAY)
    UNFOLLOW = ("unfollow", 5 * 365 * DAY)
    COMMENT = ("comment", 30 * DAY)
    OWN_COMMENT = ("own-comment", 5 * 365 * DAY)
    ACTION = ("action", 30 * DAY)
    OWN_ACTION = ("own-action", 5 * 365 * DAY)
    ENTRY_LINK = ("entry-link", 5 * 365 * DAY)
    RENEW = ("renew", 400 * DAY)
    VISIT = ("visit", 366 * DAY)
    MODERATE = ("moderate", 30 * DAY)
    UNSUBSCRIBE = ("unsubscribe", 5 * 365 * DAY)
    PREVIEW = ("preview", HOUR)
    ORIGIN_PROOF = ("origin-proof", 0)  # a seal that is public: what an agency puts on a site to prove it
    INSTALL = ("install", 90 * DAY)
    CABINET_FORM = ("cabinet-form", DAY)  # a seal: it expires with its session, and then identifies the user
    PASSWORD = ("password", 1800)
    SECOND_STEP = ("second-step", 600)  # of a sign-in: the password was right, the code is missing
    PROVIDER = ("provider", 600)  # a sign-in under way at a provider
    FACTOR_SETUP = ("factor-setup", 900)
    COUNT = ("count", 20 * 365 * DAY)  # of a vote, on paper
    APPLICATION = ("application", 120 * DAY)  # beyond the time for which an application is kept


class _Sha256(SigningAlgorithm):
    """The library's HMAC, computed in one call instead of with three objects."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha256")


class _CachingSigner(TimestampSigner):
    """A signer that caches derived keys. The library derives them for every token, as slowly as it signs."""

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        return _derived(self.secret_keys[-1] if secret_key is None else want_bytes(secret_key), self.salt)


@lru_cache(maxsize=64)
def _derived(secret_key: bytes, salt: bytes) -> bytes:
    return hmac.new(secret_key, salt, hashlib.sha256).digest()


class Signer:
    """Signs with the newest key and verifies with any. Payloads are not encrypted: they must not have personal data."""

    def __init__(self, secret_keys: tuple[str, ...]) -> None:
        oldest_first = list(reversed(secret_keys))  # itsdangerous signs with the last
        self._seals = {
            purpose: Sealing(
                oldest_first,
                salt=f"widget-api/{purpose.value[0]}/seal",
                digest_method=hashlib.sha256,
                key_derivation="hmac",
            )
            for purpose in (
                Purpose.PICTURE,
                Purpose.HIDDEN_PICTURE,
                Purpose.DOCUMENT,
                Purpose.DEVICE,
                Purpose.CABINET_FORM,
                Purpose.ORIGIN_PROOF,
            )
        }
        self._serializers = {
            purpose: URLSafeTimedSerializer(
                oldest_first,
                salt=f"widget-api/{purpose.value[0]}",
                signer=_CachingSigner,
                signer_kwargs={"algorithm": _Sha256(), "key_derivation": "hmac"},
            )
            for purpose in Purpose
        }
        self._keys = tuple(want_bytes(key) for key in secret_keys)
        self._signers = {purpose: serializer.make_signer() for purpose, serializer in self._serializers.items()}

    def sign(self, purpose: Purpose, payload: Any) -> str:
        """Sign a payload. Short ones bypass the serializer, whose compression would take longer than the signature."""
        text = orjson.dumps(payload)
        if len(text) > SHORT:
            return str(self._serializers[purpose].dumps(payload))
        return self._signers[purpose].sign(base64_encode(text)).decode()

    def read(self, purpose: Purpose, token: str) -> Any | None:
        """Return the payload; None if the token is forged, of another purpose, too old or too long."""
        if len(token) > MAXIMUM_LENGTH:
            return None
        try:
            return self._serializers[purpose].loads(token, max_age=purpose.value[1])
        except BadData:
            return None

    def seal(self, purpose: Purpose, text: str) -> str:
        """Return a signature without a time, so that equal texts give equal URLs.

        The text of what expires has to contain an expiry.
        """
        return self._seals[purpose].get_signature(text).decode()

    def verify_seal(self, purpose: Purpose, text: str, seal: str) -> bool:
        return len(seal) < MAXIMUM_LENGTH and self._seals[purpose].verify_signature(text, seal)

    def sign_for_mail(self, purpose: Purpose, identifier: str, about: str, day: int) -> str:
        """Return a token for the local part of a mail address: short, and independent of case.

        It contains the identifier (a UUID) and the day (since 1970). `about` is further data that has to be the same
        when the token is verified.
        """
        named = UUID(identifier).bytes + day.to_bytes(2, "big")
        seal = _address_seal(self._keys[0], purpose, named, about)
        return base64.b32encode(named + seal).decode().lower()

    def read_mail_token(self, token: str) -> str | None:
        """Return the identifier in a token of a mail address without verifying it; None if it is not a token."""
        content = _address_bytes(token)
        return None if content is None else str(UUID(bytes=content[:16]))

    def verify_mail_token(self, purpose: Purpose, token: str, about: str, day: int) -> bool:
        """Whether the token is genuine, for this purpose and `about`, and not too old on `day`."""
        content = _address_bytes(token)
        if content is None:
            return False
        signed_part, seal = content[:-_SEAL], content[-_SEAL:]
        made_on = int.from_bytes(signed_part[16:], "big")
        sealed = any(hmac.compare_digest(_address_seal(key, purpose, signed_part, about), seal) for key in self._keys)
        return sealed and made_on <= day + 1 and day <= made_on + purpose.value[1] // DAY


def _address_seal(key: bytes, purpose: Purpose, named: bytes, about: str) -> bytes:
    salted = _derived(key, f"widget-api/{purpose.value[0]}/address".encode())
    return hmac.digest(salted, named + about.encode(), "sha256")[:_SEAL]


def _address_bytes(token: str) -> bytes | None:
    if len(token) != ADDRESS_LENGTH:
        return None
    try:
        return base64.b32decode(token.upper().encode())
    except (binascii.Error, ValueError):  # ValueError: letters outside ASCII
        return None
