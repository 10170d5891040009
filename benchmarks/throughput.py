"""Requests a second through the whole application, each against its bare counterpart in the same second."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import replace

import orjson

from benchmarks.load import Generator, Job, Result, get, post
from benchmarks.services import ORIGIN, Service, baseline
from benchmarks.table import Line, of_ratios

DESCRIPTION = "Во дворе у второго подъезда третий день не горит фонарь, вечером детская площадка в полной темноте. " * 2


def measure(load: Generator, service: Service, *, rounds: int, seconds: float) -> list[Line]:
    """Reads, then durable writes; rounds of all kinds follow one another, so that noise meets them alike."""
    page, tag = service.fetch(service.problems)
    with baseline(page) as bare:
        reads = {
            "hello": Job(port=bare, request=get("/hello")),
            "same bytes": Job(port=bare, request=get("/bytes")),
            "304": Job(port=service.port, request=get(service.problems, (f"If-None-Match: {tag}",))),
            "cached list": Job(port=service.port, request=get(service.problems)),
            "uncached list": Job(port=service.port, request=get(f"{service.problems}?unknown={{n}}")),
        }
        writes = {
            "dropped": Job(port=bare, request=_report("/drop", service), connections=64),
            "durable": Job(port=service.port, request=_report(service.problems, service), connections=64),
        }
        read = _interleaved(load, reads, rounds, seconds)
        written = _interleaved(load, writes, rounds, seconds)
    hello, same, dropped = read["hello"], read["same bytes"], written["dropped"]
    return [
        _line("304, against hello", read["304"], hello, 1.0, 304),
        _line("cached list page, against the same bytes", read["cached list"], same, 0.6, 200),
        _line("uncached list page of 20, against hello", read["uncached list"], hello, 0.15, 200),
        _line("durable POST, against parsed and dropped", written["durable"], dropped, 0.4, 201),
    ]


def _interleaved(load: Generator, jobs: dict[str, Job], rounds: int, seconds: float) -> dict[str, list[Result]]:
    results: dict[str, list[Result]] = defaultdict(list)
    for job in jobs.values():
        load.run(replace(job, seconds=seconds / 3))  # warm
    for index in range(rounds):
        order = list(jobs) if index % 2 == 0 else list(reversed(jobs))
        for name in order:
            results[name].append(load.run(replace(jobs[name], seconds=seconds)))
    return results


def _line(name: str, ours: list[Result], bare: list[Result], least: float, status: int) -> Line:
    wrong = sum(many for result in ours for got, many in result.statuses.items() if got != status)
    rates = [f"{statistics.median(result.rate for result in results):,.0f}/s" for results in (ours, bare)]
    remark = " against ".join(rates) + (f"; {wrong} wrong answers" if wrong else "")
    ratios = [one.rate / other.rate for one, other in zip(ours, bare, strict=True)]
    return of_ratios(name, ratios if not wrong else [0.0], least=least, remark=remark)


def _report(path: str, service: Service) -> bytes:
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
