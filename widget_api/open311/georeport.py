"""Render GeoReport v2 documents as XML and JSON, without dependencies, so that tests can use it for a fake server.

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
# The element name of an item, by the name of the list.
ITEM_NAMES = {
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
    "jurisdictions": "jurisdiction_id",
    "notes": "note",
}
# Not allowed in XML 1.0 even if escaped (section 2.2).
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Document:
    """A response. `content` is a list of items, or the fields of the root element."""

    root: str
    content: Sequence[Fields] | Fields
    item: str = ""


def services_document(items: Sequence[Fields]) -> Document:
    return Document("services", items, "service")


def definition_document(service_code: str, attributes: Sequence[Fields]) -> Document:
    return Document("service_definition", {"service_code": service_code, "attributes": attributes})


def requests_document(items: Sequence[Fields]) -> Document:
    """Return the document of a list of requests, of the reply to a new one, or of a token: all have the same root."""
    return Document("service_requests", items, "request")


def updates_document(items: Sequence[Fields]) -> Document:
    return Document("service_request_updates", items, "request_update")


def errors_document(items: Sequence[tuple[int, str]]) -> Document:
    return Document("errors", [{"code": code, "description": text} for code, text in items], "error")


def discovery_document(
    *, changeset: str, contact: str, key_service: str, url: str, test: bool, jurisdictions: Sequence[str]
) -> Document:
    """Return the discovery document, whose elements are all required but the last two.

    See https://wiki.open311.org/Service_Discovery/. `software` tells which extensions are supported (docs/api.md,
    «GeoReport»), `jurisdictions` which values of jurisdiction_id the endpoint accepts. Other clients ignore both.
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
    """Remove the characters that an XML document cannot contain."""
    return _ILLEGAL.sub("", text)


def render_document(document: Document, form: Format) -> bytes:
    content = document.content
    if form == "json":
        return orjson.dumps(_strip_illegal_values(content))
    before, _, after = _list_frame(document.root, form)
    if isinstance(content, Mapping):
        return before + _fields(content).encode() + after
    return before + b"".join(_render_item(document.item, fields, form) for fields in content) + after


async def render_pieces(
    root: str, item: str, chunks: AsyncIterator[Sequence[Fields]], form: Format
) -> AsyncGenerator[bytes, None]:
    """Render the list of all chunks as `render_document` does, one piece for each chunk. The last piece ends the
    document."""
    before, between, after = _list_frame(root, form)
    pending: bytes | None = None
    async for items in chunks:
        rendered = between.join(_render_item(item, fields, form) for fields in items)
        if rendered and pending is not None:
            yield pending
        pending = pending if not rendered else before + rendered if pending is None else between + rendered
    yield (before if pending is None else pending) + after


def _list_frame(root: str, form: Format) -> tuple[bytes, bytes, bytes]:
    """Return the bytes before the items of a list, between them and after them."""
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
    if not _NAME.fullmatch(name):  # an invalid name would break the whole document
        raise ValueError(f"not the name of an element: {name!r}")
    if value is None or value == "":
        return f"<{name}/>"
    if isinstance(value, str | int | float):
        inner = _text(value)
    elif isinstance(value, Mapping):
        inner = _fields(value)
    else:
        inner = "".join(_element(ITEM_NAMES.get(name, "item"), inner_value) for inner_value in value)
    return f"<{name}>{inner}</{name}>"


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        return f"{value:.10f}" if "e" in text else text
    # Parsers turn a bare carriage return into a line feed (XML 1.0, section 2.11).
    return escape(strip_illegal(str(value)), {"\r": "&#13;"})
