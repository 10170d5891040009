"""The torture pages: one hazard each, and the visit that shows whether a subject survives it.

A visitor goes by keyboard alone from the top of the page to «sent», and back to the button; whatever they use on the
way must be seen and be what a pointer hits. Then the page must be as it was: elements, computed styles, focus, scroll
position, globals, address; no policy was violated, the console is empty, no third party was asked, and the page's own
check holds.

A page's fields (the server's are in embed_examples/serve.py):

- `engines`: those that can make the hazard; all without it
- `others`: why the other engines cannot
- `context`: JSON, options of the browser's context as Playwright names them
- `condition`: a fault of the network (relay.py), or `back`: the visitor leaves the page and comes back first
- `before`: JavaScript, run in the page before the visit begins
- `check`: a JavaScript expression, true in the page after the visit
- `instead`: a JavaScript expression that may replace «sent» where sending cannot succeed, true in the page or a frame
- `allow`: a regular expression of complaints that the hazard itself causes
- `own`: a regular expression of differences that the page itself makes

A control of the page with the attribute `data-press` is pressed once on the way.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin

from playwright.sync_api import Browser, Error, Page, Route

from tests.support.browser import Watch, open_context
from tests.support.host import Host
from tests.support.pages import WatchedPages, examples
from tests.support.torture.relay import FAULTS, Relay
from tests.support.torture.remote import Remote
from tests.support.torture.subjects import Subject

ENGINES = ("chromium", "firefox", "webkit")
PATIENCE = 20.0  # seconds; the machine may be busy
TIDYING = PATIENCE  # until the page is as before
MOST_TABS = 120
_WALK = (Path(__file__).parent / "walk.js").read_text()
# What the button changes when it replaces the link: compared from the moment when it has the focus.
_LAYOUT = re.compile("^style|^page (scroll|height of the page|width of the page)")


@dataclass(frozen=True)
class Hazard:
    """A page below the origin of embed_examples/, or with one of its own."""

    address: str
    engines: tuple[str, ...] = ENGINES
    others: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    condition: str = ""
    before: str = ""
    check: str = ""
    instead: str = ""
    allow: str = ""
    own: str = ""

    @classmethod
    def read(cls, name: str) -> Hazard:
        """A torture page, by its file."""
        fields, _ = examples.hazard(name)
        return cls(
            f"torture/{name}.html",
            tuple(fields.get("engines", " ".join(ENGINES)).split()),
            context=json.loads(fields.get("context", "{}")),
            **{
                one: fields.get(one, "")
                for one in ("others", "condition", "before", "check", "instead", "allow", "own")
            },
        )


class Driver(Protocol):
    """What a visit needs of a browser. A page of its own, with walk.js and `script` run in it before anything else."""

    def add_init_script(self, script: str) -> None: ...

    def arrive(self, url: str, held: str) -> None:
        """Open the page, until it is parsed or a script blocks; requests to the origin `held` wait for `release`."""

    def release(self) -> None: ...

    def press(self, key: str) -> None:
        """Press a key, in Playwright's names."""

    def type(self, text: str) -> None: ...

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """An expression or function in the page's own document, a promise awaited."""

    def everywhere(self, function: str, argument: Any = None) -> list[Any]:
        """The same function in every document that there is now: the page's and those of its frames."""

    def complaints(self) -> list[str]: ...

    def origins(self) -> set[str]:
        """All that were asked for something."""

    def close(self) -> None: ...


class Chromium:
    def __init__(self, browser: Browser, options: dict[str, Any]) -> None:
        self._watch = Watch()
        settings = {"viewport": {"width": 1280, "height": 900}, "service_workers": "allow"}  # hosts may have one
        self.context = open_context(browser, self._watch, **(settings | options))
        self.page: Page = self.context.new_page()
        self._held: list[Route] | None = []
        self.evaluate = self.page.evaluate
        self.press = self.page.keyboard.press
        self.type = self.page.keyboard.type

    def add_init_script(self, script: str) -> None:
        self.page.add_init_script(script)

    def arrive(self, url: str, held: str) -> None:
        def hold(route: Route) -> None:
            if self._held is None:
                route.continue_()
            else:
                self._held.append(route)

        self.page.route(f"{held}/**", hold)
        self.page.goto(url, wait_until="commit")
        until(lambda: self.evaluate("__walk.isParsed()"))

    def release(self) -> None:
        held, self._held = self._held or [], None
        for route in held:
            route.continue_()
        self.page.unroute_all()
        self.page.wait_for_load_state()

    def everywhere(self, function: str, argument: Any = None) -> list[Any]:
        answers = []
        for frame in self.page.frames:
            with contextlib.suppress(Error):  # a frame that goes or loads anew
                answers.append(frame.evaluate(function, argument))
        return answers

    def complaints(self) -> list[str]:
        return self._watch.complaints

    def origins(self) -> set[str]:
        return self._watch.hosts()

    def close(self) -> None:
        self.context.close()


class Failed(AssertionError):
    """What the subject did not survive, in one line."""


def until(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.02)
    return None


