"""Exchange solved challenges for signed tickets, each valid for two hours, one site, one origin and one use."""

from __future__ import annotations

import hashlib

from widget_api import clock
from widget_api.database import Database, Transaction, batched_delete
from widget_api.errors import Refused
from widget_api.signing import Purpose, Signer
from widget_api.sites.challenges import Challenges
from widget_api.sites.model import Site

TICKET_LIFETIME = 2 * 3600  # seconds


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
    if payload["s"] != site.id or payload["o"] != origin:
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
