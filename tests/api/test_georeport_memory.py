"""A thousand requests use no more memory than one chunk of them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from xml.etree import ElementTree

import orjson
import pytest

from tests.api.test_opendata_memory import fetch, peak
from tests.factories import HOST_ORIGIN
from tests.support.processes import Service

pytestmark = pytest.mark.full("2,000 long texts; test_georeport_server.py looks at the pieces of a list")
PROBLEMS = 2000
MOST_GROWTH = 12 * 1024  # kB; 4 MB are usual; all of them in one document took 121 MB
TEXT = "Яма & <край> «у дома». " * 170  # 3,910 characters: nearly the maximum


@pytest.fixture
def filled(serve: Callable[..., Service]) -> Service:
    """One site whose recent problems all have long texts, with an update each."""
    service = serve(work="off", fork=False)
    agency = service.cli("agency", "add", "--name", "Администрация города", "--email", "office@gorod.test")["agency"]
    site = service.cli("site", "add", "--name", "Город", "--agency", agency, "--origin", HOST_ORIGIN)
    service.cli("load-demo", "--problems", str(PROBLEMS), "--site", site["key"])
    now = int(time.time())
    with sqlite3.connect(service.directory / "widget.db") as raw:
        raw.create_function("says", 2, lambda text, words: False)
        raw.execute("UPDATE problems SET description = ? || number, created_at = ? - number", (TEXT, now))
        texts = "INSERT INTO texts (id, site_id, problem_id, body) SELECT 't' || id, site_id, id, ? FROM problems"
        raw.execute(texts, (TEXT,))
        events = "UPDATE events SET at = ? - position, text_id = 't' || problem_id WHERE kind = 'status'"
        raw.execute(events, (now,))
    raw.close()
    return service


@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_thousand_requests_use_as_much_memory_as_a_hundred(filled: Service, form: str) -> None:
    def check_page(path: str, many: int, page: int = 1) -> bytes:
        answer = fetch(filled, f"/open311/v2/{path}.{form}?page_size={many}&page={page}")
        found = ElementTree.fromstring(answer) if form == "xml" else orjson.loads(answer)
        assert len(found) == many
        return answer

    for path in ("requests", "servicerequestupdates"):
        check_page(path, 100)
        before = peak(filled)
        for page in (1, 2):
            assert len(check_page(path, 1000, page)) > 6_000_000
        assert peak(filled) - before < MOST_GROWTH
