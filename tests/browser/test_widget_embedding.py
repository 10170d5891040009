"""What the snippet costs a host page and how it behaves there: requests, layout, policies, attributes, scripts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import NewPage, Watch, arrived, rect
from tests.support.pages import HostPages
from tests.support.widget import (
    ANY_ORIGIN,
    LOADER,
    RELEASE,
    REPORT,
    STRICT,
    WidgetSite,
    draw_twice,
    fill_form,
    let_time_pass,
    number,
    open_form,
    report,
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


@pytest.mark.parametrize(("kind", "expected"), [("extended", CITY), ("basic", FORM)])
def test_one_request_before_the_click_and_one_round_trip_after(
    page: Page, watch: Watch, widget_site: WidgetSite, kind: str, expected: list[str]
) -> None:
    """The form of the extended widget comes when somebody is about to open it."""
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
    page.evaluate("igrajdanin('open', { view: 'list' })")
    usable = page.locator("igrajdanin-widget").locator("form, .body .panel, .card").first
    expect(usable).to_be_visible(timeout=20_000)
    first = [path for path in to_service(watch, widget_site)[1:] if "/tickets" not in path and "seen" not in path]
    requested = [re.sub(r"-\w{8}(?=\.js)|/wk_[^/?]+", "", path) for path in first]
    assert sorted(requested[: len(expected)]) == expected
    assert requested[len(expected) :] in ([], ["/api/v1/sites/stats?lang=ru"])  # which is not waited for
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}
    if kind == "extended":
        with page.expect_response(re.compile(rf"/w/{re.escape(RELEASE)}/report-")):
            page.locator("igrajdanin-widget .turn .button").hover()
        assert not [path for path in to_service(watch, widget_site) if path.endswith(f"/challenge?v={RELEASE}")]


def test_the_number_is_shown_without_further_code(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """The code for the steps after a report loads in parallel; here it fails."""
    watch.allow("ERR_FAILED|uncaught: http")
    widget, later = desktop.locator("igrajdanin-widget"), re.compile("/later-")
    desktop.route(later, lambda route: route.abort())
    held: list[Route] = []
    desktop.route(re.compile("/problems$"), lambda route: held.append(route))
    open_form(desktop, widget_site.page(widget_site.snippet()))
    assert not [path for path in to_service(watch, widget_site) if later.search(path)]
    fill_form(desktop)
    send(desktop)
    expect(widget.locator("form")).to_have_attribute("aria-busy", "true")
    wait_until(desktop, lambda: [path for path in to_service(watch, widget_site) if later.search(path)])
    arrived(desktop, held).continue_()
    assert number(desktop) > 0
    expect(widget).to_contain_text(re.compile("[A-Z0-9]{8} Открыть страницу"))
    expect(widget.get_by_role("link", name="Открыть страницу")).to_be_visible()


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


def test_loading_causes_no_layout_shift(new_page: NewPage, widget_site: WidgetSite) -> None:
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
    sent = report(desktop)
    assert desktop.evaluate("seen.map(({number, status}) => [number, status])") == [[sent, "moderation"]]
    assert "track_url" not in desktop.evaluate("Object.keys(seen[0])"), (
        "events do not reveal the private link to the page"
    )


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


def test_the_nonce_of_the_loader_covers_its_files(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """A policy by nonces without `strict-dynamic`, which does not name the service."""
    script = LOADER.format(w=widget_site.service.url).replace("async", "async nonce=abc", 1)
    with widget_site.strict_policy(STRICT.replace("script-src {w}", "script-src 'nonce-abc'")):
        open_form(page, widget_site.page(widget_site.snippet('type="extended"') + script, loader=False))
    assert watch.unexpected() == []


GONE = "status of 404|ERR_FAILED|No 'Access-Control-Allow-Origin'"  # what browsers say of a file of another origin


def serve_earlier_loader(page: Page, widget_site: WidgetSite) -> None:
    """Serve the loader of an earlier build, whose chunks and texts the service has no more."""
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
    assert report(desktop) > 0


def test_the_link_stays_without_the_loader_or_javascript(
    new_page: NewPage, watch: Watch, widget_site: WidgetSite
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
    page: Page, watch: Watch, widget_site: WidgetSite, host_pages: Callable[..., HostPages]
) -> None:
    other = host_pages(widget_site.folder, replace=widget_site.host.replace)
    watch.allow("status of 403|не подключён")
    page.goto(f"{other.url}/plain/")
    with page.expect_console_message(lambda message: "не подключён. Администратор" in message.text):
        button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("Сайт пока не подключён")
    plain = page.get_by_role("link", name="Открыть страницу")
    expect(plain).to_have_attribute("href", f"{widget_site.service.url}/s/{widget_site.key}/report")
    expect(page.get_by_role("alert").get_by_role("link", name="@")).to_have_attribute("href", re.compile("^mailto:"))
    # Reading is public: the list is shown.
    page.get_by_role("button", name="Проблемы города").click()
    expect(page.locator("igrajdanin-widget")).to_contain_text(re.compile("Здесь будут сообщения|Принято"))
    message = [text for text in watch.complaints if "не подключён. Администратор" in text]
    assert len(message) == 1
    assert other.url in message[0]
    assert f"{widget_site.service.url}/sites/new" in message[0]


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
    assert rect(page.locator("p"))["y"] < 40
    page.emulate_media(media="print")
    expect(floating).to_be_hidden()
    page.emulate_media(media="screen")
    floating.click()
    expect(page.get_by_role("dialog")).to_be_visible()
