"""What follows from the published problems and is kept beside them: cells of the map, figures, the index of
words, what lists tell.

A list, a map, a chart of a million problems cannot ask each of them. So whatever writes a problem says here what it was
and what it is now, in the same transaction, and the difference is written; all of it can be made anew from the problems
(docs/decisions/0020-projections.md).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from widget_api.database import Row, Transaction
from widget_api.problems.projections import store, words
from widget_api.problems.projections.items import COLUMNS, keep
from widget_api.problems.projections.model import CONTENT, Standing, figures

__all__ = ["CONTENT", "TOLD", "keep", "update"]

TOLD = {*COLUMNS, "published"}  # what `keep` follows from


async def update(tx: Transaction, before: Row | dict[str, Any] | None, after: dict[str, Any]) -> None:
    """Write the difference between two states of a problem; both hold `CONTENT`, `before` None for a new one."""
    was = Standing.of(before) if before is not None and before["published"] else None
    now = Standing.of(after) if after["published"] else None
    if was == now:
        return
    difference = Counter(figures(now) if now else ())
    difference.subtract(figures(was) if was else ())
    site_id = (now or was).site_id  # type: ignore[union-attr] # one of them is there
    await store.count(tx, site_id, difference)
    if was and now and was.place == now.place:
        if was.status != now.status and now.cell is not None:
            await store.move(tx, now, was.status)
    else:
        if was and was.cell is not None:
            await store.remove(tx, was)
        if now and now.cell is not None:
            await store.add(tx, now)
    if (was.text if was else None) != (now.text if now else None):
        ordinal = await store.ordinal(tx, site_id)
        if was:
            await words.remove(tx, site_id, ordinal, was.number)
        if now:
            await words.add(tx, site_id, ordinal, now.number, now.text)
