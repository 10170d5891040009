"""Settings of the visitor's browser and styles of the host page: text size, contrast, focus."""

import re
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browse import browse, extended
from tests.support.browser import Watch, rect
from tests.support.city import FakeCity
from tests.support.widget import PHONE, WidgetSite, open_form, wear

STYLE = """(one, name) => getComputedStyle(one)[name]"""
# Computed colours of an element that uses the custom properties.
COLOURS = """(drawn, names) => {
  const probe = drawn.appendChild(document.createElement("i"));
  const colours = names.map(name => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return colours;
}"""


def test_the_settings_of_the_browser_are_followed_and_not_the_styles_of_the_page(
    page: Page, widget_site: WidgetSite
) -> None:
    # As in block themes of WordPress (theme.json, `:where(.wp-site-blocks :focus)`).
    style = "<style>:where(.wp-site-blocks :focus) { outline: 2px solid } body { font-size: 11px }</style>"
    form = open_form(page, widget_site.page(f"{style}<div class=wp-site-blocks>{widget_site.snippet()}</div>"))
    host = page.locator("igrajdanin-widget")
    assert host.evaluate("one => one.matches(':focus')")
    assert host.evaluate(STYLE, "outlineStyle") == "none"
    the_theme_follows_the_colour_scheme_of_the_page(page)
    more_contrast_gives_full_text_colour_and_strong_borders(page, form)
    session = page.context.new_cdp_session(page)
    for root, size in (("", 20), ("62.5%", 20), ("20px", 16)):
        session.send("Page.setFontSizes", {"fontSizes": {"standard": size}})
        page.evaluate("size => { document.documentElement.style.fontSize = size }", root)
        for theme, factor in (("light", 1.0), ("contrast", 1.25)):
            wear(page, theme)
            sizes = [one.evaluate(STYLE, "fontSize") for one in (form, form.locator(".hint").first)]
            assert [float(one.removesuffix("px")) for one in sizes] == [size * factor, size * factor * 0.875], root


def more_contrast_gives_full_text_colour_and_strong_borders(page: Page, form: Locator) -> None:
    names = ["ink", "muted", "border", "line"]
    drawn = page.locator("igrajdanin-widget .igw")
    for theme in ("auto", "light", "dark"):
        wear(page, theme)
        page.emulate_media(contrast="more")
        assert len(set(drawn.evaluate(COLOURS, names))) == 1
        assert form.locator(".hint").first.evaluate(STYLE, "color") == drawn.evaluate(STYLE, "color")
        page.emulate_media(contrast="no-preference")
        assert len(set(drawn.evaluate(COLOURS, names))) == 4


def the_theme_follows_the_colour_scheme_of_the_page(page: Page) -> None:
    drawn = page.locator("igrajdanin-widget .igw")
    for system in ("light", "dark"):
        page.emulate_media(color_scheme=system)
        for scheme, expected in (("dark", "dark"), ("only light", "light"), ("light dark", system), ("", system)):
            page.evaluate("scheme => { document.documentElement.style.colorScheme = scheme }", scheme)
            expect(drawn).to_have_attribute("data-theme", expected)


def icons_of_the_header_stand_on_the_edges_of_the_text(phone: Page, cards: Locator) -> None:
    def edges(of: str) -> tuple[float, float]:
        box = rect(phone.locator(f"igrajdanin-widget {of}"))
        return box["x"], box["x"] + box["width"]

    left, right = edges(".agency")
    assert edges(".title")[0] == left
    cards.first.click()
    assert edges("header .round:first-child path")[0] == pytest.approx(left, abs=1.1)
    assert edges("header .round:last-child path")[1] == pytest.approx(right, abs=1.1)


PARTS = {  # in the widget and in pages, with what makes its look
    "primary button": (".end .button", "form .primary", "backgroundColor color minHeight paddingTop paddingLeft"),
    "field": ("textarea", "textarea", "backgroundColor color borderTopColor borderTopWidth paddingTop paddingLeft"),
    "label": (".label", ".field > label:not(.tick)", "color fontWeight fontSize"),
    "hint": (".hint", ".hint", "color fontWeight fontSize"),
    "error": (".error", ".field-error", "color fontWeight fontSize"),
    "tick": ("[type=checkbox]", "[type=checkbox]", "width height accentColor"),
    "summary": (".panel.bad", ".summary", "backgroundColor borderTopColor borderLeftColor borderLeftWidth"),
    "secondary button": (".quiet", ".button:not(.primary)", "backgroundColor color borderTopColor paddingTop"),
}
LOOK = """(one, names) => ["borderTopLeftRadius", ...names.split(" ")].map(name => getComputedStyle(one)[name])"""


