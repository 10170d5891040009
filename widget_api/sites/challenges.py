"""Proof of work before a report (altcha): bound to site and origin, good once, outstanding ones capped per sender."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
from altcha.v1 import ChallengeOptions, PayloadType, create_challenge, verify_solution

from widget_api import clock
from widget_api.errors import Malformed, Refused, TooMany
from widget_api.web.limits import network_of

# The widget's solver does 630,000 hashes a second on a desk and 105,000 on a mid-range phone: 0.95 s there at worst,
# in time slices of half the processor, so below 2 s (contract, budgets).
GREATEST_NUMBER = 100_000
LIFE = 600  # seconds
# Unsolved ones that an address (an IPv6 /64) may hold on one site: a widget asks for one when its form opens, and
# solves it. Counted as the rates are, and no wider: a /24 of a mobile operator is thousands of people, and one of them
# must not close the form to all others, on every site at once.
OUTSTANDING = 500
_SENDERS = 50_000  # remembered at most, so that a flood from everywhere does not fill the memory
_LONGEST_PAYLOAD = 4096
_FIELDS = {"algorithm": str, "challenge": str, "number": int, "salt": str, "signature": str}


@dataclass(frozen=True)
class Solved:
    """A challenge somebody did the work for. `id` is to be spent: whoever inserts it first used it."""

    id: str
    expires_at: int
    sender: str


class Challenges:
    """Makes and checks challenges. What is outstanding is known to this process only, which is enough for a cap."""

    def __init__(self, secret_keys: tuple[str, ...]) -> None:
        self._keys = [_derived(key, b"challenge") for key in secret_keys]  # newest first
        self._sender_key = _derived(secret_keys[-1], b"sender")
        self._outstanding: dict[str, deque[int]] = {}

    def issue(self, site_id: str, origin: str, address: str) -> dict[str, Any]:
        """A challenge in altcha's own words. Raises TooMany where the sender holds too many unsolved ones."""
        now = clock.now()
        sender = self._name_of(f"{site_id} {network_of(address)}")
        expires = now + LIFE
        self._count(sender, now, expires)
        challenge = create_challenge(
            ChallengeOptions(
                algorithm="SHA-256",
                max_number=GREATEST_NUMBER,
                hmac_key=self._keys[0],
                expires=datetime.fromtimestamp(expires, UTC),
                params={"s": site_id, "o": origin, "n": sender},
            )
        )
        return {
            "algorithm": challenge.algorithm,
            "challenge": challenge.challenge,
            "maxnumber": challenge.max_number,
            "salt": challenge.salt,
            "signature": challenge.signature,
        }

    def solved(self, payload: str, site_id: str, origin: str) -> Solved:
        """Check a solution (altcha's base64 payload). Raises Malformed, or Refused: challenge_invalid or _expired."""
        fields = _fields(payload)
        if fields["algorithm"] != "SHA-256":
            raise Refused("challenge_invalid")
        if not any(verify_solution(cast(PayloadType, fields), key, check_expires=False)[0] for key in self._keys):
            raise Refused("challenge_invalid")
        bound = _bound(fields["salt"])
        if bound.get("s") != site_id or bound.get("o") != origin:
            raise Refused("challenge_invalid")
        expires = int(bound["expires"])
        if expires <= clock.now():
            raise Refused("challenge_expired")
        return Solved(f"c:{fields['challenge']}", expires, bound["n"])

    def settle(self, solved: Solved) -> None:
        """A solved challenge is outstanding no more."""
        waiting = self._outstanding.get(solved.sender)
        if waiting:
            waiting.popleft()

    def _count(self, sender: str, now: int, expires: int) -> None:
        waiting = self._outstanding.pop(sender, None)
        if waiting is None:
            waiting = deque()
            self._forget(now)
        self._outstanding[sender] = waiting  # whoever asked last stands last
        while waiting and waiting[0] <= now:
            waiting.popleft()
        if len(waiting) >= OUTSTANDING:
            raise TooMany(max(1, waiting[0] - now))
        waiting.append(expires)

    def _forget(self, now: int) -> None:
        """Make room: drop those who asked longest ago, while they hold nothing any more or too many are remembered.

        Only those are looked at: a flood from everywhere must not cost the more the longer it lasts.
        """
        while self._outstanding:
            sender, waiting = next(iter(self._outstanding.items()))
            if len(self._outstanding) < _SENDERS and waiting and waiting[-1] > now:
                return
            del self._outstanding[sender]

    def _name_of(self, sender: str) -> str:
        """The salt can be read by the page: it must not tell the visitor's address to it."""
        return hmac.new(self._sender_key, sender.encode(), hashlib.sha256).hexdigest()[:16]


def solve(challenge: dict[str, Any]) -> str:
    """What the widget does, for tests and the demonstration: the payload that answers a challenge."""
    for number in range(math.floor(challenge["maxnumber"]) + 1):
        digest = hashlib.sha256(f"{challenge['salt']}{number}".encode()).hexdigest()
        if digest == challenge["challenge"]:
            fields = {name: challenge[name] for name in ("algorithm", "challenge", "salt", "signature")}
            return base64.b64encode(orjson.dumps(fields | {"number": number})).decode()
    raise ValueError("the challenge has no solution")


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return hmac.new(secret_key.encode(), b"widget-api/" + purpose, hashlib.sha256).digest()


def _fields(payload: str) -> dict[str, Any]:
    if len(payload) > _LONGEST_PAYLOAD:
        raise Malformed("challenge_malformed")
    try:
        fields = orjson.loads(base64.b64decode(payload, validate=True))
    except (binascii.Error, ValueError):
        raise Malformed("challenge_malformed") from None
    if not isinstance(fields, dict) or any(type(fields.get(name)) is not kind for name, kind in _FIELDS.items()):
        raise Malformed("challenge_malformed")
    return fields


def _bound(salt: str) -> dict[str, str]:
    """What the signature covers besides the random part: site, origin, sender, expiry."""
    return dict(parse_qsl(salt.partition("?")[2]))
