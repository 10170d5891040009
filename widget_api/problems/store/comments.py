"""What becomes of the comments under a problem that is forgotten."""

from __future__ import annotations

from widget_api.database import Transaction
from widget_api.problems.store.records import update


async def remove_of_problem(tx: Transaction, problem_id: str) -> None:
    """Everything said under a problem that is forgotten."""
    await tx.run("DELETE FROM commenters WHERE problem_id = :id", id=problem_id)
    await tx.run("DELETE FROM comments WHERE problem_id = :id", id=problem_id)
    await update(tx, problem_id, {"comments": 0})
