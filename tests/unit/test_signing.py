"""Tokens are compatible with itsdangerous: what one release signed another can read."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from widget_api.signing import ADDRESS_LENGTH, MAXIMUM_LENGTH, SHORT, Purpose, Signer

NEW, OLD = "n" * 32, "o" * 32
PAYLOADS: tuple[Any, ...] = ("019ab123-aaaa-7bbb-8ccc-123456789abc", {"кто": "я", "when": 5}, ["слово " * SHORT], None)


def library(key: str, purpose: Purpose) -> URLSafeTimedSerializer:
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeTimedSerializer(key, salt=f"widget-api/{purpose.value[0]}", signer_kwargs=options)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_tokens_are_compatible_with_the_library(payload: Any) -> None:
    signer = Signer((NEW, OLD))
    token = signer.sign(Purpose.TRACK, payload)
    assert library(NEW, Purpose.TRACK).loads(token) == payload
    assert signer.read(Purpose.TRACK, token) == payload
    assert signer.read(Purpose.TRACK, str(library(OLD, Purpose.TRACK).dumps(payload))) == payload
    assert len(token) < MAXIMUM_LENGTH, "what is long is deflated"


def test_other_purposes_keys_changed_bytes_and_overlong_tokens_are_invalid() -> None:
    """Decompression of overlong tokens would not be bounded."""
    token = Signer((NEW,)).sign(Purpose.TRACK, "a")
    assert Signer((NEW,)).read(Purpose.TICKET, token) is None
    assert Signer((OLD,)).read(Purpose.TRACK, token) is None
    assert Signer((NEW,)).read(Purpose.TRACK, f"x{token}") is None

    token = Signer((NEW,)).sign(Purpose.TRACK, [hashlib.sha256(bytes([one])).hexdigest() for one in range(32)])
    assert len(token) > MAXIMUM_LENGTH
    assert library(NEW, Purpose.TRACK).loads(token)
    assert Signer((NEW,)).read(Purpose.TRACK, token) is None


PROBLEM = "019ab123-aaaa-7bbb-8ccc-123456789abc"


def test_address_tokens_survive_case_folding() -> None:
    token = Signer((OLD,)).sign_for_mail(Purpose.REPLY, PROBLEM, "site agency", 20_000)
    assert len(token) == ADDRESS_LENGTH
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz234567")
    rotated = Signer((NEW, OLD))
    for seen in (token, token.upper(), token.title()):
        assert rotated.read_mail_token(seen) == PROBLEM
        assert rotated.verify_mail_token(Purpose.REPLY, seen, "site agency", 20_365)


def test_foreign_expired_and_malformed_address_tokens_are_invalid() -> None:
    made: dict[str, Any] = {"purpose": Purpose.REPLY, "identifier": PROBLEM, "about": "site agency", "day": 20_000}
    signer = Signer((NEW,))
    valid = signer.sign_for_mail(**made)
    assert signer.verify_mail_token(Purpose.REPLY, valid, "site agency", 20_000)
    assert not Signer((OLD,)).verify_mail_token(Purpose.REPLY, valid, "site agency", 20_000)
    for changes, day in (
        ({"purpose": Purpose.BOUNCED_AGENCY}, 20_000),
        ({"about": "site another"}, 20_000),
        ({}, 20_366),
        ({}, 19_998),
        ({"identifier": "019ab123-aaaa-7bbb-8ccc-123456789abd"}, 20_000),
    ):
        token = signer.sign_for_mail(**{**made, **changes})
        if "identifier" in changes:  # the name of one with the signature of another
            token = token[:26] + valid[26:]
        assert not signer.verify_mail_token(Purpose.REPLY, token, "site agency", day), changes
    for token in ("", "a" * 47, "a" * 49, "1" * 48, "я" * 48, "=" * 48):
        assert signer.read_mail_token(token) is None, token
        assert not signer.verify_mail_token(Purpose.REPLY, token, "", 0), token
