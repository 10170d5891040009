"""Whether a read takes longer where there is more: pages from anywhere, and what is told of two sizes."""

from __future__ import annotations

import statistics

from benchmarks.load import Job, get
from benchmarks.services import Service
from benchmarks.table import Line, of_ratios
from widget_api.browse.listing import Filters


def job(one: Service, filters: Filters, query: str, connections: int = 1) -> Job:
    """Pages from anywhere in the list, so that none is asked for twice."""
    request = get(f"{one.problems}?{query}cursor={{cursor}}")
    return Job(port=one.port, request=request, connections=connections, fingerprint=filters.fingerprint(one.site))


def line(name: str, most: float, small: int, size: int, base: list[float], grown: list[float]) -> Line:
    ratios = [ours / theirs for ours, theirs in zip(grown, base, strict=True)]
    remark = f"{statistics.median(grown):,.0f} µs against {statistics.median(base):,.0f} µs"
    return of_ratios(f"{name}, {small:,} → {size:,} rows", ratios, most=most, remark=remark)
