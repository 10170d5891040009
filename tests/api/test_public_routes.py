"""What holds for all public GET routes, from the route table itself: fairness, shared caches, crawlers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.routing import Route

from tests.conftest import ONE_DATABASE, Client
from tests.factories import make_site
from tests.support.exchange import accept_report
from tests.support.nginx import CONFIGURATION
from widget_api.app import ROUTES
from widget_api.context import Context
from widget_api.settings import Settings
from widget_api.sites import collection
from widget_api.sites.install import packages
from widget_api.sites.model import Site
from widget_api.web import fair_queue, pages, static_routes
from widget_api.web.releases import PACKAGE_FOLDER

pytestmark = ONE_DATABASE
QUERIES = {
    "clusters": "?zoom=8&bbox=38,54,40,56",
    "similar": "?lat=55.1&lng=38.8&category=roads",
    "place": "?lat=55.1&lng=38.8",
}
FILES = {
    "/w/{version}/{path:path}": "/w/1/loader.js",
    "/static/{path:path}": "/static/pages.css",
    "/docs/{path:path}": "/docs/embedding",
    "/docs/packages/{file}": f"/docs/packages/{packages.PACKAGES[0].file_name}",
}
# What limits them instead of turns: files, which take no time of the event loop, a provider, the operator's monitoring.
ELSEWHERE = {
    *("/photos/{name}", "/documents/{id}/{name}", "/tiles/{z}/{x}/{y}"),
    *("/cabinet/sign-in/{agency_id}/provider", "/cabinet/sign-in/{agency_id}/callback"),
    *("/healthz", "/readyz", "/metrics"),
}


@pytest.fixture
async def site(context: Context) -> Site:
    site = await make_site(context.database)
    await accept_report(context, site)
    ideas = await collection.add_collection(context.database, site, "ideas", "initiatives")
    await accept_report(context, ideas)
    return site


def get_routes(site: Site) -> Iterator[tuple[str, str]]:
    """Every GET route with an address of it, which exists if it needs no token."""
    values = {"key": site.key, "slug": "ideas", "form": "json", "code": "roads", "site_id": str(uuid.UUID(int=1))}
    for route in ROUTES:
        if isinstance(route, Route) and "GET" in (route.methods or ()):
            path = FILES.get(route.path) or re.sub(
                r"\{(\w+)(:\w+)?\}", lambda match: values.get(match[1], "1"), route.path
            )
            yield route.path, path + QUERIES.get(path.rpartition("/")[2], "")


async def kept_body(app: Any, path: str) -> bytes:
    """The object that is sent as the body of a response; another address requests it than in the test."""
    bodies, (plain, _, query) = list[bytes](), path.partition("?")
    scope = {"type": "http", "method": "GET", "path": plain, "raw_path": plain.encode(), "query_string": query.encode()}
    address = {"scheme": "https", "client": ("198.51.100.2", 1), "server": ("widget.test", 443), "headers": []}

    async def send(message: Any) -> None:
        bodies.append(message.get("body", b""))

    await app(scope | address, None, send)
    return next(body for body in bodies if body)


async def test_each_takes_turns_or_answers_from_kept_bytes(
    app: Any, context: Context, settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise eight connections of one address would make it slow for the next one, of another address.

    The queues of the first address are full: what takes turns refuses it and nobody else. The rest is no work: it sends
    the same object again.
    """

    def asked_by(address: str) -> Client:
        transport = httpx2.ASGITransport(app=app, client=(address, 1))
        return httpx2.AsyncClient(transport=transport, base_url=settings.public_url)

    for most in ("MAX_WAITING_PER_NETWORK", "MAX_TURNS_PER_NETWORK"):
        monkeypatch.setattr(fair_queue, most, 1)
    outcomes = dict[str, set[str]]()
    async with (
        context.turns.slot("192.0.2.1"),
        context.read_queue.slot("192.0.2.1"),
        asked_by("192.0.2.1") as first,
        asked_by("198.51.100.1") as second,
    ):
        for route, path in get_routes(site):
            answer = await first.get(path)
            if answer.status_code == 429:
                assert (await second.get(path)).status_code != 429, route
                outcome = "turns"
            elif route in ELSEWHERE:
                outcome = "elsewhere"
            elif answer.headers.get("location", "").startswith("/cabinet/sign-in"):
                outcome = "cabinet"
            else:
                assert answer.status_code == 200, route
                assert await kept_body(app, path) is await kept_body(app, path), f"{route} is neither kept nor in turns"
                outcome = "kept"
            outcomes.setdefault(outcome, set()).add(route)
    assert outcomes["elsewhere"] == ELSEWHERE
    assert {"/api/v1/docs", "/api/v1/openapi.json", "/static/{path:path}"} <= outcomes["kept"]
    assert {"/s/{key}", "/track", "/open311/v2/requests.{form}", "/api/v1/sites/{key}"} <= outcomes["turns"]


