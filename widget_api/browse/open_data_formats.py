"""Render a problem as a line of CSV (RFC 4180) and as a feature of GeoJSON (RFC 7946), and list the licences."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]  # a list item with `url`, `category_name` and `status_name`

# Stable: programs find a column by its name, and new ones are added at the end.
COLUMNS = (
    "number",
    "url",
    "status",
    "status_name",
    "category",
    "category_name",
    "description",
    "address",
    "lat",
    "lng",
    "created_at",
    "updated_at",
    "answer_due",
    "overdue",
    "answered_at",
    "supporters",
    "comments",
    "photos",
    "source",
)
CSV_TYPE = "text/csv; charset=utf-8; header=present"
BOM = "\ufeff"  # without it Excel reads UTF-8 as the machine's old code page

# Characters that begin a formula in a spreadsheet cell (OWASP, «CSV Injection»), also full-width.
_FORMULA = "=+\\-@＝＋－＠"
# Invisible characters that a program may drop before it looks for a formula, above all a byte order mark.
_UNSEEN = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_BEGINS = re.compile(f"^(?=[\t\r\n]|[\\s\"'{_UNSEEN}]*[{_FORMULA}])")
# Excel splits at the separator of its own language, whatever the file uses, and at line breaks it misreads, so that a
# cell may also begin after one of these.
_BEGINS_INSIDE = re.compile(f"([;,\t\r\n|][\"'{_UNSEEN}]*)(?=[{_FORMULA}])")

LICENSES = {  # SPDX name → URL, of licences that a public body is likely to choose
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
    "PDDL-1.0": "https://opendatacommons.org/licenses/pddl/1-0/",
}


def license_url(license: str) -> str:  # noqa: A002 - the column's name
    """Return the URL of a licence; a site may have set a URL itself."""
    return LICENSES.get(license, license)


def filename(jurisdiction: str) -> str:
    """Return a file name of characters that every file system accepts."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", jurisdiction).strip("-.") or "problems"


def safe(text: str) -> str:
    """Return the text with an apostrophe before each possible beginning of a formula."""
    return _BEGINS_INSIDE.sub(r"\1'", _BEGINS.sub("'", text))


def lines(items: Iterable[Item], separator: str, columns: Sequence[str] = COLUMNS) -> bytes:
    """Return lines of CSV, each ended by CRLF. With semicolons numbers have a decimal comma, as in their countries."""
    return table((_values(item, columns) for item in items), separator)


def table(rows: Iterable[Sequence[Any]], separator: str) -> bytes:
    """Return rows of values as lines of CSV, whose cells begin no formula."""
    output = io.StringIO()
    writer = csv.writer(output, delimiter=separator, lineterminator="\r\n")
    writer.writerows([_cell(value, separator) for value in row] for row in rows)
    return output.getvalue().encode()


def header(separator: str, columns: Iterable[str] = COLUMNS) -> bytes:
    """Return the first line; the names may be questions, in the words of an agency."""
    return BOM.encode() + table([tuple(columns)], separator)


def _values(item: Item, columns: Sequence[str]) -> Sequence[Any]:
    place = item["location"] or {"lat": None, "lng": None}
    photos = " ".join(photo["url"] for photo in item["photos"])
    answers = {
        f"answers.{code}": " ".join(given) if isinstance(given, list) else given
        for code, given in item.get("answers", {}).items()
    }
    return [{**item, **place, "photos": photos, **answers}.get(name) for name in columns]


def _cell(value: Any, separator: str) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).replace(".", ",") if separator == ";" else repr(value)
    return safe(value) if isinstance(value, str) else value


def feature(item: Item) -> dict[str, Any]:
    """Return a feature, longitude first (RFC 7946, section 3.1.1). A problem without coordinates has no geometry."""
    place = item["location"]
    return {
        "type": "Feature",
        "id": item["number"],
        "geometry": place and {"type": "Point", "coordinates": [place["lng"], place["lat"]]},
        "properties": {name: value for name, value in item.items() if name != "location"},
    }


def collection_head(members: Mapping[str, Any]) -> bytes:
    """Return a FeatureCollection with foreign members (RFC 7946, section 6.1), up to its first feature."""
    head = json.dumps({"type": "FeatureCollection", **members}, ensure_ascii=False)
    return f'{head[:-1]},"features":['.encode()
