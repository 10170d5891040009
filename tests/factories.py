"""Sites, reports and API bodies with sensible defaults, so that a test names only what it is about."""

import os
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import time_machine

from widget_api.database import Database
from widget_api.problems.model import Actor, Consent, Contact, Report
from widget_api.problems.submit import Idempotency, Receipt, submit
from widget_api.signing import Signer
from widget_api.sites import service as sites
from widget_api.sites.model import Site

# Where the clock of most tests stands (tests/api/conftest.py): noon of 2026-12-01 in Moscow, a Tuesday. In
# `make test-moments` the clock runs, and this is the second in which the run begins, unless it is to stand there too.
CLOCK_RUNS = "faketime" in os.environ.get("LD_PRELOAD", "") and os.environ.get("WIDGET_TEST_CLOCK") != "stands"
NOON = int(time.time()) if CLOCK_RUNS else 1_796_115_600
PUBLIC_URL = "https://widget.test"
HOST_ORIGIN = "https://gorod.test"
EMAIL = "anna@example.test"
SECRET = "test-secret-key-of-more-than-32-characters"
AGENT = Actor(kind="agent")
OPERATOR = Actor(kind="operator")
RESIDENT = Actor(kind="resident")
Found = TypeVar("Found")


def real_time() -> float:
    """The time of other processes and of OpenSSL, also while the clock of the test stands."""
    away = time_machine.escape_hatch.is_travelling()
    return time_machine.escape_hatch.time.time() if away else time.time()


async def make_site(
    database: Database,
    *,
    allowed_origins: Sequence[str] = (HOST_ORIGIN,),
    agency: Mapping[str, Any] | None = None,
    **options: Any,
) -> Site:
    """Create an agency and its site; `agency` takes the options of add_agency, the rest go to add_site.

    Each site has its own jurisdiction, so that a test may create several with the same origin.
    """
    agency_id = await sites.add_agency(
        database, **{"name": "Администрация города", "email": "priem@gorod.test", **(agency or {})}
    )
    options.setdefault("jurisdiction", f"gorod-{uuid.uuid4().hex[:8]}.test")
    options.setdefault("name", "Официальный сайт города")
    return await sites.add_site(database, agency_id=agency_id, allowed_origins=allowed_origins, **options)


def make_report(*, email: str | None = EMAIL, **changes: Any) -> Report:
    """A validated report, as every entry point passes it to the service."""
    values: dict[str, Any] = {
        "category": "roads",
        "description": "Глубокая яма на пешеходном переходе у школы",
        "address": "ул. Октябрьской Революции, 205",
        "lat": 55.0794,
        "lng": 38.7783,
        "answers": {},
        "contact": Contact(email=email),
        "language": "ru",
        "source": "widget",
        "consent": Consent(version="1", hash="0" * 64, publish_name=False, ip="203.0.113.7"),
    }
    return Report(**(values | changes))


async def submit_report(
    database: Database, site: Site, *, idempotency: Idempotency | None = None, **changes: Any
) -> Receipt:
    """Submit a report as the API does; keywords change the report."""
    return await submit(
        database, site, make_report(**changes), signer=Signer((SECRET,)), public_url=PUBLIC_URL, idempotency=idempotency
    )


async def run_statement(database: Database, sql: str, **values: Any) -> int:
    """Run one statement in a transaction of its own; return the number of changed rows."""
    return await database.write(lambda tx: tx.run(sql, **values))


async def add_platform(database: Database, platform_id: str = "default", **columns: Any) -> None:
    """A platform that nothing is listening at."""
    values = {"name": "Платформа", "url": "http://127.0.0.1:9", "key": "k", "protocol": "georeport", "created_at": 1}
    await database.write(lambda tx: tx.insert("platforms", id=platform_id, **values | columns))


def existing(found: Found | None) -> Found:
    """What a query found; the test fails if that is nothing."""
    assert found is not None
    return found


def problem_body(consent_version: str, **changes: Any) -> dict[str, Any]:
    """The JSON body of `POST …/problems`; a value of None removes a field."""
    values: dict[str, Any] = {
        "category": "roads",
        "description": "Глубокая яма на пешеходном переходе у школы",
        "location": {"lat": 55.0794, "lng": 38.7783, "address": "ул. Октябрьской Революции, 205"},
        "email": EMAIL,
        "consent": {"version": consent_version, "processing": True, "publish_name": False},
        "lang": "ru",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}
