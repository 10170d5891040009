"""Any query in pages of any size returns the same as filtering every published row by hand."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_problems import publish
from tests.conftest import Client
from tests.factories import AGENT, NOON, RESIDENT, make_site, submit_report
from widget_api import clock
from widget_api.browse import listing, queries
from widget_api.browse.listing import access_paths, pages
from widget_api.database import Database, Row, word_forms
from widget_api.database.bulk import open_writer
from widget_api.problems import lifecycle
from widget_api.problems.model import CLOSED, Change, Contact
from widget_api.problems.projections import rebuild
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

TEXTS = (
    "Яма у школы, ремонтировать некому", "Скамейка сломана", "Ямы на дороге; ёлки во дворе", "Чёрный снег у 5го дома",
    "The lamps are broken, running since 2024", "Лампы не горят / фонари", "школьный автобус", "В подъезде 12а темно",
    "У дома и на площади скользко", "Домофон молчит, проезда нет",
)  # fmt: skip
ADDRESSES = (
    "ул. Школьная, 3", "Октябрьская, 12А", None, "пл. Мира", "улица Школьная, дом 3", "пр-т Мира, д. 5", "мкр-н Мира",
    "Мира б-р", "проспект Мира", "пр-д Мира, 5",
)  # fmt: skip
STATUSES = ("accepted", "forwarded", "in_progress", "planned", "resolved", "answered", "redirected", "rejected")
QUERIES = (
    "яма", "ямами", "школа", "шко", "школьн", "елка", "ЁЛКИ", "лампы", "lamp", "runs", "running", "12а", "5го",
    "яма школа", "скамейки сломанные", "2024", "не", "«яма», ул.", "!!!", "дорог", "й", "октябрьская 12", "мира яма",
    "улица Школьная", "ул. школьная", "на улицах", "площади мира", "пл", "просп. Мира", "пр-кт мира", "пр‑т", "д. 3",
    "дом", "бульвар Мира", "бул. мира", "Мира б-р", "проезд", "пр-д Мира", "микрорайон", "шоссе", "наб. ул дом",
    "дом 5", "улица", "яма ул школа ул",
)  # fmt: skip


async def town(database: Database, many: int = 60) -> Site:
    """Problems of two sites, most of them published, several with the same second and the same number of supporters."""
    chance = random.Random(4)
    site, other = await make_site(database), await make_site(database)
    now = clock.now()
    for index in range(many):
        where: dict[str, Any] = {"lat": 55 + chance.random() / 5, "lng": 38.5 + chance.random() / 5}
        if index % 11 == 0:
            where = {"lat": None, "lng": None}
        receipt = await submit_report(
            database,
            other if index % 10 == 9 else site,
            contact=Contact(),
            description=chance.choice(TEXTS),
            address="ул. Мира, 1" if where["lat"] is None else chance.choice(ADDRESSES),
            category=chance.choice(("roads", "snow", "other")),
            received_at=now - chance.randrange(8) * 10 * 86_400,
            **where,
        )
        site_id = (other if index % 10 == 9 else site).id
        if index % 7 == 6:
            continue  # stays in moderation
        await lifecycle.change(database, AGENT, site_id, receipt.problem_id, Change(to="accepted"))
        to = chance.choice(STATUSES)
        if to != "accepted":
            wish = Change(to=to, text="Так", expected_on="2099-01-01", responsible="Горсвет")  # type: ignore[arg-type]
            await lifecycle.change(database, AGENT, site_id, receipt.problem_id, wish)
    await database.write(
        lambda tx: tx.run("UPDATE problems SET supporters = number / 3, updated_at = created_at + supporters")
    )
    async with open_writer(database.url) as bulk:  # bypasses the usual change function
        await rebuild.rebuild_all(bulk)
    return site


def matches(row: Row, filters: listing.Filters, today: date) -> bool:
    """The documented meaning of a filter."""
    west, south, east, north = filters.bbox or (-180, -90, 180, 90)
    text = f"{row['description']} {row['address'] or ''}"
    is_open = row["status"] not in CLOSED
    return (
        (not filters.statuses or row["status"] in filters.statuses)
        and (not filters.categories or row["category"] in filters.categories)
        and (
            filters.bbox is None
            or (row["lat"] is not None and south <= row["lat"] <= north and west <= row["lng"] <= east)
        )
        and (filters.since is None or row["created_at"] >= filters.since)
        and (filters.until is None or row["created_at"] < filters.until)
        and (not filters.overdue or (is_open and row["answer_due"] < today.isoformat()))
        and (filters.sort != "due" or is_open)
        and (
            not filters.words
            or (bool(word_forms.parse_query(filters.words)) and word_forms.contains(text, filters.words))
        )
    )


def naive(rows: Sequence[Row], filters: listing.Filters, today: date) -> list[int]:
    sort = queries.SORTS[filters.sort]
    found = [row for row in rows if matches(row, filters, today)]
    found.sort(key=lambda row: (row[sort.column], row["number"]), reverse=sort.newest_first)
    return [row["number"] for row in found]


def some(*values: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), st.sampled_from(values))


TODAY = local_date(NOON, "Europe/Moscow")
DAYS = tuple((TODAY - timedelta(days=days)).isoformat() for days in (80, 50, 41, 40, 20, 0))
ASKED = st.fixed_dictionaries(
    {
        "status": some("new", "working", "done", "closed", "resolved,planned", "new,closed"),
        "category": some("roads", "snow,other", "gone"),
        "bbox": some("38.5,55,38.6,55.1", "38,54,40,56", "38.55,55.05,38.57,55.07", "-180,-90,180,90", "1,1,2,2"),
        "q": some(*QUERIES),
        "since": some(*DAYS[:3]),
        "until": some(*DAYS[3:]),
        "overdue": some("true"),
        "sort": some(*queries.SORTS),
    }
)
# The access path depends on counts: every path must return the same.
WAYS = st.sampled_from(
    [
        {},
        {"AT_ONCE": 1, "SHORT_WALK": 1},
        {"AT_ONCE": 1, "SHORT_WALK": 9},
        {"AT_ONCE": 1, "SHORT_WALK": 1, "COUNTED": 9},
        {"AT_ONCE": 1, "SHORT_WALK": 8, "LONG_WALK": 9, "COUNTED": 0},
    ]
)


async def read(database: Database, site: Site, query: dict[str, str], portion: int, today: date) -> list[int]:
    """All pages, each from the cursor of the previous one."""
    numbers, cursor = list[int](), ""
    for _ in range(1000):
        filters = listing.parse([*query.items(), ("limit", str(portion)), ("cursor", cursor)], site)
        found = await listing.page(database, site, filters, today, "")
        assert len(found["items"]) <= portion
        numbers += [item["number"] for item in found["items"]]
        if found["next"] is None:
            return numbers
        cursor = found["next"]
    raise AssertionError("pages without end")


async def check_backwards(
    database: Database,
    site: Site,
    filters: listing.Filters,
    rows: Mapping[int, Row],
    expected: Sequence[int],
    portion: int,
    gives_up: bool,
) -> None:
    """From any position but the first, the page before ends there; it may begin later if the walk gave up."""
    for place in {1, portion, 2 * portion, len(expected) - 1} & set(range(1, len(expected))):
        first = rows[expected[place]]
        start = await listing.find_page_start(database, site.id, filters, TODAY, first, portion)
        found = await listing.rows(database, site.id, replace(filters, after=start), TODAY, len(expected) + 1)
        onwards = [row["number"] for row in found]
        if gives_up:
            assert onwards == list(expected[len(expected) - len(onwards) :])
            assert len(onwards) >= len(expected) - place
        else:
            assert onwards == list(expected[max(0, place - portion) :]), (filters, place)


async def test_any_filter_and_page_size_is_as_a_naive_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    site = await town(database)
    rows = await database.rows("SELECT * FROM problems WHERE site_id = :site_id AND published", site_id=site.id)
    assert len(rows) > 30
    by_number = {row["number"]: row for row in rows}

    async def check(query: dict[str, str], way: dict[str, int], portion: int) -> None:
        filters = listing.parse(list(query.items()), site)
        with monkeypatch.context() as changed:
            for name, value in way.items():
                changed.setattr(access_paths if name == "COUNTED" else pages, name, value)
            expected = naive(rows, filters, TODAY)
            assert await read(database, site, query, portion, TODAY) == expected, (query, way)
            await check_backwards(database, site, filters, by_number, expected, portion, "COUNTED" in way)

    examples = list[tuple[dict[str, str], dict[str, int], int]]()

    @settings(max_examples=150, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(ASKED, WAYS, st.integers(1, 7))
    def collect(query: dict[str, str], way: dict[str, int], portion: int) -> None:
        examples.append((query, way, portion))

    collect()
    examples += [
        ({"q": query}, way, 5) for query in QUERIES for way in ({}, {"AT_ONCE": 1}, {"AT_ONCE": 1, "COUNTED": 0})
    ]
    for example in examples:
        await check(*example)


async def test_words_of_withdrawn_problems_are_removed_from_the_index(database: Database) -> None:
    """They are not found, and not in the file either (FTS5 secure-delete, PRAGMA secure_delete)."""
    site = await make_site(database)
    receipt = await submit_report(database, site, contact=Contact(), description="Ксилофонный переполох во дворе")
    await submit_report(database, site, contact=Contact(), description="Обычная яма")
    filters = listing.parse([("q", "ксилофонные переполохи")], site)
    assert (await listing.page(database, site, filters, TODAY, ""))["items"] == [], "not published yet"
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    found = await listing.page(database, site, filters, TODAY, "")
    assert [item["number"] for item in found["items"]] == [receipt.number]
    await lifecycle.change(database, RESIDENT, site.id, receipt.problem_id, Change(to="withdrawn"))
    assert (await listing.page(database, site, filters, TODAY, ""))["items"] == []
    if database.dialect == "sqlite":
        rows = await database.rows("SELECT COUNT(*) AS many FROM problem_words WHERE problem_words MATCH 'ксилофон*'")
        assert rows[0]["many"] == 0
        left = await database.rows("SELECT id FROM problem_words_data WHERE INSTR(block, CAST('ксилофон' AS BLOB)) > 0")
        assert list(left) == []


@pytest.mark.parametrize(
    "query",
    [
        "status=planned", "category=snow", "status=working&sort=support", "status=planned&category=snow",
        "bbox=38,54,40,56", "since=2020-01-01&sort=updated", "q=сугроб", "overdue=true", "sort=due",
    ],
)  # fmt: skip
async def test_new_values_are_found_after_a_query(client: Client, database: Database, site: Site, query: str) -> None:
    """Cached counts of an earlier query must not hide problems from the next one."""
    await publish(database, site, "resolved", category="roads")
    base = f"/api/v1/sites/{site.key}"
    reads = (f"/problems?{query}", f"/problems.geojson?{query}", f"/clusters?zoom=16&{query}")
    for path in reads:
        await client.get(base + path)
    number = await publish(
        database,
        site,
        "in_progress" if query == "overdue=true" else "planned",  # a planned problem has another date
        category="snow",
        description="Сугроб на тротуаре",
        received_at=clock.now() - 90 * 86_400,
    )
    listed = (await client.get(base + reads[0])).json()["items"]
    assert number in [item["number"] for item in listed]
    exported = (await client.get(base + reads[1])).json()["features"]
    assert number in [feature["properties"]["number"] for feature in exported]
    if "sort" not in query:
        box = "" if "bbox" in query else "&bbox=38,54,40,56"
        marks = (await client.get(base + reads[2] + box)).json()["features"]
        assert sum(mark["properties"]["count"] for mark in marks) == len(listed)


STREETS = (
    ("ул. {}", "улица {}", "{} ул", "улицы {}"),
    ("проспект {}", "просп. {}", "пр-т {}", "{} пр-кт", "пр. {}", "ПР–Т {}"),
    ("переулок {}", "пер. {}"),
    ("площадь {}", "пл. {}"),
    ("бульвар {}", "б-р {}", "бул. {}", "{} б-р"),
    ("шоссе {}", "{} ш."),
    ("набережная {}", "наб. {}"),
    ("проезд {}", "пр-д {}"),
    ("{}, дом 7", "{}, д. 7", "{} д.7"),
    ("микрорайон {}", "мкр. {}", "мкр {}", "мкр-н {}"),
)


async def test_street_names_are_found_in_every_spelling(database: Database) -> None:
    """With the index and without: each form finds every other, and no other streets."""
    site = await make_site(database)
    written = [(kind, form.format("Ленина")) for kind, known in enumerate(STREETS) for form in known]
    for address in [*(form for _, form in written), "Гагарина, 1", "Ленина"]:
        receipt = await submit_report(database, site, contact=Contact(), description="Темно", address=address)
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    for kind, query in written:
        filters = listing.parse([("q", query), ("limit", "100")], site)
        found = [row["address"] for row in await listing.rows(database, site.id, filters, TODAY, 100)]
        for other, address in written:
            shared = {kind, other} in ({1, 7}, {7, 8})  # «пр» and «д» are parts of «пр-д»
            assert (address in found) == (kind == other) or shared, (query, address)
            assert (address in found) == word_forms.contains(f"Темно {address}", query), (query, address)
        assert "Гагарина, 1" not in found
        assert "Ленина" not in found


def test_incomplete_words_are_found() -> None:
    for query, text in (
        ("дом", "Домофон"), ("пер", "Переход"), ("бул", "Булочная"), ("улиц", "на улице"), ("просп", "проспект"),
        ("просп", "пр-т Мира"), ("улица", "ул. Мира, 5"), ("ул.", "улица Мира"), ("переулок", "пер. Пушкина"),
        ("пер.", "переулок Пушкина"), ("дом", "дом 5"),
    ):  # fmt: skip
        assert word_forms.contains(text, query), query
    for query, text in (
        ("ул ", "Ульяна"), ("дом ", "Домофон"), ("д", "дорога"), ("дом", "дорога"), ("улица", "Ульяна"),
        ("дом", "ул. Ленина, д. 5"), ("пр-т", "при въезде"),
    ):  # fmt: skip
        assert not word_forms.contains(text, query), query


def test_words_of_addresses_are_searched_by_their_most_frequent_form() -> None:
    assert word_forms.parse_query("улица Ленина, дом 5") == ["ул", "ленина", "д", "5"]
    assert word_forms.parse_query("пр-т мира, улицы и улица") == ["пр", "мира", "ул*", "и"]
    assert word_forms.parse_query("ям") == ["ям"]
    assert word_forms.parse_query("яма яма") == ["яма*"]
