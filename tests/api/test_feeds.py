"""Atom feeds (RFC 4287), sitemaps (sitemaps.org) and robots.txt (RFC 9309)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser
from xml.etree.ElementTree import Element

import httpx2
import pytest
from defusedxml import ElementTree

from tests.conftest import Client
from tests.factories import PUBLIC_URL, make_site, submit_report
from tests.support.exchange import accept_report as publish
from widget_api.context import Context
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.residents import feeds
from widget_api.sites import changes, collection
from widget_api.sites import service as sites
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def one(parent: Element, name: str) -> str:
    """The text of an element that must occur exactly once."""
    found = parent.findall(ATOM + name)
    assert len(found) == 1, name
    return found[0].text or ""


def read(answer: httpx2.Response) -> Element:
    """The parsed feed, after checking the requirements of RFC 4287 (sections 4.1.1, 4.1.2, 4.2.7, 3.3)."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed: Element = ElementTree.fromstring(answer.content)
    assert feed.tag == f"{ATOM}feed"
    assert one(feed, "title")
    entries = feed.findall(f"{ATOM}entry")
    ids = [one(entry, "id") for entry in entries]
    assert len(set(ids)) == len(ids)
    for part in (feed, *entries):
        assert urlsplit(one(part, "id")).scheme == "tag"
        assert datetime.fromisoformat(one(part, "updated")).tzinfo is not None
        links = [(link.get("rel"), link.get("type"), link.get("hreflang")) for link in part.findall(f"{ATOM}link")]
        assert [rel for rel, _, _ in links].count("alternate") == 1
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    for entry in entries:
        assert one(entry, "title")
        assert one(entry, "content")
        assert all(category.get("term") for category in entry.findall(f"{ATOM}category"))
    return feed


def links(feed: Element) -> dict[str | None, str]:
    return {link.get("rel"): link.get("href", "") for link in feed.findall(f"{ATOM}link")}


async def test_feed_entries_are_in_order_of_change_and_keep_ids(client: Client, context: Context, site: Site) -> None:
    old = await publish(context, site, description="Яма & <script>")
    await publish(context, site, description="Сугроб", category="snow")
    await submit_report(context.database, site, description="Ещё на модерации")
    before = read(await client.get(f"/s/{site.key}/feed.atom"))
    await context.database.write(_later(old), site.id)
    answer = await client.get(f"/s/{site.key}/feed.atom")
    feed = read(answer)
    titles = [one(entry, "title") for entry in feed.findall(f"{ATOM}entry")]
    assert titles == ["№ 1. Яма & <script>", "№ 2. Сугроб"]
    same = {one(entry, "id") for entry in before.findall(f"{ATOM}entry")}
    assert {one(entry, "id") for entry in feed.findall(f"{ATOM}entry")} == same
    assert links(feed)["self"] == f"{PUBLIC_URL}/s/{site.key}/feed.atom"
    assert links(feed)["alternate"] == f"{PUBLIC_URL}/s/{site.key}"
    assert "модерации" not in answer.text
    await publish(context, site)
    first = read(await client.get(f"/s/{site.key}/feed.atom"))
    key = await changes.rotate_key(context.database, site.id)
    second = read(await client.get(f"/s/{key}/feed.atom"))
    assert [one(e, "id") for e in first.findall(f"{ATOM}entry")] == [
        one(e, "id") for e in second.findall(f"{ATOM}entry")
    ]


def _later(problem_id: str) -> Any:
    async def work(tx: Any) -> None:
        await tx.run("UPDATE problems SET updated_at = updated_at + 60 WHERE id = :id", id=problem_id)
        await tx.run("UPDATE site_counters SET version = version + 1")

    return work


async def test_a_filtered_feed_has_its_own_id_and_pages(client: Client, context: Context, site: Site) -> None:
    for index in range(3):
        await publish(context, site, description=f"Сугроб {index}", category="snow")
    await publish(context, site, category="roads")
    feed = read(await client.get(f"/s/{site.key}/feed.atom?category=snow&limit=2"))
    whole = read(await client.get(f"/s/{site.key}/feed.atom"))
    assert one(feed, "id") != one(whole, "id")
    assert len(feed.findall(f"{ATOM}entry")) == 2
    assert links(feed)["alternate"].endswith("?category=snow")
    assert links(feed)["self"].endswith("?category=snow&limit=2")
    following = read(await client.get(links(feed)["next"].removeprefix(PUBLIC_URL)))
    assert len(following.findall(f"{ATOM}entry")) == 1
    assert links(following)["self"].endswith("&limit=2")
    english = read(await client.get(f"/s/{site.key}/feed.atom?lang=en"))
    assert english.findall(f"{ATOM}entry/{ATOM}category")[0].get("label") == "Roads and pavements"
    assert links(english)["self"].endswith("?lang=en")


async def test_text_of_residents_is_escaped_in_feeds(client: Client, context: Context, site: Site) -> None:
    for text in ("]]><x/>", "&amp;&#0;", "\x0b\x1f", "\ufffe\uffff", '"><script>'):
        await publish(context, site, description=f"Яма {text} конец", address=text)
        feed = read(await client.get(f"/s/{site.key}/feed.atom"))
        assert "конец" in one(feed.findall(f"{ATOM}entry")[0], "content"), text


