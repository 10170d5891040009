"""Parse the responses of GeoReport servers: XML or JSON whatever their Content-Type, odd charsets, wrapped lists."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from widget_api import clock
from widget_api.open311.georeport import ITEM_NAMES, strip_illegal

_CHARSET = re.compile(r"charset=[\"']?([\w.-]+)", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_OFFSET_LOST = re.compile(r" (\d\d:?\d\d)$")  # «+03:00» whose plus was decoded to a space in a query
_MAX_DEPTH = 12
MAX_SERVICES = 500
MAX_ITEMS = 20_000  # of one response; larger lists have to be requested in pages
MAX_ID_LENGTH = 255  # characters; a longer id is ignored, since it would not fit into an index
MAX_URL_LENGTH, MAX_URLS = 2000, 50  # of pictures
END_OF_TIME = 253_402_300_800  # the year 10000


class Unreadable(ValueError):
    """The response is not a GeoReport document."""


@dataclass(frozen=True, kw_only=True)
class RemoteRequest:
    """A request in another server's response. The response to a new request has only `id` or `token`."""

    id: str | None
    token: str | None = None
    status: str | None = None
    service_code: str | None = None
    description: str | None = None
    lat: float | None = None
    long: float | None = None
    requested_at: int | None = None
    updated_at: int | None = None
    address: str | None = None
    service_name: str | None = None
    expected: str | None = None  # a local day, YYYY-MM-DD
    notes: str | None = None
    media: tuple[str, ...] = ()
    extended: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RemoteUpdate:
    """An update in another server's response. `extended` holds the attributes that instances of this service add."""

    id: str | None
    request_id: str
    status: str | None
    at: int | None
    description: str | None
    extended: dict[str, str] = field(default_factory=dict)


def parse_requests(body: bytes, content_type: str = "") -> list[RemoteRequest]:
    """Parse requests. Raises Unreadable if the body is neither XML nor JSON, as the other functions do."""
    return [
        RemoteRequest(
            id=_id(item, "service_request_id"),
            token=_id(item, "token"),
            status=_line(item, "status"),
            service_code=_id(item, "service_code"),
            description=_text(item.get("description")),
            lat=_number(item.get("lat")),
            long=_number(item.get("long", item.get("lon"))),
            requested_at=parse_moment(_line(item, "requested_datetime")),
            updated_at=parse_moment(_line(item, "updated_datetime")),
            address=_line(item, "address"),
            service_name=_line(item, "service_name"),
            expected=_parse_day(_line(item, "expected_datetime")),
            notes=_text(item.get("status_notes")),
            media=_media(item.get("media_url"))[:MAX_URLS],
            extended=_extended(item),
        )
        for item in _find_items(body, content_type, "request", ("service_request_id", "token"))
    ]


def parse_updates(body: bytes, content_type: str = "") -> list[RemoteUpdate]:
    """Parse updates. Those that name no request are left out."""
    updates = []
    for item in _find_items(body, content_type, "request_update", ("update_id", "service_request_id")):
        request_id = _id(item, "service_request_id")
        if request_id is not None:
            updates.append(
                RemoteUpdate(
                    id=_id(item, "update_id"),
                    request_id=request_id,
                    status=_line(item, "status"),
                    at=parse_moment(_line(item, "updated_datetime")),
                    description=_text(item.get("description")),
                    extended=_extended(item),
                )
            )
    return updates


def parse_services(body: bytes, content_type: str = "") -> list[dict[str, str | None]]:
    """Parse service_code, service_name, description, group and metadata of each service that has a code."""
    names = ("service_code", "service_name", "description", "group", "metadata")
    items = _find_items(body, content_type, "service", names[:1])
    services = [{name: _line(item, name) for name in names} for item in items]
    return [
        service for service in services if service["service_code"] and len(service["service_code"]) <= MAX_ID_LENGTH
    ][:MAX_SERVICES]


def parse_attributes(body: bytes, content_type: str = "") -> list[tuple[str, str, bool]]:
    """Parse (code, description, required) of each attribute of a definition that a sender may fill in."""
    attributes = []
    for item in _find_items(body, content_type, "attribute", ("code",)):
        code = _line(item, "code")
        if code is not None and _line(item, "variable") != "false":
            attributes.append((code, _line(item, "description") or code, _line(item, "required") == "true"))
    return attributes


def parse_software(body: bytes, content_type: str = "") -> str | None:
    """Parse the software that a discovery document names."""
    items = _find_items(body, content_type, "discovery", ("software", "changeset"))
    return next((text for item in items if (text := _line(item, "software"))), None)


