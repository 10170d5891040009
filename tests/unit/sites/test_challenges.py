"""Challenges and tickets: unsolved, foreign and used solutions are refused."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tests.unit.sites.test_origins import site
from widget_api import clock
from widget_api.errors import DomainError, Malformed, Refused, TooMany
from widget_api.signing import Signer
from widget_api.sites import tickets
from widget_api.sites.tickets import CHALLENGE_LIFETIME, MAX_OUTSTANDING, Challenges, solve_challenge

SECRET = "a-secret-of-more-than-thirty-two-characters"
OLDER = "an-older-secret-of-more-than-32-characters"
ORIGIN = "https://city.test"
GREATEST_NUMBER = tickets.MAX_NUMBER


@pytest.fixture(autouse=True)
def small_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "MAX_NUMBER", 200)


def changed(payload: str, **fields: Any) -> str:
    return base64.b64encode(json.dumps(json.loads(base64.b64decode(payload)) | fields).encode()).decode()


def issued(challenges: Challenges, origin: str = ORIGIN) -> dict[str, Any]:
    return challenges.issue("site", origin, "192.0.2.1")


def test_a_correct_solution_is_accepted_once_in_the_altcha_format() -> None:
    challenge = issued(Challenges((SECRET,)))
    assert set(challenge) == {"algorithm", "challenge", "maxnumber", "salt", "signature"}
    assert challenge["algorithm"] == "SHA-256"
    challenges = Challenges((SECRET,))
    payload = solve_challenge(issued(challenges))
    first, again = (challenges.verify(payload, "site", ORIGIN) for _ in range(2))
    assert first.id == again.id, "the same solution must be the same thing to spend"
    assert 0 < first.expires_at - clock.now() <= CHALLENGE_LIFETIME
    # Spellings of one salt are one solution.
    challenges = Challenges((SECRET,))
    payload = solve_challenge(issued(challenges))
    salt = json.loads(base64.b64decode(payload))["salt"]
    respelt = changed(payload, salt=salt.removesuffix("&"))
    assert challenges.verify(respelt, "site", ORIGIN).id == challenges.verify(payload, "site", ORIGIN).id


def test_the_proof_of_work_suits_phones_and_reveals_nothing_about_the_visitor() -> None:
    """At 105,000 hashes a second (630,000 at a sixth), using half the processor, the budget is 2 seconds."""
    assert GREATEST_NUMBER / 105_000 * 2 <= 2
    challenge = Challenges((SECRET,)).issue("site", ORIGIN, "192.0.2.1")
    assert "192" not in parse_qs(challenge["salt"].partition("?")[2])["n"][0].split(".")


def test_challenges_are_bound_to_site_origin_time_and_secret() -> None:
    """Their solutions are valid after a secret rotation."""
    challenges = Challenges((SECRET,))
    payload = solve_challenge(issued(challenges))
    for site_id, origin in (("other", ORIGIN), ("site", "https://evil.test")):
        with pytest.raises(Refused, match="challenge_invalid"):
            challenges.verify(payload, site_id, origin)
    with time_machine.travel(clock.now() + CHALLENGE_LIFETIME + 1), pytest.raises(Refused, match="challenge_expired"):
        challenges.verify(payload, "site", ORIGIN)
    payload = solve_challenge(issued(Challenges((OLDER,))))
    Challenges((SECRET, OLDER)).verify(payload, "site", ORIGIN)
    with pytest.raises(Refused, match="challenge_invalid"):
        Challenges((SECRET,)).verify(payload, "site", ORIGIN)


def test_no_part_can_be_changed() -> None:
    challenges = Challenges((SECRET,))
    challenge = issued(challenges)
    payload = solve_challenge(challenge)
    number = json.loads(base64.b64decode(payload))["number"]
    later = challenge["salt"].replace("expires=", "expires=9")
    for fields in (
        {"number": number + 1},
        {"salt": later},
        {"salt": challenge["salt"] + "expires=9999999999&"},
        {"salt": challenge["salt"].replace("city.test", "evil.test")},
        {"signature": "0" * 64},
        {"challenge": "0" * 64},
        {"algorithm": "SHA-1"},
    ):
        with pytest.raises(Refused, match="challenge_invalid"):
            challenges.verify(changed(payload, **fields), "site", ORIGIN)


@given(
    st.one_of(
        st.text(max_size=50),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["salt", "number"]), inner),
        ).map(lambda value: base64.b64encode(json.dumps(value).encode()).decode()),
        st.fixed_dictionaries(
            {
                name: st.one_of(st.integers(), st.text(max_size=20), st.none(), st.just("SHA-256"))
                for name in ("algorithm", "challenge", "number", "salt", "signature")
            }
        ).map(lambda value: base64.b64encode(json.dumps(value).encode()).decode()),
    )
)
def test_invalid_payloads_raise_domain_errors(payload: str) -> None:
    with pytest.raises(DomainError) as refusal:
        Challenges((SECRET,)).verify(payload, "site", ORIGIN)
    assert isinstance(refusal.value, Malformed | Refused)


def test_a_long_payload_is_not_even_decoded() -> None:
    with pytest.raises(Malformed):
        Challenges((SECRET,)).verify("A" * 100_000, "site", ORIGIN)


def test_outstanding_challenges_are_limited_by_address_and_site() -> None:
    for sender, same, other in (
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
    ):
        challenges = Challenges((SECRET,))
        for _ in range(MAX_OUTSTANDING):
            challenges.issue("site", ORIGIN, sender)
        with pytest.raises(TooMany) as refusal:
            challenges.issue("site", ORIGIN, same)
        assert 0 < refusal.value.retry_after <= CHALLENGE_LIFETIME, sender
        challenges.issue("site", ORIGIN, other)
        challenges.issue("another site", ORIGIN, sender)
        with time_machine.travel(clock.now() + CHALLENGE_LIFETIME + 1):
            challenges.issue("site", ORIGIN, same)


def test_expired_challenges_are_dropped_and_outstanding_ones_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "_MAX_SENDERS", 10)
    monkeypatch.setattr(tickets, "MAX_OUTSTANDING", 2)
    challenges = Challenges((SECRET,))
    for last in range(100):
        challenges.issue("site", ORIGIN, f"192.0.2.{last}")
        with contextlib.suppress(TooMany):
            challenges.issue("site", ORIGIN, "198.51.100.1")
        assert len(challenges._outstanding) <= 10
    with pytest.raises(TooMany):
        challenges.issue("site", ORIGIN, "198.51.100.1")
    with time_machine.travel(clock.now() + CHALLENGE_LIFETIME + 1):
        challenges.issue("site", ORIGIN, "192.0.2.200")
        assert len(challenges._outstanding) == 1


def test_a_solved_challenge_makes_room() -> None:
    challenges = Challenges((SECRET,))
    for _ in range(MAX_OUTSTANDING - 1):
        issued(challenges)
    solved = challenges.verify(solve_challenge(issued(challenges)), "site", ORIGIN)
    with pytest.raises(TooMany):
        issued(challenges)
    challenges.release(solved)
    issued(challenges)


def test_missing_forged_foreign_and_expired_tickets_have_separate_errors() -> None:
    signer = Signer((SECRET,))
    with time_machine.travel(NOON, tick=False):
        token, expires = tickets.issue_ticket(signer, site(), ORIGIN)
    assert expires == NOON + tickets.TICKET_LIFETIME
    assert tickets.read_ticket(signer, token, site(), ORIGIN) == tickets.read_ticket(signer, token, site(), ORIGIN)
    for absent in (None, ""):
        with pytest.raises(Refused, match="ticket_missing"):
            tickets.read_ticket(signer, absent, site(), ORIGIN)
        assert tickets.read_ticket(signer, absent, site(), ORIGIN, required=False) is None
    token, expires = tickets.issue_ticket(signer, site(), ORIGIN)
    with pytest.raises(Refused, match="ticket_invalid"):
        tickets.read_ticket(signer, "x" + token, site(), ORIGIN)
    with pytest.raises(Refused, match="ticket_invalid"):
        tickets.read_ticket(Signer((OLDER,)), token, site(), ORIGIN)
    with pytest.raises(Refused, match="ticket_other_site"):
        tickets.read_ticket(signer, token, site(), "https://evil.test")
    with time_machine.travel(expires + 1), pytest.raises(Refused, match="ticket_expired"):
        tickets.read_ticket(signer, token, site(), ORIGIN)
    with time_machine.travel(expires + 90_000), pytest.raises(Refused, match="ticket_invalid"):
        tickets.read_ticket(signer, token, site(), ORIGIN)
