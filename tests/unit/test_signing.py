"""Tokens are the library's own, however they are made: what one release signed another reads."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from widget_api.signing import ADDRESS_LENGTH, MAXIMUM_LENGTH, SHORT, Purpose, Signer

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


def test_a_token_of_ours_that_is_too_long_is_none() -> None:
    """It would be inflated, and what it becomes has no bound."""
    token = Signer((NEW,)).sign(Purpose.TRACK, [hashlib.sha256(bytes([one])).hexdigest() for one in range(32)])
    assert len(token) > MAXIMUM_LENGTH
    assert library(NEW, Purpose.TRACK).loads(token)
    assert Signer((NEW,)).read(Purpose.TRACK, token) is None


PROBLEM = "019ab123-aaaa-7bbb-8ccc-123456789abc"


def test_a_token_for_an_address_survives_what_mail_systems_do_to_it() -> None:
    token = Signer((OLD,)).sign_for_mail(Purpose.REPLY, PROBLEM, "site agency", 20_000)
    assert len(token) == ADDRESS_LENGTH
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz234567")
    rotated = Signer((NEW, OLD))
    for seen in (token, token.upper(), token.title()):
        assert rotated.read_mail_token(seen) == PROBLEM
        assert rotated.verify_mail_token(Purpose.REPLY, seen, "site agency", 20_365)


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({"purpose": Purpose.BOUNCED_AGENCY}, 20_000),
        ({"about": "site another"}, 20_000),
        ({}, 20_366),
        ({}, 19_998),
        ({"identifier": "019ab123-aaaa-7bbb-8ccc-123456789abd"}, 20_000),
    ],
)
def test_one_that_is_anothers_or_too_old_does_not_hold(changes: dict[str, Any], day: int) -> None:
    made: dict[str, Any] = {"purpose": Purpose.REPLY, "identifier": PROBLEM, "about": "site agency", "day": 20_000}
    signer = Signer((NEW,))
    assert signer.verify_mail_token(Purpose.REPLY, signer.sign_for_mail(**made), "site agency", 20_000)
    given = {**made, **changes}
    token = signer.sign_for_mail(**given)
    if "identifier" in changes:  # the name of one, the seal of another
        token = token[:26] + signer.sign_for_mail(**made)[26:]
    assert not signer.verify_mail_token(Purpose.REPLY, token, "site agency", day)
    assert not Signer((OLD,)).verify_mail_token(Purpose.REPLY, signer.sign_for_mail(**made), "site agency", 20_000)


@pytest.mark.parametrize("token", ["", "a" * 47, "a" * 49, "1" * 48, "я" * 48, "=" * 48])
def test_what_is_no_token_for_an_address_names_nothing(token: str) -> None:
    assert Signer((NEW,)).read_mail_token(token) is None
    assert not Signer((NEW,)).verify_mail_token(Purpose.REPLY, token, "", 0)
