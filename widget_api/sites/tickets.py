"""What a solved challenge buys: a signed ticket, good for two hours, one site, one origin and one use."""

from __future__ import annotations

import hashlib

from widget_api import clock
from widget_api.database import Database, Transaction, batched_delete
from widget_api.errors import Refused
from widget_api.signing import Purpose, Signer
from widget_api.sites.challenges import Challenges
from widget_api.sites.model import Site

LIFE = 2 * 3600  # seconds


async def exchange(
    database: Database, signer: Signer, challenges: Challenges, payload: str, site: Site, origin: str
) -> tuple[str, int]:
    """A ticket and when it expires, for a solved challenge. Raises Malformed, or Refused: challenge_…"""
    solved = challenges.solved(payload, site.id, origin)

    async def work(tx: Transaction) -> None:
        await _spend(tx, solved.id, solved.expires_at, "challenge_spent")

    await database.write(work)
    challenges.settle(solved)
    return issue(signer, site, origin)


def issue(signer: Signer, site: Site, origin: str) -> tuple[str, int]:
    expires = clock.now() + LIFE
    payload = {"t": clock.new_id(), "s": site.id, "o": origin, "e": expires}
    return signer.sign(Purpose.TICKET, payload), expires


def read(signer: Signer, token: object, site: Site, origin: str, *, required: bool = True) -> str | None:
    """The ticket's id, to be spent in the transaction of what it pays for; None where none is required.

    Raises Refused: ticket_missing, ticket_invalid, ticket_expired or ticket_other_site.
    """
    if not required:
        return None
    if not token or not isinstance(token, str):
        raise Refused("ticket_missing")
    payload = signer.read(Purpose.TICKET, token)
    if not isinstance(payload, dict):
        raise Refused("ticket_invalid")
    if payload["s"] != site.id or payload["o"] != origin:
        raise Refused("ticket_other_site")
    if payload["e"] <= clock.now():
        raise Refused("ticket_expired")
    return str(payload["t"])


async def usable(database: Database, ticket_id: str) -> None:
    """Raises Refused («ticket_spent») where it was used up; it is not by this."""
    if await database.row("SELECT 1 FROM spent WHERE id = :id", id=f"t:{ticket_id}") is not None:
        raise Refused("ticket_spent")


async def spend(tx: Transaction, ticket_id: str, expires: int | None = None) -> None:
    """Use a ticket up. Raises Refused («ticket_spent») where it was used before."""
    await _spend(tx, f"t:{ticket_id}", expires or clock.now() + LIFE, "ticket_spent")


async def spend_once(tx: Transaction, ticket_id: str, purchase: str) -> bool:
    """`spend`, but False where this ticket paid for the very same purchase before: its answer was lost on the way.

    Kept apart from what was bought, so that whether anything was does not show.
    """
    bought = f"t:{ticket_id}:{hashlib.sha256(f'{ticket_id} {purchase}'.encode()).hexdigest()[:32]}"
    if not await tx.insert_first("spent", "id", id=bought, expires_at=clock.now() + LIFE):
        return False
    await spend(tx, ticket_id)
    return True


async def use_form(tx: Transaction, form_id: str) -> bool:
    """A page's own form in a ticket's stead: False where it was sent before."""
    expires = clock.now() + Purpose.FORM.value[1]
    return await tx.insert_first("spent", "id", id=f"f:{form_id}", expires_at=expires)


async def forget_expired(database: Database) -> int:
    """What has expired cannot be used again anyway. Returns how many were forgotten."""
    return await batched_delete.delete_in_batches(database, "spent", "expires_at < :now", now=clock.now())


async def _spend(tx: Transaction, spent_id: str, expires: int, code: str) -> None:
    if not await tx.insert_first("spent", "id", id=spent_id, expires_at=expires):
        raise Refused(code)
