"""The index of words: which published problems say what.

SQLite: an FTS5 table of stems, whose row is found by the site's ordinal and the problem's number. PostgreSQL indexes an
expression over the problems themselves (migration 0003), so there is nothing to be kept beside them.
"""

from __future__ import annotations

from sqlalchemy import column, table

from widget_api.database import Transaction
from widget_api.database.bulk import CHUNK, Bulk
from widget_api.database.word_forms import stems

_INDEX = table("problem_words", column("rowid"), column("stems"))


def first_row(ordinal: int) -> int:
    """The site's rows are from here to before the first of the next ordinal; a problem's number is added to it."""
    return ordinal << 32


async def add(tx: Transaction, site_id: str, ordinal: int, number: int, text: str) -> None:
    """Let a published problem be found by its words."""
    if tx.dialect == "sqlite":
        await tx.run(
            "INSERT INTO problem_words (rowid, stems) VALUES (:row, :stems)",
            row=first_row(ordinal) + number,
            stems=" ".join(stems(text)),
        )


async def remove(tx: Transaction, site_id: str, ordinal: int, number: int) -> None:
    """Nothing of it stays in the index."""
    if tx.dialect == "sqlite":
        await tx.run("DELETE FROM problem_words WHERE rowid = :row", row=first_row(ordinal) + number)


async def clear(bulk: Bulk) -> None:
    """The words of sites that are gone as well."""
    if bulk.dialect == "sqlite":
        await bulk.run("DELETE FROM problem_words")


async def rebuild(bulk: Bulk, site_id: str, ordinal: int) -> None:
    """The whole index of a site anew."""
    if bulk.dialect != "sqlite":
        await bulk.run("ANALYZE problems")  # how often each word is said: searches choose their way by it
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