def test_widget_and_pages_have_equal_colours_and_parts(desktop: Page, widget_site: WidgetSite, watch: Watch) -> None:
    watch.allow("status of 422")
    form = open_form(desktop, widget_site.page(widget_site.snippet()))
    form.locator(".end .button").last.click()
    form.locator(".error").first.wait_for()
    desktop.mouse.move(0, 0)
    names = ["ink", "ground", "muted", "subtle", "line", "border", "accent", "on-accent"]
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    worn, looks = dict[str, Any](), dict[str, Any]()
    drawn = desktop.locator("igrajdanin-widget .igw")
    for scheme in schemes:
        desktop.emulate_media(color_scheme=scheme)
        expect(drawn).to_have_attribute("data-theme", scheme)
        worn[scheme] = drawn.evaluate(COLOURS, [*names, "bad"])
        looks[scheme] = {
            part: form.locator(inside).last.evaluate(LOOK, look) for part, (inside, _, look) in PARTS.items()
        }

    def compare(parts: list[str]) -> None:
        for scheme in schemes:
            desktop.emulate_media(color_scheme=scheme)
            assert desktop.locator("body").evaluate(COLOURS, [*names, "error"]) == worn[scheme]
            for part in parts:
                _, outside, look = PARTS[part]
                assert desktop.locator(outside).last.evaluate(LOOK, look) == looks[scheme][part], (scheme, part)

    desktop.goto(f"{widget_site.service.url}/s/{widget_site.key}/report?lang=ru")
    desktop.locator("form .primary").click()
    desktop.mouse.move(0, 0)
    compare([part for part in PARTS if part != "secondary button"])
    desktop.goto(f"{widget_site.service.url}/docs?lang=ru")
    compare(["secondary button"])
    desktop.emulate_media(contrast="more")
    assert len(set(desktop.locator("body").evaluate(COLOURS, ["ink", "muted", "border", "line"]))) == 1


def test_space_is_reserved_for_pictures(desktop: Page, widget_site: WidgetSite) -> None:
    city = FakeCity(desktop, widget_site)
    (shot,) = city.problems[0]["photos"]
    # One beside what became of it, the others below, and not as the card had them.
    city.problems[0]["photos"] = [shot, *({**shot, "thumb": f"{shot['thumb']}?{at}"} for at in range(2))]
    held: list[Route] = []
    desktop.route(re.compile("/photos/made-up"), lambda route: held.append(route))

    def places(of: str) -> Any:
        return desktop.locator(f"igrajdanin-widget {of}").evaluate_all(
            """all => all.map(one => {
              const { left, top, width, height } = one.getBoundingClientRect();
              return [left, top, width, height].map(Math.round);
            })"""
        )

    def deliver(of: str) -> None:
        before = places(of)
        assert before
        for route in held:
            city.draw(route)
        held.clear()
        pictures = desktop.locator("igrajdanin-widget img").locator("visible=true")
        for at in range(pictures.count()):
            expect(pictures.nth(at)).to_have_js_property("complete", True)
        assert places(of) == before

    cards = browse(desktop, extended(widget_site, rest="<style>html { font-size: 62.5% }</style>"))
    expect(cards.first.locator("img")).to_be_visible()
    deliver(".card, .card *")
    cards.first.click()
    expect(desktop.locator("article .pair img")).to_have_count(2)
    expect(desktop.locator("article .shots:not(.pair) img")).to_have_count(2)
    before, after = places("article .pair .shot")
    assert before[1:] == after[1:], "equal, side by side"
    assert before[3] == pytest.approx(before[2] * 3 / 4, abs=1)
    assert before[2] > 300
    expect(desktop.locator("article .comment").first).to_be_visible()
    deliver("article, article *")
    desktop.locator("article .shot").first.click()
    expect(desktop.locator(".viewer img")).to_be_visible()
    deliver(".viewer, .viewer .bar, .viewer .bar *, .viewer .stage")
    desktop.keyboard.press("Escape")
    desktop.get_by_role("button", name="К списку").click()
    desktop.locator("igrajdanin-widget .mark.one").first.click()
    size = desktop.locator("igrajdanin-widget .preview").evaluate(STYLE, "fontSize")
    assert round(float(size.removesuffix("px"))) == 16, "the popup of a mark, too, has its size from the browser"
    desktop.keyboard.press("Escape")
    desktop.set_viewport_size(PHONE)
    icons_of_the_header_stand_on_the_edges_of_the_text(desktop, cards)