async def test_nginx_stores_what_shared_caches_may(client: Client, site: Site) -> None:
    unbuffered, cached = re.findall(r"^    location ~ (\S+) \{$", CONFIGURATION.read_text(), re.MULTILINE)
    for route, path in get_routes(site):
        if path.startswith("/cabinet"):
            continue
        answer = await client.get(path)
        place = next((place for place in (unbuffered, cached) if re.search(place, path.partition("?")[0])), None)
        exported = path.endswith((".geojson", "problems.csv", "numbers.csv", "entries.csv"))
        assert (place == unbuffered) == exported, route
        if answer.status_code == 200 and not exported:
            control = answer.headers.get("cache-control", "")
            assert (place == cached) == ("s-maxage" in control or path.startswith(("/w/", "/static/"))), route


async def test_answers_say_what_they_are(client: Client, site: Site) -> None:
    """Strong tags stand for exact bytes, other origins can read refusals, and search engines get a description."""
    tagged, undescribed = set[str](), set[str]()
    for route, path in get_routes(site):
        if path.startswith("/cabinet"):
            continue
        answer = await client.get(path, headers={"Accept-Encoding": "identity"})
        if answer.headers.get("etag", "").startswith('"'):
            tagged.add(route)
            for coding in ("gzip", "br"):
                coded = await client.get(path, headers={"Accept-Encoding": coding})
                assert "content-encoding" not in coded.headers or coded.headers["etag"].startswith("W/"), route
        if path.startswith(("/api/v1/", "/open311/", "/w/", "/static/")):
            missing = await client.get(f"{path.partition('?')[0]}/nowhere")
            assert missing.headers["access-control-allow-origin"] == "*", route
        page = answer.text if answer.headers.get("content-type", "").startswith("text/html") else ""
        if answer.status_code == 200 and page and '<meta name="robots"' not in page:
            undescribed |= set() if '<meta name="description" content="' in page else {route}
    assert {"/w/{version}/{path:path}", "/static/{path:path}"} <= tagged
    acts = "/s/{key}/problems/{number}/follow", "/s/{key}/c/{slug}/{number}/follow", "/s/{key}/c/{slug}/{number}/join"
    assert undescribed <= set(acts)


async def test_crawlers_stay_away_from_addresses_with_a_token(client: Client, site: Site) -> None:
    rules = re.findall(r"^Disallow: (\S+)$", (await client.get("/robots.txt")).text, re.MULTILINE)
    patterns = [re.escape(rule).replace(r"\*", ".*") for rule in rules]  # RFC 9309, 2.2.3
    private = [path for route, path in get_routes(site) if "{token}" in route]
    assert len(private) > 10
    assert [path for path in private if not any(re.match(pattern, path) for pattern in patterns)] == []


async def test_only_the_hash_of_a_file_makes_its_address_immutable(client: Client) -> None:
    """Any other `v` would keep for a year what happened to be there when it was asked for."""
    for file in (PACKAGE_FOLDER / "static").glob("*.*"):
        address = pages.static_url(file.name)
        for asked, expected in ((address, static_routes.IMMUTABLE), (f"{address}0", "no-cache")):
            assert (await client.get(asked)).headers["cache-control"] == expected, asked
