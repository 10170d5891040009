"""Routes for who watches the service from outside: liveness, readiness, metrics, whom to tell of a vulnerability."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, outbound, schedule, web
from widget_api.database import Database
from widget_api.deliveries import admin
from widget_api.errors import DomainError, NotFound
from widget_api.mail import outbox
from widget_api.ops import platform_status

_SECURITY_CONTACT_DAYS = 30  # for how long security.txt may be trusted; RFC 9116 recommends less than a year
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


class ServiceMetrics(Collector):
    """Collects metrics read in advance with `read`, since a registry's `collect` cannot await."""

    def __init__(self) -> None:
        self._families: dict[str, GaugeMetricFamily] = {}

    def collect(self) -> Iterator[Metric]:
        yield from self._families.values()

    def _add(self, family: str, documentation: str, value: float | None, **labels: str) -> None:
        """Add a sample, or only its family if the value is not known yet."""
        if family not in self._families:
            self._families[family] = GaugeMetricFamily(family, documentation, labels=list(labels))
        if value is not None:
            self._families[family].add_metric(list(labels.values()), value)

    async def read(self, database: Database, now: int, *, limits_shared: bool | None) -> None:
        counts = await admin.count_by_state(database)
        for state in ("pending", "leased", "delivered", "dead", "dropped"):
            self._add("widget_deliveries", "Deliveries by state", counts.get(state, 0), state=state)
        for (state, priority), count in (await admin.count_by_state_and_priority(database)).items():
            documentation = "Queued deliveries; lane 0: requested by a user, 1: events, 2: news to followers"
            self._add("widget_queue_length", documentation, count, state=state, lane=str(priority))
        overdue, stalled = await admin.measure_delay(database, now), await admin.measure_standstill(database, now)
        self._add("widget_queue_overdue_seconds", "Age of the oldest due delivery", overdue)
        self._add("widget_queue_stalled_seconds", "How long due deliveries have waited without any attempt", stalled)
        documentation = "Letters that no event of a report causes, and that have not left"
        self._add("widget_letters_waiting", documentation, await outbox.count_waiting(database))
        for status in await platform_status.read_platform_statuses(database, now):
            self._add_platform(status, now)
        for job in await schedule.list_jobs(database):
            documentation = "Time of the last success of a periodic job"
            self._add("widget_chore_last_success_timestamp_seconds", documentation, job["done_at"], chore=job["name"])
        if limits_shared is not None:
            documentation = "Whether this process shares its rate limits with others (WIDGET_REDIS_URL)"
            self._add("widget_limits_shared", documentation, limits_shared)

    def _add_platform(self, status: platform_status.PlatformStatus, now: int) -> None:
        def add(name: str, documentation: str, value: float | None) -> None:
            self._add(f"widget_platform_{name}", documentation, value, platform=status.id, name=status.name)

        def age(since: int | None) -> int:
            return max(0, now - since) if since is not None else 0

        add("circuit_open", "Whether the circuit breaker of a platform is open", status.paused_until is not None)
        add("undelivered", "Pending deliveries to a platform", status.waiting)
        add("oldest_undelivered_seconds", "Age of the oldest pending delivery to a platform", age(status.waiting_since))
        add("dead_deliveries", "Dead deliveries to a platform", status.dead)
        add("sites_unread", "Sites whose last poll of the platform failed", status.unread)
        add(
            "last_read_timestamp_seconds",
            "Time of the last successful poll, of the site polled least recently",
            status.polled_at,
        )
        add("erasures_unacknowledged", "Erasures not acknowledged by a platform", status.unacknowledged)
        add(
            "oldest_erasure_unacknowledged_seconds",
            "Age of the oldest erasure not acknowledged by a platform",
            age(status.unacknowledged_since),
        )


@web.at_once
async def healthz(request: Request) -> Response:
    """Return 200: the process responds."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


@web.at_once
async def readyz(request: Request) -> Response:
    """Return 200, or 503 if the database does not respond or the queue has stalled."""
    database = web.context(request).database
    try:
        standstill = await admin.measure_standstill(database, clock.now())
    except (DomainError, OSError) as error:
        return PlainTextResponse(f"database: {type(error).__name__}\n", 503, {"Cache-Control": "no-store"})
    if standstill:
        return PlainTextResponse(f"queue: stalled for {standstill} s\n", 503, {"Cache-Control": "no-store"})
    return PlainTextResponse("ready\n", headers={"Cache-Control": "no-store"})


@web.at_once
async def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus's text format. Requires the bearer token of WIDGET_METRICS_TOKEN; in development
    without one, requests from this machine are allowed."""
    if not _may_read(request):
        raise NotFound
    context = web.context(request)
    collector, registry = ServiceMetrics(), CollectorRegistry()
    await collector.read(context.database, clock.now(), limits_shared=await context.limits.check_shared())
    registry.register(collector)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")


async def get_security_txt(request: Request) -> Response:
    """GET /.well-known/security.txt (RFC 9116): the operator's contact. Raises NotFound if the operator names none."""
    settings = web.context(request).settings
    if not settings.operator_contact:
        raise NotFound
    expires = clock.rfc3339((clock.now() // clock.DAY + _SECURITY_CONTACT_DAYS) * clock.DAY)
    fields = [
        *(f"Contact: {link}" for _, link in settings.operator_contact),
        f"Expires: {expires}",
        "Preferred-Languages: ru, en",
        f"Canonical: {settings.public_url}/.well-known/security.txt",
    ]
    return PlainTextResponse("\n".join(fields) + "\n", headers={"Cache-Control": "public, max-age=3600"})


def _may_read(request: Request) -> bool:
    """Whether the request may read the metrics. In production a request from this machine proves nothing: it may come
    from a proxy that forwards any client without saying so."""
    settings = web.context(request).settings
    if settings.metrics_token or settings.production:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        expected = settings.metrics_token or ""
        same = hmac.compare_digest(token.strip().encode(), expected.encode())
        return scheme.lower() == "bearer" and bool(expected) and same
    if any(name in request.headers for name in _FORWARDED):
        return False
    return outbound.is_loopback(web.client_address(request))


routes: list[BaseRoute] = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
    Route("/.well-known/security.txt", get_security_txt, methods=["GET"]),
]
