"""Pictures that another system only names the address of: owed with the event that brought them, fetched later.

Fetched before the answer, a slow server of theirs would hold up the report, and an address that leads nowhere lose it
(docs/decisions/0032-pictures-by-their-address.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.database import Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import NEWS
from widget_api.events import Event
from widget_api.problems.remote import store


async def owe(tx: Transaction, event: Event, position: int, addresses: Sequence[str], first: int, now: int) -> None:
    """Within the transaction of the event: each address is to be fetched; `first` pictures have come with it.

    In the lane of what nobody waits for: servers that never answer hold up no letter and no platform.
    """
    if not addresses:
        return
    await store.add(tx, event, addresses, first, now)
    await enqueue.enqueue(
        tx,
        site_id=event.site_id,
        problem_id=event.problem_id,
        event_id=event.id,
        position=position,
        sink=sinks.MEDIA,
        opens=False,
        now=now,
        lane=NEWS,
    )


async def forget(tx: Transaction, problem_id: str, reason: str) -> None:
    """Addresses may say who somebody is; what is under way finds nothing to give its picture to."""
    await store.forget(tx, problem_id)
    await enqueue.drop_for_problem(tx, problem_id, sinks.MEDIA, reason)
