"""What the snippet costs a host page and how it behaves there: requests, layout, policies, attributes, scripts."""

from __future__ import annotations

import re
import shutil
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha384
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import Watch, arrived
from tests.support.pages import HostPages, examples
from tests.support.widget import (
    ANY_ORIGIN,
    LOADER,
    RELEASE,
    REPORT,
    STRICT,
    WidgetSite,
    draw_twice,
    fill_form,
    forget,
    let_time_pass,
    number,
    open_form,
    send,
    to_form,
    wait_until,
)


def button(page: Page) -> Any:
    return page.get_by_role("button", name=REPORT, exact=True)


def to_service(watch: Watch, widget_site: WidgetSite) -> list[str]:
    urls = (request.url for request in watch.requests)
    return [url.removeprefix(widget_site.service.url) for url in urls if url.startswith(widget_site.service.url)]


CITY = [
    "/api/v1/sites/problems?",
    "/api/v1/sites?lang=ru",
    f"/w/{RELEASE}/browse.js",
    f"/w/{RELEASE}/core.js",
    f"/w/{RELEASE}/ru-browse.json",
    f"/w/{RELEASE}/ru-widget.json",
]
FORM = [
    f"/api/v1/sites/challenge?v={RELEASE}",
    "/api/v1/sites?lang=ru",
    f"/w/{RELEASE}/core.js",
    f"/w/{RELEASE}/report.js",
    f"/w/{RELEASE}/ru-widget.json",
]


@pytest.mark.parametrize(
    ("kind", "view", "expected"), [("extended", "list", CITY), ("extended", "report", FORM), ("basic", "list", FORM)]
)
def test_one_request_before_the_click_and_one_round_trip_after(
    page: Page, watch: Watch, widget_site: WidgetSite, kind: str, view: str, expected: list[str]
) -> None:
    page.clock.install()
    page.goto(widget_site.page(widget_site.snippet(f'type="{kind}"')))
    expect(button(page)).to_be_visible()
    let_time_pass(page)
    assert to_service(watch, widget_site) == ["/w/1/loader.js"]
    held: list[Route] = []

    def hold(route: Route) -> None:
        """Answer nothing before all requests are sent: one that depended on another's answer would never arrive."""
        held.append(route)
        if len(held) == len(expected):
            for one in held[: len(expected)]:
                one.continue_()
        elif len(held) > len(expected):
            route.continue_()

    page.route(re.compile(re.escape(widget_site.service.url)), hold)
    page.evaluate("view => igrajdanin('open', { view })", view)
    usable = page.locator("igrajdanin-widget").locator("form, .body .panel, .card").first
    expect(usable).to_be_visible(timeout=20_000)
    first = [path for path in to_service(watch, widget_site)[1:] if "/tickets" not in path and "seen" not in path]
    requested = [re.sub(r"-\w{8}(?=\.js)|/wk_[^/?]+", "", path) for path in first]
    assert sorted(requested[: len(expected)]) == expected
    # Statistics load in parallel, and the list's texts beside the form: neither is waited for.
    assert requested[len(expected) :] in ([], ["/api/v1/sites/stats?lang=ru"], [f"/w/{RELEASE}/ru-browse.json"])
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}


