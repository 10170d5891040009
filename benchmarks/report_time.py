"""How many taps and seconds a report costs on a phone, from the press of the button to «Сообщение получено».

    python -m benchmarks.report_time [--runs 20]

A photo, a category, the device's place, ten words, no e-mail, a consent that is always asked for. A tap counts 1.5 s
and a look at a new screen 1 s; that time really passes, since photos are uploaded meanwhile. Added to it is what the
program makes one wait: from each tap until what follows it can be used. Typing is left out, and so is what the phone's
own camera and questions take. Chromium at 360 px, the processor slowed four times by its own emulation.

- The network of the median is a 4G's; two photos of 2 MB are sent on slow 3G.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from benchmarks.host_page import SLOW_3G, SLOWER, HostPage
from benchmarks.services import service
from benchmarks.table import Line, show
from tests.support.browser import Watch, launch, open_context
from tests.support.pages import HostPages
from tests.support.pictures import PLACE, photo
from tests.support.widget import ACCEPTED, PHONE, REPORT, SEND

TAP, SCREEN = 1.5, 1.0  # seconds
# As browsers emulate a fast 4G: a round trip in milliseconds, bytes a second.
FAST_4G = {"offline": False, "latency": 165, "downloadThroughput": 8_100_000 / 8, "uploadThroughput": 1_350_000 / 8}
MOST_TAPS, MOST_SECONDS, MOST_SECONDS_ON_3G = 8, 20, 25
LONGEST_WAIT = 180_000  # milliseconds
TEXT = "Глубокая яма на переходе у школы, дети обходят её по дороге"


@dataclass
class Walk:
    """One person's way through the form."""

    page: Page
    taps: int = 0
    screens: int = 0
    waits: dict[str, float] = field(default_factory=dict)  # seconds, by the tap that they follow

    @property
    def waited(self) -> float:
        return sum(self.waits.values())

    @property
    def seconds(self) -> float:
        return self.taps * TAP + self.screens * SCREEN + self.waited

    def tap(
        self, name: str, control: Locator, then: Locator, *, is_screen: bool = False, files: Sequence[Path] = ()
    ) -> None:
        """Tap a control, choose `files` where it asks for them, and wait for what follows."""
        time.sleep(TAP)
        self.taps += 1
        begun = time.perf_counter()
        if files:
            control.set_input_files(files)
        else:
            control.tap()
        expect(then).to_be_visible(timeout=LONGEST_WAIT)
        self.waits[name] = time.perf_counter() - begun
        if is_screen:
            self.screens += 1
            time.sleep(SCREEN)


def report(page: Page, files: Sequence[Path]) -> Walk:
    """Send a report as a resident in a hurry does."""
    walk = Walk(page)

    def heading(name: str) -> Locator:
        return page.get_by_role("heading", name=name)

    def button(name: str) -> Locator:
        return page.get_by_role("button", name=name)

    topic = page.get_by_label("Дороги и тротуары")
    walk.tap("open", button(REPORT), topic, is_screen=True)
    text = page.get_by_label("Что именно не так")
    walk.tap("category", topic, text, is_screen=True)
    if not text.evaluate("one => one === one.getRootNode().activeElement"):
        walk.tap("text", text, text)
    page.keyboard.type(TEXT)
    walk.tap("photo", page.locator("input#photos"), page.locator(".photo").nth(len(files) - 1), files=files)
    walk.tap("to the place", button("Далее"), heading("Укажите место"), is_screen=True)
    walk.tap("place", button("Моё местоположение"), page.get_by_text("Место найдено"))
    walk.tap("to the review", button("Далее"), heading("Проверьте и отправьте"), is_screen=True)
    consent = page.get_by_label(re.compile("Даю согласие"))
    walk.tap("consent", consent, consent)
    walk.tap("send", button(SEND), heading(ACCEPTED), is_screen=True)
    return walk


def walks(browser: Browser, address: str, network: dict[str, Any], files: Sequence[Path], runs: int) -> Iterator[Walk]:
    """Visits with nothing cached."""
    for _ in range(runs):
        here = {"latitude": PLACE[0], "longitude": PLACE[1]}
        options = {"has_touch": True, "is_mobile": True, "geolocation": here, "permissions": ["geolocation"]}
        page = open_context(browser, Watch(), viewport=PHONE, **options).new_page()
        page.goto(address)
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", network)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        yield report(page, files)
        page.context.close()


def lines(found: list[Walk], most: float) -> list[Line]:
    seconds = [walk.seconds for walk in found]
    spread = (min(seconds), max(seconds))
    return [
        Line(name="taps beside typing", value=max(walk.taps for walk in found), unit="", most=MOST_TAPS),
        Line(name="screens", value=max(walk.screens for walk in found), unit=""),
        Line(
            name="waiting for the program",
            value=statistics.median(walk.waited for walk in found),
            unit="s",
            remark=", ".join(
                f"{name} {statistics.median(walk.waits.get(name, 0) for walk in found):.1f}" for name in found[0].waits
            ),
        ),
        Line(name="from the press to «получено»", value=statistics.median(seconds), unit="s", spread=spread, most=most),
    ]


def scene(width: int, height: int) -> Image.Image:
    """A picture that a JPEG takes as much for as for a photo: coarse features are stronger than fine ones.

    The amplitudes fall with the frequency as those of natural scenes do (D. J. Field, 1987).
    """
    drawn = Image.new("L", (width, height), 128)
    for octave in range(9):
        layer = Image.effect_noise((width >> octave, height >> octave), 2 * 1.9**octave)
        drawn = ImageChops.add(drawn, layer.resize((width, height), Image.Resampling.BICUBIC), 1, -128)
    return drawn.convert("RGB")


def picture(folder: Path, width: int, height: int, megabytes: float) -> Path:
    """A photo of about that size."""
    image = scene(width, height)
    made = [photo(image, quality=quality) for quality in (97, 95, 93, 91, 88, 85, 80)]
    target = folder / "photo.jpg"
    target.write_bytes(min(made, key=lambda one: abs(len(one) - megabytes * 1_000_000)))
    return target


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        host = HostPages(Path(folder))
        with service(0, "--origin", host.url, challenge="on") as running:
            address = HostPage(Path(folder), host.url, running).text_only
            browser = launch(playwright)
            one = picture(Path(folder), 4000, 3000, 2)
            print(f"a photo has {one.stat().st_size / 1_000_000:.1f} MB")
            found = list(walks(browser, address, FAST_4G, [one], runs))
            show(f"a report with a photo on 4G, {runs} runs", lines(found, MOST_SECONDS))
            found = list(walks(browser, address, SLOW_3G, [one, one], max(1, runs // 4)))
            show("a report with two photos on slow 3G", lines(found, MOST_SECONDS_ON_3G))
            browser.close()
        host.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report_time", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="on 4G; a fourth of them on slow 3G")
    main(parser.parse_args().runs)
