"""Writes GeoReport v2 documents as XML and as JSON: pure, so that server and tests speak from one table.

XML has no namespaces and declares utf-8; JSON lists are bare arrays (GeoReport v2, «Format Support»).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

import orjson

Format = Literal["xml", "json"]
Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]
Fields = Mapping[str, Value]

CONTENT_TYPE: dict[Format, str] = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}
SOFTWARE = "igrajdanin-widget"
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
# The name of one item in a list of that name.
ITEM_NAMES = {
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
    "jurisdictions": "jurisdiction_id",
    "notes": "note",
}
# Not characters of XML 1.0 (section 2.2), whatever the escaping.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Document:
    """A whole answer: `content` is a list of items, or the fields of the one thing `root` names."""

    root: str
    content: Sequence[Fields] | Fields
    item: str = ""


def services_document(items: Sequence[Fields]) -> Document:
    return Document("services", items, "service")


def definition_document(service_code: str, attributes: Sequence[Fields]) -> Document:
    return Document("service_definition", {"service_code": service_code, "attributes": attributes})


def requests_document(items: Sequence[Fields]) -> Document:
    """Requests, the reply to a new one, and the answer about a token: all have this root."""
    return Document("service_requests", items, "request")


def updates_document(items: Sequence[Fields]) -> Document:
    return Document("service_request_updates", items, "request_update")


def errors_document(items: Sequence[tuple[int, str]]) -> Document:
    return Document("errors", [{"code": code, "description": text} for code, text in items], "error")


def discovery_document(
    *, changeset: str, contact: str, key_service: str, url: str, test: bool, jurisdictions: Sequence[str]
) -> Document:
    """Service Discovery: every element but the last is required (https://wiki.open311.org/Service_Discovery/).

    `software` says which extensions are spoken here (docs/api.md, «GeoReport»), `jurisdictions` which jurisdiction_id
    the endpoint takes; who does not know them passes them over.
    """
    endpoint: Fields = {
        "specification": SPECIFICATION,
        "url": url,
        "changeset": changeset,
        "type": "test" if test else "production",
        "formats": ["text/xml", "application/json"],
        "jurisdictions": jurisdictions,
    }
    content: Fields = {
        "changeset": changeset,
        "contact": contact,
        "key_service": key_service,
        "endpoints": [endpoint],
        "software": SOFTWARE,
    }
    return Document("discovery", content)


def strip_illegal(text: str) -> str:
    """`text` without the characters no XML document can hold."""
    return _ILLEGAL.sub("", text)


def render_document(document: Document, form: Format) -> bytes:
    content = document.content
    if form == "json":
        return orjson.dumps(_strip_illegal_values(content))
    before, _, after = _list_frame(document.root, form)
    if isinstance(content, Mapping):
        return before + _fields(content).encode() + after
    return before + b"".join(_render_item(document.item, one, form) for one in content) + after


async def render_pieces(
    root: str, item: str, chunks: AsyncIterator[Sequence[Fields]], form: Format
) -> AsyncGenerator[bytes, None]:
    """What `render` makes of the list of all chunks, one chunk at a time. The last piece ends the document."""
    before, between, after = _list_frame(root, form)
    waiting: bytes | None = None
    async for items in chunks:
        written = between.join(_render_item(item, one, form) for one in items)
        if written and waiting is not None:
            yield waiting
        waiting = waiting if not written else before + written if waiting is None else between + written
    yield (before if waiting is None else waiting) + after


def _list_frame(root: str, form: Format) -> tuple[bytes, bytes, bytes]:
    """What stands before the items of a list, between them and after them."""
    if form == "json":
        return b"[", b",", b"]"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{root}>'.encode(), b"", f"</{root}>\n".encode()


def _render_item(name: str, fields: Fields, form: Format) -> bytes:
    return orjson.dumps(_strip_illegal_values(fields)) if form == "json" else _element(name, fields).encode()


def _strip_illegal_values(value: Value) -> Value:
    if isinstance(value, str):
        return strip_illegal(value)
    if isinstance(value, Mapping):
        return {name: _strip_illegal_values(inner) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [_strip_illegal_values(inner) for inner in value]
    return value


def _fields(fields: Fields) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: Value) -> str:
    if not _NAME.fullmatch(name):  # names are ours; a wrong one would break the whole document
        raise ValueError(f"not the name of an element: {name!r}")
    if value is None or value == "":
        return f"<{name}/>"
    if isinstance(value, str | int | float):
        inner = _text(value)
    elif isinstance(value, Mapping):
        inner = _fields(value)
    else:
        inner = "".join(_element(ITEM_NAMES.get(name, "item"), one) for one in value)
    return f"<{name}>{inner}</{name}>"


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        return f"{value:.10f}" if "e" in text else text
    # A bare carriage return would come back as a line feed (XML 1.0, section 2.11).
    return escape(strip_illegal(str(value)), {"\r": "&#13;"})
