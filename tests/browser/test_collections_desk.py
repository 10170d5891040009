"""A collection from its preset to an entry on its page, by the hands of an administrator and of a resident."""

import io
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.test_site_desk import DESK, enter  # noqa: F401 - a fixture
from tests.support import axe
from tests.support.browser import NewPage, Watch
from tests.support.cabinet import pass_minute
from tests.support.town import sign_in, use_database
from tests.support.widget import WidgetSite

XSS = "<img src=x onerror=alert(1)>"
TABLE = (
    f"Название проекта;Категория;Описание;Адрес;cost;benefits\nКаток {XSS};yards;Лёд;Мира, 5;7;{XSS}\n;;;;;\n;;Нет;;;\n"
)


def check_page(page: Page) -> None:
    """It fits a phone and a desk, and axe finds nothing."""
    assert axe.violations(page) == [], page.url
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, page.url
    page.set_viewport_size(DESK)


def test_a_collection_goes_from_its_preset_to_an_entry_on_its_page(
    new_page: NewPage,
    widget_site: WidgetSite,
    enter: Callable[[Page], str],  # noqa: F811
    watch: Watch,
    tmp_path: Path,
) -> None:
    page = new_page(viewport=DESK)
    page.goto(f"{enter(page)}/collections")
    check_page(page)
    page.get_by_role("link", name="Инициативное бюджетирование").click()
    page.get_by_label("Название").fill("Наш бюджет")
    page.get_by_role("button", name="Создать черновик").click()
    expect(page.locator(".notice.good")).to_contain_text("Черновик раздела создан")
    page.get_by_label("Как это устроено").fill("Проект набирает голоса.\nРешает совет.")
    page.get_by_role("button", name="Сохранить").click()
    expect(page.locator(".notice.good")).to_contain_text("Сохранено")
    check_page(page)
    preview = page.context.new_page()
    preview.goto(f"{widget_site.service.url}{page.get_by_role('link', name='Как увидят жители').get_attribute('href')}")
    expect(preview.locator("main")).to_contain_text("Черновик")
    check_page(preview)
    page.get_by_role("button", name="Опубликовать раздел").click()
    expect(page.locator(".notice.good")).to_contain_text("Раздел опубликован")
    own, address = (
        page.url.partition("?")[0],
        str(page.get_by_role("link", name="Страница раздела").get_attribute("href")),
    )

    resident = page.context.new_page()
    resident.goto(address)
    resident.get_by_text("Как это устроено").click()
    expect(resident.get_by_text("Решает совет.")).to_be_visible()
    resident.goto(f"{address}/report")
    resident.fill("[name=title]", f"Сквер {XSS}")
    resident.select_option("[name=category]", "yards")
    resident.fill("textarea[name=description]", f"Посадить липы {XSS}")
    resident.fill("[name=address]", "Мира, 5")
    resident.fill("[name='answers.cost']", "12000")
    resident.fill("[name='answers.benefits']", XSS)
    resident.check("[name=consent]")
    resident.click(".button.primary")
    expect(resident.locator(".number")).to_contain_text("1")

    page.get_by_role("link", name="Записи в кабинете").click()
    page.get_by_role("link", name="Сквер").first.click()
    page.check("#to-accepted")
    page.click(".decision button.primary")
    expect(page.locator("[role=status].good")).to_be_visible()
    resident.goto(f"{address}/1")
    expect(resident.locator("h1")).to_contain_text(f"Сквер {XSS}")
    expect(resident.get_by_text(re.compile(r"12\s000")).first).to_be_visible()

    watch.allow("status of 422")
    page.goto(f"{own}/import")
    check_page(page)
    (tmp_path / "table.csv").write_text(TABLE)
    page.set_input_files("[name=file]", tmp_path / "table.csv")
    page.get_by_role("button", name="Проверить файл").click()
    expect(page.locator(".notice.bad")).to_contain_text("Строка 4, «Название проекта»: Заполните это поле.")
    expect(page.get_by_role("alert")).to_be_focused()
    check_page(page)
    page.get_by_role("button", name="Загрузить и опубликовать").click()
    expect(page.locator(".notice.good")).to_contain_text("Опубликована 1 запись.")
    resident.goto(address)
    expect(resident.get_by_role("link", name=f"Каток {XSS}", exact=True)).to_be_visible()
    page.goto(f"{own}/count")
    expect(page.locator("table")).to_contain_text(f"Каток {XSS}")
    check_page(page)
    looks: list[dict[str, Any]] = [{"color_scheme": "dark"}, {"color_scheme": "dark", "forced_colors": "active"}]
    for look in looks:
        page.emulate_media(**look)
        code = Image.open(io.BytesIO(page.locator(".qr").screenshot())).convert("L")
        assert code.getpixel((1, 30)) == 255, f"{look}: the margin of the code is not white"
    page.emulate_media(media="print", color_scheme="light", forced_colors="none")
    expect(page.locator("main .tabs")).to_be_hidden()
    expect(page.locator(".cabinet-head")).to_be_hidden()
    expect(page.locator(".signature").first).to_be_visible()


