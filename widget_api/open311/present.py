"""Convert categories, problems and events to the fields of GeoReport v2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from widget_api import i18n
from widget_api.clock import rfc3339
from widget_api.database import Row
from widget_api.open311.georeport import Fields, Value
from widget_api.open311.statuses import UPDATE_STATUS, georeport_status, parse_exact
from widget_api.problems.model import OPEN
from widget_api.problems.timeline import find_sender
from widget_api.sites.deadlines import promised_date
from widget_api.sites.model import Category, Question, Site


def service_fields(category: Category, language: str) -> Fields:
    return {
        "service_code": category.code,
        "service_name": i18n.category_name(language, category.code, category.name),
        "description": category.notice,
        "metadata": bool(category.questions),
        "type": "realtime",
        "keywords": None,
        "group": None,
    }


def attribute_fields(question: Question) -> Fields:
    return {
        "variable": True,
        "code": question.code,
        "datatype": question.datatype,
        "required": question.required,
        "datatype_description": question.hint or None,
        "order": question.order,
        "description": question.description,
        "values": [{"key": key, "name": name} for key, name in question.values],
    }


def request_fields(
    row: Row,
    site: Site,
    language: str,
    public_url: str,
    *,
    corrected: str | None = None,
    timeline: Sequence[Row] | None = None,
    notes: bool = False,
) -> Fields:
    """Convert a problem, whose answer may have been `corrected`.

    `timeline`, the public one, adds the extended attributes, and with `notes` itself as well.
    """
    category = site.known_category(row["category"])
    fields: dict[str, Value] = {
        "service_request_id": str(row["number"]),
        "status": georeport_status(row["status"]),
        "status_notes": corrected or _status_notes(row),
        "service_name": site.category_name(language, row["category"]),
        "service_code": row["category"],
        "description": row["description"],
        "agency_responsible": row["responsible"] or site.agency.name,
        "service_notice": category.notice if category else None,
        "requested_datetime": rfc3339(row["created_at"]),
        "updated_datetime": rfc3339(row["updated_at"]),
        "expected_datetime": _expected_datetime(row, site),
        "address": row["address"],
        "address_id": None,
        "zipcode": None,
        "lat": row["lat"],
        "long": row["lng"],
        "media_url": _photo_url(row["photos"], public_url),
    }
    if timeline is not None:
        received = next((event for event in timeline if event["kind"] == "received"), None)
        extended_fields = {
            "status_code": row["status"],
            "detailed_status": UPDATE_STATUS[row["status"]],
            "event_id": received["id"] if received is not None else None,
            "received_as": received["status"] if received is not None else None,
            "answer_due": promised_date(row["answer_due"]),
            "expected_on": row["expected_on"],
            "responsible": row["responsible"],
            "source": row["source"],
            "source_url": row["source_url"],
            "url": problem_url(public_url, site, row["number"]),
        }
        fields["extended_attributes"] = {name: value for name, value in extended_fields.items() if value is not None}
    if timeline is not None and notes:
        fields["notes"] = [_timeline_entry(event) for event in timeline]
    return fields


def _status_notes(row: Row) -> str | None:
    """Return the text of the current decision if it is the agency's, since it is shown beside `agency_responsible`."""
    if row["status_actor"] == "resident" or orjson.loads(row["status_data"] or b"{}").get("unofficial"):
        return None
    return row["status_text"] or None


def _timeline_entry(event: Row) -> Fields:
    """Convert an event of the public timeline, without an author's own text, which is not moderated."""
    status = parse_exact(event["status"])
    return {
        "datetime": rfc3339(event["at"]),
        "description": None if event["actor"] == "resident" else event["text"] or None,
        "status": UPDATE_STATUS[status] if status else None,
        **_sender(event),
    }


def _sender(event: Row) -> dict[str, str]:
    name = find_sender(event["actor"], event["sender"])
    return {"sender": name} if name else {}


def update_fields(row: Row, texts: Mapping[str, str], photo: str | None, *, trusted: bool) -> Fields:
    """Convert an event to FixMyStreet's fields, with ours as extended attributes. An author's own text, which is not
    moderated, is sent to platforms only."""
    hidden = row["actor"] == "resident" and not trusted
    data: dict[str, Any] = orjson.loads(row["data"])
    extended = extended_fields(row["kind"], row["status"], row["actor"], data, texts.get(data.get("responsible", "")))
    return {
        "update_id": row["id"],
        "service_request_id": str(row["number"]),
        "status": UPDATE_STATUS[parse_exact(extended.get("status_code")) or row["problem_status"]],
        "updated_datetime": rfc3339(row["at"]),
        "description": None if hidden else row["text"] or None,
        "media_url": photo,
        "extended_attributes": {
            **extended,
            **(reason_fields(row["kind"], data) if trusted else {}),
            **_sender(row),
            "position": row["position"],
        },
    }


# The fields that `extended_fields` returns; `intake.parse_event` reads them.
EXTENDED_FIELDS = ("kind", "status_code", "actor", "expected_on", "responsible", "unofficial")

REASON_FIELD = "rejection_reason"


def extended_fields(
    kind: str, status: str | None, actor: str, data: Mapping[str, Any], responsible: str | None
) -> dict[str, str]:
    """Return the fields of an event that instances of this service exchange (docs/api.md, «GeoReport»).

    Systems that already have the report see a spam mark as a rejection (product.md, «The gate»).
    """
    if kind in ("spam", "unspam"):
        kind, status = "status", "rejected" if kind == "spam" else "moderation"
    kind = "text" if kind in ("note", "corrected") else kind  # an older instance would take another for a status
    unofficial = "true" if data.get("unofficial") else None
    fields = dict(
        zip(EXTENDED_FIELDS, (kind, status, actor, data.get("expected_on"), responsible, unofficial), strict=True)
    )
    return {name: value for name, value in fields.items() if value}


def reason_fields(kind: str, data: Mapping[str, Any]) -> dict[str, str]:
    """Return why a report was rejected, for instances of this service alone: other systems have no such field."""
    reason = "spam" if kind == "spam" else data.get("reason")
    return {REASON_FIELD: reason} if reason else {}


def responsible_texts(rows: Sequence[Row]) -> list[str]:
    """Return the ids of the texts that events refer to in their data."""
    return [text_id for row in rows if (text_id := orjson.loads(row["data"]).get("responsible"))]


def problem_url(public_url: str, site: Site, number: int) -> str:
    return f"{public_url}{site.entries_path}/{number}"


def _expected_datetime(row: Row, site: Site) -> str | None:
    """Return the end of the promised day, or of the day an answer is due, in the site's time zone."""
    day = row["expected_on"] or (promised_date(row["answer_due"]) if row["status"] in OPEN else None)
    if day is None:
        return None
    zone = ZoneInfo(site.time_zone)
    return datetime.combine(datetime.fromisoformat(day), time(23, 59, 59), zone).isoformat()


def _photo_url(photos: str, public_url: str) -> str | None:
    first = next(iter(orjson.loads(photos)), None)
    address = first.get("url") if isinstance(first, dict) else first
    if not isinstance(address, str):
        return None
    return f"{public_url}{address}" if address.startswith("/") else address
