"""What is left of a report that was forgotten while it was under way to a platform: a hash of its words.

A platform that took it, though its answer never came, has to forget it too, and can only be told once its number there
is found (152-FZ, article 21). The hash says nothing to whoever does not have the words; it goes with the delivery.
"""

from __future__ import annotations

import hashlib

from widget_api.database import Database, Transaction

_MARK = "trace:"  # how the reason of a delivery begins that holds one


def hash_text(text: str) -> str:
    """The same for the same words, however they are broken into lines."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


async def record_trace(tx: Transaction, problem_id: str, text: str) -> None:
    """Within the transaction that forgets: reports that may have arrived are looked for, those given up as well."""
    await tx.run(
        "UPDATE deliveries SET reason = :trace WHERE problem_id = :id AND sink LIKE 'platform:%' AND opens"
        " AND state IN ('pending', 'leased')",
        id=problem_id,
        trace=_MARK + hash_text(text),
    )


async def has_trace(database: Database, delivery_id: str) -> str | None:
    row = await database.row("SELECT reason FROM deliveries WHERE id = :id", id=delivery_id)
    reason = str(row["reason"] or "") if row is not None else ""
    return reason.removeprefix(_MARK) if reason.startswith(_MARK) else None
