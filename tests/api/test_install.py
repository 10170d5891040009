"""The webmaster's pages: embed code for every variant, the install check behind its link, the active check."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx2
import orjson
import pytest
import time_machine

from tests.conftest import Client
from tests.factories import HOST_ORIGIN, PUBLIC_URL, make_site
from tests.support.cabinet import PageText
from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.outbound import Answer, Outbound
from widget_api.signing import Purpose
from widget_api.sites import changes
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import inspection, service, sightings
from widget_api.sites.model import Site
from widget_api.web import releases

HOST = "https://gorod.test"
pytestmark = pytest.mark.site(name="Сайт города")


@pytest.fixture
def dialect() -> str:
    """No SQL of its own but that of sightings, which test_install_sightings.py tests: one database is enough."""
    return "sqlite"


async def shown(client: Client, site: Site, **options: str) -> dict[str, str]:
    """id → code, as copied from the page."""
    answer = await client.get(f"/s/{site.key}/install", params=options)
    assert answer.status_code == 200, answer.text
    return {
        name: unescape(text)
        for name, text in re.findall(r'<code id="code-([\w-]+)">(.*?)</code>', answer.text, re.DOTALL)
    }


# --- the generator ---


async def test_the_default_is_the_snippet_of_the_contract(client: Client, site: Site) -> None:
    code = await shown(client, site)
    assert code["script"] == (
        f'<igrajdanin-widget site-key="{site.key}" type="extended">\n'
        f'  <a href="{PUBLIC_URL}/s/{site.key}/report">Сообщить о проблеме</a>\n'
        "</igrajdanin-widget>\n"
        f'<script async src="{PUBLIC_URL}/w/1/loader.js"></script>'
    )
    assert code["div"].startswith(f'<div data-igrajdanin-widget="{site.key}" data-type="extended">')
    assert code["link"] == f'<a href="{PUBLIC_URL}/s/{site.key}/report">Сообщить о проблеме</a>'
    assert f'src="{PUBLIC_URL}/s/{site.key}/embed"' in code["frame"]
    assert 'allow="geolocation; clipboard-write; web-share"' in code["frame"]
    assert f'<script async src="{PUBLIC_URL}/w/1/frame.js"></script>' in code["frame"]
    assert 'width="640"' in code["frame"]
    assert "style=" in code["frame"], "a policy without 'unsafe-inline' drops it, leaving 640 pixels"
    assert i18n.text("ru", "install.ways.frame_policy_lead") in (await client.get(f"/s/{site.key}/install")).text
    own = f"'self' {PUBLIC_URL}"  # the site's own files, which a new directive would block
    assert code["policy"] == f"script-src {own}; connect-src {own}; img-src {own} blob:"
    assert code["frame-policy"] == f"frame-src {own}; script-src {own}"
    assert "igrajdanin-widget { display: block; min-height: 44px; }" in code["rule"]


async def test_every_option_and_view_is_in_the_code(client: Client, site: Site) -> None:
    code = await shown(
        client, site, type="basic", view="inline", language="en", theme="dark", category="roads", accent="#AA0055"
    )
    for part in ('type="basic"', 'view="inline"', 'lang="en"', 'theme="dark"', 'category="roads"', "Report a problem"):
        assert part in code["script"]
    assert "report?category=roads" in code["script"]
    assert 'data-view="inline"' in code["div"]
    assert "embed?type=basic&amp;lang=en&amp;theme=dark&amp;category=roads&amp;accent=%23aa0055" in code["frame"]
    assert "--igw-accent: #aa0055;" in code["rule"]
    code = await shown(client, site, view="figures")
    assert 'view="figures"' in code["script"]
    assert 'data-view="figures"' in code["div"]
    assert "embed?view=figures" in code["frame"]
    page = (await client.get(f"/s/{site.key}/install", params={"accent": "red", "host": "gorod"})).text
    assert "Это не цвет" in page
    assert "Это не адрес сайта" in page
    assert 'value="red"' in page, "what was typed is not lost"


async def test_text_corner_and_hidden_contacts_are_in_the_code(client: Client, context: Context, site: Site) -> None:
    chosen = {"view": "floating", "corner": "top-left", "label": " Написать  мэру "}
    chosen |= {"hide_name": "yes", "hide_email": "yes"}
    code = await shown(client, site, **chosen)
    assert 'view="floating" corner="top-left" label="Написать мэру" hide="name email"' in code["script"]
    assert ">Написать мэру</a>" in code["script"]
    assert 'data-corner="top-left" data-label="Написать мэру" data-hide="name email"' in code["div"]
    assert "embed?hide=name+email" in code["frame"]
    assert 'hide="name email"' in (await client.get(re.findall('src="([^"]+embed[^"]+)"', code["frame"])[0])).text
    assert "min-height" not in code["rule"], "a floating button takes no room"
    # The corner is that of a floating button alone, and a required address is asked for.
    assert "corner" not in (await shown(client, site, **chosen | {"view": "inline"}))["script"]
    required = await make_site(context.database, contact="required")
    assert 'hide="name"' in (await shown(client, required, **chosen))["script"]


async def test_a_button_that_opens_the_list(client: Client, context: Context, site: Site) -> None:
    """Its text names the list and its link leads there; only a button of an extended widget has it."""
    code = await shown(client, site, start="map")
    assert 'type="extended" label="Проблемы города" data-start="map">' in code["script"]
    assert 'data-label="Проблемы города" data-start="map">' in code["div"]
    assert code["link"] == f'<a href="{PUBLIC_URL}/s/{site.key}">Проблемы города</a>'
    assert 'label="Карта"' in (await shown(client, site, start="list", label="Карта"))["script"]
    for other in ({"type": "basic"}, {"view": "inline"}, {"view": "figures"}, {"start": "x"}):
        assert "data-start" not in (await shown(client, site, **{"start": "list"} | other))["script"]
    basic = await make_site(context.database, type="basic", accent="#117733")
    code = await shown(client, basic, type="extended")
    assert 'type="basic"' in code["script"], "type and colour of the site hold"
    assert "--igw-accent: #117733;" in code["rule"]


async def test_code_on_the_hosts_own_server_and_of_a_pinned_release(client: Client, site: Site) -> None:
    code = await shown(client, site, host="https://WWW.gorod.test/")
    version = releases.newest_release("1")
    source = f'src="https://www.gorod.test/igrajdanin/{version}/loader.js"'
    assert re.search(
        f'{re.escape(source)} integrity="sha384-[^"]+" crossorigin data-api="{PUBLIC_URL}"></script>', code["script"]
    )
    assert f'data-api="{PUBLIC_URL}"' in code["frame"]
    assert code["policy"].startswith("script-src 'self'; connect-src 'self' https://widget.test")
    released = orjson.loads((releases.dist_folder() / "released.json").read_bytes())
    code = await shown(client, site, version="pinned")
    for name, part in (("loader.js", code["script"]), ("frame.js", code["frame"])):
        integrity = released[version][name]
        assert f'src="{PUBLIC_URL}/w/{version}/{name}" integrity="{integrity}" crossorigin></script>' in part
    assert code["hash"] == released[version]["loader.js"]


async def test_the_contrast_of_an_accent_colour_is_shown(client: Client, site: Site) -> None:
    for accent, says, ink in (
        ("#0a58a6", "Текст на кнопке читается", ""),
        ("#ffcc00", "указан тёмный", "--igw-accent-ink: #1b2430;"),
        ("#7f7f7f", "</span>Текст на этом цвете плохо читается: контраст 4", ""),
    ):
        page = (await client.get(f"/s/{site.key}/install", params={"accent": accent})).text
        assert says in page, accent
        assert ink in (await shown(client, site, accent=accent))["rule"]


OPTIONS = (
    "type", "view", "start", "corner", "label", "hide_name", "language", "theme", "category", "accent", "version",
    "host", "lang", "address", "point",
)  # fmt: skip


async def test_options_are_escaped(client: Client, site: Site) -> None:
    for name in OPTIONS:
        for value in ('"><script>alert(1)</script>', "x" * 5000, "\0", "https://a b", "#12345", "javascript:alert(1)"):
            answer = await client.get(f"/s/{site.key}/install", params={name: value})
            assert answer.status_code == 200, name
            assert "<script>alert" not in answer.text


async def test_the_page_loads_and_frames_only_our_own_content(client: Client, site: Site) -> None:
    answer = await client.get(f"/s/{site.key}/install?lang=en")
    policy = answer.headers["content-security-policy"]
    assert "frame-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Code for the site" in answer.text
    assert (await client.get("/s/wk_nobody/install")).status_code == 404


# --- the check behind its link ---


def link(context: Context, site: Site) -> str:
    return service.make_check_url(context.settings, site).removeprefix(PUBLIC_URL)


async def test_the_check_requires_its_signed_link(client: Client, context: Context, site: Site) -> None:
    answer = await client.get(link(context, site))
    assert answer.status_code == 200
    assert "Виджет ещё ни разу не открывали" in answer.text
    assert "noindex" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    forged = (context.signer.sign(Purpose.TRACK, {"s": site.id}), context.signer.sign(Purpose.INSTALL, "x"))
    for token in ("", "x", *forged):
        assert (await client.get(f"/s/{site.key}/install/check", params={"token": token})).status_code == 404
    with time_machine.travel("2026-08-20T12:00:00Z", tick=False):
        old = link(context, site)
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False):
        assert (await client.get(old)).status_code == 404, "ninety days are over"
    before = link(context, site)
    await changes.rotate_key(context.database, site.id)
    assert (await client.get(before)).status_code == 200, "whatever the key"


async def test_the_check_shows_sightings_and_problems(client: Client, context: Context, site: Site) -> None:
    note = context.sightings.note
    note(site, "seen", HOST_ORIGIN, releases.served_version("1"))
    note(site, "origin_refused", "https://www.gorod.test", releases.served_version("1"))
    note(site, "key_expired", "https://old.gorod.test")
    note(site, "failed.connect", HOST_ORIGIN, releases.served_version("1"))
    await context.sightings.flush(context.database)
    text = PageText((await client.get(link(context, site))).text).text
    assert "Последний раз виджет открывали" in text
    assert "незарегистрированном адресе https://www.gorod.test" in text
    assert f"widget-api site set {site.jurisdiction} --add-origin https://www.gorod.test" in text
    assert "На https://old.gorod.test стоит ключ, который больше не действует" in text
    assert "не пускает запросы к сервису" in text
    assert releases.served_version("1") in text


# --- the active check ---


class Web:
    """A fake outbound client."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **pages: tuple[int, dict[str, str], str]) -> None:
        self.asked: list[tuple[str, bool, int]] = []
        self.pages = pages

        async def request(_: Any, method: str, url: str, *, operator: bool, limit: int) -> Answer:
            self.asked.append((url, operator, limit))
            status, headers, body = self.pages[url]
            return Answer(status, headers, body.encode())

        monkeypatch.setattr(Outbound, "request", request)


