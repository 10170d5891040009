"""Record numbers and dates of reports in the agency's own document system. They are never public.

They come from the cabinet, from a file, from the system itself by the API, and from the agency's letters.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid

MAX_NUMBER_LENGTH = 60  # characters
MAX_AT_ONCE = 1000
MAIL_HEADER = "X-Registration-Number"
_FOUND_AT_ONCE = 500  # values of one statement
_OWN = "erased_at IS NULL AND mirror_of IS NULL"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What is recorded for the report with this number. Without `document_number` both are deleted."""

    number: int
    document_number: str | None
    document_date: str | None = None  # YYYY-MM-DD


def find_errors(document_number: str, document_date: str) -> list[FieldError]:
    wrong = []
    if len(document_number) > MAX_NUMBER_LENGTH:
        wrong.append(FieldError("document_number", "too_long", (("max", MAX_NUMBER_LENGTH),)))
    if document_date and not document_number:
        wrong.append(FieldError("document_number", "required"))
    if document_date and not clock.is_date(document_date):
        wrong.append(FieldError("document_date", "date"))
    return wrong


async def set_registration(tx: Transaction, problem_id: str, number: str | None, day: str | None) -> None:
    """Record a number, or delete it. Does nothing to an erased report."""
    await tx.run(
        f"UPDATE problems SET document_number = :number, document_date = :day WHERE id = :id AND {_OWN}",
        id=problem_id,
        number=number or None,
        day=(day or None) if number else None,
    )


def mail_headers(problem: Row) -> dict[str, str]:
    """What letters to the agency carry, for its document system to file them."""
    return {MAIL_HEADER: problem["document_number"]} if problem["document_number"] else {}


async def find_reports(reader: Database | Transaction, site_id: str, numbers: Collection[int]) -> dict[int, str]:
    """The ids of a site's reports by number, without those that are erased or a platform's own."""
    found, wanted = dict[int, str](), list(numbers)
    for start in range(0, len(wanted), _FOUND_AT_ONCE):
        values = {f"n{place}": number for place, number in enumerate(wanted[start : start + _FOUND_AT_ONCE])}
        rows = await reader.rows(
            f"SELECT id, number FROM problems WHERE site_id = :site_id AND {_OWN}"
            f" AND number IN ({', '.join(f':{name}' for name in values)})",
            site_id=site_id,
            **values,
        )
        found |= {row["number"]: row["id"] for row in rows}
    return found


async def register(
    database: Database, site_id: str, registrations: Sequence[Registration], *, skip_unknown: bool = False
) -> int:
    """Record all of them in one transaction. Returns how many.

    Raises Invalid with every report that cannot be found, unless these are to be skipped.
    """

    async def work(tx: Transaction) -> int:
        found = await find_reports(tx, site_id, {one.number for one in registrations})
        wrong = [
            FieldError(f"items.{place}.number", "unknown_report")
            for place, one in enumerate(registrations)
            if one.number not in found
        ]
        if wrong and not skip_unknown:
            raise Invalid(tuple(wrong))
        known = [one for one in registrations if one.number in found]
        for one in known:
            await set_registration(tx, found[one.number], one.document_number, one.document_date)
        return len(known)

    return await database.write(work, site_id)


async def list_registered(database: Database, site_id: str, after: int, limit: int) -> list[Row]:
    """The numbers recorded for reports beyond a number, in the order of reports."""
    rows = await database.rows(
        "SELECT number, document_number, document_date FROM problems WHERE site_id = :site_id AND number > :after"
        f" AND document_number IS NOT NULL AND {_OWN} ORDER BY number LIMIT :limit",
        site_id=site_id,
        after=after,
        limit=limit,
    )
    return list(rows)
