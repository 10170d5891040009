"""Letters as a mail program would draw them: 320 and 600 px, light and dark, long words and long addresses."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.support import axe
from tests.support.letters import LONG, TYPED, all_letters
from widget_api import i18n
from widget_api.web import pages

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_fit_and_can_be_read(new_page: Callable[..., Page], scheme: str) -> None:
    found: dict[str, list[str]] = {}
    for width in (320, 600):
        page = new_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
        for language in i18n.LANGUAGES:
            for name, template, values in all_letters(language, f"{TYPED} {LONG}"):
                page.set_content(pages.render(f"mail/{template}/body.html", language, **values))
                wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                complaints = [f"{wider} px too wide"] if wider else []
                if width == 320 and language == "ru":
                    complaints += [one for one in axe.violations(page) if "region" not in one and "landmark" not in one]
                small = page.eval_on_selector_all(
                    "a.button", "all => all.filter(one => one.getBoundingClientRect().height < 40).length"
                )
                complaints += [f"{small} buttons too low for a finger"] if small else []
                if complaints:
                    found[f"{name}, {language}, {width}"] = complaints
    assert found == {}, json.dumps(found, ensure_ascii=False, indent=1)


def test_without_its_style_sheet_a_letter_is_the_light_one(new_page: Callable[..., Page]) -> None:
    """Programs that drop <style> must not show dark letters on a dark ground."""
    page = new_page(color_scheme="dark")
    name, template, values = next(one for one in all_letters("ru") if one[0] == "resolved")
    html = pages.render(f"mail/{template}/body.html", "ru", **values)
    head, _, rest = html.partition("<style>")
    page.set_content(head + rest.partition("</style>")[2])
    style = page.evaluate(
        "(() => { const s = getComputedStyle(document.querySelector('table.ground'));"
        " return [s.color, s.backgroundColor]; })()"
    )
    assert style == ["rgb(27, 36, 48)", "rgb(255, 255, 255)"], name
