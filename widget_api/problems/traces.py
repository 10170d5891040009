"""Keep a hash of the text of a report that was erased while a delivery to a platform was unfinished.

A platform that accepted the report, though its response was lost, has to erase it too, which needs its number there
(152-FZ, article 21). The hash allows to search for it there and reveals nothing to anybody without the text; it is
deleted with the delivery.
"""

from __future__ import annotations

import hashlib

from widget_api.database import Database, Transaction

_MARK = "trace:"  # prefix of a delivery's `reason` that holds a hash


def hash_text(text: str) -> str:
    """Hash a text; white space and line breaks do not matter."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


async def record_trace(tx: Transaction, problem_id: str, text: str) -> None:
    """Store the hash with deliveries of the report that may have arrived, in the transaction that erases it.

    Called after `enqueue.drop_for_problem`, which has returned dead ones among them to the queue.
    """
    await tx.run(
        "UPDATE deliveries SET reason = :trace WHERE problem_id = :id AND sink LIKE 'platform:%' AND opens"
        " AND state IN ('pending', 'leased')",
        id=problem_id,
        trace=_MARK + hash_text(text),
    )


async def find_trace(database: Database, delivery_id: str) -> str | None:
    """Return the hash stored with a delivery; None if there is none."""
    row = await database.row("SELECT reason FROM deliveries WHERE id = :id", id=delivery_id)
    reason = str(row["reason"] or "") if row is not None else ""
    return reason.removeprefix(_MARK) if reason.startswith(_MARK) else None
