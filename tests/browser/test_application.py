"""The town's page as an application: installed, without a network, with shared photos, and what it leaves behind."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests import factories
from tests.factories import AGENT
from tests.support import axe
from tests.support.browser import NewPage, Watch
from tests.support.pictures import file, halves, photo
from tests.support.processes import Serve, Service
from tests.support.town import NO_FILLING_TIME, Town
from tests.support.widget import DESKTOP, SEND, fill_form, number, wait_until
from widget_api.database import Database
from widget_api.problems import lifecycle

ACCENT = "#7a1f5c"
ERASED = "Яма у дома Петровой Анны"
STAYS = "Не горит фонарь у школы"
# Of what the service worker stores for a town: the paths, and the page with the list.
PATHS = """town => caches.open(town).then(cache => cache.keys())
  .then(all => all.map(({ url }) => new URL(url).pathname).sort())"""
LIST = """async town => {
  const page = await (await caches.open(town)).match(town);
  return page ? page.text() : "";
}"""
# A photo comes from another application as the form of a page would send it.
SHARE = """town => {
  const form = document.createElement("form"), input = document.createElement("input");
  Object.assign(form, { method: "post", action: `${town}/share`, enctype: "multipart/form-data" });
  Object.assign(input, { type: "file", name: "photos", id: "shared", multiple: true });
  form.append(input);
  document.body.append(form);
}"""


@pytest.fixture(scope="module")
def started(module_serve: Serve) -> Service:
    return module_serve(challenge="off", rate_limits="off", changes=(NO_FILLING_TIME,))


@pytest.fixture
def running(started: Service) -> Iterator[Service]:
    yield started
    if started.process is None:  # a test that failed has killed it
        started.start()


@pytest.fixture
def town(running: Service) -> Town:
    return Town.found(running, moderation="after", accent=ACCENT, name="Зареченск")


@pytest.fixture
def visitor(new_page: NewPage, watch: Watch) -> Page:
    watch.allow("ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|status of 404")
    return new_page(service_workers="allow", viewport=DESKTOP)


def publish(town: Town, description: str) -> str:
    """The identifier of a published report."""

    async def work(database: Database) -> str:
        receipt = await factories.submit_report(database, town.site, description=description)
        await lifecycle.confirm(database, town.site.id, receipt.problem_id)
        return receipt.problem_id

    return str(town.use_database(work))


def path(town: Town) -> str:
    return f"/s/{town.site.key}"


def visit(page: Page, town: Town) -> None:
    """Open the town's page, and wait until the worker has stored what it shows without a network."""
    page.goto(town.page)
    wait_until(page, lambda: set(public(town)) <= set(page.evaluate(PATHS, path(town))))


def public(town: Town) -> list[str]:
    """The paths of what is stored beside files."""
    return [f"/api/v1/sites/{town.site.key}", path(town), f"{path(town)}/form"]


def count_reports(town: Town) -> list[tuple[str, int]]:
    """The descriptions of all reports, and how many photos each has."""

    async def work(database: Database) -> Any:
        return await database.rows(
            """
            SELECT p.description, (SELECT COUNT(*) FROM photos WHERE problem_id = p.id) AS photos
            FROM problems AS p
            WHERE p.site_id = :site_id
            """,
            site_id=town.site.id,
        )

    return [(row["description"], row["photos"]) for row in town.use_database(work)]