MAX_PAGE = 16_384  # bytes of an error page that are read
_TITLE = re.compile(r"<(?:title|h1)\b[^<>]*>\s*+([^<>][^<>]*)<", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def parse_error(body: bytes, content_type: str = "") -> str:
    """Parse the descriptions of an error response. Of any other body return its beginning, of a web page its title."""
    try:
        items = _find_items(body, content_type, "error", ("description",))
    except Unreadable:
        items = []
    texts = [_text(item.get("description")) for item in items]
    found = "; ".join(text for text in texts if text) or _read_page(_decode(body[:MAX_PAGE], content_type))
    return found[:200]


def _read_page(text: str) -> str:
    """Return the title of a web page, or its text if it has none; any other text as it is.

    The expressions stop at each `<`, so that they take linear time whatever a stranger sends.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return text
    title = _TITLE.search(text)
    return " ".join(html.unescape(title[1] if title else _TAG.sub(" ", text)).split())


def parse_moment(text: str | None) -> int | None:
    """Parse a date-time into whole seconds. A missing offset means UTC, a missing time of day midnight."""
    if not text:
        return None
    text = _OFFSET_LOST.sub(r"+\1", text)
    for candidate in (text, f"{text}+00:00", f"{text}T00:00:00+00:00"):
        try:
            seconds = clock.parse_rfc3339(candidate)
        except (ValueError, OverflowError):
            continue
        return seconds if 0 <= seconds < END_OF_TIME else None  # later times cannot be written
    return None


def _parse_day(text: str | None) -> str | None:
    """Parse the day of a date-time as written, without converting it to another time zone."""
    match = re.match(r"\d{4}-\d\d-\d\d", text or "")
    try:
        return date.fromisoformat(match[0]).isoformat() if match else None
    except ValueError:
        return None


def _find_items(body: bytes, content_type: str, name: str, marks: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the items called `name` or, in JSON, where items have no names, the objects with one of the `marks`."""
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<"):
        items = (
            fields
            for element in _parse_xml(text, content_type).iter()
            if _local_name(element) == name and isinstance(fields := _element_value(element, _MAX_DEPTH), dict)
        )
        return list(islice(items, MAX_ITEMS))
    return list(islice(_find_objects(_parse_json(text, content_type), marks, _MAX_DEPTH), MAX_ITEMS))


def _parse_xml(text: bytes, content_type: str) -> Element:
    for candidate in (text, _DECLARATION.sub("", strip_illegal(_decode(text, content_type)))):
        try:
            parsed: Element = ElementTree.fromstring(candidate)
        except DefusedXmlException as error:
            raise Unreadable("the XML declares entities") from error
        except (ParseError, ValueError, LookupError):
            continue
        return parsed
    raise Unreadable("neither XML nor JSON")


def _parse_json(text: bytes, content_type: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return orjson.loads(_decode(text, content_type))
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise Unreadable("neither XML nor JSON") from None


def _decode(body: bytes, content_type: str) -> str:
    declared = _CHARSET.search(content_type)
    for charset in ("utf-8", declared[1] if declared else "utf-8", "windows-1251"):
        if charset.lower().replace("-", "_") == "punycode":  # a Python codec that takes quadratic time
            continue
        try:
            return body.decode(charset)
        except (UnicodeError, LookupError):  # «undefined» and «idna» are Python codecs
            continue
    return body.decode("utf-8", "replace")


def _local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]  # without the namespace that some servers add


def _element_value(element: Element, depth: int) -> Any:
    if len(element) == 0 or depth == 0:
        return element.text
    names = [_local_name(child) for child in element]
    if ITEM_NAMES.get(_local_name(element)) in names or len(names) > len(set(names)) == 1:
        return [_element_value(child, depth - 1) for child in element]
    fields: dict[str, Any] = {}
    for name, child in zip(names, element, strict=True):
        fields.setdefault(name, _element_value(child, depth - 1))  # some servers repeat media_url; the first counts
    return fields


def _find_objects(value: Any, marks: tuple[str, ...], depth: int) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and any(mark in value for mark in marks):
        yield value
    elif isinstance(value, dict | list) and depth:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _find_objects(inner, marks, depth - 1)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return strip_illegal(str(value)) or None
    return None


def _line(item: dict[str, Any], name: str) -> str | None:
    return (_text(item.get(name)) or "").strip() or None


def _id(item: dict[str, Any], name: str) -> str | None:
    text = _line(item, name)
    return text if text is not None and len(text) <= MAX_ID_LENGTH else None


def _media(value: Any) -> tuple[str, ...]:
    """Return the addresses of pictures. The specification has one address, but servers send lists of them."""
    if isinstance(value, list):
        return tuple(text for item in value for text in _media(item))
    if isinstance(value, dict):
        return tuple(text for item in value.values() for text in _media(item))
    text = (_text(value) or "").strip()
    return (text,) if text.startswith(("http://", "https://")) and len(text) <= MAX_URL_LENGTH else ()


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _extended(item: dict[str, Any]) -> dict[str, str]:
    value = item.get("extended_attributes")
    if not isinstance(value, dict):
        return {}
    return {str(name): text for name, inner in value.items() if (text := _text(inner)) is not None}
