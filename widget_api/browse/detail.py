"""Read one published problem in full: list item, timeline, official answer, photos and documents."""

from __future__ import annotations

from datetime import date
from typing import Any

from widget_api import clock, i18n
from widget_api.attachments.documents import service
from widget_api.browse import listing
from widget_api.context import Context
from widget_api.database import Row
from widget_api.errors import NotFound
from widget_api.problems import deadline, pictures, timeline, wording
from widget_api.problems.store import contacts, records
from widget_api.sites.model import Site


async def read(context: Context, site: Site, number: int, today: date, language: str) -> dict[str, Any]:
    """Return the response of GET /sites/{key}/problems/{number}. Raises NotFound also if the problem is unpublished."""
    database, public_url = context.database, context.settings.public_url
    row = await listing.find_published(database, site.id, number)
    if row is None:
        raise NotFound("problem_not_found")
    entries = await timeline.read_timeline(database, row["id"], public=True)
    answer = timeline.find_answer(entries)
    attached = await Attached.read(context, site.id, row["id"])
    details = await records.read_details(database, site.id, row["id"])
    answered_at = details["answered_at"]
    platform_as_author = {"actor": "platform", "sender": details["source_name"]}
    return {
        **listing.item(row, today, site, public_url, language),
        "author": await contacts.published_name(database, row["id"]),
        "answered_at": clock.rfc3339(answered_at) if answered_at is not None else None,
        "comments": details["comments"],
        "kept": deadline.were_kept(details, today),
        "expected_on": details["expected_on"],
        "responsible": details["responsible"],
        "duplicate_of": details["duplicate_of"],
        "discussion": details["discussion"],
        "source_name": details["source_name"] if details["mirror_of"] else None,
        "source_url": details["source_url"] if details["mirror_of"] else None,
        "timeline": [
            {**timeline.to_json(entry), **attached.of(entry), "label": _label(language, entry)}
            | (platform_as_author if details["mirror_of"] and entry["actor"] == "agent" else {})  # not this agency
            for entry in entries
        ],
        "answer": answer
        and {
            "text": answer["text"],
            "at": clock.rfc3339(answer["at"]),
            "agency": (details["mirror_of"] and details["source_name"]) or site.agency.name,
            "disputed": answer["disputed"],
            **attached.of(answer),
        },
    }


def _label(language: str, entry: dict[str, Any]) -> str:
    return i18n.text(language, f"status.{entry['status']}") if entry["status"] else wording.title(language, entry)


class Attached:
    """The photos and documents of a published problem's decisions, by event."""

    def __init__(self, public_url: str, photos: list[Row], files: list[Row]) -> None:
        self._public_url, self._photos, self._files = public_url, photos, files

    @classmethod
    async def read(cls, context: Context, site_id: str, problem_id: str) -> Attached:
        photos = await pictures.list_pictures(context.database, problem_id)
        files = await service.list_attached(context.database, site_id, problem_id)
        return cls(context.settings.public_url, photos, files)

    def of(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return {photos, documents} of a timeline entry."""
        files = [row for row in self._files if row["event_id"] == entry["id"]]
        return {
            "photos": pictures.list_of_event(self._photos, entry["id"], self._public_url),
            "documents": service.public_documents(self._public_url, files),
        }