def test_a_council_checks_entries_in_its_own_cabinet_until_it_is_removed(
    new_page: NewPage,
    widget_site: WidgetSite,
    enter: Callable[[Page], str],  # noqa: F811
    watch: Watch,
    tmp_path: Path,
) -> None:
    service, name = widget_site.service, uuid.uuid4().hex[:8]
    at = ("--site", widget_site.site, "--slug", name)
    agency = service.cli("agency", "add", "--name", f"Совет {name}", "--email", "sovet@council.test")["agency"]
    service.cli("site", "add", "--name", "Совет", "--agency", agency, "--origin", f"https://{name}.test")
    user = ("--email", f"{name}@council.test", "--agency", agency, "--role", "agent")
    password = service.cli("user", "add", *user)["password"]
    service.cli("collection", "add", *at, "--preset", "inspectors")
    (tmp_path / "table.csv").write_text(
        "title;category;description;address;districts\nАнна Ясная;housing;Проверю пандусы;Мира, 5;Центр\n"
    )
    loaded = service.cli("collection", "import", *at, str(tmp_path / "table.csv"))
    assert loaded["imported"] == 1, loaded

    own = new_page(viewport=DESK)
    own.goto(f"{enter(own)}/collections/{name}")
    own.get_by_role("link", name="Кто ещё работает с разделом").click()
    own.get_by_label("Адрес его сайта").fill(f"{name}.test")
    own.get_by_label("Что может").select_option("Проверять записи и отвечать")
    check_page(own)
    own.get_by_role("button", name="Добавить").click()
    expect(own.locator("table")).to_contain_text("Проверять записи и отвечать")
    check_page(own)

    council = new_page(viewport=DESK)
    sign_in(council, service, f"{name}@council.test", password)
    council.goto(f"{service.url}/cabinet/problems")
    council.get_by_role("link", name="Анна Ясная").first.click()
    check_page(council)
    expect(council.locator("#contact")).to_contain_text("Контакты автора видит только ведомство")
    council.check("#to-rejected")
    council.select_option("#field-reject_reason", "no_place")
    expect(council.locator("#field-text")).to_have_value(re.compile("Не понять, где это"))
    council.select_option("#field-reject_reason", "abuse")
    expect(council.locator("#field-text")).to_have_value(re.compile("Здесь есть оскорбления"))
    council.fill("#field-text", "Такого района в городе нет. Укажите район и подайте запись снова.")
    council.select_option("#field-reject_reason", "no_place")  # what somebody wrote stays
    council.click(".decision button.primary")
    expect(council.locator("#waiting")).to_be_visible()
    use_database(service, pass_minute)
    expect(council.locator("#waiting")).to_have_count(0)
    entry = council.url.partition("?")[0]

    own.goto(entry)
    expect(own.locator("#history")).to_contain_text(f"{name}@council.test (Совет {name})")
    own.go_back()
    own.locator("summary", has_text="Убрать").click()
    own.get_by_role("button", name="Убрать").click()
    expect(own.locator(".notice.good")).to_contain_text("Ведомство убрано.")
    watch.allow("status of 404")
    council.goto(entry)
    expect(council.locator("h1")).not_to_contain_text("№ 1")
