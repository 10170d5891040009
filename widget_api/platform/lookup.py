"""Finds the request that an earlier try has made at a platform, though its answer was lost.

The birth id tells it where the platform keeps such things, else what it says and where. Of a report that was forgotten
meanwhile only a hash of its words is left, and a place that was made coarse (`problems.traces`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.database import Database, Row
from widget_api.deliveries.model import Delivery
from widget_api.open311.parse import RemoteRequest
from widget_api.platform.client import PAGE_SIZE, Client
from widget_api.platform.store import links, services
from widget_api.problems.traces import hash_text

DAY = 86_400
MAX_SPAN = 89 * DAY  # GeoReport: 90 days at most
MAX_PAGES = 50
NEAR, COARSE = 0.0001, 0.02  # degrees: about ten metres, about two kilometres


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What a report of ours can be known by: a hash of its words, and where it is."""

    words: str
    lat: float | None
    lng: float | None
    near: float = NEAR

    @classmethod
    def of(cls, problem: Row) -> Fingerprint:
        return cls(words=hash_text(problem["description"]), lat=problem["lat"], lng=problem["lng"])

    def fits(self, remote: RemoteRequest) -> bool:
        """Whether a request of a platform says what this report said, of the same place."""
        if not remote.description or hash_text(remote.description) != self.words:
            return False
        if self.lat is None or self.lng is None:
            return True
        if remote.lat is None or remote.long is None:
            return False
        return max(abs(remote.lat - self.lat), abs(remote.long - self.lng)) < self.near


class FingerprintIndex:
    """Of many reports, found by their words: compared each with each, thousands would take minutes."""

    def __init__(self, problems: Sequence[Row]) -> None:
        self._by_words: dict[str, list[Fingerprint]] = {}
        for like in map(Fingerprint.of, problems):
            self._by_words.setdefault(like.words, []).append(like)

    def fit(self, remote: RemoteRequest) -> bool:
        """Whether a request of a platform may be one of these reports."""
        if not self._by_words or not remote.description:
            return False
        return any(like.fits(remote) for like in self._by_words.get(hash_text(remote.description), ()))


async def find_earlier_request(
    database: Database, caller: Client, delivery: Delivery, problem: Row, left: str | None = None
) -> RemoteRequest | None:
    """The request an earlier try has made there, if it did. `left` is the trace of a report that was forgotten.

    Raises Later, and Refused where the platform cannot be asked.
    """
    since = max(delivery.at - DAY, clock.now() - MAX_SPAN)
    code = await services.service_code(database, caller.platform.id, delivery.site_id, problem["category"])
    query = {"service_code": code, "start_date": rfc3339(since), "extensions": "true", "page_size": str(PAGE_SIZE)}
    like = (
        Fingerprint.of(problem)
        if left is None
        else Fingerprint(words=left, lat=problem["lat"], lng=problem["lng"], near=COARSE)
    )
    seen: set[str] = set()
    similar: list[RemoteRequest] = []
    for page in range(1, MAX_PAGES):
        found = [one for one in await caller.requests({**query, "page": str(page)}) if one.id]
        born = next((one for one in found if one.extended.get("event_id") == delivery.event_id), None)
        if born is not None:
            return born
        fresh = [one for one in found if one.id not in seen]
        seen |= {one.id for one in found if one.id}
        # What tells a birth id is the report with that one, however much it looks like ours.
        similar += [one for one in fresh if "event_id" not in one.extended and like.fits(one)]
        if len(found) < PAGE_SIZE or not fresh:  # a platform that does not page tells the same again
            break
    taken = await links.find_by_remote_ids(
        database, caller.platform.id, delivery.site_id, [one.id for one in similar if one.id]
    )
    return next((one for one in similar if one.id not in taken), None)
