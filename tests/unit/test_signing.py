"""Tokens are the library's own, however they are made: what one release signed another reads."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from widget_api.signing import MAXIMUM_LENGTH, SHORT, Purpose, Signer

NEW, OLD = "n" * 32, "o" * 32
PAYLOADS: tuple[Any, ...] = (
    "019ab123-aaaa-7bbb-8ccc-123456789abc",
    {"кто": "я", "when": 5},
    ["слово " * SHORT],
    None,
)


def library(key: str, purpose: Purpose) -> URLSafeTimedSerializer:
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeTimedSerializer(key, salt=f"widget-api/{purpose.value[0]}", signer_kwargs=options)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_library_reads_what_is_signed_and_the_other_way_round(payload: Any) -> None:
    signer = Signer((NEW, OLD))
    token = signer.sign(Purpose.TRACK, payload)
    assert library(NEW, Purpose.TRACK).loads(token) == payload
    assert signer.read(Purpose.TRACK, token) == payload
    assert signer.read(Purpose.TRACK, str(library(OLD, Purpose.TRACK).dumps(payload))) == payload
    assert len(token) < MAXIMUM_LENGTH, "what is long is deflated"


def test_another_purpose_another_key_or_another_byte_is_none() -> None:
    token = Signer((NEW,)).sign(Purpose.TRACK, "a")
    assert Signer((NEW,)).read(Purpose.TICKET, token) is None
    assert Signer((OLD,)).read(Purpose.TRACK, token) is None
    assert Signer((NEW,)).read(Purpose.TRACK, f"x{token}") is None
