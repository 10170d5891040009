"""Load a collection's entries from a table: find its columns, check each row as a form is checked, store what is good.

Entries are published at once as the agency's, without letters, deliveries or a due date of their own. The event of each
has an identifier made from its column `id`, or of all its cells, so that the same row is never stored twice, not even
after the entry was erased.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import orjson

from widget_api import events, i18n, journal, validation
from widget_api.database import Database, Transaction
from widget_api.errors import FieldError
from widget_api.problems import bodies, sheets, submit
from widget_api.problems.model import Actor, Report
from widget_api.sites.model import Question, Site
from widget_api.sites.questions import LISTS

BATCH_SIZE = 100  # entries in a transaction, between which the writer serves residents
PLAIN_COLUMNS = ("id", "title", "category", "description", "address", "lat", "lng")
_NAMESPACE = uuid.UUID("b0d9f1a4-7f0e-5c1c-9a52-6d1c3a0e8f27")
_RUSSIAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?\s+(\d{1,2}):(\d\d))?")
_SERIAL_DATE = re.compile(r"[1-9]\d{4}(?:\.\d+)?")  # days since 1899-12-30, as spreadsheets store dates
_MAX_ID = 200  # characters


class ImportedEntry(bodies.NewEntry):
    consent: bodies.Consent | None = None  # an organisation's or the agency's own words


@dataclass(frozen=True)
class WrongCell:
    line: int
    column: str
    value: str
    error: FieldError


@dataclass
class Table:
    """A table that was checked. Nothing of it is stored."""

    good: dict[int, Report] = field(default_factory=dict)  # by line
    wrong: list[WrongCell] = field(default_factory=list)
    known: int = 0  # rows that are stored already
    ignored: list[str] = field(default_factory=list)  # heads of columns that mean nothing
    total: int = 0


def name_columns(site: Site, language: str) -> dict[str, str]:
    """The heads of the columns by name, as a form of the site has its fields in a language."""
    assert site.collection is not None, "entries have a title"
    named = {name: i18n.text(language, f"collections_cabinet.column.{name}") for name in PLAIN_COLUMNS}
    named["title"] = site.collection.entry_label(site.language)
    return named | {f"answers.{one.code}": one.description for one in site.fields}


async def check_table(database: Database, site: Site, content: bytes) -> Table:
    """Read and check a file. Raises sheets.Unreadable, whose code may also be `no_title`."""
    table = await asyncio.to_thread(_check, site, content)
    wanted = [report.birth_id for report in table.good.values() if report.birth_id]
    known = await events.find_known(database, site.id, wanted)
    table.good = {line: report for line, report in table.good.items() if report.birth_id not in known}
    table.known += len(wanted) - len(table.good)
    return table


def _check(site: Site, content: bytes) -> Table:
    head, *rows = sheets.read_rows(content)
    named = name_columns(site, site.language)
    meanings = {
        text.casefold(): name
        for language in i18n.LANGUAGES
        for name, title in name_columns(site, language).items()
        for text in (title, name, name.removeprefix("answers."))
    }
    columns = [meanings.get(cell.casefold(), "") for cell in head[1]]
    if "title" not in columns:
        raise sheets.Unreadable("no_title")
    table, seen = Table(total=len(rows)), set[str]()
    table.ignored = [cell for cell, name in zip(head[1], columns, strict=True) if cell and not name]
    context = bodies.ValidationContext(site=site, entered=True)
    for line, row in rows:
        cells = {name: text for name, text in zip(columns, row, strict=False) if name and text}
        given = _to_body(site, cells)
        body, errors = validation.read(ImportedEntry, given, context)
        # Answers are checked with a category alone.
        if site.categories and any(one.field == "category" for one in errors):
            _, others = validation.read(ImportedEntry, given | {"category": site.categories[0].code}, context)
            errors = (*errors, *others)
        places = {_find_column(one): one for one in errors}  # a column has one error
        table.wrong += [WrongCell(line, name, cells.get(name, ""), places[name]) for name in named if name in places]
        if body is None:
            continue
        report = bodies.to_report(body, site.language, "form")
        birth_id = _derive_id(site, cells.get("id", ""), report)
        if birth_id in seen:
            table.known += 1
            continue
        seen.add(birth_id)
        table.good[line] = replace(report, channel="other", status="accepted", birth_id=birth_id)
    return table


def _find_column(error: FieldError) -> str:
    """The column with which an error is named, also one of a place as a whole."""
    part = error.field.removeprefix("location.")
    if part in PLAIN_COLUMNS or part.startswith("answers."):
        return part
    return "lat" if error.code in ("coordinates", "outside") else "address"


def _to_body(site: Site, cells: Mapping[str, str]) -> dict[str, object]:
    """The body that a form would send; what is no option of a list stays as it is, and is refused."""
    codes = {i18n.category_name(site.language, one.code, one.name).casefold(): one.code for one in site.categories}
    category = cells.get("category", "")
    place = {name: cells[name].replace(",", ".") for name in ("lat", "lng") if name in cells}
    answers = {one.code: _parse_answer(one, cells.get(f"answers.{one.code}", "")) for one in site.fields}
    return {
        "title": cells.get("title", ""),
        "category": codes.get(category.casefold(), category),
        "description": cells.get("description", ""),
        "location": place | {"address": cells.get("address", "")},
        "answers": answers,
    }


def _parse_answer(question: Question, text: str) -> str | list[str]:
    keys = {name.casefold(): key for key, name in question.values}
    if question.datatype in LISTS:
        parts = re.split(r"[;\n]", text) if question.datatype == "multivaluelist" else [text]
        chosen = [keys.get(part.strip().casefold(), part.strip()) for part in parts if part.strip()]
        return chosen if question.datatype == "multivaluelist" else "".join(chosen)
    if question.datatype == "number":
        return re.sub(r"\s", "", text)
    return _parse_date(text) if question.datatype == "datetime" else text


def _parse_date(text: str) -> str:
    """A date as ISO 8601 where it is written as in Russia or stored as a spreadsheet does; anything else as it is."""
    try:
        if _SERIAL_DATE.fullmatch(text):
            days = timedelta(days=float(text))
            return (datetime.fromisoformat("1899-12-30") + timedelta(seconds=round(days.total_seconds()))).isoformat()
        if found := _RUSSIAN_DATE.fullmatch(text):
            day, month, year, hour, minute = (int(part or 0) for part in found.groups())
            return datetime.fromisoformat(f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}").isoformat()
    except (ValueError, OverflowError):
        pass
    return text


def _derive_id(site: Site, given: str, report: Report) -> str:
    content = {name: getattr(report, name) for name in ("category", "description", "address", "lat", "lng", "answers")}
    whole = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return str(uuid.uuid5(_NAMESPACE, f"{site.id} {f'id {given[:_MAX_ID]}' if given else whole}"))


async def import_entries(
    database: Database, site: Site, reports: Sequence[Report], actor: Actor, who: journal.Who
) -> int:
    """Store checked entries, published; those that are stored already are left out. Returns how many were stored."""
    done = 0
    for start in range(0, len(reports), BATCH_SIZE):
        done += await database.write(partial(_store, site, reports[start : start + BATCH_SIZE], actor, who), site.id)
    return done


async def _store(site: Site, reports: Sequence[Report], actor: Actor, who: journal.Who, tx: Transaction) -> int:
    stored = 0
    for report in reports:
        if report.birth_id is not None and not await events.exists(tx, site.id, report.birth_id):
            await submit.store(tx, site, report, actor)
            stored += 1
    if stored:
        await journal.record(tx, "entries_imported", who, site_id=site.id, details={"rows": stored})
    return stored
