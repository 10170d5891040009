"""Say what an entry of the journal records: a sentence that names what was acted upon, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson

from widget_api import clock, i18n, journal
from widget_api.database import Row
from widget_api.sites.kinds import kind_of
from widget_api.sites.origins import readable_host

_KEY = "organisation.journal"
_ORIGINS = {"origins_added", "origins_removed", "origins_proven"}
_SUBJECTS = ("person", "invited", "agency", "platform", "token", "template", "organisation", "application")


def kind_text(language: str, kind: str) -> str:
    return i18n.text(language, f"{_KEY}.kind.{kind}")


def list_kinds(language: str) -> list[tuple[str, str]]:
    """The kinds of entries with their texts, in the order of these."""
    return sorted(((kind, kind_text(language, kind)) for kind in journal.KINDS), key=lambda pair: pair[1])


def name_subject(language: str, row: Row) -> str:
    """What an entry is about, «» for what was deleted since."""
    if row["number"] is not None:
        return i18n.text(language, "common.number", number=row["number"])
    if row["application"] is not None:
        return readable_host(row["application"])
    return next((str(row[name]) for name in _SUBJECTS if row[name]), "")


def name_site(language: str, row: Row) -> str:
    """A site, a section of one or its test mode, by name. «»: the entry is about none."""
    if row["site"] is None:
        return ""
    return i18n.text(language, f"{_KEY}.place.{kind_of(row['slug'])}", name=row["site"], site=row["parent_site"] or "")


def write_sentence(language: str, row: Row, names: Mapping[str, str], *, hidden: bool = False) -> str:
    """The whole entry in words but for who acted and when. `hidden`: the reader may not know who acted."""
    details = details_text(language, orjson.loads(row["details"]), names, row["kind"])
    what = write_act(language, row, hidden=hidden)
    return i18n.text(language, f"{_KEY}.detailed", what=what, details=details) if details else what


def write_act(language: str, row: Row, *, hidden: bool = False) -> str:
    """What was done, to whom or to what."""
    subject = "" if hidden and row["subject"] == row["user_id"] else name_subject(language, row)
    values = {"about": subject, "site": name_site(language, row), "agency": row["site_agency"] or ""}
    key = f"{_KEY}.sentence.{row['kind']}"
    sentence = str(i18n.texts(language)[key]) if i18n.has(key) else ""
    if sentence and all(value or f"{{{name}}}" not in sentence for name, value in values.items()):
        return i18n.text(language, key, **values)
    what, about = kind_text(language, row["kind"]), subject or values["site"]
    return i18n.text(language, f"{_KEY}.named", what=what, about=about) if about else what


def details_text(language: str, details: Mapping[str, Any], names: Mapping[str, str], kind: str) -> str:
    """What an entry says beside its kind; codes without a text stay codes. `names` are those of identifiers."""

    def word(group: str, code: str) -> str:
        keys = [f"cabinet.{group}.{code}" if group == "role" else f"{_KEY}.{group}.{code}"]
        if group == "column" and kind.startswith("platform"):
            keys.insert(0, f"{_KEY}.platform_column.{code}")
        known = next((key for key in keys if i18n.has(key)), None)
        return i18n.text(language, known) if known else code

    def setting(column: str, value: str) -> str:
        if clock.is_date(value):
            return i18n.format_date(language, date.fromisoformat(value))
        for group in ("role",) if column == "role" else (f"of.{column}", "value"):
            if (said := word(group, value)) != value:
                return said
        return readable_host(value) if column == "url" else names.get(value, value)

    def became(change: str) -> str:
        column, before, after = change.split(":", 2)
        values = {"before": setting(column, before), "after": setting(column, after)}
        return i18n.text(language, f"{_KEY}.became", what=word("column", column), **values)

    changes = details.get("values", [])
    described = {one.partition(":")[0] for one in changes} | ({"origins"} if details.keys() & _ORIGINS else set())
    if kind == "platform_added":
        described |= set(details.get("columns", []))

    def say(name: str, value: Any) -> list[str]:
        match name, value:
            case "values", list():
                return [became(one) for one in value]
            case "columns", list():
                columns = ", ".join(word("column", one) for one in value if one not in described)
                return [columns] if columns else []
            case "role", str():
                return [] if name in described else [word("role", value)]
            case "status", str():
                return [i18n.text(language, f"status.{value}")]
            case "category", str():
                return [i18n.category_name(language, value)]
            case _, list():
                return [f"{word('detail', name)}: {', '.join(map(readable_host, value))}"]
            case _, str() if i18n.has(f"{_KEY}.detail.{name}"):
                return [f"{word('detail', name)}: {setting(name, value)}"]
            case _, str():
                return [setting(name, value)]
            case _, bool():
                return [f"{word('detail', name)}: {word('value', 'yes' if value else 'no')}"]
        return [f"{word('detail', name)}: {value}"]

    return "; ".join(said for name, value in details.items() for said in say(name, value))
