"""Lead a page through every state of the widget; each `yield` names the state that is shown.

The caller may change language, theme and size before it continues: the tour restores what it needs.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.city import DELAYED, LOST, FakeCity, picture
from tests.support.pictures import file
from tests.support.widget import TEXT, WidgetSite

LOCALES = Path(__file__).parents[2] / "widget_js/locales"
MAP_NAMES = {lang: json.loads((LOCALES / f"{lang}.json").read_text())["later"]["map_city"] for lang in ("ru", "en")}
# The control of the photo chunk; a placeholder stands in its place until the chunk has loaded.
PHOTOS = "input#photos[accept*='.heic']"
STORAGE = "JSON.stringify([localStorage, sessionStorage])"
RESTORE_STORAGE = (
    "kept => JSON.parse(kept).forEach((from, at) => Object.assign([localStorage, sessionStorage][at], from))"
)
RESTART = """attributes => {
  document.querySelectorAll("igrajdanin-widget").forEach(one => one.remove());
  localStorage.clear();
  sessionStorage.clear();
  const made = document.createElement("igrajdanin-widget");
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  document.body.append(made);
}"""


class Tour:
    def __init__(self, page: Page, widget_site: WidgetSite, city: FakeCity) -> None:
        self.page, self.widget_site, self.city = page, widget_site, city
        # Restores the state after a change of language, which recreates the map.
        self.again: Callable[[], None] = lambda: None
        page.goto(widget_site.page(""))
        self.widget = page.locator("igrajdanin-widget")

    def restart(self, **attributes: str) -> None:
        """Start as a new visitor; the loaded code stays."""
        given = {"site-key": self.widget_site.key, "type": "extended", "lang": "ru", "theme": "light"} | attributes
        self.page.evaluate(RESTART, given)

    def open(self, **attributes: str) -> None:
        """Open the city."""
        self.restart(**{"data-start": "list"} | attributes)
        self.page.get_by_role("button").click()

    def form(self, **attributes: str) -> None:
        self.restart(**attributes)
        self.page.get_by_role("button").click()
        expect(self.widget.locator("form")).to_be_visible()
        self.load_photos()

    def load_photos(self) -> None:
        """In one column the photos are below the fold, and their chunk loads when they become visible."""
        photos = self.control("photos")
        if photos.count():
            photos.evaluate("control => control.scrollIntoView({ block: 'center' })")
            expect(self.widget.locator(PHOTOS)).to_be_attached()
            self.widget.locator(".sheet").evaluate("sheet => { sheet.scrollTop = 0 }")

    def control(self, control: str) -> Locator:
        return self.widget.locator(f"[id='{control}']")

    def press_continue(self) -> None:
        """Press the button that continues: to the next step, or to send the report."""
        self.widget.locator("form .end .button:not([type])").click()

    def choose(self, index: int) -> None:
        self.widget.locator("#category input").nth(index).press("Space")  # a press would lead on, on a phone

    def fill_form(self, email: str = "") -> None:
        """Fill in everything a report needs, in the one-page form."""
        self.choose(1)
        self.control("description").fill(TEXT)
        self.control("address").fill("улица Мира, 5")
        if email:
            self.control("email").fill(email)
        self.control("consent").check()

    def open_form(self) -> None:
        """Go from the city to the form."""
        self.widget.locator(".turn .button").click()

    def back(self) -> None:
        """Go from the form or a problem to the list."""
        self.widget.locator("header .round").first.click()

    def expect_text(self, text: str | re.Pattern[str]) -> None:
        expect(self.widget.get_by_text(text).first).to_be_visible()

    def expect_alert(self) -> None:
        expect(self.widget.get_by_role("alert").first).to_be_visible()

    def expect_error_summary(self) -> None:
        expect(self.widget.locator(".panel.bad")).to_be_focused()

    def add_photo(self, name: str) -> None:
        control = self.widget.locator(PHOTOS)
        control.wait_for(state="attached")
        control.set_input_files(file(picture(), name))

    def loading(self) -> Iterator[str]:
        self.restart(**{"data-start": "list"})
        yield "button"
        self.city.answers["GET "] = DELAYED
        self.page.get_by_role("button").click()
        expect(self.widget.locator(".skeleton")).to_be_visible()
        yield "loading"
        self.city.release()
        expect(self.widget.locator(".card").first).to_be_visible()

    def refusals(self) -> Iterator[str]:
        limited = (429, {"code": "rate_limited", "retry_after": 60})
        for state, answer in {
            "unknown key": (404, {"code": "site_not_found"}),
            "rate-limited": limited,
            "service down": (503, {}),
        }.items():
            self.city.answers["GET "] = answer
            self.open()
            self.expect_alert()
            yield state
        self.city.answers.clear()
        self.city.answers["GET /challenge"] = (403, {"code": "origin_not_registered", "detail": "not registered"})
        self.restart()
        self.page.get_by_role("button").click()
        self.expect_alert()
        yield "refused origin"
        self.city.answers.clear()

    def category(self) -> Iterator[str]:
        self.form()
        yield "category"
        self.control("search").fill("двор")
        yield "category found"
        self.control("search").fill("щщщ")
        self.expect_text("Не найдено, показаны все")
        yield "category not found"
        self.control("search").fill("")
        self.choose(0)
        self.expect_text("звоните")
        yield "notice"

    def steps(self) -> Iterator[str]:
        """On a phone, one question after the other, with the possible errors of each."""
        yield from self.category()
        self.press_continue()
        expect(self.control("description")).to_be_visible()
        yield "description and questions"
        self.press_continue()
        self.expect_error_summary()
        yield "errors"
        self.control("description").fill(TEXT)
        self.control("answers.size").fill("30")
        self.widget.locator("[id='answers.danger'] input").first.check()
        yield from self.photos()
        self.press_continue()
        yield from self.place()
        self.press_continue()
        expect(self.control("email")).to_be_visible()
        expect(self.widget.locator(".facts")).to_be_visible()
        yield "review and contacts"
        self.widget.locator(".section .link").last.click()
        self.control("name").fill("Анна")
        yield "name and phone"
        self.control("consent").check()

    def place(self) -> Iterator[str]:
        expect(self.control("address")).to_be_visible()
        yield "place"
        self.page.route(re.compile(r"/map-"), lambda route: route.abort())
        self.control("map").click()
        expect(self.widget.locator(".error")).to_be_visible()
        yield "map failed"
        self.page.unroute(re.compile(r"/map-"))
        self.city.answers["GET /place"] = (200, self.city.outside())
        self.city.answers["GET /similar"] = (200, self.city.near())
        self.control("map").click()
        ground = self.widget.locator(".ground")
        expect(ground).to_be_visible()
        expect(self.widget.locator(".leaflet-tile-loaded").first).to_be_attached()
        yield "map"
        ground.click()
        self.expect_alert()
        expect(self.widget.locator(".facts li")).to_be_visible()

        def pin_announced() -> None:
            # The position of the pin is announced after a pause, and again by a map in another language.
            expect(self.widget.locator(".picker > [role=status]")).not_to_be_empty()

        self.again = pin_announced
        self.again()
        yield "pin outside, reported near by"
        self.again = lambda: None
        self.city.answers.clear()
        self.control("address").fill("улица Мира, 5")

    def photos(self) -> Iterator[str]:
        expect(self.control("photos")).to_be_attached()
        self.load_photos()
        yield "photos"
        photo = self.widget.locator(".photo")
        self.city.answers["POST /photos"] = DELAYED
        self.add_photo("one.jpg")
        expect(photo.locator("progress")).to_be_visible()
        yield "photo uploading"
        self.city.release()
        expect(photo.locator(".state .icon")).to_be_visible()
        photo.locator("input").fill("Яма шириной в метр")
        yield "photo described"
        self.city.answers["POST /photos"] = (
            422,
            {"code": "photo_broken", "detail": "Файл повреждён. Выберите другой."},
        )
        self.add_photo("two.jpg")
        self.expect_alert()
        expect(photo).to_have_count(1)
        yield "photo refused"
        self.city.answers.clear()

    def outcomes(self) -> Iterator[str]:
        """On a desktop: each way a report may end."""
        post = "POST /problems"
        self.form()
        self.fill_form()
        self.city.answers[post] = DELAYED
        self.press_continue()
        expect(self.widget.locator("form[aria-busy=true]")).to_be_visible()
        yield "sending"
        self.city.release()
        expect(self.widget.locator(".timeline")).to_be_visible()
        yield "done without e-mail"
        waits: dict[str, Any] = {"waiting offline": LOST, "waiting for the service": (503, {})}
        waits["waiting a minute"] = (429, {})

        def send(answer: Any, email: str = "") -> None:
            self.city.answers[post] = answer
            self.form()
            self.fill_form(email)
            self.press_continue()

        for state, answer in waits.items():
            send(answer)
            self.expect_alert()
            yield state
            # Discard it: it would retry by itself and keep its draft during the following states.
            self.widget.locator(".panel .link").click()
            expect(self.widget.locator("form")).to_be_visible()
        used = (422, {"code": "idempotency_key_reused"})
        refused = (403, {"code": "ticket_invalid", "detail": "Срок формы истёк. Отправьте ещё раз."})
        for state, answer in {"conflict": used, "not accepted": refused}.items():
            send(answer)
            self.expect_alert()
            yield state
        link = "https://widget.test/t/made-up"
        send((201, self.city.receipt(code=None, track_url=link)), "anna@example.test")
        expect(self.control("track")).to_be_visible()
        yield "done with e-mail"
        self.city.answers.clear()

    def column(self) -> Iterator[str]:
        """On a desktop everything stands in one column."""
        self.form()
        yield "form"
        self.press_continue()
        self.expect_error_summary()
        yield "all errors"
        self.choose(0)
        self.expect_text("звоните")
        yield "form with questions"
        self.control("description").fill(TEXT)
        self.page.wait_for_function(f"text => {STORAGE}.includes(text)", arg=TEXT)
        self.page.evaluate("igrajdanin('close')")
        stored = self.page.evaluate(STORAGE)
        self.restart()
        self.page.evaluate(RESTORE_STORAGE, stored)
        self.page.get_by_role("button").click()
        expect(self.widget.locator("form .notice").first).to_be_visible()
        self.load_photos()
        yield "draft kept"

    def filters(self) -> Iterator[str]:
        more = self.widget.locator(".bar-line .button")
        more.click()
        expect(self.control("of-category")).to_be_visible()
        yield "filters"
        self.city.answers["GET /problems"] = (200, {"items": [], "next": None})
        self.widget.locator(".bar > .pills .pill").nth(3).click()
        expect(self.widget.locator(".panel")).to_be_visible()
        yield "nothing found"
        self.city.answers.clear()
        self.widget.locator(".panel button").click()
        expect(self.widget.locator(".card").first).to_be_visible()
        more.click()

    def list(self) -> Iterator[str]:
        get = "GET /problems"
        states: dict[str, Any] = {"list loading": DELAYED, "list failed": LOST}
        states["list empty"] = (200, {"items": [], "next": None})
        for state, answer in states.items():
            self.city.answers[get] = answer
            self.open()
            expect(self.control("list")).to_be_visible()
            if answer == LOST:
                self.expect_alert()
            elif answer != DELAYED:
                expect(self.widget.locator(".panel").last).to_be_visible()
            yield state
            self.city.release()
        self.city.answers.clear()
        self.open()
        card = self.widget.locator(".card")
        expect(card.first).to_be_visible()
        yield "list"
        yield from self.filters()
        self.widget.locator(".city-figures .link").click()
        expect(self.widget.locator(".charts")).to_be_visible()
        self.widget.locator("summary").first.click()
        yield "charts"
        self.widget.locator(".city-figures .link").click()
        card.first.click()
        expect(self.widget.locator("section.answer")).to_be_visible()
        expect(self.widget.locator(".comments li").first).to_be_visible()
        yield "problem"
        yield from self.problem()
        self.back()
        for state, answer in {
            "problem loading": DELAYED,
            "problem gone": (404, {}),
            "problem offline": LOST,
            "problem failed": (503, {}),
        }.items():
            self.city.answers["GET /problems/1203"] = answer
            card.nth(1).click()
            if answer == DELAYED:
                expect(self.widget.locator("article .skeleton")).to_be_visible()
            else:
                self.expect_alert()
            yield state
            self.back()
            self.city.release()
        self.city.answers.clear()

    def map(self) -> Iterator[str]:
        """The map of problems, beside the list or over it; the preview of one problem, and of several in one place."""
        marks, preview = self.widget.locator(".mark"), self.widget.locator(".preview")

        def show_map() -> None:
            expect(self.widget.locator(".card").first).to_be_visible()
            if not self.widget.locator(".city-map").count():
                self.widget.locator(".bar-line .pills .pill").last.click()
            # In the current language: a change of language recreates the map.
            name = MAP_NAMES[self.page.evaluate("document.querySelector('igrajdanin-widget').lang")]
            expect(self.widget.get_by_role("application", name=name, exact=True)).to_be_visible()
            expect(marks).to_have_count(3)

        def show_preview(at: int) -> None:
            show_map()
            if not preview.count():
                marks.nth(at).press("Enter")
            expect(preview.get_by_role("link").nth(at)).to_be_visible()
            # The map has moved to make room for the preview, and its clusters have loaded.
            expect(self.widget.locator(".city-ground [aria-busy]")).to_have_count(0)

        self.open()
        self.again = show_map
        self.again()
        yield "city map"
        for at, state in ((0, "problem on the map"), (1, "several in one place")):
            self.again = partial(show_preview, at)
            self.again()
            yield state
            self.page.keyboard.press("Escape")
            expect(preview).to_have_count(0)
        self.again = lambda: None

    def problem(self) -> Iterator[str]:
        """What can be done with the open problem."""
        self.widget.locator(".shot").first.click()
        expect(self.widget.locator(".viewer")).to_be_visible()
        yield "photo viewer"
        self.page.keyboard.press("Escape")
        follow = self.widget.locator("article [aria-expanded]")
        follow.click()
        self.widget.locator("article form .button").first.click()
        expect(self.control("follow-email-error")).to_be_visible()
        yield "follow, with errors"
        self.control("follow-email").fill("anna@example.test")
        self.control("follow-consent").check()
        self.widget.locator("article form .button").first.click()
        expect(self.control("follow-sent")).to_be_visible()
        yield "followed"
        self.widget.locator(".comments > .actions .button").click()
        self.widget.locator(".comments form .button").click()
        expect(self.control("comment-text-error")).to_be_visible()
        yield "comment, with errors"
        self.control("comment-text").fill("И у нас во дворе то же самое.")
        self.control("comment-name").fill("Анна")
        self.control("comment-email").fill("anna@example.test")
        self.control("comment-consent").check()
        self.widget.locator(".comments form .button").click()
        expect(self.control("comment-sent")).to_be_visible()
        yield "commented"

    def phone(self) -> Iterator[str]:
        for part in (self.loading, self.steps, self.list, self.map, self.refusals):
            yield from part()

    def desktop(self) -> Iterator[str]:
        for part in (self.column, self.outcomes, self.map):
            yield from part()