def test_the_browser_finds_nothing_that_hinders_installing(town: Town, visitor: Page) -> None:
    visitor.goto(town.page)
    browser = visitor.context.new_cdp_session(visitor)
    assert browser.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    found = browser.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert (manifest["name"], manifest["short_name"], manifest["theme_color"]) == ("Зареченск", "Зареченск", ACCENT)
    assert {manifest["id"], manifest["start_url"], manifest["scope"]} == {path(town)}
    expect(visitor.locator("meta[name=theme-color]")).to_have_attribute("content", ACCENT)
    touch = visitor.locator("link[rel=apple-touch-icon]").get_attribute("href")
    for icon in [*(one["src"] for one in manifest["icons"]), touch]:
        drawn = Image.open(io.BytesIO(visitor.request.get(f"{town.service.url}{icon}").body())).convert("RGBA")
        corner, ground, sign = (
            drawn.getpixel((drawn.width * share // 100, drawn.height // 4)) for share in (0, 10, 40)
        )
        assert (ground, sign) == ((0x7A, 0x1F, 0x5C, 255), (255, 255, 255, 255)), icon
        assert corner == ground, icon
        # Launchers cut the maskable one, and round the others' corners no further.
        assert drawn.getchannel("A").getpixel((0, 0)) == (0 if re.search(r"icon-\d", icon) else 255), icon


def test_the_last_list_opens_without_a_network_and_nothing_erased_lives_on(
    town: Town, visitor: Page, running: Service
) -> None:
    erased = publish(town, ERASED)
    publish(town, STAYS)
    visit(visitor, town)
    # What is private, and what is not the town's, is looked at, and nothing of it stays.
    for address in ("/track", f"{path(town)}/embed", f"{path(town)}/problems/1", f"{path(town)}/report"):
        visitor.goto(running.url + address)
    assert visitor.evaluate("() => caches.keys()") == [path(town)]
    kept = [one for one in visitor.evaluate(PATHS, path(town)) if not re.match(r"/(w|static)/", one)]
    assert kept == public(town)

    running.kill()
    visitor.goto(town.page)
    note = visitor.get_by_role("status").locator("visible=true")
    expect(note).to_have_text(re.compile(r"^Нет связи\. Список от \d+\s\S+, \d\d:\d\d\.$"))
    expect(visitor.locator(".problems").first).to_contain_text(ERASED)
    expect(visitor.get_by_role("search")).to_be_hidden()
    assert axe.violations(visitor) == []
    visitor.goto(f"{town.page}/problems/1")
    expect(note).to_contain_text("Эта страница не сохранена")

    town.use_database(lambda database: lifecycle.erase(database, AGENT, town.site.id, erased))
    visitor.goto("about:blank")  # a page that stands in comes back by itself, into the next navigation
    running.start()
    visitor.goto(f"{town.page}/problems/2")  # the first contact is another page than the list
    expect(visitor.locator("main")).to_contain_text(STAYS)
    wait_until(visitor, lambda: ERASED not in visitor.evaluate(LIST, path(town)))
    visitor.context.set_offline(True)
    visitor.goto(town.page)
    expect(visitor.locator(".problems").first).to_contain_text(STAYS)
    expect(visitor.locator("body")).not_to_contain_text(ERASED)
    visitor.context.set_offline(False)  # comes back by itself
    expect(note).to_have_count(0)


def test_a_report_written_without_a_network_is_sent_once_and_told(town: Town, visitor: Page) -> None:
    """With its photo, after its tab was closed."""
    visit(visitor, town)
    context = visitor.context
    context.set_offline(True)
    visitor.goto(f"{town.page}/report")
    expect(visitor.get_by_role("status").locator("visible=true").first).to_contain_text("Нет связи. Заполните форму")
    fill_form(visitor, STAYS)
    visitor.set_input_files("#photos", file(photo(halves(64, 48))))
    expect(visitor.get_by_text("Загрузим сами, когда связь появится").first).to_be_visible()
    assert axe.violations(visitor) == []
    visitor.get_by_role("button", name=SEND).click()
    expect(visitor.get_by_role("button", name="Отправляем")).to_be_visible()
    visitor.close()

    returned = context.new_page()
    returned.goto(town.page)
    expect(returned.get_by_role("status").locator("visible=true")).to_contain_text("Нет связи. Список")
    context.set_offline(False)
    expect(returned.get_by_role("alert")).to_contain_text("Отправляем")  # the network is there, and nothing has failed
    returned.evaluate("dispatchEvent(new Event('online'))")  # else it would be sent five seconds later
    assert number(returned) == 1
    assert count_reports(town) == [(STAYS, 1)]
    returned.reload()
    expect(returned.locator(".problems").or_(returned.get_by_text("Здесь появятся"))).to_be_visible()
    expect(returned.locator("igrajdanin-widget")).to_have_count(0)
    assert count_reports(town) == [(STAYS, 1)]


def test_a_shared_photo_opens_the_form_with_it(town: Town, visitor: Page, new_page: NewPage) -> None:
    visit(visitor, town)
    visitor.evaluate(SHARE, path(town))
    # Two that no form took, since it was closed at once, are none of what is shared later.
    visitor.set_input_files("#shared", [file(photo(halves(64, 48)), name) for name in ("1.jpg", "2.jpg")])
    visitor.evaluate("""async () => {
      const { form } = document.querySelector("#shared");
      await fetch(form.action, { method: "post", body: new FormData(form) });
    }""")
    visitor.set_input_files("#shared", file(photo(halves(64, 48), place=(55.0952, 38.7688))))
    visitor.evaluate("document.querySelector('#shared').form.submit()")
    # Any page may have sent it.
    expect(visitor.get_by_role("status").filter(has_text="передала сюда")).to_be_visible()
    assert axe.violations(visitor) == []
    assert visitor.evaluate("localStorage.length") == 0
    visitor.get_by_role("button", name="Добавить в сообщение").click()
    expect(visitor.locator("igrajdanin-widget .photos img, igrajdanin-widget .photo img")).to_have_count(1)
    expect(visitor.get_by_role("button", name="Место с фото")).to_be_visible()
    expect(visitor).to_have_url(f"{town.page}/form")
    assert visitor.evaluate("() => caches.keys()") == [path(town)]
    # Where no worker takes it the form says so.
    without = new_page()
    without.goto(town.page)
    without.evaluate(SHARE, path(town))
    without.set_input_files("#shared", file(photo(halves(64, 48))))
    without.evaluate("document.querySelector('#shared').form.submit()")
    expect(without.get_by_role("alert")).to_have_text("Фото не дошло. Добавьте его в форме.")
    expect(without.get_by_label("Что именно не так")).to_be_hidden()


def test_a_new_worker_takes_over_and_leaves_with_the_town(town: Town, visitor: Page, running: Service) -> None:
    visit(visitor, town)
    # Another address of the script is another version of it to the browser.
    visitor.evaluate(
        """async scope => {
          const taken = new Promise(resolve => (navigator.serviceWorker.oncontrollerchange = resolve));
          await navigator.serviceWorker.register("/w/1/worker.js?next", { scope });
          await taken;
        }""",
        path(town),
    )
    visitor.context.set_offline(True)
    visitor.reload()
    expect(visitor.get_by_role("status").locator("visible=true")).to_contain_text("Нет связи. Список")
    visitor.context.set_offline(False)
    expect(visitor.get_by_role("status").locator("visible=true")).to_have_count(0)
    running.cli("site", "disable", town.site.key)
    visitor.goto(town.page)
    rest = "() => Promise.all([caches.keys(), navigator.serviceWorker.getRegistrations()])"
    wait_until(visitor, lambda: visitor.evaluate(f"{rest}.then(all => all.flat().length)") == 0)