class Visit:
    """One subject on one page."""

    def __init__(self, driver: Driver, subject: Subject, hazard: Hazard) -> None:
        self.driver, self.subject, self.hazard = driver, subject, hazard
        driver.add_init_script(_WALK)
        self._ready = -1  # the snapshot from the moment when the opening button had the focus
        self._host = Host(driver, subject.ours, subject.documented)  # type: ignore[arg-type]  # two methods of a page

    def focus(self, *selectors: str) -> dict[str, Any]:
        """The focused element, in whichever document: its `number`, and the place of the `first` selector it fits."""
        found = [one for one in self.driver.everywhere("selectors => __walk.focus(selectors)", list(selectors)) if one]
        hidden = " and ".join(one["hidden"] for one in found if one["hidden"])
        inner = next((one for one in found if not one["frame"]), {"number": 0, "first": -1, "shown": "nothing"})
        return inner | {"hidden": hidden}

    def is_seen(self) -> bool:
        return not self.focus()["hidden"]

    def is_over(self) -> bool:
        if self.hazard.instead and any(self.driver.everywhere(f"() => !!({self.hazard.instead})")):
            return True
        return self.is_said(self.subject.sent)

    def has_moved(self, number: int) -> bool:
        """Whether the focus left the element with this number for another, or nothing is left to do.

        Where the form cannot come, what takes the button's place may leave the focus to the page.
        """
        if self.focus()["number"] not in ((number,) if self.hazard.instead else (0, number)) or self.is_over():
            return True
        return bool(self.subject.opened) and self.is_said(self.subject.opened)

    def is_said(self, text: str) -> bool:
        return any(self.driver.everywhere("text => __walk.says(text)", text))

    def walk(self) -> None:
        """Go by keyboard to «sent»."""
        driver, left = self.driver, dict(self.subject.fields)
        pressed = set[int]()
        for _ in range(MOST_TABS):
            if self.is_over():
                return
            driver.press("Tab")
            controls = list(left)
            found = self.focus(*controls, self.subject.buttons, "[data-press]")
            if found["first"] > len(controls) and found["number"] not in pressed:
                pressed.add(found["number"])
                driver.press("Enter")
            if found["first"] not in range(len(controls) + 1):
                continue
            if not until(self.is_seen):
                raise Failed(f"{found['shown']} is hidden: {self.focus()['hidden']}")
            if found["first"] == len(controls):
                if self._ready < 0:
                    driver.evaluate("__walk.rest()")
                    self._ready = self._host.take()
                driver.press("Enter")
                if not until(partial(self.has_moved, found["number"])):
                    raise Failed(f"Enter leads nowhere on {found['shown']}")
                continue
            action = left.pop(controls[found["first"]])
            (driver.press if action in ("Space", "Enter") else driver.type)(action)
        # A report that met no network is sent again by itself, after a pause in which WebKit takes all these Tabs.
        if not left and until(self.is_over):
            return
        raise Failed(f"Tab does not lead to the end; left: {', '.join(left) or 'only the buttons'}")

    def list_changes(self, before: int) -> list[str]:
        """How the page differs from the snapshot `before`; in layout from when the button had the focus."""
        now = self._host.take()
        changed = [line for line in self._host.changed(before, now) if not _LAYOUT.search(line)]
        if self.subject.opener and not self.hazard.instead:
            changed += [line for line in self._host.changed(self._ready, now) if _LAYOUT.search(line)]
        return [line for line in changed if not (self.hazard.own and re.search(self.hazard.own, line))]

    def run(self, pages: WatchedPages, service: str) -> None:
        """Raises Failed with the first difference."""
        driver, subject, hazard = self.driver, self.subject, self.hazard
        pages.violations.clear()
        address = urljoin(f"{pages.url}/", hazard.address)
        driver.arrive(address, service)
        if hazard.before:
            driver.evaluate(hazard.before)
        before = self._host.take()
        driver.release()
        # Playwright turns Chromium's cache of left pages off.
        if hazard.condition == "back" and isinstance(driver, Remote):
            driver.leave_and_return()
        self.walk()
        if subject.opener and not hazard.instead:
            driver.press("Escape")
            if not until(lambda: self.focus(subject.opener)["first"] == 0):
                raise Failed(f"the focus is not back on the button but on {self.focus()['shown']}")
        # A file that is fetched ahead, as soon as the button has the focus again, has its element for a moment.
        changed: list[str] = []

        def is_unchanged() -> bool:
            changed[:] = self.list_changes(before)
            return not changed

        until(is_unchanged, TIDYING)
        problems = [
            *changed,
            *(f"violated: {one['violated-directive']} {one['blocked-uri']}" for one in pages.violations),
            *(f"third party: {one}" for one in driver.origins() - {urljoin(address, "/").rstrip("/"), service}),
        ]
        check = f"() => {{ try {{ return !!({hazard.check}) }} catch {{ return false }} }}"
        if hazard.check and not driver.evaluate(check):
            problems.append(f"not true: {hazard.check}")
        complaints = [one for one in driver.complaints() if not (hazard.allow and re.search(hazard.allow, one))]
        if problems or complaints:
            raise Failed("\n".join(problems))


def survives(driver: Driver, subject: Subject, hazard: Hazard, pages: WatchedPages, values: dict[str, str]) -> str:
    """Why the subject does not survive the hazard; empty: it does. `values` are those that `pages` fills in."""
    values |= {"ELEMENT": subject.element, "SCRIPT": subject.script, "FRAMES": subject.frames}
    service = values["W"]
    with contextlib.ExitStack() as ending:
        if hazard.condition in FAULTS or isinstance(driver, Remote):
            relay = Relay(service, hazard.condition)
            ending.callback(relay.close)
            ending.callback(values.update, W=service)
            values["W"] = relay.url
            if isinstance(driver, Remote):
                driver.begin(relay, hazard.context)
        try:
            Visit(driver, subject, hazard).run(pages, values["W"])
        except Failed as reason:
            return "\n".join([str(reason), *driver.complaints()])
    return ""
