"""Reporting and reading in Firefox and WebKitGTK, from the host page on, also under the strictest policy."""

import asyncio
import base64
import json
import re
import sqlite3
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support import firefox, webkit
from tests.support.pictures import halves, photo
from tests.support.processes import Serve
from tests.support.reader import Reader
from tests.support.remote_browser import EXAMPLES, FIREFOX, WEBKIT, RemoteBrowser
from tests.support.town import NO_FILLING_TIME, Town
from tests.support.widget import (
    ACCEPTED,
    FIGURE,
    RELEASE,
    REPORT,
    SEND,
    Examples,
    WidgetSite,
    figure,
    form_steps,
    page_with_modified_files,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
_SELDOM = pytest.mark.full("each part of it runs in Chromium; an engine differs in what it gives the widget")
DOWN, ENTER = "\ue015", "\ue007"  # https://www.w3.org/TR/webdriver2/#keyboard-actions
SEEN = "igrajdanin-widget"
# A phone whose device answers where it is: the drivers of these browsers know neither.
ON_A_PHONE = """here => {
  const own = matchMedia;
  window.matchMedia = query => query === "(pointer: coarse)" ? { matches: true } : own.call(window, query);
  navigator.geolocation.getCurrentPosition = found => found({ coords: here });
}"""
# As the camera gives it to the page.
TAKE = """picture => {
  const input = document.querySelector("igrajdanin-widget").shadowRoot.querySelector("input[capture]");
  if (!input) return false;
  const bytes = Uint8Array.from(atob(picture), letter => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "1.jpg", { type: "image/jpeg" }));
  input.files = data.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}"""
TEXT_OF = f"""selector => {{
  const found = document.querySelector("{SEEN}").shadowRoot.querySelector(selector);
  return found && found.getClientRects().length ? found.innerText || found.value || "" : null;
}}"""
PICTURES = f"""() => [...document.querySelector("{SEEN}").shadowRoot.querySelectorAll(".opened img")].length > 0
  && [...document.querySelector("{SEEN}").shadowRoot.querySelectorAll(".opened img")].every(one => one.naturalWidth)"""
# What a service worker has stored of a town is told later than a driver asks.
STORED = """(town, wanted) => {
  const keep = all => (window.stored = all.map(one => new URL(one.url).pathname));
  caches.open(town).then(cache => cache.keys()).then(keep);
  return wanted.every(path => (window.stored || []).includes(path));
}"""
VALUE = f"(id, value) => document.querySelector('{SEEN}').shadowRoot.getElementById(id).value === value"
SELECT = f"id => document.querySelector('{SEEN}').shadowRoot.getElementById(id).select()"
SAYS = f"""text => [...document.querySelectorAll("{SEEN}")]
  .some(({{ shadowRoot }}) => shadowRoot && shadowRoot.textContent.includes(text))"""
HAS = "text => document.body.innerText.includes(text)"


@pytest.fixture(scope="module", autouse=True)
def fill_site(example_pages: Examples) -> None:
    """Before the first visit: browsers may show a list of half a minute ago while revalidating (RFC 5861)."""
    example_pages.service.cli("load-demo", "--problems", "300", "--site", example_pages.site)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[FIREFOX, WEBKIT])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[RemoteBrowser]:
    """One browser for all tests: starting takes longer than they do."""
    async with {"firefox": firefox, "webkit": webkit}[request.param].started() as started:
        yield started


async def no_complaint(browser: RemoteBrowser, example_pages: Examples) -> None:
    """Nothing was requested elsewhere, logged by the browser or refused by the page's policy."""
    own = (example_pages.service.url, example_pages.pages.url)
    assert {url for url in await browser.requested() if not url.startswith(own)} == set()
    assert [text for text in browser.complaints if "/favicon.ico" not in text] == []
    assert example_pages.pages.violations == []


