"""Maintain the full-text index of published problems.

SQLite has an FTS5 table of stems, whose row id is made of the site's ordinal and the problem's number. PostgreSQL
indexes an expression over the problems themselves (migration 0003) and needs no table.
"""

from __future__ import annotations

from sqlalchemy import column, table

from widget_api.database import Transaction
from widget_api.database.bulk import CHUNK, Bulk
from widget_api.database.word_forms import stems

_INDEX = table("problem_words", column("rowid"), column("stems"))


def first_row(ordinal: int) -> int:
    """Return the row id to which a problem's number is added. A site has the rows up to that of the next ordinal."""
    return ordinal << 32


async def add(tx: Transaction, ordinal: int, number: int, text: str) -> None:
    """Add a published problem to the index."""
    if tx.dialect == "sqlite":
        await tx.run(
            "INSERT INTO problem_words (rowid, stems) VALUES (:row, :stems)",
            row=first_row(ordinal) + number,
            stems=" ".join(stems(text)),
        )


async def remove(tx: Transaction, ordinal: int, number: int) -> None:
    """Remove a problem from the index."""
    if tx.dialect == "sqlite":
        await tx.run("DELETE FROM problem_words WHERE rowid = :row", row=first_row(ordinal) + number)


async def clear(bulk: Bulk) -> None:
    """Empty the index, including rows of sites that no longer exist."""
    if bulk.dialect == "sqlite":
        await bulk.run("DELETE FROM problem_words")


async def rebuild(bulk: Bulk, site_id: str, ordinal: int) -> None:
    """Rebuild the index of a site."""
    if bulk.dialect != "sqlite":
        await bulk.run("ANALYZE problems")  # the planner chooses by word frequencies
        return
    first = first_row(ordinal)
    await bulk.run(
        "DELETE FROM problem_words WHERE rowid BETWEEN :first AND :last", first=first, last=first + 2**32 - 1
    )
    number = 0
    while True:
        rows = await bulk.rows(
            "SELECT number, description, address FROM problems"
            " WHERE site_id = :site_id AND number > :number AND published ORDER BY number LIMIT :chunk",
            site_id=site_id,
            number=number,
            chunk=CHUNK,
        )
        if not rows:
            return
        await bulk.insert(
            _INDEX,
            ("rowid", "stems"),
            [(first + row["number"], " ".join(stems(f"{row['description']} {row['address'] or ''}"))) for row in rows],
        )
        number = rows[-1]["number"]
