"""Follow merges to the problem that is worked on, and send its news to the authors of merged reports.

Nothing is copied: the recipients are computed from the current merges, so that an author who unsubscribes, has their
data erased, or whose report is reopened gets no more news of the other one.
"""

from __future__ import annotations

from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import NEWS
from widget_api.deliveries.sinks import AUTHOR
from widget_api.events import Event
from widget_api.problems.store import records
from widget_api.problems.store.contacts import REACHED


async def find_target(reader: Database | Transaction, site_id: str, number: int) -> Row:
    """Find a published problem, or the last one it was merged into. Raises NotFound."""
    problem = await records.find_published(reader, site_id, number)
    return [problem, *await list_merges(reader, problem)][-1]


async def list_merges(reader: Database | Transaction, problem: Row) -> list[Row]:
    """List the published problems this one was merged into, in order; the last is the one that is worked on."""
    chain = [problem]
    while chain[-1]["duplicate_of"] is not None:
        into = await records.by_number(reader, problem["site_id"], chain[-1]["duplicate_of"])
        if into is None or not into["published"] or into["id"] in [row["id"] for row in chain]:
            break
        chain.append(into)
    return chain[1:]


_SCHEDULE = f"""
INSERT INTO deliveries (id, site_id, problem_id, event_id, position, sink, lane, opens, state, next_at, created_at)
WITH RECURSIVE merged (id, number, source) AS (
    SELECT p.id, p.number, p.source FROM problems p WHERE p.site_id = :site_id AND p.duplicate_of = :number
    UNION
    SELECT p.id, p.number, p.source FROM problems p
    JOIN merged m ON p.site_id = :site_id AND p.duplicate_of = m.number
)
SELECT CAST(:event_id AS TEXT) || '.' || m.id, CAST(:site_id AS TEXT), CAST(:problem_id AS TEXT),
       CAST(:event_id AS TEXT), CAST(:position AS INTEGER), '{AUTHOR}' || m.id, {NEWS}, FALSE, 'pending',
       CAST(:now AS BIGINT), CAST(:now AS BIGINT)
FROM merged m JOIN contacts c ON c.problem_id = m.id
WHERE {REACHED} AND m.source IN ('widget', 'form') AND m.id <> :problem_id
  AND NOT EXISTS (SELECT 1 FROM contacts a WHERE a.problem_id = :problem_id AND a.email_hash = c.email_hash
                  AND {REACHED.replace("c.", "a.")})
  AND NOT EXISTS (SELECT 1 FROM followers f WHERE f.problem_id = :problem_id AND f.email_hash = c.email_hash
                  AND f.confirmed_at IS NOT NULL AND f.stopped_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM merged o JOIN contacts b ON b.problem_id = o.id WHERE o.id < m.id
                  AND b.email_hash = c.email_hash AND {REACHED.replace("c.", "b.")})
ON CONFLICT (site_id, event_id, sink) DO NOTHING
"""


async def enqueue_for_authors(tx: Transaction, event: Event, number: int, now: int) -> None:
    """Enqueue an event of the problem `number` for the authors of reports merged into it, one letter an address.

    An address that reported the problem itself, or follows it, gets only that letter.
    """
    await tx.run(
        _SCHEDULE,
        event_id=event.id,
        site_id=event.site_id,
        problem_id=event.problem_id,
        number=number,
        position=event.position,
        now=now,
    )
