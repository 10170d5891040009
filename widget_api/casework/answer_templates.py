"""Keep an agency's templates of answers, and fill them in for a report.

An answer is public, so that placeholders stand for public facts of the report alone. Their names are words of the
dictionaries; those of every language are good, since colleagues may read the cabinet in different ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from widget_api import clock, i18n, journal
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.people.model import User
from widget_api.sites.model import Site

PLACEHOLDERS = ("number", "category", "address", "date")
MAX_TEMPLATES = 100  # per agency
_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")


# --- placeholders --------------------------------------------------------------------------------------------------


def placeholder_names(language: str) -> dict[str, str]:
    """The name of each placeholder in a language, with its braces."""
    return {code: f"{{{i18n.text(language, f'answering.placeholder.{code}')}}}" for code in PLACEHOLDERS}


def _known_names() -> dict[str, str]:
    return {name: code for language in i18n.LANGUAGES for code, name in placeholder_names(language).items()}


def find_unknown(text: str) -> list[str]:
    known = _known_names()
    return [found[0] for found in _PLACEHOLDER.finditer(text) if _normalise(found) not in known]


def has_placeholder(text: str) -> bool:
    """Whether a text still has a placeholder: one that had no value, such as a missing address."""
    known = _known_names()
    return any(_normalise(found) in known for found in _PLACEHOLDER.finditer(text))


def _normalise(found: re.Match[str]) -> str:
    return f"{{{found[1].strip().lower()}}}"


def fill(text: str, site: Site, problem: Row) -> str:
    """Replace the placeholders by the report's facts, in the site's language. Those without a value stay."""
    category = site.known_category(problem["category"])
    values = {
        "number": str(problem["number"]),
        "category": i18n.category_name(site.language, problem["category"], category.name if category else None),
        "address": problem["address"] or "",
        "date": i18n.format_day(site.language, problem["created_at"], site.time_zone),
    }
    known = _known_names()
    return _PLACEHOLDER.sub(lambda found: values.get(known.get(_normalise(found), ""), "") or found[0], text)


# --- the agency's templates ----------------------------------------------------------------------------------------


async def list_templates(database: Database, user: User) -> list[Row]:
    """The templates of the user's agency, by title."""
    rows = await database.rows(
        "SELECT * FROM answer_templates WHERE agency_id = :agency_id ORDER BY title, id", agency_id=user.agency_id
    )
    return list(rows)


async def list_for(database: Database, user: User, site: Site, problem: Row, to: list[str]) -> list[dict[str, Any]]:
    """The templates that fit one of the decisions `to`, filled in for a report."""
    return [
        {"id": row["id"], "title": row["title"], "status": row["status"], "text": fill(row["text"], site, problem)}
        for row in (await list_templates(database, user) if to else ())
        if row["status"] is None or row["status"] in to
    ]


def insert_text(given: dict[str, str], shown: list[dict[str, Any]]) -> dict[str, str]:
    """The fields of a decision with the chosen template behind the text, and its decision where none is chosen."""
    chosen = next((one for one in shown if one["id"] == given.get("template")), None)
    if chosen is None:
        return given
    text = "\n\n".join(part for part in (given.get("text", "").strip(), chosen["text"]) if part)
    return given | {"text": text, "to": given.get("to") or chosen["status"] or ""}


async def add(database: Database, user: User, who: journal.Who, found: list[dict[str, str | None]]) -> None:
    """Add templates. Raises Invalid beyond MAX_TEMPLATES."""

    async def work(tx: Transaction) -> None:
        row = await tx.row("SELECT COUNT(*) FROM answer_templates WHERE agency_id = :agency", agency=user.agency_id)
        if row is not None and row[0] + len(found) > MAX_TEMPLATES:
            raise Invalid((FieldError("title", "too_many", (("max", MAX_TEMPLATES),)),))
        for columns in found:
            template_id = clock.new_id()
            await tx.insert(
                "answer_templates", id=template_id, agency_id=user.agency_id, changed_at=clock.now(), **columns
            )
            await journal.record(tx, "template_added", who, subject=template_id)

    await database.write(work)


async def change(
    database: Database, user: User, who: journal.Who, template_id: str, columns: Mapping[str, str | None] | None
) -> None:
    """Change a template of the user's agency, or delete it (None). Raises NotFound."""
    own = "WHERE id = :id AND agency_id = :agency_id"
    key = {"id": template_id, "agency_id": user.agency_id}

    async def work(tx: Transaction) -> None:
        if columns is None:
            done = await tx.run(f"DELETE FROM answer_templates {own}", **key)
        else:
            done = await tx.run(
                f"UPDATE answer_templates SET title = :title, text = :text, status = :status, changed_at = :now {own}",
                **key,
                **columns,
                now=clock.now(),
            )
        if not done:
            raise NotFound
        kind: journal.Kind = "template_deleted" if columns is None else "template_changed"
        await journal.record(tx, kind, who, subject=template_id)

    await database.write(work)
