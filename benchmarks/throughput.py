"""Requests a second through the whole application, each against its bare counterpart in the same second."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import median

import orjson

from benchmarks import growth
from benchmarks.load import Generator, Job, get, post
from benchmarks.proxy import nginx
from benchmarks.services import ORIGIN, Bare, Service, baseline, cpu
from benchmarks.table import Line, of_ratios
from widget_api.browse.listing import Filters

DESCRIPTION = "Во дворе у второго подъезда третий день не горит фонарь, вечером детская площадка в полной темноте. " * 2


def measure(load: Generator, service: Service, *, rounds: int, seconds: float) -> list[Line]:
    """Reads, then durable writes; rounds of all kinds follow one another, so that noise meets them alike."""
    page, tag = service.fetch(service.problems)
    with baseline(page) as bare, nginx(service) as front:
        reads = {
            "hello": asked(bare, get("/hello")),
            "304": asked(service, get(service.problems, (f"If-None-Match: {tag}",))),
            "cached list": asked(service, get(service.problems)),
            "uncached list": (service.pid, growth.job(service, Filters(), "", 32)),
        }
        if front is not None:
            reads["behind nginx"] = asked(front, get(service.problems))
        writes = {
            "dropped": asked(bare, report("/drop", service), connections=64),
            "durable": asked(service, report(service.problems, service), connections=64),
        }
        read = interleaved(load, reads, rounds, seconds)
        written = interleaved(load, writes, rounds, seconds)
    hello, dropped = read["hello"], written["dropped"]
    behind = (
        lines("first page behind nginx, against hello", read["behind nginx"], hello, 1.3, 200)
        if front is not None
        else [Line(name="first page behind nginx: there is no nginx here", value=0)]
    )
    return [
        *lines("304, against hello", read["304"], hello, 0.2, 304),
        *lines("first page, against hello", read["cached list"], hello, 0.15, 200),
        *lines("uncached list page of 20, against hello", read["uncached list"], hello, 0.08, 200),
        *behind,
        *lines("durable POST, against parsed and dropped", written["durable"], dropped, 0.06, 201),
    ]


@dataclass(frozen=True)
class Round:
    """`cost` is what the server computed for a request, in microseconds."""

    rate: float
    cost: float
    statuses: dict[int, int]


Asked = tuple[int, Job]  # whose processor time counts, and what it is asked


def asked(server: Service | Bare, request: bytes, connections: int = 32) -> Asked:
    return server.pid, Job(port=server.port, request=request, connections=connections)


def interleaved(load: Generator, kinds: dict[str, Asked], rounds: int, seconds: float) -> dict[str, list[Round]]:
    results: dict[str, list[Round]] = defaultdict(list)
    for pid, job in kinds.values():
        _round(load, pid, replace(job, seconds=seconds / 3))  # warm
    for index in range(rounds):
        for name in list(kinds) if index % 2 == 0 else list(reversed(kinds)):
            pid, job = kinds[name]
            results[name].append(_round(load, pid, replace(job, seconds=seconds)))
    return results


def _round(load: Generator, pid: int, job: Job) -> Round:
    before = cpu(pid)
    result = load.run(job)
    return Round(result.rate, (cpu(pid) - before) / max(1, sum(result.statuses.values())), result.statuses)


def lines(name: str, ours: list[Round], bare: list[Round], least: float, status: int) -> list[Line]:
    """The ratio of rates, which the budget speaks of, and that of processor time, which a busy machine spares more."""
    wrong = sum(many for one in ours for got, many in one.statuses.items() if got != status)
    pairs = list(zip(ours, bare, strict=True))
    rates = " against ".join(f"{median(one.rate for one in results):,.0f}/s" for results in (ours, bare))
    costs = " against ".join(f"{median(one.cost for one in results):,.0f} µs" for results in (ours, bare))
    return [
        of_ratios(
            name,
            [one.rate / other.rate if not wrong else 0.0 for one, other in pairs],
            least=least,
            remark=rates + (f"; {wrong} wrong answers" if wrong else ""),
        ),
        of_ratios("  by processor time", [other.cost / one.cost for one, other in pairs], remark=costs),
    ]


def report(path: str, service: Service) -> bytes:
    """A report as the widget sends it, under a key of its own."""
    configuration = orjson.loads(service.fetch(f"/api/v1/sites/{service.key}")[0])
    body = {
        "category": configuration["categories"][0]["code"],
        "description": DESCRIPTION + "{n}",
        "location": {"lat": 55.1, "lng": 38.8, "address": "улица Ленина, 12"},
        "name": "Иван",
        "consent": {"version": configuration["consent"]["version"], "processing": True, "publish_name": False},
        "lang": "ru",
        "page_url": f"{ORIGIN}/zhkh/",
    }
    headers = (f"Origin: {ORIGIN}", "Idempotency-Key: benchmark-{n}")
    return post(path, orjson.dumps(body), headers)
