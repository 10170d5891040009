"""Count supporters («У меня тоже»): one a browser and problem, without personal data."""

from __future__ import annotations

import hashlib
import uuid

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, NotFound
from widget_api.problems import counts
from widget_api.problems.model import OPEN
from widget_api.problems.store import records
from widget_api.problems.submit import Spend


def hash_voice(site_id: str, supporter: uuid.UUID) -> str:
    """Hash the UUID made by a browser with the site, so that stored hashes cannot be linked across sites."""
    return hashlib.sha256(f"{site_id}:{supporter}".encode()).hexdigest()


async def count(database: Database, site_id: str, number: int, voice: str | None) -> tuple[int, bool]:
    """Return the number of supporters of a published problem, and whether `voice` is one. Raises NotFound."""
    row = await database.row(
        "SELECT p.supporters, s.supporter FROM problems p"
        " LEFT JOIN supports s ON s.problem_id = p.id AND s.supporter = :voice"
        " WHERE p.site_id = :site_id AND p.number = :number AND p.published",
        site_id=site_id,
        number=number,
        voice=voice or "",
    )
    if row is None:
        raise NotFound("problem_not_found")
    return row["supporters"], row["supporter"] is not None


async def support(database: Database, site_id: str, number: int, voice: str, spend: Spend | None) -> int:
    """Add a supporter once; return the number of supporters. `spend` uses the ticket up, for a new supporter only.

    Raises NotFound, Conflict (merged or closed) and what `spend` raises.
    """

    async def work(tx: Transaction) -> int:
        problem = await records.find_published(tx, site_id, number)
        known = await tx.row(
            "SELECT 1 FROM supports WHERE problem_id = :id AND supporter = :voice", id=problem["id"], voice=voice
        )
        if known is not None:
            return int(problem["supporters"])
        if problem["duplicate_of"] is not None:
            raise Conflict("problem_merged", number=problem["duplicate_of"])
        if problem["status"] not in OPEN:
            raise Conflict("problem_closed")
        if spend is not None:
            await spend(tx)
        await tx.insert("supports", problem_id=problem["id"], supporter=voice, site_id=site_id, at=clock.now())
        await counts.change(tx, site_id, problem["id"], "supporters", 1)
        return int(problem["supporters"]) + 1

    return await database.write(work, site_id)


async def copy_to(tx: Transaction, problem: Row, target: Row) -> None:
    """Count the supporters of a merged problem at the target too, each once.

    They stay here as well, since the problem may be reopened.
    """
    added = await tx.run(
        "INSERT INTO supports (problem_id, supporter, site_id, at)"
        " SELECT CAST(:target AS TEXT), supporter, site_id, at FROM supports WHERE problem_id = :id"
        " ON CONFLICT (problem_id, supporter) DO NOTHING",
        target=target["id"],
        id=problem["id"],
    )
    if added:
        await counts.change(tx, target["site_id"], target["id"], "supporters", added)
