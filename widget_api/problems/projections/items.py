"""Describe published problems as list items, and store the item of each as the JSON bytes that are sent.

Building items for each page took two thirds of its time: sixteen columns of twenty rows become objects, times become
text, and all of it becomes JSON. From stored items a page is twenty values joined
(docs/decisions/0029-lists-are-kept-as-bytes.md).
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import column, table

from widget_api import clock
from widget_api.database import Row, Transaction
from widget_api.database.bulk import CHUNK, Bulk
from widget_api.problems import deadline
from widget_api.problems.model import split_entry
from widget_api.problems.projections import answers
from widget_api.problems.projections.words import first_row
from widget_api.sites.deadlines import promised_date
from widget_api.sites.kinds import IS_COLLECTION, kind_of
from widget_api.sites.model import Site

# An explicit list: it alone decides what a public list may contain.
COLUMNS = (
    "number",
    "category",
    "description",
    "address",
    "lat",
    "lng",
    "status",
    "created_at",
    "updated_at",
    "answer_due",
    "photos",
    "supporters",
    "has_answer",
    "source",
    "answered_at",
    "comments",
    # Read by `due`, not part of the item.
    "mirror_of",
    "spam",
    "erased_at",
    "answers",  # part of an entry's item alone, as is the next
    "participants",
)
# Placeholders for what may change later: the public URL, a category's name (its code between two NAME), the site's key.
# JSON escapes these characters, so no text of a person contains one. Photo URLs are recognised by the member's name
# before them, which no text can imitate either, since its quotation marks are escaped.
PUBLIC_URL, NAME, KEY = b"\x1a", b"\x1b", b"\x1c"
_PATH = b"/s/%b/problems" % KEY  # of a problem's page
_ADDRESSES = (b'"url":"/', b'"thumb":"/', b'"small":"/')
_ANSWERS, _PARTICIPANTS = COLUMNS.index("answers"), COLUMNS.index("participants")
_ITEMS = table("problem_items", column("id"), column("item"), column("due"))
_NAMES = re.compile(rb"%b([^%b]*)%b" % (NAME, NAME, NAME))
_SELECTED = ", ".join(f"p.{name}" for name in COLUMNS)


def describe(row: Row, url: str = "/", category_name: str = "", *, entry: bool = False) -> dict[str, Any]:
    """Return a list item without `overdue`, which depends on the day. Photos have paths only.

    `row` begins with COLUMNS; `entry` is whether it belongs to a collection.
    """
    number, category, description, address, lat, lng, status, created_at, updated_at, answer_due = row[:10]
    photos, supporters, has_answer, source, answered_at, comments = row[10:16]
    more = {}
    if entry:
        title, description = split_entry(description)
        more = {"title": title, "answers": orjson.loads(row[_ANSWERS]), "participants": row[_PARTICIPANTS]}
    return {
        "number": number,
        "url": url,
        "category": category,
        "category_name": category_name,
        "description": description,
        "address": address,
        "location": {"lat": lat, "lng": lng} if lat is not None else None,
        "status": status,
        "created_at": clock.rfc3339(created_at),
        "updated_at": clock.rfc3339(updated_at),
        "answer_due": promised_date(answer_due),
        "photos": orjson.loads(photos),
        "supporters": supporters,
        "has_answer": bool(has_answer),
        "source": source,
        "answered_at": None if answered_at is None else clock.rfc3339(answered_at),
        "comments": comments,
        **more,
    }


def encode(row: Row, *, entry: bool) -> bytes:
    """Return the JSON of `describe` with placeholders and without the end, where `overdue` is added when it is read."""
    content = describe(row, entry=entry)
    head = {name: content.pop(name) for name in ("number", "url", "category", "category_name")}
    code, rest = orjson.dumps(head["category"]), orjson.dumps(content)[1:-1]
    for address in _ADDRESSES:
        rest = rest.replace(address, address[:-1] + PUBLIC_URL + b"/")
    return b'{"number":%d,"url":"%b/s/%b/problems/%d","category":%b,"category_name":"%b%b%b",%b' % (
        *(head["number"], PUBLIC_URL, KEY, head["number"], code),
        *(NAME, code[1:-1], NAME, rest),
    )


def list_item(row: Row, today: date, site: Site, public_url: str, language: str | None = None) -> dict[str, Any]:
    """Return a list item, in the site's language unless another is given. `row` has COLUMNS."""
    url = f"{public_url}{site.entries_path}/{row['number']}"
    name = site.category_name(language or site.language, row["category"])
    content = describe(row, url, name, entry=site.collection is not None)
    for photo in content["photos"]:
        photo.update({size: public_url + photo[size] for size in ("url", "thumb", "small") if size in photo})
    return {**content, "overdue": deadline.is_overdue(row, today)}


def fill_items(content: bytes, site: Site, public_url: str) -> bytes:
    """Replace the placeholders in stored items of a site by the public URL, the site's key and category names."""
    content = content.replace(_PATH, site.entries_path.encode()).replace(PUBLIC_URL, public_url.encode())
    return _NAMES.sub(lambda match: orjson.dumps(site.category_name(site.language, _read(match[1])))[1:-1], content)


@lru_cache(maxsize=512)
def _read(code: bytes) -> str:
    """Decode the inside of a JSON string."""
    text: str = orjson.loads(b'"%b"' % code)
    return text


def due(row: Row) -> str | None:
    """Return the last day on which an answer is in time; None if no answer is outstanding."""
    return deadline.find_due_date(dict(zip(COLUMNS, row, strict=False)))


async def save_item(tx: Transaction, problem_id: str) -> None:
    """Write the list item of a problem anew, or delete it if the problem is not published."""
    row = await tx.row(
        f"SELECT {_SELECTED}, p.published, p.site_id, s.ordinal, s.slug, c.questions FROM problems p"
        " JOIN sites s ON s.id = p.site_id LEFT JOIN site_categories c"
        f" ON c.site_id = p.site_id AND c.code = p.category AND {IS_COLLECTION} WHERE p.id = :id",
        id=problem_id,
    )
    assert row is not None, "a problem that was just written"
    place = first_row(row["ordinal"]) + row["number"]
    if row["questions"]:
        await answers.save_answers(tx, row)
    if not row["published"]:
        await tx.run("DELETE FROM problem_items WHERE id = :place", place=place)
        return
    await tx.run(
        "INSERT INTO problem_items (id, item, due) VALUES (:place, :item, :due)"
        " ON CONFLICT (id) DO UPDATE SET item = excluded.item, due = excluded.due",
        place=place,
        item=encode(row, entry=kind_of(row["slug"]) == "collection"),
        due=due(row),
    )


async def clear(bulk: Bulk) -> None:
    """Delete all items, including those of sites that no longer exist."""
    await bulk.run("DELETE FROM problem_items")


async def rebuild(bulk: Bulk, site_id: str, ordinal: int, *, entry: bool) -> None:
    """Write all items of a site anew; `entry` is whether it is a collection."""
    first, number = first_row(ordinal), 0
    await bulk.run("DELETE FROM problem_items WHERE id BETWEEN :first AND :last", first=first, last=first + 2**32 - 1)
    while True:
        rows = await bulk.tuples(
            f"SELECT {_SELECTED} FROM problems p WHERE p.site_id = :site_id AND p.number > :number AND p.published"
            " ORDER BY p.number LIMIT :chunk",
            site_id=site_id,
            number=number,
            chunk=CHUNK,
        )
        if not rows:
            return
        written = [(first + row[0], encode(row, entry=entry), due(row)) for row in rows]
        await bulk.insert(_ITEMS, ("id", "item", "due"), written)
        number = rows[-1][0]
