"""Collect the Prometheus metrics: seconds and counts at the time of the request."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from widget_api import schedule
from widget_api.database import Database
from widget_api.deliveries import admin
from widget_api.ops import platform_status


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
            documentation = "What stands in the queue; lane 0: just asked for, 1: happened, 2: news to followers"
            self._add("widget_queue_length", documentation, count, state=state, lane=str(priority))
        overdue, stalled = await admin.measure_delay(database, now), await admin.measure_standstill(database, now)
        self._add("widget_queue_overdue_seconds", "How long the oldest due delivery waits", overdue)
        self._add("widget_queue_stalled_seconds", "How long due work waits while nothing is tried", stalled)
        for status in await platform_status.read_platform_statuses(database, now):
            self._add_platform(status, now)
        for job in await schedule.list_jobs(database):
            documentation = "When a chore was done last"
            self._add("widget_chore_last_success_timestamp_seconds", documentation, job["done_at"], chore=job["name"])
        if limits_shared is not None:
            documentation = "Whether this process shares its limits with the others (WIDGET_REDIS_URL)"
            self._add("widget_limits_shared", documentation, limits_shared)

    def _add_platform(self, status: platform_status.PlatformStatus, now: int) -> None:
        def add(name: str, documentation: str, value: float | None) -> None:
            self._add(f"widget_platform_{name}", documentation, value, platform=status.id, name=status.name)

        def age(since: int | None) -> int:
            return max(0, now - since) if since is not None else 0

        add("circuit_open", "Whether a platform is left alone for a while", status.paused_until is not None)
        add("undelivered", "What waits for a platform", status.waiting)
        add("oldest_undelivered_seconds", "How long the oldest of it waits", age(status.waiting_since))
        add("dead_deliveries", "What was given up", status.dead)
        add("sites_unread", "Sites whose news could not be read at the last try", status.unread)
        add(
            "last_read_timestamp_seconds",
            "When news were read, of the site that was read least recently",
            status.polled_at,
        )
        add("erasures_unacknowledged", "Erasures a platform has not acknowledged", status.unacknowledged)
        add(
            "oldest_erasure_unacknowledged_seconds",
            "How long ago the first of them was",
            age(status.unacknowledged_since),
        )
