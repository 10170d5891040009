"""One problem as a line of CSV (RFC 4180) and as a feature of GeoJSON (RFC 7946); the licence they are given under."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]  # as lists show a problem, with `url`, `category_name` and `status_name`

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
BOM = "\ufeff"  # without it Excel takes UTF-8 for the machine's old code page

# What a spreadsheet takes for a formula, at the beginning of a cell (OWASP, «CSV Injection»), full-width signs too.
_FORMULA = "=+\\-@＝＋－＠"
# Nothing to the eye, and to a program that drops it before it looks: a byte order mark above all.
_UNSEEN = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_BEGINS = re.compile(f"^(?=[\t\r\n]|[\\s\"'{_UNSEEN}]*[{_FORMULA}])")
# Excel splits at the separator of its own language, whichever stands in the file, and at line breaks it misreads: so a
# cell may also begin behind one of these.
_GOES_ON = re.compile(f"([;,\t\r\n|][\"'{_UNSEEN}]*)(?=[{_FORMULA}])")

LICENSES = {  # those a public body is likely to choose, by their SPDX names: where each can be read
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
    "PDDL-1.0": "https://opendatacommons.org/licenses/pddl/1-0/",
}


def license_url(license: str) -> str:  # noqa: A002 - the column's name
    """Where the licence can be read; a site may have chosen an address itself."""
    return LICENSES.get(license, license)


def safe(text: str) -> str:
    """The text as a cell no spreadsheet takes for a formula: an apostrophe stands before what could begin one."""
    return _GOES_ON.sub(r"\1'", _BEGINS.sub("'", text))


def lines(items: Iterable[Item], separator: str) -> bytes:
    """Lines of CSV, each ended by CRLF. Behind semicolons fractions have a comma, as where those are used."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator="\r\n")
    writer.writerows([_cell(one, separator) for one in _values(item)] for item in items)
    return written.getvalue().encode()


def header(separator: str) -> bytes:
    return (BOM + separator.join(COLUMNS) + "\r\n").encode()


def _values(item: Item) -> Sequence[Any]:
    place = item["location"] or {"lat": None, "lng": None}
    photos = " ".join(photo["url"] for photo in item["photos"])
    return [{**item, **place, "photos": photos}.get(name) for name in COLUMNS]


def _cell(value: Any, separator: str) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).replace(".", ",") if separator == ";" else repr(value)
    return safe(value) if isinstance(value, str) else value


def feature(item: Item) -> dict[str, Any]:
    """Longitude stands first (RFC 7946, section 3.1.1); a problem that is described by words alone has no geometry."""
    place = item["location"]
    return {
        "type": "Feature",
        "id": item["number"],
        "geometry": place and {"type": "Point", "coordinates": [place["lng"], place["lat"]]},
        "properties": {name: value for name, value in item.items() if name != "location"},
    }


def collection_head(members: Mapping[str, Any]) -> bytes:
    """The beginning of a FeatureCollection with foreign members (section 6.1), before its first feature."""
    told = json.dumps({"type": "FeatureCollection", **members}, ensure_ascii=False)
    return f'{told[:-1]},"features":['.encode()