def addresses(content: bytes, name: str = "url") -> list[str]:
    return [found.findtext(f"{MAP}loc") or "" for found in ElementTree.fromstring(content).findall(MAP + name)]


async def test_a_sitemap_lists_the_page_and_published_problems(client: Client, context: Context, site: Site) -> None:
    await publish(context, site)
    withdrawn = await publish(context, site)
    await submit_report(context.database, site)
    from tests.factories import RESIDENT

    await lifecycle.change(context.database, RESIDENT, site.id, withdrawn, Change(to="withdrawn"))
    answer = await client.get(f"/s/{site.key}/sitemap.xml")
    page = f"{PUBLIC_URL}/s/{site.key}"
    assert addresses(answer.content) == [page, f"{page}/report", f"{page}/problems/1"]
    tree = ElementTree.fromstring(answer.content)
    changed = [tree.findtext(f"{MAP}url[{place}]/{MAP}lastmod") for place in (1, 2, 3)]
    assert changed[0] == changed[2], "the list changed with its newest problem"
    assert (changed[0] or "").endswith("Z")
    assert changed[1] is None
    again = await client.get(f"/s/{site.key}/sitemap.xml", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_a_sitemap_has_collections_entries_and_open_forms(client: Client, context: Context, site: Site) -> None:
    ideas = await collection.add_collection(context.database, site, "ideas", "initiatives")
    closed = await collection.add_collection(context.database, site, "budget", "budgeting")
    await changes.update_site(context.database, closed.id, {"closes_at": 1})
    await publish(context, ideas)
    page = f"{PUBLIC_URL}/s/{site.key}"
    index = addresses((await client.get(f"/s/{site.key}/sitemap.xml")).content, "sitemap")
    assert index == [f"{page}/sitemap-1.xml", f"{page}/c/ideas/sitemap-1.xml", f"{page}/c/budget/sitemap-1.xml"]
    parts = [addresses((await client.get(one.removeprefix(PUBLIC_URL))).content) for one in index]
    assert parts[0] == [page, f"{page}/report"]
    assert parts[1] == [f"{page}/c/ideas", f"{page}/c/ideas/report", f"{page}/c/ideas/1"]
    assert parts[2] == [f"{page}/c/budget"]
    for address in parts[1]:
        assert (await client.get(address.removeprefix(PUBLIC_URL))).status_code == 200


async def test_a_large_sitemap_is_split(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PART_SIZE", 3)
    monkeypatch.setattr(feeds, "BATCH_SIZE", 2)
    for _ in range(7):
        await publish(context, site)
    index = addresses((await client.get(f"/s/{site.key}/sitemap.xml")).content, "sitemap")
    assert [one.rpartition("/")[2] for one in index] == ["sitemap-1.xml", "sitemap-2.xml", "sitemap-3.xml"]
    parts = [addresses((await client.get(one.removeprefix(PUBLIC_URL))).content) for one in index]
    assert [len(part) for part in parts] == [3, 3, 3]
    assert len({address for part in parts for address in part}) == 9
    for part in (0, 4):
        assert (await client.get(f"/s/{site.key}/sitemap-{part}.xml")).status_code == 404
    assert await feeds.find_newest_number(context.database, (await make_site(context.database)).id) == 0


async def test_robots_txt_has_sitemaps_and_no_private_pages(client: Client, context: Context, site: Site) -> None:
    disabled = await make_site(context.database)
    await changes.disable_site(context.database, disabled.id)
    answer = await client.get("/robots.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    rules = RobotFileParser()
    rules.parse(answer.text.splitlines())
    assert rules.site_maps() == [f"{PUBLIC_URL}/s/{site.key}/sitemap.xml"]
    for private in ("/cabinet/", "/t/abc", "/api/v1/sites/x", "/track", "/mine/abc", "/confirm/x", "/unsubscribe/x"):
        assert not rules.can_fetch("anybot", PUBLIC_URL + private), private
    for public in (
        f"/s/{site.key}",
        f"/s/{site.key}/problems/1",
        f"/s/{site.key}?status=new",
        f"/s/{site.key}/sitemap.xml",
    ):
        assert rules.can_fetch("anybot", PUBLIC_URL + public), public
    assert len(await sites.list_sites(context.database)) == 1


async def test_other_origins_may_read_the_feed_and_an_unchanged_one_returns_304(
    client: Client, site: Site, context: Context
) -> None:
    for query, status in (("", 200), ("?status=nonsense", 400)):
        answer = await client.get(f"/s/{site.key}/feed.atom{query}", headers={"Origin": "https://reader.test"})
        assert (answer.status_code, answer.headers.get_list("access-control-allow-origin")) == (status, ["*"])
    answer = await client.get(f"/s/{site.key}")
    assert "access-control-allow-origin" not in answer.headers
    answer = await client.get(f"/s/{site.key}/feed.atom")
    read(answer)
    tag = {"If-None-Match": answer.headers["etag"]}
    assert (await client.get(f"/s/{site.key}/feed.atom", headers=tag)).status_code == 304
    await publish(context, site)
    assert (await client.get(f"/s/{site.key}/feed.atom", headers=tag)).status_code == 200
    assert (await client.get(f"/s/{site.key}/feed.atom?colour=red")).status_code == 400