@pytest.mark.parametrize("case", EXAMPLES)
async def test_reporting_works(browser: RemoteBrowser, example_pages: Examples, case: str) -> None:
    example_pages.pages.violations.clear()
    await browser.goto(example_pages.address(case))
    assert await browser.report("Яма на переходе у школы № 14") > 0
    requested = await browser.requested()
    assert any(url.endswith("/loader.js") for url in requested)
    chunks = [url for url in requested if f"/{RELEASE}/" in url]
    assert sorted(chunks) == sorted(set(chunks)), "the preloaded file with its hash is the one that runs: fetched once"
    await no_complaint(browser, example_pages)


async def test_a_policy_that_blocks_the_script_leaves_the_link(browser: RemoteBrowser, example_pages: Examples) -> None:
    """Also shows that violations are detected."""
    example_pages.pages.violations.clear()
    await browser.goto(example_pages.address("csp-without-us"))
    await browser.tap("link", "Сообщить о проблеме")
    await browser.until("the plain form", "() => !!document.querySelector('form textarea')")
    (violation,) = example_pages.pages.violations
    assert violation["blocked-uri"] == f"{example_pages.service.url}/w/1/loader.js"


@pytest.mark.parametrize("browser", [FIREFOX], indirect=True)
async def test_a_file_with_a_wrong_hash_does_not_run_and_the_link_returns(
    browser: RemoteBrowser, widget_site: WidgetSite
) -> None:
    await browser.goto(page_with_modified_files(widget_site, "report", "basic"))
    await browser.tap("button", REPORT)
    await browser.find("link", REPORT)
    assert await browser.run("() => globalThis.stolen === undefined")


async def test_the_frame_has_all_functions(browser: RemoteBrowser, example_pages: Examples) -> None:
    await browser.goto(example_pages.address("iframe"))
    await browser.enter_frame()
    await browser.tap("button", "Сообщить о проблеме")
    assert await browser.send("Яма на переходе у школы № 14") > 0


async def test_clusters_of_the_citys_map_open(browser: RemoteBrowser, example_pages: Examples) -> None:
    example_pages.pages.violations.clear()
    await browser.goto(example_pages.address("strict-csp"))
    before, after = await browser.open_cluster()
    assert before > 2
    assert after > 0
    assert example_pages.pages.violations == []


async def test_list_filters_and_back(browser: RemoteBrowser, example_pages: Examples) -> None:
    example_pages.pages.violations.clear()
    await browser.goto(example_pages.address("strict-csp"))
    reader = Reader(browser)
    await reader.open()
    await reader.leave()
    await reader.filter()
    await reader.problem()
    await reader.map()
    assert await reader.console_messages() == []
    assert any("/problems?status=done" in url for url in await browser.requested())
    await no_complaint(browser, example_pages)


async def read(example_pages: Examples, path: str) -> Any:
    """What the API answers about the first site."""
    address = f"{example_pages.service.url}/api/v1/sites/{example_pages.key}{path}"
    return json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(address).read()))


