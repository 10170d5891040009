"""Letters rendered like in a mail program: 320 and 600 px, light and dark, long words and long URLs."""

import json

from playwright.sync_api import Page

from tests.support import axe
from tests.support.letters import LONG, TYPED, all_letters
from tests.support.selection import is_full
from widget_api import i18n
from widget_api.web import pages


def test_letters_fit_and_are_readable(page: Page) -> None:
    """All have one style sheet: axe looks at one of each template, and at those with new elements or classes."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for language in i18n.LANGUAGES:
        for name, template, values in all_letters(language, f"{TYPED} {LONG}"):
            page.set_content(pages.render(f"mail/{template}/body.html", language, **values))
            complaints = []
            for width in (600, 320):
                page.set_viewport_size({"width": width, "height": 700})
                complaints += [f"{width}: {one}" for one in axe.horizontal_overflow(page)]
                small = page.eval_on_selector_all(
                    "a.button", "all => all.filter(one => one.getBoundingClientRect().height < 40).length"
                )
                complaints += [f"{width}: {small} buttons too low for a finger"] if small else []
            drawn = {template, *page.evaluate("[...document.all].map(one => `${one.localName} ${one.className}`)")}
            if is_full() or drawn - seen:
                seen |= drawn
                complaints += axe.violations(page, without=axe.HOST_PAGE_RULES[:2])
                page.emulate_media(color_scheme="dark")
                complaints += [f"dark: {one}" for one in axe.violations(page, only=axe.COLOUR_RULES)]
                page.emulate_media(color_scheme="light")
            if complaints:
                found[f"{name}, {language}"] = complaints
    assert found == {}, json.dumps(found, ensure_ascii=False, indent=1)
    # Programs that drop <style> must not show dark text on a dark background.
    page.emulate_media(color_scheme="dark")
    name, template, values = next(one for one in all_letters("ru") if one[0] == "resolved")
    head, _, rest = pages.render(f"mail/{template}/body.html", "ru", **values).partition("<style>")
    page.set_content(head + rest.partition("</style>")[2])
    style = page.evaluate(
        "(() => { const s = getComputedStyle(document.querySelector('table.ground'));"
        " return [s.color, s.backgroundColor]; })()"
    )
    assert style == ["rgb(27, 36, 48)", "rgb(255, 255, 255)"], name
