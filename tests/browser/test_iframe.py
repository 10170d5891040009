"""The widget in an iframe: its height, the messages between frame and host, and the pages that may embed it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Frame, FrameLocator, Page, Route, expect

from tests.support.browser import NewPage, Watch, arrived
from tests.support.pages import HostPages
from tests.support.widget import REPORT, WidgetSite

pytestmark = pytest.mark.usefixtures("web_share")
FIT = '<script async src="{w}/w/1/frame.js"></script>'
STYLE = ' style="width: 100%; border: 0"'
FRAME = (
    '<iframe src="{w}/s/{key}/embed{query}" title="Форма" allow="geolocation; clipboard-write; web-share" {more}'
    ' width="640" height="{height}"{style}></iframe>'
)

FORGED = '{"igrajdanin":"height","height":9999}'


def host(
    widget_site: WidgetSite,
    *,
    fit: bool = True,
    query: str = "",
    height: int = 640,
    more: str = "",
    before: str = "",
    style: str = STYLE,
) -> str:
    frame = FRAME.format(
        w=widget_site.service.url, key=widget_site.key, query=query, height=height, more=more, style=style
    )
    return widget_site.page(before + frame + (FIT.format(w=widget_site.service.url) if fit else ""), loader=False)


def inside(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


def height(page: Page) -> float:
    return float(page.locator("iframe").first.evaluate("frame => frame.clientHeight"))


def content(page: Page) -> float:
    return float(embedded(page).evaluate("document.documentElement.getBoundingClientRect().height"))


def embedded(page: Page) -> Frame:
    [frame] = [frame for frame in page.frames if "/embed" in frame.url]
    return frame


def wait_until_fitted(page: Page) -> None:
    """Wait until the frame is as high as its content, and stays so while another one is drawn."""
    before = -1.0
    for _ in range(600):
        now = height(page)
        sized = page.locator("iframe").first.evaluate("frame => frame.style.height")
        if sized and now == before and abs(now - content(page)) <= 1:
            return
        before = now
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    raise AssertionError(f"frame {height(page)}, content {content(page)}")


def greet(page: Page) -> None:
    """Greet the frame as the script does when it loads, and wait for the height that it answers with."""
    page.evaluate(
        """() => new Promise(answered => {
          addEventListener("message", ({ data }) => data.igrajdanin === "height" && answered());
          document.querySelector("iframe").contentWindow.postMessage({ igrajdanin: "hello" }, "*");
        })"""
    )


def hear(page: Page) -> None:
    """Record what the host hears from now on. The script, which came first, has then dealt with it."""
    page.evaluate("window.heard = []; addEventListener('message', ({ data }) => heard.push(data))")


def wait_until_heard(page: Page, *messages: str) -> None:
    """Wait for these messages, given as JSON, in any order and among others."""
    page.wait_for_function(
        "all => { const left = heard.map(one => JSON.stringify(one));"
        " return all.every(one => left.includes(one) && delete left[left.indexOf(one)]) }",
        arg=list(messages),
    )


def test_the_host_gets_height_events_and_links(new_page: NewPage, widget_site: WidgetSite) -> None:
    page = new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(
        """window.events = [];
        for (const name of ['ready', 'step', 'submitted', 'error'])
          for (const type of ['igrajdanin:' + name, 'igrajdanin-' + name])
            addEventListener(type, event => events.push([type, event.target.tagName, event.detail]));"""
    )
    held: list[Route] = []
    page.route("**/static/embed.js*", lambda route: held.append(route))
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/loader.js")):
        page.goto(host(widget_site, query="?type=basic", height=200), wait_until="commit")
    # A loader that does not wait for the script of its page would be ready by then.
    page.wait_for_timeout(500)
    arrived(page, held).continue_()
    page.wait_for_function("events.some(([type, tag]) => type === 'igrajdanin:ready' && tag === 'IFRAME')")
    expect(inside(page).locator("igrajdanin-widget form")).to_be_visible()
    wait_until_fitted(page)
    the_frames_height_follows_its_content_without_oscillating(page)
    links_open_outside_the_frame(page)
    reporting_sends_an_event_to_the_host(page)


def the_frames_height_follows_its_content_without_oscillating(page: Page) -> None:
    page.evaluate(
        """() => {
          window.heights = [];
          new ResizeObserver(([entry]) => window.heights.push(Math.round(entry.contentRect.height)))
            .observe(document.querySelector('iframe'));
        }"""
    )
    for _ in range(5):  # each answer would change the height again, if a change led to another
        greet(page)
        wait_until_fitted(page)
    assert len(page.evaluate("heights")) == 1, "the height is stable while nothing changes"
    frame, natural = embedded(page), height(page)
    frame.evaluate("document.body.append(Object.assign(document.createElement('p'), {id: 'more'}))")
    frame.evaluate("document.getElementById('more').style.height = '700px'")
    wait_until_fitted(page)
    assert height(page) == pytest.approx(natural + 716, abs=2)
    frame.evaluate("document.getElementById('more').remove()")
    wait_until_fitted(page)
    assert height(page) == pytest.approx(natural, abs=1)
    assert len(page.evaluate("heights")) <= 4, page.evaluate("heights")


def reporting_sends_an_event_to_the_host(page: Page) -> None:
    form = inside(page).locator("igrajdanin-widget form")
    expect(form).to_be_visible()
    wait_until_fitted(page)
    form.get_by_label("Дороги и тротуары").check()
    form.get_by_label("Что именно не так").fill("Яма на переходе у школы № 14")
    form.get_by_label("Адрес или ориентир").fill("улица Мира, 5")
    form.get_by_label(re.compile("Даю согласие")).check()
    form.get_by_role("button", name="Отправить в администрацию").click()
    expect(inside(page).get_by_role("heading", name="Сообщение получено")).to_be_visible()
    wait_until_fitted(page)
    events = page.evaluate("events.filter(([, tag]) => tag === 'IFRAME')")
    assert events[2] == ["igrajdanin:step", "IFRAME", {"step": 1, "of": 4}]
    assert [name for name, _, _ in events if not name.endswith("step")] == [
        "igrajdanin:ready", "igrajdanin-ready", "igrajdanin:submitted", "igrajdanin-submitted",
    ]  # fmt: skip
    assert set(events[-1][2]) == {"number", "status", "answer_due"}, "no personal data"


def test_no_messages_are_sent_to_a_page_without_the_script(page: Page, widget_site: WidgetSite) -> None:
    """Without the script the frame scrolls at its initial height."""
    page.goto(host(widget_site, fit=False, height=500, query="?type=basic"))
    hear(page)
    expect(inside(page).locator("igrajdanin-widget h2").first).to_be_visible()
    frame = embedded(page)
    frame.evaluate(
        """() => new Promise(measured => {
          new ResizeObserver(measured).observe(document.documentElement);
          document.body.style.paddingBottom = "9px";
        })"""
    )
    frame.evaluate("parent.postMessage('the last one', '*')")
    wait_until_heard(page, '"the last one"')
    assert page.evaluate("heard") == ["the last one"]
    assert height(page) == 500
    assert frame.evaluate("document.documentElement.scrollHeight > innerHeight")
    frame.evaluate("scrollTo(0, 300)")
    assert frame.evaluate("scrollY") == 300


def test_the_height_is_set_in_every_width_later_without_a_referrer_and_under_the_strictest_policy(
    page: Page, widget_site: WidgetSite
) -> None:
    def expect_fitted() -> None:
        expect(inside(page).locator("igrajdanin-widget h2").first).to_be_visible()
        wait_until_fitted(page)

    # A frame that is added later is connected.
    page.goto(widget_site.page(FIT.format(w=widget_site.service.url), loader=False))
    page.evaluate(
        """address => document.body.append(Object.assign(document.createElement('iframe'), {src: address}))""",
        f"{widget_site.service.url}/s/{widget_site.key}/embed",
    )
    expect_fitted()
    page.goto(host(widget_site, before="<meta name=referrer content=no-referrer>", more='referrerpolicy="no-referrer"'))
    expect_fitted()
    policy = f"default-src 'none'; frame-src {widget_site.service.url}; script-src {widget_site.service.url}; "
    with widget_site.strict_policy(policy + "require-trusted-types-for 'script'; trusted-types 'none'"):
        page.goto(host(widget_site, style=""))  # the policy forbids inline styles too
    expect_fitted()
    page.goto(host(widget_site))
    expect_fitted()
    for width in (320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        expect_fitted()
    parameters_of_the_url_are_used(page, widget_site)


def test_messages_of_others_are_ignored(page: Page, widget_site: WidgetSite, watch: Watch) -> None:
    # The greeting is addressed to the service's origin, so it is not delivered to the page that the frame has left for.
    watch.allow("does not match the recipient window's origin")
    page.goto(host(widget_site))
    wait_until_fitted(page)
    messages_of_other_windows_of_the_service_are_ignored(page, widget_site)
    messages_of_a_frame_that_navigated_elsewhere_are_ignored(page, widget_site)


def messages_of_a_frame_that_navigated_elsewhere_are_ignored(page: Page, widget_site: WidgetSite) -> None:
    """Its `src` still names the service, and its window is still that of the frame: only the origin differs."""
    (widget_site.folder / "left.html").write_text(
        "<script>parent.postMessage({igrajdanin: 'height', height: 9999}, '*')</script>"
    )
    before = height(page)
    hear(page)
    embedded(page).evaluate("address => { location.href = address }", f"{widget_site.host.url}/left.html")
    wait_until_heard(page, FORGED)
    assert any("left.html" in frame.url for frame in page.frames)
    assert height(page) == before


def messages_of_other_windows_of_the_service_are_ignored(page: Page, widget_site: WidgetSite) -> None:
    before = height(page)
    hear(page)
    with page.expect_popup() as opened:
        page.evaluate(
            "address => { window.opened = open(address) }", f"{widget_site.service.url}/s/{widget_site.key}/report"
        )
    opened.value.evaluate("opener.postMessage({igrajdanin: 'height', height: 9999}, '*')")
    wait_until_heard(page, FORGED)
    assert height(page) == before


def test_only_registered_origins_may_embed_the_frame(
    page: Page, widget_site: WidgetSite, host_pages: Callable[..., HostPages], watch: Watch, tmp_path: Path
) -> None:
    """The same host on another port shows no frame; a frame opened by a foreign window sends no messages."""
    watch.allow(
        "frame-ancestors|refused to connect|ERR_BLOCKED_BY_RESPONSE|Framing|recipient window's origin \\('null'\\)"
    )
    folder = tmp_path / "stranger"
    folder.mkdir()
    frame = FRAME.format(w=widget_site.service.url, key=widget_site.key, query="", height=640, more="", style=STYLE)
    (folder / "index.html").write_text(f"<!doctype html><title>x</title>{frame}{FIT.format(w=widget_site.service.url)}")
    (folder / "favicon.ico").write_bytes(b"")
    stranger = host_pages(folder)
    with page.expect_event("requestfailed", lambda request: "/embed" in request.url):
        page.goto(stranger.url)
    assert page.evaluate("document.querySelector('iframe').style.height") == ""
    hear(page)
    embed = f"{widget_site.service.url}/s/{widget_site.key}/embed"
    with page.expect_popup() as popup:
        page.evaluate("address => { window.opened = open(address) }", embed)
    expect(popup.value.locator("igrajdanin-widget h2").first).to_be_visible()
    # Its script has dealt with the greeting before this listener hears it.
    popup.value.evaluate("window.heard = new Promise(done => addEventListener('message', done, { once: true })), 0")
    page.evaluate("opened.postMessage({igrajdanin: 'hello'}, '*')")
    popup.value.evaluate("heard.then(() => opener.postMessage('the last one', '*'))")
    wait_until_heard(page, '"the last one"')
    assert page.evaluate("heard") == ["the last one"]


def links_open_outside_the_frame(page: Page) -> None:
    link = inside(page).get_by_role("link", name=re.compile("согласи", re.IGNORECASE)).first
    with page.expect_popup() as opened:
        link.click()
    assert "/consent/" in opened.value.url
    assert "/embed" in page.frames[1].url, "the frame itself did not navigate"


def test_without_javascript_the_frame_shows_the_link(new_page: NewPage, widget_site: WidgetSite) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(host(widget_site))
    link = inside(page).get_by_role("link", name=REPORT)
    expect(link).to_be_visible()
    assert link.get_attribute("target") == "_blank"
    assert str(link.get_attribute("href")).endswith(f"/s/{widget_site.key}/report")


def parameters_of_the_url_are_used(page: Page, widget_site: WidgetSite) -> None:
    page.goto(host(widget_site, query="?accent=%23aa0055&theme=light&category=roads&lang=en"))
    widget = inside(page).locator("igrajdanin-widget")
    expect(widget.locator("h2").first).to_be_visible()
    assert widget.evaluate("element => getComputedStyle(element).getPropertyValue('--igw-accent')").strip() == "#aa0055"
    assert (widget.get_attribute("theme"), widget.get_attribute("category")) == ("light", "roads")
    assert widget.get_attribute("lang") == "en"
