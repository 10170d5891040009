"""`python -m benchmarks.cabinet [--small] [--postgres] [--kept FOLDER]`:
the pages an official waits for, where one agency has 100,000 and 1,000,000 reports.

A head of the agency is signed in and asks by HTTP, one page after another, as the application ships. Beside the made-up
reports, which are published, some hundred new ones wait for moderation. The budget is the contract's: 100 ms at
100,000 reports, 300 ms at 1,000,000.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2

from benchmarks.__main__ import machine, postgres
from benchmarks.services import COMMAND, ORIGIN, Service, service
from benchmarks.table import Line, show
from tests.support.cabinet import PageText

SIZES = {100_000: 100.0, 1_000_000: 300.0}  # reports → milliseconds
NEW = 300  # reports that wait for moderation
ROUNDS = 7
LIST, ANALYTICS = "/cabinet/problems", "/cabinet/analytics"
PAGES = {
    "today": "/cabinet/",
    "version, polled": "/cabinet/version",
    "list, all": LIST,
    "list, new": f"{LIST}?tab=moderation",
    "list, mine": f"{LIST}?tab=mine",
    "list, in work": f"{LIST}?tab=work",
    "list, overdue": f"{LIST}?tab=overdue",
    "list, returned": f"{LIST}?tab=returned",
    "list, due soon": f"{LIST}?status=soon",
    "list, to approve": f"{LIST}?status=approval",
    "list, closed": f"{LIST}?status=ended",
    "list, planned": f"{LIST}?status=planned",
    "list by due date": f"{LIST}?sort=due",
    "list, oldest": f"{LIST}?sort=old",
    "category": f"{LIST}?category=roads",
    "category, in work": f"{LIST}?category=roads&tab=work",
    "category by due date": f"{LIST}?category=roads&sort=due",
    "a month": f"{LIST}?since=2026-01-01&until=2026-01-31",
    "a month of a category": f"{LIST}?since=2026-01-01&until=2026-01-31&category=snow",
    "a quarter of the town": f"{LIST}?bbox=38.7,55.05,38.75,55.1",
    "number": f"{LIST}?q=12345",
    "search, frequent word": f"{LIST}?q=яма",
    "search, rare word": f"{LIST}?q=скамейка",
    "search, three words": f"{LIST}?q=опасно для детей",
    "search, no match": f"{LIST}?q=абракадабра",
    "search, in work": f"{LIST}?q=ленина&tab=work",
    "search, overdue": f"{LIST}?q=яма&tab=overdue",
    "search in a category": f"{LIST}?q=яма&category=snow",
    "search in a quarter": f"{LIST}?q=яма&bbox=38.7,55.05,38.75,55.1",
    "figures, this month": ANALYTICS,
    "figures, version": f"{ANALYTICS}/version",
    "figures, a category": f"{ANALYTICS}?category=snow",
    "figures, 12 months": f"{ANALYTICS}?from=2025-12-01&to=2026-11-30",
    "figures, odd days": f"{ANALYTICS}?from=2026-03-14&to=2026-09-17",
    "figures, all time": f"{ANALYTICS}?from=all",
    "figures, services": f"{ANALYTICS}/services?from=all",
    "places, this month": f"{ANALYTICS}/places",
    "places, all time": f"{ANALYTICS}/places?from=all",
    "places, a street": f"{ANALYTICS}/places?from=all&street=улица Ленина",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cabinet", description=__doc__)
    parser.add_argument("--small", action="store_true", help="100,000 reports alone")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    parser.add_argument("--kept", type=Path, help="a folder in which the SQLite databases stay for the next time")
    options = parser.parse_args()
    print(f"{machine()}; medians of {ROUNDS}")
    for size, most in list(SIZES.items())[: 1 if options.small else None]:
        kept = options.kept / str(size) if options.kept else None
        with service(size, kept=kept, organised=True) as one:
            show(f"SQLite, {size:,} reports", measure(one, most))
        if options.postgres:
            with postgres() as url, service(size, database_url=url, organised=True) as one:
                show(f"PostgreSQL, {size:,} reports", measure(one, most))


def measure(one: Service, most: float) -> list[Line]:
    send_new(one)
    with sign_in(one) as client:
        shown = PageText(client.get(f"{LIST}?tab=work").text)
        report = next(link for link in shown.links_without_query if link.startswith(f"{LIST}/"))
        return [line(client, name, path, most) for name, path in {**PAGES, "one report": report}.items()]


def line(client: httpx2.Client, name: str, path: str, most: float) -> Line:
    """The median time of a page in milliseconds; the first answer, which fills caches, does not count."""
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
    return Line(name=name, value=statistics.median(times[1:]), unit="ms", most=most, remark=f"first {times[0]:.0f} ms")


def send_new(one: Service) -> None:
    """Reports that wait for moderation, sent as the widget sends them."""
    config = json.loads(one.fetch(f"/api/v1/sites/{one.key}")[0])
    body = {
        "category": "roads",
        "description": "Яма у подъезда",
        "location": {"address": "улица Ленина, 5"},
        "consent": {"version": config["consent"]["version"], "processing": True},
    }
    with httpx2.Client(base_url=f"http://127.0.0.1:{one.port}") as client:
        for _ in range(NEW):
            headers = {"Idempotency-Key": str(uuid.uuid4()), "Origin": ORIGIN}
            answer = client.post(one.problems, json=body, headers=headers)
            if answer.status_code != 201:
                raise SystemExit(f"a report was refused: {answer.text}")


@contextlib.contextmanager
def sign_in(one: Service) -> Iterator[httpx2.Client]:
    """A head of the site's agency, signed in."""
    agency, email = json.loads(_run(one, "agency", "list", "--json"))[0]["id"], f"{uuid.uuid4().hex[:8]}@example.org"
    options = ("--email", email, "--role", "head", "--agency", agency)
    password = json.loads(_run(one, "user", "add", *options, "--json"))["password"]
    with httpx2.Client(base_url=f"http://127.0.0.1:{one.port}", timeout=120, follow_redirects=True) as client:
        form = PageText(client.get("/cabinet/sign-in").text).forms[0]
        client.post(form.action, data=form.fields | {"email": email, "password": password})
        yield client


def _run(one: Service, *arguments: str) -> bytes:
    return subprocess.run([COMMAND, *arguments], env=one.settings, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