@_SELDOM
async def test_the_form_helps_and_the_problem_shows_what_it_took(
    browser: RemoteBrowser, example_pages: Examples, tmp_path: Path
) -> None:
    """Contacts leave the text, a photo brings its place, an address its pin, a known report the offer to support it."""
    example_pages.pages.violations.clear()
    problems = await read(example_pages, "/problems?limit=100")
    known = next(one for one in problems["items"] if one["location"] and one["status"] == "accepted")
    lat, lng = known["location"]["lat"], known["location"]["lng"]
    houses = tmp_path / "town.csv"
    houses.write_text(f"street,house,lat,lng\nулица Мира,5,{lat},{lng}\nулица Мира,7,{lat + 0.02},{lng}\n")
    example_pages.service.cli("addresses", "load", str(houses), "--site", example_pages.site)
    await browser.goto(example_pages.address("strict-csp"))
    await browser.run(ON_A_PHONE, {"latitude": lat + 0.02, "longitude": lng, "accuracy": 9})
    await browser.tap("button", REPORT)
    topics = {one["code"]: one["name"] for one in (await read(example_pages, "?lang=ru"))["categories"]}
    await browser.tick(topics[known["category"]])
    await browser.fill("Что именно не так", "Разбитый тротуар, телефон 8 900 123-45-67")
    await browser.tap("button", "Перенести в контакты: телефон")
    assert re.sub(r"\D", "", (await browser.find("field", "Телефон"))["value"]) == "89001234567"
    text = (await browser.find("field", "Что именно не так"))["value"]
    assert "900" not in text

    await browser.until("the camera", TAKE, base64.b64encode(photo(halves(640, 480))).decode())
    await browser.tap("button", "Да, здесь")
    await browser.until("the nearest house", VALUE, "address", "улица Мира, 7")

    await browser.tap("field", "Адрес или ориентир")
    await browser.run(SELECT, "address")
    await browser.type("мира 5")
    await browser.until("suggestions", TEXT_OF, "[role=option]")
    await browser.type(DOWN)
    await browser.until("the first of them", TEXT_OF, "[role=option][aria-selected=true]")
    await browser.type(ENTER)
    await browser.until("the chosen house", VALUE, "address", "улица Мира, 5")
    await browser.until("a report nearby", TEXT_OF, ".excerpt")
    await browser.tap("button", "Это оно")
    assert "Ваш голос добавлен к сообщению №" in await browser.until("thanks", TEXT_OF, "#joined")
    await browser.tap("button", "Вернуться к своему")
    assert (await browser.find("field", "Что именно не так"))["value"] == text
    await browser.tick("Даю согласие")
    await browser.tap("button", SEND)
    number = figure((await browser.find("text", FIGURE))["text"])

    with sqlite3.connect(str(example_pages.service.directory / "widget.db")) as database:  # as a moderator would
        of_here = "UPDATE problems SET published = 1, status = 'accepted' WHERE site_id = ? AND number = ?"
        database.execute(of_here, (example_pages.site, number))
    database.close()
    await browser.goto(example_pages.address("strict-csp"))
    await browser.run("number => igrajdanin('open', { problem: number })", number)
    await browser.until("its picture", PICTURES)
    assert await browser.run(TEXT_OF, ".opened .text") == text
    await no_complaint(browser, example_pages)


@_SELDOM
async def test_own_reports_are_one_press_from_the_list(browser: RemoteBrowser, example_pages: Examples) -> None:
    await browser.goto(example_pages.address("strict-csp"))
    number = await browser.report("Яма на переходе у школы № 14")
    await browser.tap("button", REPORT)
    await browser.tap("button", "Проблемы города")
    await browser.until("the list", TEXT_OF, ".card")
    await browser.tap("button", "Назад")
    await browser.tap("button", "Мои сообщения")
    await browser.until("its state, which makes its row longer", SAYS, " · ")
    assert figure((await browser.run(TEXT_OF, "ul.own li")).splitlines()[0]) == number
    await browser.tap("button", "Забыть их")
    await browser.until("the news", SAYS, "Номера стёрты с этого устройства")
    assert await browser.run(TEXT_OF, "ul.own li") is None


@_SELDOM
async def test_a_report_waits_in_the_application_for_a_network(browser: RemoteBrowser, module_serve: Serve) -> None:
    """The service is away while it is written; what was open before comes back, and sends it once."""
    service = module_serve(challenge="off", rate_limits="off", changes=(NO_FILLING_TIME,))
    town = Town.found(service, moderation="after", name="Зареченск")
    path = f"/s/{town.site.key}"
    await browser.goto(town.page)
    await browser.until("a copy", STORED, path, [path, f"{path}/form", f"/api/v1/sites/{town.site.key}"])
    service.kill()
    await browser.goto(f"{town.page}/report")
    await browser.until("the form of the application", HAS, "Нет связи. Заполните форму")
    for action, label, value in form_steps("Не горит фонарь у школы"):
        await (browser.tick(label) if action == "check" else browser.fill(label, value))
    await browser.tap("button", SEND)
    await browser.until("a report that waits", SAYS, "отправим сами")
    await browser.goto(town.page)
    await browser.until("the last list", HAS, "Нет связи. Список")
    service.start()
    await browser.until("the receipt", SAYS, ACCEPTED)
    count = town.use_database(lambda database: database.row("SELECT COUNT(*) AS reports FROM problems"))
    assert count["reports"] == 1
