"""Index the answers of a collection's published entries, by which its list is filtered, and set the days of dated ones.

A choice is found by its key and a short text by the stems of its words; the text as a whole is there to be counted.
Long texts and numbers are not indexed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import column, table

from widget_api.database import Row, Transaction
from widget_api.database.bulk import CHUNK, Bulk
from widget_api.database.word_forms import stems
from widget_api.sites.model import BEGINS, ENDS

CHOICES = ("singlevaluelist", "multivaluelist")
FOUND_BY = (*CHOICES, "string")  # datatypes of the questions by whose answers entries are found
NO_DAY = "9999-12-31"  # of a dated entry without days: after those that have some
_NAMES = ("site_id", "code", "value", "number")
_TABLE = table("entry_answers", *(column(name) for name in _NAMES))
WHOLE = "="  # before a short text as a whole, by which entries are counted
_LONGEST = 100  # characters of it
_MOST_WORDS = 20  # of one answer
Answers = Mapping[str, str | list[str]]


def list_values(answers: Answers, questions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the codes and values that an entry is found by, each once."""
    for code, datatype in {one["code"]: one["datatype"] for one in questions}.items():
        given = answers.get(code)
        if given and datatype in FOUND_BY:
            parts = given if isinstance(given, list) else [given]
            text = " ".join(" ".join(parts).split())
            found = parts if datatype in CHOICES else [WHOLE + text[:_LONGEST], *stems(text)[:_MOST_WORDS]]
            yield from ((code, value) for value in dict.fromkeys(found))


def find_days(answers: Answers, questions: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """The first and the last day of an entry; None where the collection is not dated."""
    if not any(one["code"] == BEGINS and one["datatype"] == "datetime" for one in questions):
        return None
    begins = _find_day(answers.get(BEGINS)) or NO_DAY
    return begins, max(begins, _find_day(answers.get(ENDS)))


def _find_day(answer: str | list[str] | None) -> str:
    """The day of an answer; empty where it has none, as one that an earlier question of the same code got.

    The last day that there is has no day after it, which calendars need, and stands for none too.
    """
    try:
        day = datetime.fromisoformat(str(answer)).date().isoformat()
    except ValueError:
        return ""
    return day if day < NO_DAY else ""


async def save_answers(tx: Transaction, row: Row) -> None:
    """Index an entry anew. `row` has site_id, number, answers, published, and the questions of its category."""
    answers, questions = orjson.loads(row["answers"]), orjson.loads(row["questions"])
    place = {"site_id": row["site_id"], "number": row["number"]}
    await tx.run("DELETE FROM entry_answers WHERE site_id = :site_id AND number = :number", **place)
    for code, value in list_values(answers, questions) if row["published"] else ():
        await tx.insert("entry_answers", code=code, value=value, **place)
    await tx.run(_SET_DAYS, **_days(answers, questions), **place)


_SET_DAYS = "UPDATE problems SET begins_on = :begins, ends_on = :ends WHERE site_id = :site_id AND number = :number"


def _days(answers: Answers, questions: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    begins, ends = find_days(answers, questions) or (None, None)
    return {"begins": begins, "ends": ends}


async def rebuild(bulk: Bulk, site_id: str) -> None:
    """Index all published entries of a collection anew."""
    await bulk.run("DELETE FROM entry_answers WHERE site_id = :site_id", site_id=site_id)
    asked = {
        row["code"]: orjson.loads(row["questions"])
        for row in await bulk.rows("SELECT code, questions FROM site_categories WHERE site_id = :id", id=site_id)
    }
    number = 0
    while True:
        rows = await bulk.rows(
            "SELECT number, category, answers FROM problems WHERE site_id = :site_id AND number > :number AND published"
            " ORDER BY number LIMIT :chunk",
            site_id=site_id,
            number=number,
            chunk=CHUNK,
        )
        if not rows:
            return
        written = list[tuple[Any, ...]]()
        for row in rows:
            answers, questions = orjson.loads(row["answers"]), asked.get(row["category"], [])
            number = row["number"]
            written += [(site_id, code, value, number) for code, value in list_values(answers, questions)]
            if (days := _days(answers, questions))["begins"]:
                await bulk.run(_SET_DAYS, **days, site_id=site_id, number=number)
        await bulk.insert(_TABLE, _NAMES, written)
