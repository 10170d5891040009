"""A town with one collection, for stories told by all who take part: letters, the cabinet, a platform, a clock.

The story begins on Monday, 3 March 2031, and goes on when `Town.travel_to` says so. Operators use the command line,
everybody else a browser; the platform is a webhook receiver that gets contacts of nobody.
"""

import json
import re
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.support.exchange import KEY
from tests.support.mail import Letter, MailSink
from tests.support.pages import LocalServer, QuietHandler
from tests.support.processes import Serve
from tests.support.town import NO_FILLING_TIME, sign_in
from tests.support.widget import WidgetSite
from widget_api.casework import bulk
from widget_api.people.model import FINAL_STATUSES
from widget_api.platform import signature

BEGIN = datetime(2031, 3, 3, 12, 0, tzinfo=ZoneInfo("Europe/Moscow"))
# Nobody waits: forms are sent at once, the worker looks again soon.
QUICK = (
    NO_FILLING_TIME,
    "widget_api.sites.tickets.MAX_NUMBER=1000",
    "widget_api.worker.IDLE=0.05",
    "widget_api.worker.SETTLING=0",
    "widget_api.worker.TIDY=0.2",
)


class Receiver(LocalServer):
    """A platform that receives webhooks; `bodies` are the requests as they came, `events` what they say."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.bodies: list[str] = []
        receiver, self._arrived = self, threading.Condition()

        class Handler(QuietHandler):
            def do_POST(self) -> None:  # noqa: N802 - the base class names it so
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): text for name, text in self.headers.items()}
                good = signature.is_valid(KEY, headers, body, int(now()))
                with receiver._arrived:
                    receiver.bodies += [body.decode()] * good
                    receiver._arrived.notify_all()
                self.send_response(204 if good else 401)
                self.end_headers()

        super().__init__(Handler)

    @property
    def events(self) -> list[dict[str, Any]]:
        found = [json.loads(body) for body in self.bodies]
        return [event for one in found for event in (one if isinstance(one, list) else [one])]

    def wait(self, kind: str, **data: Any) -> dict[str, Any]:
        """The data of the first event of this kind in which these fields are so."""

        def find() -> dict[str, Any] | None:
            of_kind = [one["data"] for one in self.events if one["type"].endswith(f".{kind}")]
            return next((one for one in of_kind if data.items() <= one.items()), None)

        with self._arrived:
            self._arrived.wait_for(find, 30)
            found = find()
        assert found is not None, f"no {kind} with {data} among {[one['type'] for one in self.events]}"
        return found


class Town:
    """A site with a collection of a preset, of the same name in addresses."""

    def __init__(
        self, serve: Serve, mail: MailSink, database_url: str, folder: Path, preset: str, *options: str
    ) -> None:
        """`options` are those of `collection set`."""
        self._clock, self.mail, self.slug = folder / "clock", mail, preset
        self.travel_to(BEGIN)
        self.platform = Receiver(self.now)
        self.service = serve(
            database_url=database_url, smtp_url=mail.url, rate_limits="off", changes=(*QUICK, f"clock={self._clock}")
        )
        (folder / "web").mkdir()
        self.site = WidgetSite.build(self.service, folder / "web")
        self.agency = self.service.cli("site", "show", self.site.site)["agency"]
        self._of = ("--site", self.site.key, "--slug", preset)
        self.collection = self.service.cli("collection", "add", *self._of, "--preset", preset)["collection"]
        if options:
            self.service.cli("collection", "set", *self._of, *options)
        hook = ("--protocol", "webhook", "--site", self.site.key, "--url", f"{self.platform.url}/hook", "--key", KEY)
        self.service.cli("platform", "add", "--name", "Платформа", *hook)

    def close(self) -> None:
        self.platform.close()
        self.site.host.close()

    def now(self) -> float:
        return time.time() + int(self._clock.read_text())

    def travel_to(self, moment: datetime) -> None:
        """Set the service's clock; sessions and links end as they would."""
        self._clock.write_text(str(int(moment.timestamp() - time.time())))

    def pass_minute(self) -> None:
        """Let the minute pass in which a decision that closes an entry can be undone."""
        self._clock.write_text(str(int(self._clock.read_text()) + bulk.DELAY))

    @property
    def page(self) -> str:
        return f"{self.service.url}/s/{self.site.key}/c/{self.slug}"

    @property
    def api(self) -> str:
        return f"{self.site.api}/collections/{self.slug}"

    def command(self, name: str, *arguments: str) -> Any:
        """`widget-api collection NAME` of this collection."""
        return self.service.cli("collection", name, *self._of, *arguments)

    def read(self, address: str, token: str = "") -> str:
        """What an address says to somebody who is not signed in."""
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"} if token else {})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def feed(self) -> list[dict[str, Any]]:
        """The events of the collection, as a platform polls them."""
        token = self.service.cli("token", "add", "--site", self.site.key, "--scope", "platform")["token"]
        address = f"{self.service.url}/api/v1/platform/events?collection={self.slug}"
        return list(json.loads(self.read(address, token))["events"])

    def sign_in(self, page: Page, role: str = "agent", agency: str = "") -> Page:
        """Enter the cabinet as a new official of the town, or of another agency."""
        email = f"{role}-{time.monotonic_ns()}@gorod.test"
        of = ("--agency", agency or self.agency, "--role", role)
        password = self.service.cli("user", "add", "--email", email, *of)["password"]
        return sign_in(page, self.service, email, password)

    def show_widget(self, page: Page) -> Any:
        """The widget with the collection in a page of the town, when its first entry is there."""
        attributes = f'type="extended" view="inline" collection="{self.slug}"'
        page.goto(self.site.page(self.site.snippet(attributes)))
        widget = page.locator("igrajdanin-widget")
        expect(widget.locator(".card").first).to_be_visible()
        return widget

    def letter(self, to: str, containing: str) -> Letter:
        """The first letter to an address whose subject or text has these words."""
        return self.mail.wait(to, matching=lambda one: containing in f"{one.subject}\n{one.text}")[0]

    def press_in_letter(self, page: Page, to: str, containing: str, path: str, button: str) -> None:
        """Open the link of a letter whose path begins so, and press the button there."""
        links = [one for one in self.letter(to, containing).links if one.startswith(f"{self.service.url}{path}")]
        assert links, self.letter(to, containing).text
        page.goto(links[0])
        with page.expect_navigation():
            page.get_by_role("button", name=button, exact=True).click()


