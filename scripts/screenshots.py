"""Takes pictures of everything people meet, at the width of a phone and of a desk, from a running demonstration.

    make run                                # in one terminal
    make screenshots                        # in another; the pictures go to test-results/screenshots/

docs/pictures/city.png is `1280-city-first.png` of such a run.
"""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from tests.support.browser import Watch, launch, open_context

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "test-results" / "screenshots"
WIDTHS = {360: 740, 1280: 900}
EMAIL = "anna@example.ru"


class Camera:
    """One visitor's browser at one width."""

    def __init__(self, page: Page, width: int) -> None:
        self.page, self.width = page, width

    def shoot(self, name: str, *, full: bool = True) -> None:
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=TARGET / f"{self.width}-{name}.png", full_page=full)
        print(f"  {self.width}-{name}.png", flush=True)


@contextmanager
def camera(browser: Browser, width: int) -> Iterator[Camera]:
    context = open_context(browser, Watch(), viewport={"width": width, "height": WIDTHS[width]})
    yield Camera(context.new_page(), width)
    context.close()


def picture() -> FilePayload:
    """A made-up photo: asphalt with a hole."""
    image = Image.effect_noise((1600, 1200), 40).convert("RGB")
    ImageDraw.Draw(image).ellipse((600, 500, 1050, 800), fill=(34, 32, 30), outline=(90, 86, 80), width=14)
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=85)
    return {"name": "yama.jpg", "mimeType": "image/jpeg", "buffer": kept.getvalue()}


def widget(seen: Camera, demo: dict[str, Any]) -> str:
    """The widget on the host page, from the button to the confirmation; returns the private link."""
    page = seen.page
    page.goto(f"{demo['pages']}/plain/")
    seen.shoot("host-page")
    page.get_by_role("button", name="Сообщить о проблеме").click()
    page.get_by_role("button", name="Проблемы города").click()
    page.locator("dialog .card").first.wait_for()
    seen.shoot("list", full=False)
    page.get_by_role("button", name="Графики").click()
    seen.shoot("charts", full=False)
    page.get_by_role("button", name="Свернуть").click()
    page.get_by_role("button", name="Фильтры").click()
    seen.shoot("filters", full=False)
    page.locator("dialog .card").first.click()
    page.get_by_role("heading", name="Ход работы").wait_for()
    seen.shoot("problem", full=False)
    page.locator("dialog .turn .button").click()

    narrow = seen.width < 600

    def following(name: str) -> None:
        """A picture of the step; on a phone, which asks step by step, on to the next."""
        if narrow:
            seen.shoot(name, full=False)
            page.get_by_role("button", name="Далее").click()

    page.get_by_role("radio", name="Дороги и тротуары").press("Space")
    if not narrow:
        seen.shoot("form", full=False)
    following("step-category")
    page.get_by_label("Что именно не так").fill("Глубокая яма на переходе у школы № 14, вечером её не видно")
    page.locator("input[type=file]").first.set_input_files(picture())
    page.get_by_role("button", name="Убрать").first.wait_for()
    seen.shoot("photos", full=False)
    following("step-description")
    page.get_by_label("Адрес или ориентир").fill("улица Ленина, 12, у второго подъезда")
    page.get_by_role("button", name="Показать на карте").click()
    page.get_by_role("application", name="Карта", exact=True).click()
    page.wait_for_timeout(1000)  # the notes about this place
    page.get_by_role("button", name="Далее").scroll_into_view_if_needed() if narrow else None
    seen.shoot("map", full=False)
    following("step-place")
    page.get_by_label("Электронная почта").fill(EMAIL)
    seen.shoot("contacts", full=False)
    page.get_by_role("button", name="Отправить").click()  # without the consent
    page.locator("dialog #consent[aria-invalid]").wait_for()
    seen.shoot("form-errors", full=False)
    page.get_by_label("Даю согласие").check()
    seen.shoot("review", full=False)
    with page.expect_response(lambda answer: answer.status == 201 and answer.url.endswith("/problems")) as sent:
        page.get_by_role("button", name="Отправить").click()
    page.get_by_role("heading", name="Сообщение получено").wait_for()
    seen.shoot("accepted", full=False)
    return str(sent.value.json()["track_url"])


def pages(seen: Camera, demo: dict[str, Any], private: str) -> None:
    """The service's own pages."""
    key = demo["sites"][0]["key"]
    for name, address in (
        ("private-page", private),
        ("city", f"{demo['service']}/s/{key}"),
        ("report-without-scripts", f"{demo['service']}/s/{key}/report"),
        ("track", f"{demo['service']}/track"),
        ("consent", f"{demo['service']}/s/{key}/consent"),
        ("new-site", f"{demo['service']}/sites/new"),
        ("install", f"{demo['service']}/s/{key}/install"),
    ):
        seen.page.goto(address)
        seen.shoot(name)
        if name == "city":
            seen.shoot("city-first", full=False)


def cabinet(seen: Camera, demo: dict[str, Any]) -> None:
    """The cabinet of an agency's representative."""
    # The agency's own agent comes before those of its services.
    user = next(user for user in demo["users"] if user["role"] == "agent" and user["instance"] == "service")
    page = seen.page
    page.goto(f"{demo['service']}/cabinet/")
    seen.shoot("cabinet-sign-in")
    page.fill("input[name=email]", user["email"])
    page.fill("input[name=password]", user["password"])
    page.keyboard.press("Enter")
    reports = page.locator("tbody a[href*='problems/']")
    reports.first.wait_for()
    seen.shoot("cabinet-list")
    reports.first.click()
    page.locator("form.decision").wait_for()
    seen.shoot("cabinet-problem")


def main() -> None:
    known = ROOT / "data" / "demo.json"
    if not known.exists():
        sys.exit("There is no demonstration: start `make run` in another terminal first.")
    demo = json.loads(known.read_text())
    TARGET.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for width in WIDTHS:
            with camera(browser, width) as seen:
                pages(seen, demo, widget(seen, demo))
            with camera(browser, width) as seen:
                cabinet(seen, demo)
        browser.close()


if __name__ == "__main__":
    main()
