"""Send a report to a GeoReport platform exactly once, although the protocol has no idempotency.

The lease of the delivery is recorded before each attempt, so a later attempt knows that a response may have been lost,
and looks the request up before sending it again. The event id is sent as Idempotency-Key and as an extended attribute,
which some platforms return.

A request that an earlier attempt created is identified by the event id if the platform stores extended attributes,
otherwise by description and location. Of a report that was corrected or erased meanwhile hashes of its former texts are
left (`problems.traces`), and of an erased one a coarse location.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import Delivery, Retry
from widget_api.open311.parse import RemoteRequest
from widget_api.platform import client, payload, update_import
from widget_api.platform.client import PAGE_SIZE, Client
from widget_api.platform.model import Platform
from widget_api.platform.store import links, log, services
from widget_api.problems import pictures
from widget_api.problems.model import Actor
from widget_api.problems.record import record
from widget_api.problems.store import records
from widget_api.problems.traces import find_traces, hash_text, read_traces

_MAX_URL_LENGTH = 2000


async def send_report(context: Context, caller: Client, delivery: Delivery, problem: Row) -> None:
    """Send the report and link its request. Raises TemporaryFailure, PermanentFailure and Retry."""
    platform, database = caller.platform, context.database
    before = await log.cursor(database, platform.id, delivery.site_id)
    await _post_report(context, caller, delivery, problem)
    # Updates that were polled before the link existed were skipped, since they belonged to no known request.
    if delivery.repeated or await log.cursor(database, platform.id, delivery.site_id) != before:
        await _catch_up(database, caller, delivery)


async def _catch_up(database: Database, caller: Client, delivery: Delivery) -> None:
    platform, linked = caller.platform, await links.find_link(database, delivery.problem_id, caller.platform.id)
    if platform.exact and linked is not None and linked["remote_id"]:  # others are polled with an overlap of an hour
        await update_import.import_updates(
            database, platform, delivery.site_id, await caller.updates_of([linked["remote_id"]])
        )


async def _post_report(context: Context, caller: Client, delivery: Delivery, problem: Row) -> None:
    platform, database = caller.platform, context.database
    if await links.find_link(database, delivery.problem_id, platform.id) is not None:
        return
    # Another instance of this service recognizes the event id, so a repetition is harmless there.
    if delivery.repeated and not platform.exact:
        with contextlib.suppress(client.PermanentFailure):  # the platform does not support the query
            if await link_earlier_request(context, caller, delivery, problem):
                return
    code = await services.service_code(database, platform.id, delivery.site_id, problem["category"])
    fields = await _build_fields(database, platform, delivery, problem, code)
    fields += [("media_url", address) for address in pictures.list_platform_urls(context, problem)]
    await _link_request(database, platform, delivery, await caller.send_request(fields, delivery.event_id))


async def link_earlier_request(context: Context, caller: Client, delivery: Delivery, problem: Row) -> bool:
    """Find the request that an earlier attempt created, and link it. Returns False if there is none.

    Raises TemporaryFailure, PermanentFailure and Retry.
    """
    database = context.database
    if await links.find_link(database, delivery.problem_id, caller.platform.id) is not None:
        return True
    reply = await find_earlier_request(database, caller, delivery, problem, await find_traces(database, delivery.id))
    if reply is not None:
        await _link_request(database, caller.platform, delivery, reply, looked_up=True)
    return reply is not None


async def _build_fields(
    database: Database, platform: Platform, delivery: Delivery, problem: Row, code: str
) -> list[tuple[str, str]]:
    fields = [("service_code", code), ("description", problem["description"])]
    if problem["lat"] is not None and problem["lng"] is not None:
        fields += [("lat", f"{problem['lat']:.6f}"), ("long", f"{problem['lng']:.6f}")]
    if problem["address"]:
        fields.append(("address_string", problem["address"]))
    fields += payload.answer_fields(problem)
    fields += (await payload.read_personal_data(database, platform, delivery.site_id, delivery.problem_id)).items()
    extended = {
        "event_id": delivery.event_id,
        "status_code": delivery.status or "moderation",
        "requested_datetime": rfc3339(delivery.at),
        "language": problem["language"],
    }
    return fields + extended_form_fields(extended)


def extended_form_fields(attributes: dict[str, str]) -> list[tuple[str, str]]:
    """Return the attributes that instances of this service exchange beside the specification, as form fields."""
    return [(f"extended_attributes[{name}]", value) for name, value in attributes.items()]


async def _link_request(
    database: Database, platform: Platform, delivery: Delivery, reply: RemoteRequest, *, looked_up: bool = False
) -> None:
    """Record the request id and the timeline entry, in one transaction.

    A request that was looked up may be linked once only: two similar reports, both without a response, must not be
    linked to the same request. Raises Retry for the second.
    """

    async def work(tx: Transaction) -> bool:
        if looked_up and await links.is_linked(tx, platform.id, delivery.site_id, reply.id):
            return False
        await links.insert_link(
            tx,
            problem_id=delivery.problem_id,
            platform_id=platform.id,
            site_id=delivery.site_id,
            remote_id=reply.id,
            remote_token=reply.token,
            remote_url=remote_url(reply),
        )
        problem = await records.full(tx, delivery.site_id, delivery.problem_id)
        assert problem is not None, "problems are never deleted"
        linked = {"platform": platform.id}
        await record(tx, problem, Actor(kind="system"), kind="linked", data=linked, now=clock.now())
        return True

    if not await database.write(work, delivery.site_id):
        raise Retry("a request like this one turned out to be another report's")


def remote_url(reply: RemoteRequest) -> str | None:
    """Return the platform's page of the request, or None unless it is a safe web address: it becomes a link on our
    pages."""
    url = reply.extended.get("url", "").strip()
    try:
        parts = urlsplit(url)
        valid_host = bool(parts.hostname) and parts.username is None  # «https://gorod.ru@evil.test» leads to evil.test
    except ValueError:
        return None
    valid_text = url.startswith(("https://", "http://")) and url.isprintable() and " " not in url
    return url if valid_host and valid_text and len(url) <= _MAX_URL_LENGTH else None


MAX_SPAN = 89 * clock.DAY  # GeoReport allows 90 days
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

    @classmethod
    def list_of(cls, problem: Row, traces: Sequence[str]) -> list[Fingerprint]:
        """The report as it is and as it was, when its place may have been another, or is kept only roughly."""
        former = [
            cls(text_hash=trace, lat=problem["lat"], lng=problem["lng"], precision=COARSE_PRECISION) for trace in traces
        ]
        return [cls.of(problem), *former]

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
        for problem in problems:
            for fingerprint in Fingerprint.list_of(problem, read_traces(problem["reason"])):
                self._by_text.setdefault(fingerprint.text_hash, []).append(fingerprint)

    def fit(self, remote: RemoteRequest) -> bool:
        """Whether a request of a platform may be one of these reports."""
        if not self._by_text or not remote.description:
            return False
        candidates = self._by_text.get(hash_text(remote.description), ())
        return any(fingerprint.fits(remote) for fingerprint in candidates)


async def find_earlier_request(
    database: Database, caller: Client, delivery: Delivery, problem: Row, traces: Sequence[str] = ()
) -> RemoteRequest | None:
    """Return the request an earlier attempt created, or None. `traces` are hashes of the report's former texts.

    Raises TemporaryFailure, and PermanentFailure if the platform does not support the query.
    """
    since = max(delivery.at - clock.DAY, clock.now() - MAX_SPAN)
    query = {"start_date": rfc3339(since), "extensions": "true", "page_size": str(PAGE_SIZE)}
    if not traces:  # else the category may have been another
        code = await services.service_code(database, caller.platform.id, delivery.site_id, problem["category"])
        query["service_code"] = code
    fingerprints = Fingerprint.list_of(problem, traces)
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
        similar += [
            remote
            for remote in fresh
            if "event_id" not in remote.extended and any(fingerprint.fits(remote) for fingerprint in fingerprints)
        ]
        if len(page) < PAGE_SIZE or not fresh:  # a platform without paging returns the same page again
            break
    linked = await links.find_by_remote_ids(
        database, caller.platform.id, delivery.site_id, [remote.id for remote in similar if remote.id]
    )
    return next((remote for remote in similar if remote.id not in linked), None)
