"""The plugin in a real WordPress: settings, block, shortcode, and a report sent from its pages.

Part of `make test-full`; tests/unit/test_wordpress_plugin.py tests the same code against a stub.
"""

import re
from collections.abc import Callable, Iterator
from secrets import token_hex

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts import servers
from tests.support.browser import NewPage, Watch, open_context
from tests.support.processes import Service
from tests.support.widget import AGENCY, DESKTOP, REPORT, report, to_form
from tests.support.wordpress import PASSWORD, WordPress

pytestmark = [pytest.mark.long, pytest.mark.full("a real WordPress takes half a minute")]
SETTINGS = "/wp-admin/options-general.php?page=igrajdanin-widget"
# Insert a block, publish the page, give its address. The editor's own interface changes with every WordPress.
PUBLISH = """async ([name, attributes]) => {
  const { dispatch, select } = wp.data;
  await dispatch("core/block-editor").insertBlocks(wp.blocks.createBlock(name, attributes));
  await dispatch("core/editor").editPost({ title: "Проблемы", status: "publish" });
  await dispatch("core/editor").savePost();
  return select("core/editor").getPermalink();
}"""


@pytest.fixture(scope="module")
def wordpress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPress]:
    if reason := servers.reason_without_wordpress():
        pytest.skip(reason)
    started = WordPress(tmp_path_factory.mktemp("wordpress")).start()
    yield started
    started.close()


@pytest.fixture(scope="module")
def key(wordpress: WordPress, widget_service: Service) -> str:
    agency = widget_service.cli("agency", "add", "--name", AGENCY, "--email", "office@gorod.test")["agency"]
    place = ("--origin", wordpress.url, "--jurisdiction", f"wordpress-{token_hex(4)}.test")
    made = widget_service.cli("site", "add", "--name", "Зареченск", "--agency", agency, *place, "--type", "extended")
    return str(made["key"])


@pytest.fixture(scope="module")
def signed_in(browser: Browser, wordpress: WordPress) -> Callable[[str], Page]:
    """`signed_in(user)` → a page of that user's browser. What WordPress itself says in the console is not watched."""

    def enter(user: str) -> Page:
        page = open_context(browser, Watch(), viewport=DESKTOP).new_page()
        page.goto(f"{wordpress.url}/wp-login.php")
        # Its script brings the focus here after a while, and with it what is being typed into the other field.
        expect(page.locator("#user_login")).to_be_focused()
        page.fill("#user_login", user)
        page.fill("#user_pass", PASSWORD)
        page.click("#wp-submit")
        page.wait_for_url("**/wp-admin/**", wait_until="commit")  # its dashboard loads for long on a busy machine
        return page

    return enter


@pytest.fixture(scope="module")
def configured(wordpress: WordPress, widget_service: Service, key: str, signed_in: Callable[[str], Page]) -> WordPress:
    """WordPress with the snippet pasted and saved by its administrator."""
    page = signed_in("chief")
    page.goto(wordpress.url + SETTINGS)
    snippet = f'<igrajdanin-widget site-key="{key}" type="extended"><a href="{widget_service.url}/s/{key}/report">'
    page.get_by_label("Код, который вы получили").fill(snippet)
    page.get_by_role("button", name="Сохранить изменения").click()
    expect(page.locator(".notice-success, .updated").first).to_be_visible()
    expect(page.get_by_label("Ключ сайта")).to_have_value(key)
    expect(page.get_by_label("Адрес сервиса")).to_have_value(widget_service.url)
    expect(page.locator("code", has_text=re.compile(f"^{wordpress.url}$"))).to_be_visible()
    page.context.close()
    return wordpress


@pytest.fixture(autouse=True)
def no_notices(wordpress: WordPress) -> Iterator[None]:
    yield
    assert "igrajdanin" not in wordpress.log


def test_settings_are_saved_by_administrators_with_a_nonce_only(
    configured: WordPress, signed_in: Callable[[str], Page], key: str
) -> None:
    assert configured.call("option")["key"] == key
    chief, editor = signed_in("chief"), signed_in("editor")
    forged = {"option_page": "igrajdanin_widget", "action": "update", "igrajdanin_widget[key]": "wk_forged"}
    assert chief.request.post(f"{configured.url}/wp-admin/options.php", form={**forged}).status == 403
    response = editor.goto(configured.url + SETTINGS)
    assert response is not None
    assert response.status == 403
    assert configured.call("option")["key"] == key


