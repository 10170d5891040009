"""Find the request that an earlier attempt created at a platform although its response was lost.

It is identified by the event id if the platform stores extended attributes, otherwise by description and location. Of
a report that was erased meanwhile only a hash of its text and a coarse location are left (`problems.traces`).
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
MAX_SPAN = 89 * DAY  # GeoReport allows 90 days
MAX_PAGES = 50
PRECISION, COARSE_PRECISION = 0.0001, 0.02  # degrees: about ten metres, about two kilometres


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Properties that identify a report of ours at a platform: a hash of its text, and its location."""

    text_hash: str
    lat: float | None
    lng: float | None
    precision: float = PRECISION  # degrees

    @classmethod
    def of(cls, problem: Row) -> Fingerprint:
        return cls(text_hash=hash_text(problem["description"]), lat=problem["lat"], lng=problem["lng"])

    def fits(self, remote: RemoteRequest) -> bool:
        """Whether a request of a platform has the text of this report and its location."""
        if not remote.description or hash_text(remote.description) != self.text_hash:
            return False
        if self.lat is None or self.lng is None:
            return True
        if remote.lat is None or remote.long is None:
            return False
        return max(abs(remote.lat - self.lat), abs(remote.long - self.lng)) < self.precision


class FingerprintIndex:
    """Fingerprints of many reports by text hash. Comparing each with each would take minutes for thousands."""

    def __init__(self, problems: Sequence[Row]) -> None:
        self._by_text: dict[str, list[Fingerprint]] = {}
        for fingerprint in map(Fingerprint.of, problems):
            self._by_text.setdefault(fingerprint.text_hash, []).append(fingerprint)

    def fit(self, remote: RemoteRequest) -> bool:
        """Whether a request of a platform may be one of these reports."""
        if not self._by_text or not remote.description:
            return False
        candidates = self._by_text.get(hash_text(remote.description), ())
        return any(fingerprint.fits(remote) for fingerprint in candidates)


async def find_earlier_request(
    database: Database, caller: Client, delivery: Delivery, problem: Row, text_hash: str | None = None
) -> RemoteRequest | None:
    """Return the request an earlier attempt created, or None. `text_hash` is the trace of an erased report.

    Raises TemporaryFailure, and PermanentFailure if the platform does not support the query.
    """
    since = max(delivery.at - DAY, clock.now() - MAX_SPAN)
    code = await services.service_code(database, caller.platform.id, delivery.site_id, problem["category"])
    query = {"service_code": code, "start_date": rfc3339(since), "extensions": "true", "page_size": str(PAGE_SIZE)}
    fingerprint = (
        Fingerprint.of(problem)
        if text_hash is None
        else Fingerprint(text_hash=text_hash, lat=problem["lat"], lng=problem["lng"], precision=COARSE_PRECISION)
    )
    seen: set[str] = set()
    similar: list[RemoteRequest] = []
    for number in range(1, MAX_PAGES):
        page = [remote for remote in await caller.requests({**query, "page": str(number)}) if remote.id]
        exact = next((remote for remote in page if remote.extended.get("event_id") == delivery.event_id), None)
        if exact is not None:
            return exact
        fresh = [remote for remote in page if remote.id not in seen]
        seen |= {remote.id for remote in page if remote.id}
        # A request with another event id belongs to another report, however similar it is.
        similar += [remote for remote in fresh if "event_id" not in remote.extended and fingerprint.fits(remote)]
        if len(page) < PAGE_SIZE or not fresh:  # a platform without paging returns the same page again
            break
    linked = await links.find_by_remote_ids(
        database, caller.platform.id, delivery.site_id, [remote.id for remote in similar if remote.id]
    )
    return next((remote for remote in similar if remote.id not in linked), None)