def test_the_extended_widget_loads_its_form_on_demand(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    page.goto(widget_site.page(widget_site.snippet('type="extended" data-start="list"')))
    button(page).click()
    turn = page.locator("igrajdanin-widget .turn")
    with page.expect_response(re.compile(rf"/w/{re.escape(RELEASE)}/report-")):
        turn.get_by_role("button", name=REPORT).hover()
    assert not [
        path for path in to_service(watch, widget_site) if f"/challenge?v={RELEASE}" in path and "seen" not in path
    ]


def test_a_shared_url_opens_the_city_and_another_hash_nothing(
    page: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    page.clock.install()
    page.goto(widget_site.page(widget_site.snippet('type="extended"')) + "#/igrajdanin?problem=1")
    expect(button(page)).to_be_visible()
    let_time_pass(page)
    assert to_service(watch, widget_site) == ["/w/1/loader.js"]
    for view in ("button", "inline"):
        shared = widget_site.snippet(f'type="extended" view="{view}"') + widget_site.snippet('type="basic"')
        page.goto(widget_site.page("<br>" * 200 + shared) + "#igrajdanin?status=new")
        expect(page.locator("igrajdanin-widget .turn")).to_be_in_viewport()
        expect(page.get_by_role("dialog")).to_have_count(1 if view == "button" else 0)


def test_the_number_is_shown_without_further_code(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """The code for the steps after a report loads in parallel; if it fails, number and code are shown all the same."""
    watch.allow("ERR_FAILED|uncaught: http")
    widget, later = desktop.locator("igrajdanin-widget"), re.compile("/later-")
    held: list[Route] = []
    desktop.route(re.compile("/problems$"), lambda route: held.append(route))
    for comes in (True, False):
        watch.requests.clear()
        held.clear()
        desktop.route(later, (lambda route: route.continue_()) if comes else (lambda route: route.abort()))
        open_form(desktop, widget_site.page(widget_site.snippet()))
        assert not [path for path in to_service(watch, widget_site) if "/later-" in path]
        fill_form(desktop)
        send(desktop)
        expect(widget.locator("form")).to_have_attribute("aria-busy", "true")
        wait_until(desktop, lambda: [path for path in to_service(watch, widget_site) if "/later-" in path])
        arrived(desktop, held).continue_()
        assert number(desktop) > 0
        if comes:
            expect(widget.locator(".code")).to_be_visible()
            forget(desktop)  # who has sent a report needs the code sooner
    expect(widget).to_contain_text(re.compile("[A-Z0-9]{8} Открыть страницу"))
    expect(widget.get_by_role("link", name="Открыть страницу")).to_be_visible()


def test_chunks_are_prefetched(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    address = widget_site.page(widget_site.snippet())
    for event in ("hover", "focus"):
        page.mouse.move(300, 700)
        page.goto(address)
        with page.expect_response(re.compile(rf"/w/{re.escape(RELEASE)}/report-")):
            getattr(button(page), event)()
    assert not [path for path in to_service(watch, widget_site) if "/api/" in path]


# The growth of the button goes by steps that the test takes, however busy the machine is: each is drawn.
GROW = """async () => {
  for (let now = 0; window.growth && now <= 1000; now += 50) {
    growth.currentTime = now;
    await document.documentElement.animate(null, 1).finished;
  }
}"""
STEPS = """() => {
  const { animate } = Element.prototype;
  Element.prototype.animate = function (...given) {
    const growth = animate.apply(this, given);
    if (this.localName === "button") (window.growth = growth).pause();
    return growth;
  };
}"""


def shift(page: Page, address: str) -> float:
    """How much the page shifts when the loader arrives, after it was drawn without it."""
    held: list[Route] = []
    page.route("**/loader.js", lambda route: held.append(route))
    page.goto(address, wait_until="domcontentloaded")
    draw_twice(page)
    arrived(page, held).continue_()
    expect(button(page)).to_be_visible()
    draw_twice(page)
    page.evaluate(GROW)
    assert button(page).evaluate("one => one.offsetHeight") == 44
    page.unroute("**/loader.js")
    return float(page.evaluate("shifts.takeRecords().reduce((sum, entry) => sum + entry.value, shift)"))


def test_loading_causes_no_layout_shift(new_page: Callable[..., Page], widget_site: WidgetSite) -> None:
    page = new_page(reduced_motion="no-preference")
    page.add_init_script(
        f"""({STEPS})(); window.shift = 0;
        window.shifts = new PerformanceObserver(list => list.getEntries().forEach(entry => {{ shift += entry.value }}));
        shifts.observe({{type: "layout-shift", buffered: true}})"""
    )
    element, documented = widget_site.snippet(), "<style>igrajdanin-widget{display:block;min-height:44px}</style>"
    div = element.replace("<igrajdanin-widget site-key", "<div data-igrajdanin-widget")
    div = div.replace("</igrajdanin-widget>", "</div>")
    of_divs = documented.replace("igrajdanin-widget{", "[data-igrajdanin-widget]{")
    around = "<p>Текст до.</p>{}<p>Текст после, довольно длинный, чтобы его сдвиг был заметен.</p>" + "<p>Ещё.</p>" * 20
    for snippet, rule, allowed in (
        (element, documented, 0.0),
        (div, of_divs, 0.0),
        (element, "", 0.002),
        (div, "", 0.002),
    ):
        assert shift(page, widget_site.page(rule + around.format(snippet))) <= allowed
        assert page.evaluate("!!window.growth") is (not rule)


def test_the_button_takes_its_own_room(page: Page, widget_site: WidgetSite) -> None:
    """Without the documented rule, in boxes that would cut it off and in those that get their height from it."""
    places = (
        "<p style='margin:0'>{}<br>Следующая строка.</p>",
        "<div style='overflow:hidden'>{}</div>",
        "<header style='display:flex;align-items:center'><span>Город</span>{}</header>",
        "<header style='display:flex;width:150px'>{}</header>",
        "<div style='position:fixed;bottom:0'>{}</div>",
    )
    page.goto(widget_site.page("".join(place.format(widget_site.snippet()) for place in places)))
    expect(button(page)).to_have_count(len(places))
    cut_off = page.locator("igrajdanin-widget").evaluate_all("""all => all.filter(one => {
      const [inner, ...boxes] = [one.shadowRoot.querySelector("button"), one, one.parentElement]
        .map(box => box.getBoundingClientRect());
      return boxes.some(box => inner.top < box.top || inner.bottom > box.bottom || inner.right > box.right + 0.5);
    }).map(one => one.parentElement.outerHTML)""")
    assert cut_off == []
    line = page.locator("p").evaluate("""text => {
      const range = document.createRange();
      range.selectNode(text.lastChild);
      return range.getBoundingClientRect().top - text.querySelector("igrajdanin-widget").getBoundingClientRect().bottom;
    }""")
    assert line >= 0


def test_a_div_works_like_the_element(page: Page, widget_site: WidgetSite) -> None:
    link = f'<a href="{widget_site.service.url}/s/{widget_site.key}/report">{REPORT}</a>'
    attributes = f'data-igrajdanin-widget="{widget_site.key}" data-type="extended" data-lang="ru"'
    known = 'data-address="ул. Мира, 5" data-description="Площадка № 12: "'
    open_form(page, widget_site.page(f"<div {attributes} {known}>{link}</div>"))
    expect(page.get_by_role("button", name="Проблемы города")).to_be_visible()
    page.evaluate("document.querySelector('[data-lang]').dataset.lang = 'en'")
    expect(page.get_by_role("button", name="City problems")).to_be_visible()
    page.get_by_label("Roads and pavements").click()
    expect(page.locator("#description")).to_have_value("Площадка № 12: ")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#address")).to_have_value("ул. Мира, 5")


def test_two_widgets_are_independent_and_loading_the_script_twice_gives_one_of_each(
    page: Page, widget_site: WidgetSite
) -> None:
    """Beside an element with the name of the global."""
    again = LOADER.format(w=widget_site.service.url) * 2
    search = "<form id=igrajdanin><input name=q></form>"
    english = widget_site.snippet('lang="en"')
    page.goto(
        widget_site.page(
            search + widget_site.snippet() + "<p></p>" + english + again.replace("/w/1/", f"/w/{RELEASE}/", 1)
        )
    )
    expect(button(page)).to_have_count(1)
    page.get_by_role("button", name="Report a problem").click()
    expect(page.get_by_role("dialog", name="Report a problem")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.evaluate("igrajdanin('open')")
    expect(page.get_by_role("dialog", name=REPORT)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(1)


def test_queued_commands_and_events(page: Page, widget_site: WidgetSite) -> None:
    stub = "window.igrajdanin = function () { (igrajdanin.q = igrajdanin.q || []).push(arguments) };"
    listen = "".join(
        f"igrajdanin('on', '{name}', event => seen.push('{name}'));"
        f"document.addEventListener('igrajdanin-{name}', event => hyphens.push('{name}'));"
        for name in ("ready", "open", "submitted", "error", "close")
    )
    page.goto(
        widget_site.page(
            f"<script>{stub} seen = []; hyphens = []; {listen} igrajdanin('open')</script>{widget_site.snippet()}"
        )
    )
    expect(page.get_by_role("dialog")).to_be_visible()
    page.evaluate("igrajdanin('close')")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.evaluate("igrajdanin('open')")
    # The dialog's close event is dispatched in a separate task; what is drawn before it must not open the dialog again.
    page.evaluate("""() => {
      const widget = document.querySelector("igrajdanin-widget");
      const draw = () => widget.setAttribute("theme", "dark");
      new MutationObserver(draw).observe(widget.shadowRoot.querySelector("dialog"), { attributeFilter: ["open"] });
    }""")
    page.keyboard.press("Escape")
    page.wait_for_function("seen.length > 4")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("seen") == ["ready", "open", "close", "open", "close"]
    assert page.evaluate("hyphens") == page.evaluate("seen")


def test_a_waiting_command_ends_with_its_page(page: Page, widget_site: WidgetSite) -> None:
    """Of a single-page application: the next page's widget is not meant."""
    page.goto(widget_site.page("<main></main>"))
    add = """([path, key]) => new Promise(resolve => {
      igrajdanin("open");
      if (path) history.pushState(null, "", path);
      addEventListener("igrajdanin:ready", ({ target }) => resolve(!!target.shadowRoot.querySelector("[aria-busy]")));
      const widget = document.createElement("igrajdanin-widget");
      widget.siteKey = key;
      document.querySelector("main").append(widget);
    })"""
    page.wait_for_function("!!window.igrajdanin")
    assert page.evaluate(add, ["/another", widget_site.key]) is False
    page.evaluate("document.querySelector('main').textContent = ''")
    assert page.evaluate(add, ["", widget_site.key]) is True
    # It is done once: another widget of the page does not open what was closed.
    expect(page.get_by_role("dialog")).to_be_visible()
    page.evaluate("igrajdanin('close')")
    assert page.evaluate(add.replace('igrajdanin("open");', ""), ["", widget_site.key]) is False
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_commands_reach_into_shadow_roots_and_events_bubble_out(desktop: Page, widget_site: WidgetSite) -> None:
    shadow = f"""<div id=outer></div><script>
      outer.attachShadow({{mode: "open"}}); seen = [];
      document.body.addEventListener("igrajdanin:submitted", event => seen.push(event.detail));
    </script>{LOADER.format(w=widget_site.service.url)}<script type=module>
      const widget = document.createElement("igrajdanin-widget");
      widget.setAttribute("site-key", "{widget_site.key}");
      outer.shadowRoot.append(widget);
    </script>"""
    desktop.goto(widget_site.page(shadow, loader=False))
    expect(button(desktop)).to_be_visible()
    for command in ("igrajdanin('open', outer)", "igrajdanin('close')", "igrajdanin('open')"):
        desktop.evaluate(command)
        expect(desktop.get_by_role("dialog")).to_have_count(0 if "close" in command else 1)
    fill_form(desktop)
    send(desktop)
    sent = number(desktop)
    assert desktop.evaluate("seen.map(({number, status}) => [number, status])") == [[sent, "moderation"]]
    assert "track_url" not in desktop.evaluate("Object.keys(seen[0])"), (
        "events do not reveal the private link to the page"
    )


def test_attribute_changes_apply_at_once_also_after_a_removal(page: Page, widget_site: WidgetSite) -> None:
    snippet = widget_site.snippet('type="extended"')
    open_form(page, widget_site.page(f"<main>{snippet}</main><section></section>"))
    set_to = "([name, value]) => document.querySelector('igrajdanin-widget').setAttribute(name, value)"
    page.get_by_label("Дороги и тротуары").press("Space")
    page.evaluate("widget = document.querySelector('igrajdanin-widget'); widget.remove()")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.evaluate("document.querySelector('section').append(widget)")
    button(page).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_label("Дороги и тротуары")).to_be_checked()
    page.evaluate(set_to, ["lang", "en"])
    expect(page.get_by_role("dialog", name="Report a problem")).to_be_visible()
    expect(page.get_by_label("Roads and pavements")).to_be_checked()
    for theme in ("dark", "contrast", "light"):
        page.evaluate(set_to, ["theme", theme])
        expect(page.locator("igrajdanin-widget .igw")).to_have_attribute("data-theme", theme)
    page.evaluate(set_to, ["type", "basic"])
    expect(page.get_by_role("button", name="City problems")).to_have_count(0)
    page.evaluate(set_to, ["type", "extended"])
    expect(page.get_by_role("button", name="City problems")).to_be_visible()
    page.evaluate(set_to, ["view", "inline"])
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("region", name="Report a problem")).to_be_visible()
    for view, position in (("floating", "fixed"), ("button", "static")):
        page.evaluate(set_to, ["view", view])
        expect(page.get_by_role("button", name="Report a problem")).to_be_visible()
        expect(page.locator("igrajdanin-widget")).to_have_css("position", position)


def test_the_category_attribute_selects_a_category_or_is_reported_in_the_console(
    page: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    watch.allow('category="road"')
    form = open_form(page, widget_site.page(widget_site.snippet('category="road"')))
    expect(form.get_by_role("heading", name="Что случилось")).to_be_visible()
    expect(form.get_by_role("radio", checked=True)).to_have_count(0)
    (message,) = [text for text in watch.complaints if 'category="road"' in text]
    assert widget_site.key in message
    assert "roads,yards," in message
    open_form(page, widget_site.page(widget_site.snippet('category="lighting"')))
    expect(page.get_by_text("Шаг 2 из 4")).to_be_visible()
    page.get_by_role("button", name="Назад").click()
    expect(page.get_by_label("Уличное освещение")).to_be_checked()


def test_the_page_fills_in_what_it_knows_and_a_draft_comes_first(desktop: Page, widget_site: WidgetSite) -> None:
    known = 'data-lat="55.0794" data-lng="38.7783" data-address="ул. Мира, 5" data-description="Площадка № 12: "'
    address = widget_site.page(widget_site.snippet(known))
    for description in ("Площадка № 12: ", "Площадка № 12: сломаны качели"):
        form = open_form(desktop, address)
        written = form.get_by_label(re.compile("^Что именно не так"))
        expect(written).to_have_value(description)
        expect(form.get_by_label(re.compile("^Адрес или ориентир"))).to_have_value("ул. Мира, 5")
        expect(form.get_by_text("Место отмечено на карте")).to_be_visible()
        written.fill("Площадка № 12: сломаны качели")
        desktop.wait_for_function("Object.keys(localStorage).length")


def test_the_inline_widget_loads_near_the_viewport(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    far = "<div><p>Далеко внизу.</p></div>" + "<br>" * 200
    page.clock.install()
    page.goto(widget_site.page(far + widget_site.snippet('view="inline"')))
    let_time_pass(page)
    assert to_service(watch, widget_site) == ["/w/1/loader.js"]
    page.mouse.wheel(0, 20_000)
    expect(page.locator("igrajdanin-widget form")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def link(page: Page) -> Any:
    return page.get_by_role("link", name=REPORT)


def test_a_failed_load_shows_the_link_and_can_be_tried_again(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    watch.allow("ERR_FAILED|uncaught: http")
    files = re.compile(rf"/w/{re.escape(RELEASE)}/")
    heard = "<script>errors = 0; addEventListener('igrajdanin:error', () => errors++)</script>"
    again = page.get_by_role("button", name="Попробовать ещё раз")
    for view in ("button", "inline"):
        page.route(files, lambda route: route.abort())
        page.goto(widget_site.page(heard + widget_site.snippet(f'type="basic" view="{view}"')))
        if view == "button":
            expect(link(page)).to_have_count(0)
            button(page).click()
        for failures in (1, 2):
            page.wait_for_function("failures => errors === failures", arg=failures)
            expect(link(page)).to_have_attribute("href", f"{widget_site.service.url}/s/{widget_site.key}/report")
            if failures == 1:
                again.click()
        page.unroute(files)
        again.click()
        expect(page.locator("igrajdanin-widget form")).to_be_visible()
        expect(link(page)).to_have_count(0)
        expect(again).to_have_count(0)


def test_the_nonce_of_the_loader_covers_its_files(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """A policy by nonces without `strict-dynamic`, which does not name the service."""
    script = LOADER.format(w=widget_site.service.url).replace("async", "async nonce=abc", 1)
    with widget_site.strict_policy(STRICT.replace("script-src {w}", "script-src 'nonce-abc'")):
        open_form(page, widget_site.page(widget_site.snippet('type="extended"') + script, loader=False))
    assert watch.unexpected() == []


def test_a_second_service_is_refused_in_the_console(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    watch.allow("refused")
    shutil.copytree(examples.DIST / RELEASE, widget_site.folder / "second" / RELEASE)
    other = f"{widget_site.host.url}/second/{RELEASE}/loader.js"
    first = LOADER.format(w=widget_site.service.url).replace("async ", "")
    page.goto(widget_site.page(f"{widget_site.snippet()}{first}<script src='{other}'></script>"))
    button(page).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    (message,) = [text for text in watch.complaints if "refused" in text]
    assert other in message
    assert widget_site.service.url in message


GONE = "status of 404|ERR_FAILED|No 'Access-Control-Allow-Origin'"  # what browsers say of a file of another origin


def serve_earlier_loader(page: Page, widget_site: WidgetSite) -> str:
    """Serve the loader of an earlier build, whose chunks and texts the service has no more. Returns its hash."""
    folder = f"{widget_site.service.url}/w/1"
    text = page.request.get(f"{folder}/loader.js").text()
    for given in page.request.get(f"{folder}/chunks.json").json()[1].values():
        assert given in text
        text = text.replace(given, given.swapcase())
    text, texts = re.subn(r"(?<=-)\w{8}(?=\.json)", lambda found: found[0].swapcase(), text)
    assert texts == 1
    page.route(
        f"{folder}/loader.js",
        lambda route: route.fulfill(body=text, content_type="text/javascript", headers=ANY_ORIGIN),
    )
    return f"sha384-{b64encode(sha384(text.encode()).digest()).decode()}"


def test_a_page_that_was_open_takes_the_next_build(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """A build before its release is gone with the next deployment."""
    watch.allow(GONE)
    serve_earlier_loader(desktop, widget_site)
    for kind in ("basic", "extended"):
        desktop.goto(widget_site.page(widget_site.snippet(f'type="{kind}"')))
        button(desktop).click()
        to_form(desktop)
    desktop.get_by_role("button", name="Проблемы города").click()
    expect(desktop.locator("igrajdanin-widget .city")).to_be_visible()
    to_form(desktop)
    fill_form(desktop)
    send(desktop)
    assert number(desktop) > 0


def test_the_hash_of_the_loader_admits_no_other_build(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    watch.allow(f"{GONE}|uncaught: http")
    integrity = serve_earlier_loader(page, widget_site)
    script = LOADER.format(w=widget_site.service.url).replace(">", f' integrity="{integrity}" crossorigin>', 1)
    page.goto(widget_site.page(widget_site.snippet() + script, loader=False))
    button(page).click()
    expect(link(page)).to_be_visible()
    assert [path for path in to_service(watch, widget_site) if "chunks.json" in path] == []


def test_the_link_stays_without_the_loader_or_javascript(
    new_page: Callable[..., Page], watch: Watch, widget_site: WidgetSite
) -> None:
    watch.allow("ERR_FAILED")
    blocked, plain = new_page(), new_page(java_script_enabled=False)
    blocked.route("**/loader.js", lambda route: route.abort())
    for page, case in ((blocked, "plain"), (plain, "plain"), (plain, "no-js")):
        page.goto(f"{widget_site.host.url}/{case}/")
        link(page).click()
        expect(page.locator("form textarea")).to_be_visible()


def test_old_browsers_keep_the_link(page: Page, widget_site: WidgetSite) -> None:
    page.add_init_script("delete Document.prototype.adoptedStyleSheets")
    page.goto(widget_site.page(widget_site.snippet()))  # the loader has run by then
    draw_twice(page)
    expect(link(page)).to_be_visible()
    expect(button(page)).to_have_count(0)


def test_an_unregistered_origin_is_reported_in_page_and_console(
    page: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    other = HostPages(widget_site.folder, replace=widget_site.host.replace)
    try:
        watch.allow("status of 403|не подключён")
        page.goto(f"{other.url}/plain/")
        with page.expect_console_message(lambda message: "не подключён. Администратор" in message.text):
            button(page).click()
        expect(page.get_by_role("alert")).to_contain_text("Сайт пока не подключён")
        plain = page.get_by_role("link", name="Открыть страницу")
        expect(plain).to_have_attribute("href", f"{widget_site.service.url}/s/{widget_site.key}/report")
        expect(page.get_by_role("alert").get_by_role("link", name="@")).to_have_attribute(
            "href", re.compile("^mailto:")
        )
        # Reading is public: the list is shown.
        page.get_by_role("button", name="Проблемы города").click()
        expect(page.locator("igrajdanin-widget")).to_contain_text(re.compile("Здесь будут сообщения|Принято"))
        message = [text for text in watch.complaints if "не подключён. Администратор" in text]
        assert len(message) == 1
        assert other.url in message[0]
        assert f"{widget_site.service.url}/sites/new" in message[0]
    finally:
        other.close()


def test_an_unknown_key_is_reported_in_page_and_console(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """The service has no page for such a key, so no link to it is offered."""
    watch.allow("status of 404|ключа сайта нет")
    page.goto(widget_site.page(widget_site.snippet('type="extended"', key="wk_unknown")))
    button(page).click()
    dialog = page.get_by_role("dialog", name="Форма здесь не работает")
    expect(dialog.get_by_role("alert")).to_have_text("Виджет настроен неверно. Обратитесь в администрацию.")
    expect(dialog.get_by_role("link")).to_have_count(0)
    expect(dialog.get_by_role("button")).to_have_count(1)  # that closes it
    assert len([text for text in watch.complaints if "wk_unknown" in text and "/sites/new" in text]) == 1


def test_missing_attributes_are_named_in_the_console(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """Files on the host's own server without `api`, or a snippet without a key: the console says how to fix it."""
    watch.allow("status of 404|igrajdanin-widget")
    shutil.copytree(examples.DIST / RELEASE, widget_site.folder / "igrajdanin" / RELEASE)
    own = f'<script async src="{widget_site.host.url}/igrajdanin/{RELEASE}/loader.js"></script>'
    for body, missing in (
        (widget_site.snippet() + own, 'data-api="http'),
        (widget_site.snippet(key=" ").replace('" "', '""') + LOADER.format(w=widget_site.service.url), 'site-key=""'),
    ):
        page.goto(widget_site.page(body, loader=False))
        button(page).click()
        expect(page.get_by_role("alert")).to_contain_text("Виджет настроен неверно")
        message = [text for text in watch.complaints if "igrajdanin-widget" in text and "status of" not in text][-1]
        assert missing in message
        assert "undefined" not in message


def test_loading_can_be_retried_if_the_service_does_not_answer(
    page: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    watch.allow("ERR_FAILED|не ответил|status of 503")
    # Requests of the loader that failed are repeated once before the failure is shown.
    answers: list[Callable[[Route], None]] = [
        lambda route: route.abort(),
        lambda route: route.abort(),
        lambda route: route.fulfill(status=503, body="<h1>503</h1>", headers={"Access-Control-Allow-Origin": "*"}),
    ]
    page.route(re.compile(r"\?lang="), lambda route: answers.pop(0)(route) if answers else route.continue_())
    page.goto(widget_site.page(widget_site.snippet()))
    button(page).click()
    for _ in range(2):
        expect(page.get_by_role("alert")).to_contain_text("Сервис не отвечает")
        page.get_by_role("button", name="Попробовать ещё раз").click()
    expect(page.locator("igrajdanin-widget form")).to_be_visible()


def test_commands_apply_to_the_named_element(page: Page, widget_site: WidgetSite) -> None:
    second = f'<div id="second" data-igrajdanin-widget="{widget_site.key}"></div>'
    rule = "<style>[data-igrajdanin-widget] { display: block; min-height: 44px }</style>"  # docs/embedding.md
    page.goto(widget_site.page(f'{rule}<div id="first">{widget_site.snippet()}</div>{second}'))
    widgets, dialog = page.locator("igrajdanin-widget"), page.get_by_role("dialog")
    expect(widgets).to_have_count(2)
    page.evaluate("""() => {
      window.events = [];
      window.listen = event => events.push(event.target.parentElement.id);
      igrajdanin("on", "open", listen, document.querySelector("#second"));
      igrajdanin("open", document.querySelector("#second"));
    }""")
    expect(widgets.nth(1).get_by_role("dialog")).to_be_visible()
    expect(dialog).to_have_count(1)
    page.evaluate("igrajdanin('close', document.querySelector('#second'))")
    expect(dialog).to_have_count(0)
    page.evaluate("igrajdanin('off', 'open', listen, document.querySelector('#second')); igrajdanin('open')")
    expect(widgets.first.get_by_role("dialog")).to_be_visible()
    page.evaluate("igrajdanin('close'); igrajdanin('open', document.querySelector('#second'))")
    expect(widgets.nth(1).get_by_role("dialog")).to_be_visible()
    assert page.evaluate("events") == ["second"]
    page.evaluate("igrajdanin('destroy', document.querySelector('#second'))")
    expect(dialog).to_have_count(0)
    assert page.locator("#second").evaluate("""div => {
      const [widget] = div.children;
      div.dataset.theme = widget.theme = "dark";
      return [div.offsetHeight, widget.shadowRoot.childElementCount, widget.isOpen];
    }""") == [0, 0, False]
    page.evaluate("igrajdanin('open', document.querySelector('#second')); igrajdanin('open')")
    expect(widgets.first.get_by_role("dialog")).to_be_visible()
    expect(dialog).to_have_count(1)


def test_the_page_drives_the_element(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    watch.allow("ERR_FAILED|uncaught: http")
    page.goto(
        widget_site.page(
            widget_site.snippet('type="basic" id="widget"') + widget_site.snippet('type="basic" id="other"')
        )
    )
    page.wait_for_function("!!window.igrajdanin")
    chunk = re.compile("/report-")
    page.route(chunk, lambda route: route.abort())
    assert page.evaluate("widget.open().catch(error => `${error}`)") == (
        f"Error: {widget_site.service.url}/w/1/loader.js"
    )
    page.unroute(chunk)
    # Closed while it loads, it does not open.
    assert page.evaluate("(async () => { const opening = widget.open(); widget.close(); await opening; })()") is None
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("other.open({ category: 'lighting' }).then(() => other.isOpen)") is True
    expect(page.get_by_text("Шаг 2 из 4")).to_be_visible()
    assert page.evaluate("other.close(); other.isOpen") is False
    page.evaluate("igrajdanin('open', { category: 'roads' }, widget)")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_dialog_in_a_hidden_part_of_the_page_does_not_freeze_it(
    page: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    watch.allow("hidden part")
    snippet = widget_site.snippet('type="basic"')
    page.goto(widget_site.page(f'<div id="part" hidden>{snippet}</div><input type="checkbox" id="beside">'))
    page.wait_for_function("!!window.igrajdanin")
    page.evaluate("told = []; for (const name of ['open', 'error']) igrajdanin('on', name, event => told.push(name))")
    page.evaluate("document.querySelector('igrajdanin-widget').open()")
    page.locator("#beside").click()
    assert page.evaluate("told") == ["error"]
    page.evaluate("part.hidden = false; document.querySelector('igrajdanin-widget').open()")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.evaluate("part.hidden = true")
    page.locator("#beside").click()
    assert page.evaluate("[told, document.querySelector('igrajdanin-widget').isOpen]") == [["error", "open"], False]


def test_a_floating_button_keeps_to_its_corner(page: Page, widget_site: WidgetSite) -> None:
    insets = {"top": 47, "bottom": 34, "left": 20, "right": 10}
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setSafeAreaInsetsOverride", {"insets": insets})
    for tag in ("igrajdanin-widget", "div"):
        it_keeps_to_its_corner(page, widget_site, tag, insets)


def it_keeps_to_its_corner(page: Page, widget_site: WidgetSite, tag: str, insets: dict[str, int]) -> None:
    snippet = widget_site.snippet('view="floating" label="Написать"')
    if tag == "div":
        snippet = f'<div data-igrajdanin-widget="{widget_site.key}" data-view="floating" data-label="Написать"></div>'
    rule = "<style>igrajdanin-widget{display:block;min-height:44px}</style>"
    page.goto(widget_site.page(f"{rule}{snippet}<p>Текст</p>" + "<br>" * 99))
    floating = page.get_by_role("button", name="Написать", exact=True)
    for corner in ("", "bottom-left", "top-right", "top-left", "bottom-right"):
        page.locator(tag).last.evaluate(
            f"(one, corner) => one.setAttribute('{'data-' * (tag == 'div')}corner', corner)", corner
        )
        if tag == "div":
            page.evaluate("document.querySelector('igrajdanin-widget').corner = ''")  # data-… is read at a change
        distances = floating.evaluate("""one => {
          const { top, bottom, left, right } = one.getBoundingClientRect();
          const { clientWidth, clientHeight } = document.documentElement;
          return { top, bottom: clientHeight - bottom, left, right: clientWidth - right };
        }""")
        sides = (corner or "bottom-right").split("-")
        assert {side: distances[side] for side in sides} == {side: 16 + insets[side] for side in sides}
    assert page.locator("p").bounding_box()["y"] < 40  # type: ignore[index]
    page.emulate_media(media="print")
    expect(floating).to_be_hidden()
    page.emulate_media(media="screen")
    floating.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_attributes_are_also_properties(page: Page, widget_site: WidgetSite) -> None:
    """Frameworks set a property if there is one with the attribute's name, and overwrite whatever it is."""
    page.goto(
        widget_site.page(
            f'<div id="around" data-igrajdanin-widget="{widget_site.key}" data-type="basic"></div>'
            + widget_site.snippet()
        )
    )
    sheets = page.locator("igrajdanin-widget .igw")
    page.evaluate("""() => {
      const [inner, own] = document.querySelectorAll("igrajdanin-widget");
      Object.assign(own, { theme: "dark", type: "extended", lang: "en" });
      Object.assign(own, { api: "https://evil.test", open: 1, update: null });
      igrajdanin("open", own);
      igrajdanin("open", inner);
    }""")
    expect(sheets.nth(1)).to_have_attribute("data-theme", "dark")
    expect(sheets.nth(1).get_by_role("button", name="City problems")).to_have_count(1)
    assert page.locator("igrajdanin-widget").nth(1).evaluate("own => [own.siteKey, own.type, own.lang, own.view]") == [
        widget_site.key, "extended", "en", "",
    ]  # fmt: skip
    page.evaluate("document.querySelector('#around').dataset.theme = 'contrast'")
    expect(sheets.first).to_have_attribute("data-theme", "contrast")