def test_an_invalid_key_is_refused_with_a_reason(configured: WordPress, signed_in: Callable[[str], Page]) -> None:
    page = signed_in("chief")
    before = configured.call("option")
    page.goto(configured.url + SETTINGS)
    page.get_by_label("Ключ сайта").fill('"><script>')
    page.get_by_role("button", name="Сохранить изменения").click()
    expect(page.get_by_text("Ключ сайта начинается с wk_")).to_be_visible()
    assert configured.call("option")["key"] == ""
    page.get_by_label("Ключ сайта").fill(before["key"])
    page.get_by_role("button", name="Сохранить изменения").click()
    expect(page.locator(".notice-success, .updated").first).to_be_visible()
    assert configured.call("option") == before


def test_an_editor_without_unfiltered_html_publishes_the_block(
    configured: WordPress, signed_in: Callable[[str], Page], key: str, new_page: NewPage
) -> None:
    editor = signed_in("editor")
    editor.goto(f"{configured.url}/wp-admin/post-new.php?post_type=page")
    editor.wait_for_function("window.wp?.blocks?.getBlockType('igrajdanin/widget')")
    assert editor.evaluate("wp.blocks.getBlockType('igrajdanin/widget').title") == "Проблемы города"
    chosen = {"view": "figures", "theme": "dark", "lang": "en"}
    address = editor.evaluate(PUBLISH, ["igrajdanin/widget", chosen])
    stored = configured.call("content")
    assert stored == '<!-- wp:igrajdanin/widget {"view":"figures","theme":"dark","lang":"en"} /-->'
    page = new_page(viewport=DESKTOP)
    page.goto(address)
    widget = page.locator("igrajdanin-widget")
    attributes = widget.evaluate(
        "one => Object.fromEntries([...one.attributes].map(({ name, value }) => [name, value]))"
    )
    assert attributes == {"site-key": key, "type": "extended", **chosen}
    expect(widget.locator(".igw")).to_have_attribute("data-theme", "dark")
    expect(widget.get_by_role("heading").first).to_be_visible()


def test_an_editor_without_unfiltered_html_publishes_the_shortcode_and_a_resident_reports(
    configured: WordPress,
    signed_in: Callable[[str], Page],
    widget_service: Service,
    key: str,
    new_page: NewPage,
    watch: Watch,
) -> None:
    editor = signed_in("editor")
    editor.goto(f"{configured.url}/wp-admin/post-new.php?post_type=page")
    editor.wait_for_function("window.wp?.data?.select('core/editor')?.getCurrentPostId()")
    address = editor.evaluate(PUBLISH, ["core/shortcode", {"text": '[igrajdanin type="basic" category="roads"]'}])
    page = new_page(viewport=DESKTOP)
    page.goto(address)
    assert page.locator(f"link[rel=preconnect][href='{widget_service.url}']").count() == 1
    assert page.locator("script[src$='/w/1/loader.js'][async]").count() == 1
    assert page.locator("igrajdanin-widget").evaluate("one => getComputedStyle(one).minHeight") == "44px"
    page.get_by_role("button", name=REPORT, exact=True).click()
    to_form(page)
    assert report(page) > 0
    assert watch.hosts() == {configured.url, widget_service.url}


def test_wordpress_strips_the_pasted_snippet_where_the_shortcode_stays(
    configured: WordPress, signed_in: Callable[[str], Page], key: str
) -> None:
    """What the table of docs/embedding.md says of authors and networks."""
    editor = signed_in("editor")
    editor.goto(f"{configured.url}/wp-admin/post-new.php?post_type=page")
    editor.wait_for_function("window.wp?.data?.select('core/editor')?.getCurrentPostId()")
    tag, div = f'<igrajdanin-widget site-key="{key}">', f'<div data-igrajdanin-widget="{key}" data-type="basic">'
    pasted = f'{tag}<a href="https://w.test">a</a></igrajdanin-widget>{div}<a href="https://w.test">b</a></div>'
    editor.evaluate(
        PUBLISH, ["core/html", {"content": f'{pasted}<script src="https://w.test/w/1/loader.js"></script>'}]
    )
    stored = configured.call("content")
    assert "<igrajdanin-widget" not in stored
    assert "<script" not in stored
    assert div in stored
    assert stored.count('<a href="https://w.test">') == 2


def test_the_policy_guide_has_a_text_in_the_language_of_the_site(
    configured: WordPress, signed_in: Callable[[str], Page]
) -> None:
    page = signed_in("chief")
    page.goto(f"{configured.url}/wp-admin/options-privacy.php?tab=policyguide")
    assert "Когда вы отправляете сообщение, сервис получает то, что вы указали" in page.content()


def test_nothing_is_left_after_uninstalling(configured: WordPress) -> None:
    assert configured.call("uninstall") is False
