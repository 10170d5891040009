"""Keep hashes of the texts of a report that was corrected or erased while a delivery to a platform was unfinished.

A platform that accepted the report, though its response was lost, has to correct or erase it too, which needs its
number there (152-FZ, article 21). A hash allows to search for it there and reveals nothing to anybody without the text;
it is deleted with the delivery.
"""

from __future__ import annotations

import hashlib

from widget_api.database import Database, Transaction

_MARK = "trace:"  # prefix of a delivery's `reason` that holds hashes
_OPENS = "sink LIKE 'platform:%' AND opens"


def hash_text(text: str) -> str:
    """Hash a text; white space and line breaks do not matter."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


async def record_trace(tx: Transaction, problem_id: str, text: str) -> None:
    """Store the hash with deliveries of the report that may have arrived, in the transaction that changes its text.

    If that erases it, called after `enqueue.drop_for_problem`, which has returned dead ones among them to the queue.
    """
    await tx.run(
        "UPDATE deliveries SET reason = CASE WHEN reason LIKE :traces THEN reason || ',' ELSE :mark END || :trace"
        f" WHERE problem_id = :id AND {_OPENS} AND state IN ('pending', 'leased', 'dead')",
        id=problem_id,
        mark=_MARK,
        traces=f"{_MARK}%",
        trace=hash_text(text),
    )


def read_traces(reason: str | None) -> list[str]:
    """Return the hashes stored as the reason of a delivery, the newest last."""
    return reason.removeprefix(_MARK).split(",") if reason and reason.startswith(_MARK) else []


async def find_traces(database: Database, delivery_id: str) -> list[str]:
    """Return the hashes stored with a delivery, the newest last."""
    row = await database.row("SELECT reason FROM deliveries WHERE id = :id", id=delivery_id)
    return read_traces(row["reason"] if row is not None else None)
