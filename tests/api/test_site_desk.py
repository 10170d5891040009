"""The webmaster's desk of a site: addresses and the key, the code with its choices, who may change what."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import segno
import time_machine
from selectolax.lexbor import LexborHTMLParser

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, HOST_ORIGIN, PUBLIC_URL, make_site, submit_report
from tests.support.cabinet import ADMIN, PASSWORD, Cabinet, Enter
from widget_api import clock
from widget_api.context import Context
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.install.service import MAX_REGISTERED_ORIGINS
from widget_api.sites.install.sightings import OTHERS
from widget_api.sites.model import Site

DAY = 86_400
SECOND = "https://www.gorod.test"
pytestmark = [pytest.mark.settings(work="off"), pytest.mark.site(name="Сайт города")]


def page_of(site: Site, name: str = "access") -> str:
    return f"/cabinet/sites/{site.id}/{name}"


async def origins_of(context: Context, site: Site) -> frozenset[str]:
    return (await sites.by_id(context.database, site.id)).origins


async def open_widget(client: Client, key: str, origin: str = HOST_ORIGIN) -> int:
    answer = await client.get(f"/api/v1/sites/{key}/challenge?v=1.1.0", headers={"Origin": origin})
    return answer.status_code


async def kinds(context: Context, site: Site) -> list[tuple[str, str, Any]]:
    """Entries about the site: kind, role, what was changed."""
    rows = await context.database.rows("SELECT kind, role, details FROM journal WHERE site_id = :id", id=site.id)
    return [(row["kind"], row["role"], row["details"]) for row in rows if row["role"] != "command_line"]


# --- the first steps ---


async def test_a_new_agencys_administrator_sees_what_is_left_until_the_first_report(
    client: Client, context: Context, site: Site, enter: Enter
) -> None:
    admin, pages = await enter("admin", site.agency.id), list[str]()

    async def read_done() -> dict[str, bool]:
        tree = LexborHTMLParser((await admin.client.get("/cabinet/")).text)
        pages[:] = [one.attributes["href"] or "" for one in tree.css(".first-steps li div > a")]
        done = [one.text() for one in tree.css(".first-steps .tone-done div > a")]
        return {one.text(): one.text() in done for one in tree.css(".first-steps li div > a")}

    names = ("Документ о согласии", "Территория", "Код на сайте", "Проверка установки", "Сотрудники")
    assert await read_done() == dict.fromkeys(names, False)
    for page in pages:
        await admin.read(page)
    for page in ("/cabinet/", f"/cabinet/sites/{site.id}"):  # a webmaster has no account
        (link,) = {one for one in (await admin.read(page)).links if "/install/check?token=" in one}
        assert "Проверка установки" in (await client.get(link.removeprefix(PUBLIC_URL))).text
    await changes.update_agency(context.database, site.agency.id, {"inn": "7707083893"})
    assert "не хватает: почтовый адрес, номер в реестре операторов." in (await admin.read("/cabinet/")).text
    version = (await admin.client.get("/cabinet/version?steps=1")).text
    details = {"registry_number": "50-22-000001", "postal_address": "площадь Мира, 1"}
    await changes.update_agency(context.database, site.agency.id, details)
    await changes.update_site(context.database, site.id, {"bbox": (38.5, 54.9, 39.1, 55.3)})
    await enter("agent", site.agency.id)
    assert await open_widget(client, site.key) == 200
    await context.sightings.flush(context.database)
    assert await read_done() == dict.fromkeys(names, True)
    assert (await admin.client.get("/cabinet/version?steps=1")).text != version
    assert not LexborHTMLParser((await (await enter("head", site.agency.id)).client.get("/cabinet/")).text).css(
        ".first-steps"
    )
    assert await open_widget(client, site.key, SECOND) == 403
    await context.sightings.flush(context.database)
    assert "Нужно исправить 1 ошибку" in (await admin.read("/cabinet/")).text
    await submit_report(context.database, site)
    assert not await read_done()


# --- addresses ---


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://www.gorod.test/news?id=1", "https://www.gorod.test"),
        (" WWW.Gorod.Test ", "https://www.gorod.test"),
        ("www.gorod.test/go?to=https://other.test#", "https://www.gorod.test"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("город.рф", "https://xn--c1ac3aaj.xn--p1ai"),
    ],
)
async def test_an_address_is_added_by_hand(
    client: Client, context: Context, admin: Cabinet, site: Site, typed: str, origin: str
) -> None:
    path = f"/cabinet/sites/{site.id}/origins/add"
    answer = await admin.send(page_of(site), path, origin=typed)
    assert answer.status_code == 303, answer.text
    assert await origins_of(context, site) == {HOST_ORIGIN, origin}
    assert "Адрес добавлен" in (await admin.read(answer.headers["location"])).text
    assert await open_widget(client, site.key, origin) == 200
    assert await kinds(context, site) == [
        ("site_changed", "admin", f'{{"columns":["origins"],"origins_added":["{origin.partition("//")[2]}"]}}')
    ]


@ONE_DATABASE
async def test_addresses_and_points_are_checked_and_limited(context: Context, admin: Cabinet, site: Site) -> None:
    for typed in ("", "  ", "ftp://gorod.test", "javascript:alert(1)", "https://", "a b.test", "x" * 3000):
        answer = await admin.send(page_of(site), f"/cabinet/sites/{site.id}/origins/add", origin=typed)
        assert answer.status_code == 422, typed
        assert await origins_of(context, site) == {HOST_ORIGIN}
        assert "field-origin-error" in answer.text
    path, page = f"/cabinet/sites/{site.id}/origins/add", page_of(site)
    form = (await admin.read(page)).form(path).fields
    for number in range(MAX_REGISTERED_ORIGINS + 1):
        await admin.client.post(path, data=form | {"origin": f"n{number}.gorod.test"})
    assert (await admin.client.post(path, data=form | {"origin": "last.gorod.test"})).status_code == 422
    assert len(await origins_of(context, site)) == MAX_REGISTERED_ORIGINS
    assert all(one.action != path for one in (await admin.read(page)).forms)
    await changes.update_site(context.database, site.id, {"bbox": (38.0, 55.0, 39.0, 56.0)})
    for point in ("59.9, 30.3", "nowhere", "1", "91,200", "55.0794,38.7783,1", '"><script>'):
        answer = await admin.client.get(f"{page_of(site, 'code')}?{urlencode({'point': point})}")
        assert "Это не точка на территории сайта" in answer.text, point
        assert "data-lat" not in answer.text


async def test_an_address_nobody_uses_is_removed_at_once(context: Context, enter: Enter) -> None:
    site = await make_site(context.database, allowed_origins=(HOST_ORIGIN, SECOND))
    admin = await enter("admin", site.agency.id)
    fields = (await admin.read(page_of(site))).forms[-1].fields | {"origin": SECOND}
    answer = await admin.client.post(f"/cabinet/sites/{site.id}/origins/remove", data=fields)
    assert answer.status_code == 303
    assert await origins_of(context, site) == {HOST_ORIGIN}
    details = f'{{"columns":["origins"],"origins_removed":["{SECOND.partition("//")[2]}"]}}'
    assert await kinds(context, site) == [("site_changed", "admin", details)]
    assert (await admin.client.post(f"/cabinet/sites/{site.id}/origins/remove", data=fields)).status_code == 404


@pytest.mark.parametrize("why", ["last", "in use"])
async def test_the_last_address_and_one_in_use_need_a_confirmation(
    client: Client, context: Context, enter: Enter, why: str
) -> None:
    both = (HOST_ORIGIN, SECOND) if why == "in use" else (HOST_ORIGIN,)
    site = await make_site(context.database, allowed_origins=both)
    if why == "in use":
        assert await open_widget(client, site.key) == 200
        await context.sightings.flush(context.database)
    admin = await enter("admin", site.agency.id)
    path = f"/cabinet/sites/{site.id}/origins/remove"
    fields = (await admin.read(page_of(site))).forms[-1].fields | {"origin": HOST_ORIGIN}
    asked = await admin.client.post(path, data=fields)
    assert asked.status_code == 422
    assert ("Это последний адрес" in asked.text) == (why == "last")
    assert ("открывали на нём 1 раз" in asked.text) == (why == "in use")
    assert HOST_ORIGIN in await origins_of(context, site)
    assert (await admin.client.post(path, data=fields | {"sure": "yes"})).status_code == 303
    assert HOST_ORIGIN not in await origins_of(context, site)
    shown = await admin.read(page_of(site))
    assert ("виджет не работает ни на одном сайте" in shown.text) == (why == "last")


# --- the key ---


async def test_an_old_key_works_until_its_end_and_its_use_is_seen(
    client: Client, context: Context, admin: Cabinet, site: Site
) -> None:
    start = clock.now()
    with time_machine.travel(start, tick=False) as moment:
        path, page = f"/cabinet/sites/{site.id}/key", page_of(site)
        answer = await admin.send(page, path, overlap="7", sure="yes")
        assert answer.status_code == 303, answer.text
        found = await sites.by_id(context.database, site.id)
        assert found.key != site.key
        shown = await admin.read(answer.headers["location"])
        assert "Ключ заменён" in shown.text
        assert found.key in shown.text
        assert f"Прежний ключ {site.key} работает до" in shown.text
        assert "прежним ключом никто не пользовался" in shown.text

        moment.shift(6 * DAY)
        assert await open_widget(client, site.key) == 200
        linked = await client.get(f"/s/{site.key}/report", headers={"Referer": f"{HOST_ORIGIN}/"})
        assert linked.status_code == 200
        assert (await client.get(f"/s/{site.key}/report")).status_code == 200
        assert await open_widget(client, found.key) == 200
        await context.sightings.flush(context.database)
        sql = "SELECT origin, SUM(count) AS uses FROM site_sightings WHERE kind = 'key_old' GROUP BY origin"
        rows = await context.database.rows(sql)
        assert {row["origin"]: row["uses"] for row in rows} == {HOST_ORIGIN: 2, OTHERS: 1}
        shown = await again(admin, page)
        assert HOST_ORIGIN in shown.text
        assert "Страница неизвестна" in shown.text
        assert "форма уже не открывается" not in shown.text

        moment.shift(DAY)
        assert await open_widget(client, site.key) == 404
        assert (await client.get(f"/s/{site.key}/report")).status_code == 404
        assert await open_widget(client, found.key) == 200
        await context.sightings.flush(context.database)
        shown = await again(admin, page)
        assert f"Прежний ключ {site.key} не действует с" in shown.text
        assert "форма уже не открывается" in shown.text
    entries = await kinds(context, site)
    assert [entry[:2] for entry in entries] == [("site_key_rotated", "admin")]


async def again(admin: Cabinet, page: str) -> Any:
    """The page after days in which the session has ended."""
    await admin.sign_in(ADMIN, PASSWORD)
    return await admin.read(page)


@ONE_DATABASE
async def test_a_key_is_replaced_once_and_not_without_what_is_needed(
    context: Context, admin: Cabinet, site: Site
) -> None:
    path = f"/cabinet/sites/{site.id}/key"
    for sent, sentence in (
        ({"overlap": "30"}, "Отметьте, что код на сайте заменят"),
        ({"overlap": "-1", "sure": "yes"}, "Такого варианта нет"),
        ({"overlap": "365000", "sure": "yes"}, "Такого варианта нет"),
        ({"overlap": "30", "sure": "yes", "key": "wk_another"}, "Ключ уже заменили"),
    ):
        fields = (await admin.read(page_of(site))).form(path).fields
        answer = await admin.client.post(path, data=fields | sent)
        assert answer.status_code == 422, sentence
        assert sentence in answer.text
        assert (await sites.by_id(context.database, site.id)).key == site.key
    fields = (await admin.read(page_of(site))).form(path).fields | {"overlap": "0", "sure": "yes"}
    assert [(await admin.client.post(path, data=fields)).status_code for _ in range(2)] == [303, 422]
    rows = await context.database.rows("SELECT key FROM site_keys WHERE site_id = :id", id=site.id)
    assert len(rows) == 2


# --- settings ---


async def test_administrators_set_language_and_link_for_appeals(client: Client, admin: Cabinet, site: Site) -> None:
    page = page_of(site, "settings")
    missing = await admin.send(page, page, appeals="handoff")
    assert missing.status_code == 422
    url = "https://gosuslugi.test/form"
    assert (await admin.send(page, page, appeals="handoff", appeals_url=url, language="en")).status_code == 303
    found = (await client.get(f"/api/v1/sites/{site.key}")).json()
    assert (found["appeals_url"], found["language"]) == (url, "en")
    form = await client.get(f"/s/{site.key}/report")
    assert f'href="{url}"' in form.text, "the form without JavaScript says it before sending"
    assert (await admin.send(page, page, appeals_url="")).status_code == 422
    assert (await admin.send(page, page, appeals="off", appeals_url="")).status_code == 303
    assert (await client.get(f"/api/v1/sites/{site.key}")).json()["appeals_url"] is None
    assert (await admin.send(page, page, appeals="https")).status_code == 422


async def test_the_operator_alone_sets_type_and_moderation(
    context: Context, admin: Cabinet, enter: Enter, site: Site
) -> None:
    page = page_of(site, "settings")
    shown = await admin.read(page)
    assert "Что меняет оператор сервиса" in shown.text
    assert not {"type", "moderation", "moderator"} & shown.form(page).fields.keys()
    operator = await enter("operator", None)
    assert (await operator.send(page, page, type="basic", moderation="after")).status_code == 303
    found = await sites.by_id(context.database, site.id)
    assert (found.type, found.moderation) == ("basic", "after")
    assert (await operator.send(page, page, moderation="never")).status_code == 422


# --- who ---


@ONE_DATABASE
async def test_others_are_shown_nothing_to_change(enter: Enter, site: Site) -> None:
    """What they could send all the same is refused: test_cabinet_matrix.py."""
    for role in ("viewer", "agent", "head"):
        cabinet = await enter(role, site.agency.id)
        for page in ("", "/access", "/code", "/usage", "/announce"):
            address = f"/cabinet/sites/{site.id}{page}"
            shown = await cabinet.read(address)
            assert f"/cabinet/sites/{site.id}/settings" not in shown.links, (role, page)
            own = (address, f"/cabinet/sites/{site.id}/check#look")
            forms = [form.action for form in shown.forms if f"/sites/{site.id}/" in form.action]
            assert not [action for action in forms if action not in own], (role, page)
            assert "Отправить код веб-мастеру" not in shown.text, (role, page)


# --- the code ---


@ONE_DATABASE
async def test_the_code_follows_the_choices_of_a_plain_form(admin: Cabinet, site: Site) -> None:
    page = page_of(site, "code")
    shown = await admin.read(f"{page}?type=basic&view=inline&theme=dark&category=roads&accent=%237a1f5c&language=en")
    for part in ('view="inline"', 'type="basic"', 'theme="dark"', 'category="roads"', "--igw-accent: #7a1f5c"):
        assert part in shown.text.replace("&#34;", '"'), part
    assert f"{PUBLIC_URL}/w/1/loader.js" in shown.text
    assert (await admin.client.get(page)).headers["content-security-policy"].count("frame-src 'self'") == 1


# --- use ---


async def test_the_use_of_a_site_is_in_numbers(client: Client, context: Context, admin: Cabinet, site: Site) -> None:
    shown = await admin.read(page_of(site, "usage"))
    assert "Виджет ещё ни разу не открывали" in shown.text
    assert "Сервис работает." in shown.text
    report = (await submit_report(context.database, site)).problem_id
    await lifecycle.change(context.database, AGENT, site.id, report, Change(to="accepted"))
    for query in ("v=1.0.0", "v=1.0.0&failed=connect-src", "v=1.0.0&failed=connect-src"):
        answer = await client.get(f"/api/v1/sites/{site.key}/challenge?{query}", headers={"Origin": HOST_ORIGIN})
        assert answer.status_code in (200, 204)
    await context.sightings.flush(context.database)
    rows = LexborHTMLParser((await admin.client.get(page_of(site, "usage"))).text).css("table tbody tr")
    cells = [[" ".join(cell.text().split()) for cell in row.css("th, td")] for row in rows]
    assert ["1", "0"] in [row[1:] for row in cells], "received and answered this month"
    assert [row[:3] for row in cells if row[0] == HOST_ORIGIN] == [[HOST_ORIGIN, "1.0.0", "1"]]
    failed = f"На {HOST_ORIGIN} политика безопасности не пускает запросы к сервису"
    assert [row[:2] for row in cells if row[0] == failed] == [[failed, "2"]]


# --- residents ---


@ONE_DATABASE
@pytest.mark.parametrize(("language", "agency"), [("ru", "Администрация города"), ("en", "Администрация города")])
async def test_texts_for_residents_name_the_site_and_say_what_a_message_is(
    admin: Cabinet, context: Context, site: Site, language: str, agency: str
) -> None:
    page = LexborHTMLParser((await admin.client.get(f"{page_of(site, 'announce')}?texts={language}")).text)
    texts = {name: page.css(f"#text-{name}")[0].text() for name in ("news", "post", "press")}
    for name, text in texts.items():
        assert f"{PUBLIC_URL}/to/{site.id}/report" in text, name
        assert agency in text, name
        assert "59" in text.rpartition("\n")[2], "the last paragraph says that it is no appeal"
        assert "{" not in text
    assert site.name in texts["press"]
    assert (f"{PUBLIC_URL}/to/{site.id}\n" in texts["news"]) == (site.type == "extended")
    url = "https://gosuslugi.test/form"
    await changes.update_site(
        context.database, site.id, {"appeals": "handoff", "appeals_url": url, "type": "basic", "contact": "required"}
    )
    after = (await admin.read(f"{page_of(site, 'announce')}?texts={language}")).text
    assert after.count(url) == 3
    assert f"{PUBLIC_URL}/to/{site.id}\n" not in after


@ONE_DATABASE
async def test_the_poster_leads_to_the_form_of_the_site(admin: Cabinet, context: Context, site: Site) -> None:
    hosts: dict[str, Any] = {"add_origins": ["https://город.рф"], "remove_origins": [HOST_ORIGIN]}
    await changes.update_site(context.database, site.id, {}, **hosts)
    answer = await admin.client.get(f"{page_of(site, 'announce')}/poster")
    page = LexborHTMLParser(answer.text)
    drawn = page.css(".qr svg")[0].html
    code = segno.make(f"{PUBLIC_URL}/to/{site.id}/report", error="m", micro=False)
    path = LexborHTMLParser(code.svg_inline(border=2, omitsize=True)).css("path")[0].attributes["d"]
    assert drawn is not None
    assert f'd="{path}"' in drawn
    assert "город.рф" in page.css(".where")[0].text()
    assert 'lang="ru"' in answer.text.partition("<head>")[0]
    assert "script" not in answer.text
    assert "Seen a problem" in (await admin.read(f"{page_of(site, 'announce')}/poster?lang=en")).text


async def test_what_is_printed_outlives_the_key(client: Client, context: Context, site: Site) -> None:
    """The address of the poster leads to the form under the key of today, with what a plaque fills in."""
    for _ in range(2):
        own = await sites.by_id(context.database, site.id)
        for page in ("", "/report", "/report?category=roads&address=%D1%83%D0%BB.+%D0%9C%D0%B8%D1%80%D0%B0"):
            answer = await client.get(f"/to/{site.id}{page}")
            assert answer.status_code == 303
            assert answer.headers["location"] == f"/s/{own.key}{page}"
            assert (await client.get(answer.headers["location"])).status_code == 200
        await changes.rotate_key(context.database, site.id, overlap_days=0)
        assert (await client.get(f"/s/{own.key}/report")).status_code == 404
    for unknown in (site.agency.id, site.key, "%00"):
        assert (await client.get(f"/to/{unknown}/report")).status_code == 404
    await changes.disable_site(context.database, site.id)
    assert (await client.get(f"/to/{site.id}")).status_code == 404


@ONE_DATABASE
async def test_a_place_is_in_each_embedding(client: Client, context: Context, admin: Cabinet, site: Site) -> None:
    await changes.update_site(context.database, site.id, {"bbox": (38.0, 55.0, 39.0, 56.0)})
    for point in ("55.0794, 38.7783", "55.0794 38.7783", " 55.0794;38.7783 "):
        query = urlencode({"point": point, "address": "ул. Мира,  5 <двор>", "category": "yards"})
        page = LexborHTMLParser((await admin.client.get(f"{page_of(site, 'code')}?{query}")).text)
        codes = {name: page.css(f"#code-{name}")[0].text() for name in ("script", "div", "frame", "link")}
        for name in ("script", "div"):
            element = LexborHTMLParser(codes[name]).css("[data-address]")[0]
            found = {key: element.attributes[key] for key in ("data-lat", "data-lng", "data-address")}
            assert found == {"data-lat": "55.0794", "data-lng": "38.7783", "data-address": "ул. Мира, 5 <двор>"}, point
        for name, tag, attribute in (("script", "a", "href"), ("link", "a", "href"), ("frame", "iframe", "src")):
            address = LexborHTMLParser(codes[name]).css(tag)[0].attributes[attribute] or ""
            asked = dict(parse_qsl(urlsplit(address).query))
            assert asked == {"category": "yards", "lat": "55.0794", "lng": "38.7783", "address": "ул. Мира, 5 <двор>"}
            opened = await client.get(address.removeprefix(PUBLIC_URL))
            assert "ул. Мира, 5 &lt;двор&gt;" in opened.text
            assert "38.7783" in opened.text
        hidden = page.css("[name=options]")[0].attributes["value"] or ""
        assert dict(parse_qsl(hidden))["point"] == "55.0794, 38.7783"