def fill(page: Page, given: dict[str, Any], form: str = "main form") -> None:
    """Fill in a form by the names of its fields: text, an option, True for a box, a list of boxes."""
    for name, value in given.items():
        field = page.locator(f"{form} [name='{name}']:not([type=hidden])")
        field.first.wait_for(state="attached")
        if not field.first.is_visible():
            page.locator("details", has=page.locator(f"[name='{name}']")).locator("summary").click()
        if value is True:
            field.check()
        elif isinstance(value, list):
            for one in value:
                page.locator(f"{form} [name='{name}'][value='{one}']").check()
        elif field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def add_entry(page: Page, address: str, given: dict[str, Any]) -> int:
    """Send the form of a collection without scripts, with consent. Returns the number of the entry."""
    page.goto(address)
    fill(page, {**given, "consent": True})
    page.locator("main form button.primary").click()
    return int(re.sub(r"\D", "", page.locator(".number").inner_text()))


def decide(town: Town, page: Page, to: str, **fields: str) -> None:
    """One decision in the cabinet, on the page of an entry; one that closes it waits for its minute."""
    page.check(f"input[name=to][value={to}]", force=True)
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("form.decision button.primary")
    if to in FINAL_STATUSES:
        expect(page.locator("#waiting")).to_be_visible()
        town.pass_minute()
        expect(page.locator("#waiting")).to_have_count(0)
        expect(page.locator("#history")).to_contain_text(fields["text"])
    else:
        expect(page.locator("[role=status].good")).to_be_visible()


def act_below(page: Page, action: str, **given: Any) -> None:
    """Open the form under an entry (`follow`, `comment`), fill it in and send it."""
    form = page.locator(f"form[action$='/{action}']")
    page.locator("details", has=form).locator("summary").click()
    fill(page, {**given, "consent": True}, f"form[action$='/{action}']")
    form.locator("button[type=submit]").click()
    expect(page.locator("[role=status]")).to_be_visible()
