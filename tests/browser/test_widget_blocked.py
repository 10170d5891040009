"""Content blockers remove nodes of the page and of the widget: no exception, and the form stays reachable."""

from playwright.sync_api import Page, expect

from tests.support.browse import CARD, browse
from tests.support.city import FakeCity
from tests.support.widget import REPORT, WidgetSite, fill_form, open_form, report

# Removes elements named in filter lists, now and later, anywhere. Photos are removed like pictures of third-party
# servers.
BLOCK = """() => {
  const named = "[class*=banner], [class~=ad], [class*=promo], [class*=share], .sponsored, img";
  const widgets = [...document.querySelectorAll("igrajdanin-widget")];
  const roots = [document, ...widgets.map(({ shadowRoot }) => shadowRoot)];
  window.blocked = 0;
  const block = root => root.querySelectorAll(named).forEach(one => {
    blocked++;
    one.remove();
  });
  for (const root of roots) {
    block(root);
    new MutationObserver(() => block(root)).observe(root, { childList: true, subtree: true });
  }
}"""
PAGE = '<div class="ad banner">Реклама</div>{snippet}<aside class="promo share">Поделиться</aside>'
# Removes everything the widget has rendered except its button, like a blocker that mistakes it for a banner.
REMOVE_WIDGET = """() => {
  const { shadowRoot } = document.querySelector("igrajdanin-widget");
  const drawn = [...shadowRoot.children].filter(one => one.localName === "div");
  drawn.forEach(one => one.remove());
  return drawn.length;
}"""


def test_the_widget_works_without_blocked_neighbours_and_photos(desktop: Page, widget_site: WidgetSite) -> None:
    FakeCity(desktop, widget_site)
    cards = browse(
        desktop, widget_site.page(PAGE.format(snippet=widget_site.snippet('type="extended" data-start="list"')))
    )
    expect(desktop.locator(f"{CARD} img")).to_have_count(1)
    desktop.evaluate(BLOCK)
    assert desktop.evaluate("blocked") >= 3
    for _ in range(2):
        cards.first.click()
        expect(desktop.locator("igrajdanin-widget .timeline")).to_be_visible()
        desktop.get_by_role("button", name="К списку").click()
        expect(cards.first).to_be_focused()
    with desktop.expect_response("**/problems?status=done"):
        desktop.get_by_role("button", name="Решено", exact=True).click()
    expect(desktop.locator("igrajdanin-widget .stale")).to_have_count(0)


def test_the_form_is_reachable_whenever_the_widget_was_removed(desktop: Page, widget_site: WidgetSite) -> None:
    """At once, and with a half-typed report: the button or the plain link still leads to a form that can be sent."""
    widget = desktop.locator("igrajdanin-widget")
    link, button = widget.get_by_role("link", name=REPORT), widget.get_by_role("button", name=REPORT, exact=True)
    for typed in ("", "Половина"):
        open_form(desktop, widget_site.page(widget_site.snippet()))
        if typed:
            fill_form(desktop, typed)
        assert desktop.evaluate(REMOVE_WIDGET) == 1
        expect(link.or_(button)).to_be_visible()
        if link.is_visible():
            assert link.get_attribute("href") == f"{widget_site.service.url}/s/{widget_site.key}/report"
            continue
        button.click()
        expect(widget.locator("form").or_(link)).to_be_visible()
        if not link.count():
            assert report(desktop) > 0
