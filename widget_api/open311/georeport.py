"""Writes GeoReport v2 documents as XML and as JSON: pure, so that server and tests speak from one table.

XML has no namespaces and declares utf-8; JSON lists are bare arrays (GeoReport v2, «Format Support»).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

import orjson

Format = Literal["xml", "json"]
Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]
Fields = Mapping[str, Value]

CONTENT_TYPE: dict[Format, str] = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
# The name of one item in a list of that name.
ITEM = {"attributes": "attribute", "values": "value", "endpoints": "endpoint", "formats": "format", "notes": "note"}
# Not characters of XML 1.0 (section 2.2), whatever the escaping.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Document:
    """A whole answer: `content` is a list of items, or the fields of the one thing `root` names."""

    root: str
    content: Sequence[Fields] | Fields
    item: str = ""


def services(items: Sequence[Fields]) -> Document:
    return Document("services", items, "service")


def definition(service_code: str, attributes: Sequence[Fields]) -> Document:
    return Document("service_definition", {"service_code": service_code, "attributes": attributes})


def requests(items: Sequence[Fields]) -> Document:
    """Requests, the reply to a new one, and the answer about a token: all have this root."""
    return Document("service_requests", items, "request")


def updates(items: Sequence[Fields]) -> Document:
    return Document("service_request_updates", items, "request_update")


def errors(items: Sequence[tuple[int, str]]) -> Document:
    return Document("errors", [{"code": code, "description": text} for code, text in items], "error")


def discovery(*, changeset: str, contact: str, key_service: str, url: str, test: bool) -> Document:
    """Service Discovery: every element is required (https://wiki.open311.org/Service_Discovery/)."""
    endpoint: Fields = {
        "specification": SPECIFICATION,
        "url": url,
        "changeset": changeset,
        "type": "test" if test else "production",
        "formats": ["text/xml", "application/json"],
    }
    content: Fields = {"changeset": changeset, "contact": contact, "key_service": key_service, "endpoints": [endpoint]}
    return Document("discovery", content)


def clean(text: str) -> str:
    """`text` without the characters no XML document can hold."""
    return _ILLEGAL.sub("", text)


def render(document: Document, form: Format) -> bytes:
    if form == "json":
        return orjson.dumps(_cleaned(document.content))
    content = document.content
    inner = _fields(content) if isinstance(content, Mapping) else "".join(_element(document.item, i) for i in content)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{document.root}>{inner}</{document.root}>\n'.encode()


def _cleaned(value: Value) -> Value:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {name: _cleaned(inner) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [_cleaned(inner) for inner in value]
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
        inner = "".join(_element(ITEM.get(name, "item"), one) for one in value)
    return f"<{name}>{inner}</{name}>"


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        return f"{value:.10f}" if "e" in text else text
    # A bare carriage return would come back as a line feed (XML 1.0, section 2.11).
    return escape(clean(str(value)), {"\r": "&#13;"})
