"""Whoever presses a figure finds as many reports as it says: every page with figures, for every role."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.api.test_statistics_histories import square
from tests.conftest import Client
from tests.factories import AGENT, add_platform, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter
from tests.support.exchange import mirror_report
from widget_api import clock
from widget_api.browse import statistics
from widget_api.browse.figures import FIGURES
from widget_api.browse.statistics import Query
from widget_api.casework import queries
from widget_api.context import Context
from widget_api.problems import dialogue, lifecycle
from widget_api.problems import districts as borders
from widget_api.problems.model import Actor, Change
from widget_api.sites import collection, districts
from widget_api.sites import service as sites
from widget_api.sites.model import Site

DAY = 86_400
LIST, ANALYTICS = "/cabinet/problems", "/cabinet/analytics"
_LINK = re.compile(r'<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)</a>(?:</th>\s*<td[^>]*>(.*?)</td>)?', re.DOTALL)
_TAGS = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Land:
    city: Site
    port: Site  # of an agency below, in another time zone
    collection: Site
    service: str  # has reports of the city and no site


@pytest.fixture
async def land(context: Context) -> Land:
    """A city with everything by which two definitions of a figure could differ."""
    database = context.database
    city = await make_site(database, agency={"name": "Город"}, discussion="moderated")
    await districts.add_district(database, city, "Центр", square(38.70, 55.00, 0.05))
    city = await sites.by_id(database, city.id)
    below = {"name": "Порт", "parent_id": city.agency.id}
    port = await make_site(database, agency=below, time_zone="Asia/Vladivostok", moderator="operator")
    child = await collection.add_collection(database, city, "signals", "volunteers")
    service = await sites.add_agency(database, name="Водоканал", email="v@gorod.test", parent_id=city.agency.id)
    ends = ("moderation", "accepted", "forwarded", "in_progress", "resolved", "confirmed", "answered", "spam", "erased")
    for site in (city, port, child):
        for index in range(3 * len(ends) if site is city else len(ends)):
            days = (0, 3, 12, 40, 70)[index % 5]
            report: dict[str, Any] = {"received_at": clock.now() - days * DAY - index * 3600, "address": "ул. Мира, 5"}
            report |= {"lat": 55.011 + index / 500, "lng": 38.711 + index / 500}
            report["category"] = child.categories[0].code if site is child else ("roads", "snow")[index % 2]
            made = await submit_report(database, site, **report)
            await live(context, site, made.problem_id, ends[index % len(ends)], "" if site is port else service)
    await add_platform(database)
    await mirror_report(database, city)
    await borders.assign_if_due(database)
    return Land(city, port, child, service)


async def live(context: Context, site: Site, problem_id: str, end: Any, service: str) -> None:
    database = context.database
    if end == "spam":
        await lifecycle.mark_spam(database, AGENT, site.id, problem_id, True)
    if end in ("spam", "moderation"):
        return
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="accepted"))
    if end == "forwarded":
        await lifecycle.change(
            database, AGENT, site.id, problem_id, Change(to="forwarded", service=service or None, responsible="Горсвет")
        )
        said = dialogue.Clarification(id=clock.new_id(), text="У третьего подъезда")
        await dialogue.ask(database, AGENT, site.id, problem_id, "Где именно?")
        await dialogue.clarify(database, site, problem_id, said)
    elif end in ("resolved", "confirmed", "erased"):
        await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="resolved", text="Сделано"))
    elif end != "accepted":
        await lifecycle.change(database, AGENT, site.id, problem_id, Change(to=end, text="Сделано"))
    if end == "confirmed":
        await lifecycle.change(database, Actor(kind="resident"), site.id, problem_id, Change(to="confirmed"))
    if end == "erased":
        await lifecycle.erase(database, Actor(kind="operator"), site.id, problem_id)


def figures(page: str) -> Iterator[tuple[str, int, str]]:
    """What the page says, the number, and the link of each figure that leads to reports or to their figures."""
    for href, inside, beside in _LINK.findall(page):
        href, leads = html.unescape(href), urlsplit(html.unescape(href)).path
        text = html.unescape(_TAGS.sub(" ", inside if leads != ANALYTICS else beside))
        if leads in (LIST, ANALYTICS) and (found := re.search(r"\d+", re.sub(r"[\u202f\u00a0]", "", text))):
            yield " ".join(text.split()), int(found[0]), href


async def count_lines(reader: Cabinet, href: str, row: str = r'href="/cabinet/problems/([0-9a-f-]{36})') -> int:
    """The reports of a list, read page by page."""
    path, _, query = href.partition("?")
    address = f"{path}?{urlencode([pair for pair in parse_qsl(query) if pair != ('view', 'map')])}"
    seen = set[str]()
    while address:
        answer = await reader.client.get(address)
        assert answer.status_code == 200, address
        rows = re.findall(row, answer.text)
        assert not seen & set(rows)
        seen |= set(rows)
        further = re.findall(r'href="([^"]*[?&](?:amp;)?(?:after|cursor)=[^"]*)"', answer.text.partition('"pager"')[2])
        address = html.unescape(further[-1]) if further else ""
    return len(seen)


WHO = {
    "admin": ("admin", "city"), "head": ("head", "city"), "agent": ("agent", "city"), "viewer": ("viewer", "city"),
    "head of an agency below": ("head", "port"), "head of a service": ("head", "service"),
    "agent of a service": ("agent", "service"), "operator": ("operator", None),
}  # fmt: skip


async def test_a_figure_opens_a_list_of_as_many_reports(
    context: Context, land: Land, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_SIZE", 20)
    agencies = {"city": land.city.agency.id, "port": land.port.agency.id, "service": land.service, None: None}
    pressed, wrong = dict[str, int](), list[str]()
    for who, (role, place) in WHO.items():
        reader = await enter(role, agencies[place])
        site = land.port if place in ("port", None) else land.city
        pages = ["/cabinet/", LIST, f"{LIST}?site={site.id}&category=snow"]
        if role in ("admin", "head"):
            chosen = ["", "from=all"]
            if who == "admin":
                chosen += ["from=all&category=roads", "from=2026-11-10&to=2026-11-27"]
                chosen += [f"from=all&site={land.collection.id}", "from=all&service=none"]
                chosen += [f"from=all&service={land.service}", "from=all&district=none"]
                chosen += [f"from=all&district={land.city.districts[0].id}"]
                pages += [f"{ANALYTICS}/services?from=all"]
            pages += [f"{ANALYTICS}{part}?{query}" for query in chosen for part in ("", "/places")]
        opened = dict[str, int]()
        for path in pages:
            answer = await reader.client.get(path)
            assert answer.status_code == 200, path
            for text, number, href in figures(answer.text):
                if href not in opened and urlsplit(href).path == LIST:
                    opened[href] = await count_lines(reader, href)
                elif href not in opened:
                    opened[href] = int(re.findall(r"(\d+) поступило ", (await reader.read(href)).text)[0])
                if opened[href] != number:
                    wrong.append(f"{who}, {path}: «{text}» {href}: {opened[href]}")
                what = re.sub(r"[\d\W]+", " ", text).strip()
                pressed[what] = max(pressed.get(what, 0), number)
    assert not wrong, "\n".join(wrong)
    reader, scope = await enter("head", land.city.agency.id), Query(sites=(land.city, land.port))
    found = await statistics.read(context.database, scope, clock.now())
    for name, figure in FIGURES.items():
        if figure.listed is not None:
            lines = await count_lines(reader, f"{LIST}?{urlencode({**figure.listed, 'counted': 'yes'})}")
            assert (name, lines) == (name, figure.compute(found))
    seen = {name for name, number in pressed.items() if number}
    assert seen >= {
        "просрочено", "Просроченные", "вернули", "новых", "поступило", "просрочено из поступивших", "сообщения",
    }  # fmt: skip


async def test_a_figure_of_the_city_opens_as_many_published_reports(client: Client, land: Land) -> None:
    reader, path = Cabinet(client), f"/s/{land.port.key}"
    page = (await client.get(path)).text
    for href, inside, _ in _LINK.findall(page):
        if href.startswith(f"{path}?status="):
            number = int(re.findall(r"\d+", _TAGS.sub(" ", inside))[-1])
            assert await count_lines(reader, href, rf'href="{path}/problems/(\d+)') == number, href
