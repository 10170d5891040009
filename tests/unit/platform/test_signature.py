"""Standard Webhooks signatures: the published example, and everything that must not pass."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from widget_api.platform.signature import TOLERANCE, is_valid, sign

# The example of the standard's own libraries (https://github.com/standard-webhooks/standard-webhooks).
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
MESSAGE, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_example_is_valid() -> None:
    assert sign(KEY, MESSAGE, AT, BODY)["webhook-signature"] == SIGNATURE


@given(key=st.text(min_size=1), body=st.binary(), late=st.integers(-TOLERANCE, TOLERANCE))
def test_signed_content_is_valid(key: str, body: bytes, late: int) -> None:
    assert is_valid(key, sign(key, "id", AT, body), body, AT + late)


def test_other_signatures_are_invalid() -> None:
    for changed in (
        {"webhook-id": "msg_other"},
        {"webhook-id": ""},
        {"webhook-timestamp": str(AT + 1)},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-signature": ""},
        {"webhook-signature": SIGNATURE.removeprefix("v1,")},
        {"webhook-signature": SIGNATURE.replace("v1", "v1a")},
        {"webhook-signature": "v1,\udcff"},
    ):
        headers = sign(KEY, MESSAGE, AT, BODY)
        assert is_valid(KEY, headers, BODY, AT)
        assert not is_valid(KEY, headers | changed, BODY, AT)


def test_one_valid_signature_is_enough_for_unchanged_body_key_and_time() -> None:
    headers = sign(KEY, MESSAGE, AT, BODY)
    assert not is_valid(KEY, headers, BODY + b" ", AT)
    assert not is_valid("whsec_AAAA", headers, BODY, AT)
    assert not is_valid(KEY, headers, BODY, AT + TOLERANCE + 1)
    assert not is_valid(KEY, headers, BODY, AT - TOLERANCE - 1)
    headers = sign(KEY, MESSAGE, AT, BODY)
    assert is_valid(KEY, headers | {"webhook-signature": f"v1,AAAA {SIGNATURE}"}, BODY, AT)