HTML = {"content-type": "text/html; charset=utf-8"}
ESCAPED = "&gt;&lt;script&gt;alert(1)&lt;/script&gt;"


async def look(client: Client, context: Context, site: Site, url: str, **headers: str) -> httpx2.Response:
    return await client.post(link(context, site), data={"url": url}, headers=headers)


async def test_a_page_is_checked(client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = (await shown(client, site))["script"]
    policy = {"content-security-policy": f"default-src 'self'; script-src {PUBLIC_URL}"}
    web = Web(monkeypatch, **{f"{HOST}/news": (200, HTML | policy, f"<p>x</p>{snippet}")})
    text = PageText((await look(client, context, site, f"{HOST}/news")).text).text
    assert "Виджет на странице есть" in text
    assert f"Ключ сайта действует: {site.key}" in text
    assert "Политика запрещает запросы к сервису (default-src)" in text
    assert f"Напишите в политике: connect-src 'self' {PUBLIC_URL}" in text
    assert web.asked == [(f"{HOST}/news", True, 1024 * 1024)]


async def test_external_values_are_escaped(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pages called themselves that were counted, the address that was typed, what the page there says."""
    attack = '"><script>alert(1)</script>'
    day = local_date(clock.now(), site.time_zone).isoformat()
    version = releases.newest_release("1")
    seen = {"site_id": site.id, "day": day, "origin": attack, "version": version, "count": 1, "last_at": clock.now()}
    counted = [seen | {"kind": kind} for kind in ("seen", "origin_refused", "failed.connect")]
    await context.database.write(lambda tx: sightings.add_counts(tx, counted))
    snippet = f"""<igrajdanin-widget site-key='{attack}'></igrajdanin-widget>
        <script src='https://cdn.gorod.test/{attack}/1/loader.js'></script>"""
    pages = {f"{HOST}/": (200, HTML, snippet), f"{HOST}/type": (200, {"content-type": attack}, "")}
    Web(monkeypatch, **pages)
    shown = (await client.get(link(context, site))).text.count(ESCAPED)
    assert shown == 4, "a row of the table, two findings, a command"
    for url, more in ((f"{HOST}/", 2), (f"{HOST}/type", 1), (attack, 2)):
        page = (await look(client, context, site, url)).text
        assert "<script>alert" not in page
        assert page.count(ESCAPED) == shown + more


@pytest.mark.settings(rate_limits="off")
async def test_only_pages_of_the_site_are_fetched(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = Web(monkeypatch)
    for url in (
        "https://evil.test/", "https://gorod.test.evil.test/", "https://gorod.test@evil.test/",
        "https://gorod.test:8443/", "http://gorod.test/", "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "https://gorod.test\\@evil.test/",
        "//gorod.test/", "", "x" * 3000,
    ):  # fmt: skip
        answer = await look(client, context, site, url)
        assert answer.status_code == 422, url
        assert "Это не страница сайта" in answer.text
        assert web.asked == []


async def test_redirects_stay_on_own_origins(client: Client, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    site = await make_site(context.database, allowed_origins=[HOST, "https://www.gorod.test"])
    web = Web(
        monkeypatch,
        **{
            f"{HOST}/": (301, {"location": "https://www.gorod.test/"}, ""),
            "https://www.gorod.test/": (200, HTML, "<p>x</p>"),
            f"{HOST}/out": (302, {"location": "http://169.254.169.254/"}, ""),
            f"{HOST}/loop": (302, {"location": "/loop"}, ""),
        },
    )
    assert "Нашего кода на странице нет" in (await look(client, context, site, f"{HOST}/")).text
    web.asked.clear()
    assert (await look(client, context, site, f"{HOST}/out")).status_code == 422
    assert [url for url, _, _ in web.asked] == [f"{HOST}/out"]
    web.asked.clear()
    assert "не открылась" in (await look(client, context, site, f"{HOST}/loop")).text
    assert len(web.asked) == 4


async def test_private_addresses_are_not_fetched_in_production(make_settings: Callable[..., Any]) -> None:
    """The guarded client itself, with a registered origin that resolves to a private address."""
    production = make_settings(environment="production", database_url="sqlite:///x.db")
    outbound = Outbound(production=True)
    site = Site.__new__(Site)
    object.__setattr__(site, "origins", frozenset({"https://127.0.0.1:9", "http://gorod.test", "https://localhost"}))
    held = inspection.ExpectedService(public_url=PUBLIC_URL, keys={})
    try:
        for url in ("https://127.0.0.1:9/", "http://gorod.test/", "https://localhost/"):
            _, lines = await inspection.inspect_page(outbound, site, held, url, private=not production.production)
            assert [line.code for line in lines] == ["forbidden"], url
    finally:
        await outbound.close()


async def test_checks_are_rate_limited_and_same_origin(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    Web(monkeypatch, **{f"{HOST}/": (404, HTML, "")})
    foreign = await look(client, context, site, f"{HOST}/", **{"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    statuses = [(await look(client, context, site, f"{HOST}/")).status_code for _ in range(8)]
    assert statuses == [200] * 6 + [429] * 2
    late = PageText((await look(client, context, site, f"{HOST}/")).text)
    assert "Следующую можно начать в " in late.text
    with time_machine.travel(clock.now() + 3601, tick=False):  # from the same page
        again = await client.post(link(context, site), data=late.forms[0].fields)
    assert again.status_code == 200
