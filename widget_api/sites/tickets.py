"""Issue proof-of-work challenges (altcha), and exchange solved ones for signed tickets.

Both are bound to a site and an origin and valid once, a ticket for two hours. The number of unsolved challenges per
sender is limited.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import math
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
from altcha.v1 import ChallengeOptions, PayloadType, create_challenge, verify_solution

from widget_api import clock
from widget_api.database import Database, Transaction, batched_delete
from widget_api.errors import Malformed, Refused, TooMany, Unavailable
from widget_api.signing import Purpose, Signer
from widget_api.sites.model import Site
from widget_api.web.limits import network_of

# The widget's solver does 630,000 hashes a second on a desktop and 105,000 on a mid-range phone: 0.95 s there at worst,
# below 2 s with half of the processor (contract, budgets).
MAX_NUMBER = 100_000
CHALLENGE_LIFETIME = 600  # seconds
# Unsolved challenges of an address (an IPv6 /64) on one site; a widget requests one when its form opens, and solves it.
# Not counted per larger network: a mobile operator's /24 is thousands of people, whom one of them must not lock out.
MAX_OUTSTANDING = 500
_MAX_SENDERS = 50_000  # limits the memory used under a distributed flood
_MAX_PAYLOAD_LENGTH = 4096
_FIELDS = {"algorithm": str, "challenge": str, "number": int, "salt": str, "signature": str}


@dataclass(frozen=True)
class SolvedChallenge:
    """A solved challenge. Its `id` is to be inserted into `spent`, which succeeds only once."""

    id: str
    expires_at: int
    sender: str


class Challenges:
    """Issues and verifies challenges. Outstanding ones are counted per process, which suffices for a limit."""

    def __init__(self, secret_keys: tuple[str, ...]) -> None:
        self._keys = [_derive_key(key, b"challenge") for key in secret_keys]  # newest first
        self._sender_key = _derive_key(secret_keys[-1], b"sender")
        self._outstanding: dict[str, deque[int]] = {}

    def issue(self, site_id: str, origin: str, address: str) -> dict[str, Any]:
        """A challenge in altcha's format. Raises TooMany where the sender holds too many unsolved ones."""
        now = clock.now()
        sender = self._hash_sender(f"{site_id} {network_of(address)}")
        expires = now + CHALLENGE_LIFETIME
        self._count(sender, now, expires)
        challenge = create_challenge(
            ChallengeOptions(
                algorithm="SHA-256",
                max_number=MAX_NUMBER,
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

    def verify(self, payload: str, site_id: str, origin: str) -> SolvedChallenge:
        """Check a solution (altcha's base64 payload). Raises Malformed, or Refused: challenge_invalid or _expired."""
        fields = _parse_payload(payload)
        if fields["algorithm"] != "SHA-256":
            raise Refused("challenge_invalid")
        if not any(verify_solution(cast(PayloadType, fields), key, check_expires=False)[0] for key in self._keys):
            raise Refused("challenge_invalid")
        bound = _bound_values(fields["salt"])
        if bound.get("s") != site_id or bound.get("o") != origin:
            raise Refused("challenge_invalid")
        expires = int(bound["expires"])
        if expires <= clock.now():
            raise Refused("challenge_expired")
        return SolvedChallenge(f"c:{fields['challenge']}", expires, bound["n"])

    def release(self, solved: SolvedChallenge) -> None:
        """Stop counting a solved challenge as outstanding."""
        waiting = self._outstanding.get(solved.sender)
        if waiting:
            waiting.popleft()

    def _count(self, sender: str, now: int, expires: int) -> None:
        waiting = self._outstanding.pop(sender, None)
        if waiting is None:
            waiting = deque()
            self._drop_idle(now)
        self._outstanding[sender] = waiting  # the most recent sender is last
        while waiting and waiting[0] <= now:
            waiting.popleft()
        if len(waiting) >= MAX_OUTSTANDING:
            raise TooMany(max(1, waiting[0] - now))
        waiting.append(expires)

    def _drop_idle(self, now: int) -> None:
        """Drop the least recent senders while they hold no challenge or there are too many senders.

        Only these are examined, so that the cost does not grow during a flood.
        """
        while self._outstanding:
            sender, waiting = next(iter(self._outstanding.items()))
            if len(self._outstanding) < _MAX_SENDERS and waiting and waiting[-1] > now:
                return
            del self._outstanding[sender]

    def _hash_sender(self, sender: str) -> str:
        """A keyed hash of the sender: the salt is visible to the page, which must not learn the visitor's address."""
        return hmac.new(self._sender_key, sender.encode(), hashlib.sha256).hexdigest()[:16]


def solve_challenge(challenge: dict[str, Any]) -> str:
    """Solve a challenge as the widget does, for tests and the demonstration. Returns the payload."""
    for number in range(math.floor(challenge["maxnumber"]) + 1):
        digest = hashlib.sha256(f"{challenge['salt']}{number}".encode()).hexdigest()
        if digest == challenge["challenge"]:
            fields = {name: challenge[name] for name in ("algorithm", "challenge", "salt", "signature")}
            return base64.b64encode(orjson.dumps(fields | {"number": number})).decode()
    raise ValueError("the challenge has no solution")


def _derive_key(secret_key: str, purpose: bytes) -> bytes:
    return hmac.new(secret_key.encode(), b"widget-api/" + purpose, hashlib.sha256).digest()


def _parse_payload(payload: str) -> dict[str, Any]:
    if len(payload) > _MAX_PAYLOAD_LENGTH:
        raise Malformed("challenge_malformed")
    try:
        fields = orjson.loads(base64.b64decode(payload, validate=True))
    except (binascii.Error, ValueError):
        raise Malformed("challenge_malformed") from None
    if not isinstance(fields, dict) or any(type(fields.get(name)) is not kind for name, kind in _FIELDS.items()):
        raise Malformed("challenge_malformed")
    return fields


def _bound_values(salt: str) -> dict[str, str]:
    """The signed values in a salt: site, origin, sender, expiry."""
    return dict(parse_qsl(salt.partition("?")[2]))


TICKET_LIFETIME = 2 * clock.HOUR  # seconds


async def exchange_solution(
    database: Database, signer: Signer, challenges: Challenges, payload: str, site: Site, origin: str
) -> tuple[str, int]:
    """A ticket and its expiry for a solved challenge. Raises Malformed, or Refused: challenge_…"""
    solved = challenges.verify(payload, site.id, origin)

    async def work(tx: Transaction) -> None:
        await _insert_spent(tx, solved.id, solved.expires_at, "challenge_spent")

    await database.write(work)
    challenges.release(solved)
    return issue_ticket(signer, site, origin)


def issue_ticket(signer: Signer, site: Site, origin: str) -> tuple[str, int]:
    expires = clock.now() + TICKET_LIFETIME
    payload = {"t": clock.new_id(), "s": site.id, "o": origin, "e": expires}
    return signer.sign(Purpose.TICKET, payload), expires


def read_ticket(signer: Signer, token: object, site: Site, origin: str, *, required: bool = True) -> str | None:
    """The ticket's id, to be spent in the transaction of the request; None where none is required.

    Raises Refused: ticket_missing, ticket_invalid, ticket_expired or ticket_other_site.
    """
    if not required:
        return None
    if not token or not isinstance(token, str):
        raise Refused("ticket_missing")
    payload = signer.read(Purpose.TICKET, token)
    if not isinstance(payload, dict):
        raise Refused("ticket_invalid")
    if payload["s"] not in (site.id, site.collection and site.parent_id) or payload["o"] != origin:
        raise Refused("ticket_other_site")
    if payload["e"] <= clock.now():
        raise Refused("ticket_expired")
    return str(payload["t"])


async def require_unspent(database: Database, ticket_id: str) -> None:
    """Raises Refused («ticket_spent») where a ticket was spent. Does not spend it."""
    if await database.row("SELECT 1 FROM spent WHERE id = :id", id=f"t:{ticket_id}") is not None:
        raise Refused("ticket_spent")


async def spend_ticket(tx: Transaction, ticket_id: str, expires: int | None = None) -> None:
    """Spend a ticket. Raises Refused («ticket_spent») where it was spent before."""
    await _insert_spent(tx, f"t:{ticket_id}", expires or clock.now() + TICKET_LIFETIME, "ticket_spent")


@contextlib.asynccontextmanager
async def counted_upload(database: Database, ticket_id: str | None, most: int) -> AsyncIterator[None]:
    """Count the upload that the block receives against a ticket, which pays for `most` of them.

    A file that is refused or that its sender abandons counts as well: it takes as long to decode. Only one that the
    service cannot take (Unavailable) does not. Raises Refused: ticket_photos.
    """
    if ticket_id is None:
        yield
        return
    places = [f"p:{ticket_id}:{number}" for number in range(most)]

    async def take(tx: Transaction) -> str:
        for place in places:
            if await tx.insert_first("spent", "id", id=place, expires_at=clock.now() + TICKET_LIFETIME):
                return place
        raise Refused("ticket_photos")

    taken = await database.write(take)
    try:
        yield
    except Unavailable:
        await database.write(lambda tx: tx.run("DELETE FROM spent WHERE id = :id", id=taken))
        raise


async def spend_once(tx: Transaction, ticket_id: str, purchase: str) -> bool:
    """Spend a ticket; False where it was spent for the same `purchase` before, whose response was lost.

    Recorded separately from the purchase, so that the result does not reveal whether there was one.
    """
    bought = f"t:{ticket_id}:{hashlib.sha256(f'{ticket_id} {purchase}'.encode()).hexdigest()[:32]}"
    if not await tx.insert_first("spent", "id", id=bought, expires_at=clock.now() + TICKET_LIFETIME):
        return False
    await spend_ticket(tx, ticket_id)
    return True


async def use_form(tx: Transaction, form_id: str) -> bool:
    """Use up the identifier of a form, which replaces a ticket. False where it was used before."""
    expires = clock.now() + Purpose.FORM.value[1]
    return await tx.insert_first("spent", "id", id=f"f:{form_id}", expires_at=expires)


async def delete_expired(database: Database) -> int:
    """Delete expired entries, which are invalid anyway. Returns their number."""
    return await batched_delete.delete_in_batches(database, "spent", "expires_at < :now", now=clock.now())


async def _insert_spent(tx: Transaction, spent_id: str, expires: int, code: str) -> None:
    if not await tx.insert_first("spent", "id", id=spent_id, expires_at=expires):
        raise Refused(code)
