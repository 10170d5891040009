"""Takes the pictures of docs/embedding.md (embed_examples/ as they are now), docs/cabinet.ru.md and docs/webmaster.md:
`make pictures`.

Those of WordPress need one from the system's packages (`python -m scripts.servers --full`), else they stay as they are.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from scripts import servers
from tests.factories import PUBLIC_URL, SECRET
from tests.support.browser import Watch, launch, open_context
from tests.support.processes import Service, free_port
from tests.support.widget import CLOSE, REPORT, Examples
from tests.support.wordpress import PASSWORD, WordPress

TARGET = Path(__file__).resolve().parent.parent / "docs" / "pictures"
PAGE = {"width": 1000, "height": 620}
PHONE = {"width": 390, "height": 620}
DESK = {"width": 1180, "height": 640}
ANSWER = "Навес поставили 24 ноября: новый каркас и поликарбонат."
WRITTEN = (
    "<!-- wp:paragraph --><p>Заметили непорядок? Расскажите, ответим до указанного срока.</p><!-- /wp:paragraph -->"
    "<!-- wp:igrajdanin/widget /-->"
)
WIDTH = 900  # of a picture; documents are read in a column
GAP = 12
THEMES = ("light", "dark", "contrast", "contrast-black", "contrast-blue")
# What the table of properties is illustrated with: nothing, a colour of the town, and everything at once.
COLOURS: tuple[dict[str, str], ...] = (
    {},
    {"--igw-accent": "#0b6e4f", "--igw-accent-dark": "#7fd79b", "--igw-accent-ink-dark": "#04240f"},
    {"--igw-accent": "#8a1538", "--igw-ground": "#fffaf2", "--igw-ink": "#2b1a10", "--igw-radius": "0px",
     "--igw-accent-dark": "#ffb3c7", "--igw-accent-ink-dark": "#3d0018"},
)  # fmt: skip


def keep(name: str, picture: Image.Image, width: int = WIDTH) -> None:
    """As a small PNG: the pages have few colours."""
    height = round(picture.height * width / picture.width)
    resized = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    resized.quantize(192, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        TARGET / f"{name}.png", optimize=True
    )
    print(f"  {name}.png", flush=True)


def taken(page: Page, **part: Any) -> Image.Image:
    return Image.open(BytesIO(page.screenshot(**part)))


def from_to(page: Page, first: Locator, last: Locator, left: int = 0, width: int = PAGE["width"]) -> Image.Image:
    """The part of a long page between two of its elements, both with it, without `left` pixels of a menu."""
    page.evaluate("scrollTo(0, 0)")  # boxes are told from the window's edge
    top, end = first.bounding_box(), last.bounding_box()
    assert top
    assert end
    height = end["y"] + end["height"] - top["y"] + 2 * GAP
    clip = {"x": left, "y": top["y"] - GAP, "width": width, "height": height}
    return taken(page, full_page=True, clip=clip)


def beside(pictures: list[Image.Image]) -> Image.Image:
    width = sum(one.width for one in pictures) + GAP * (len(pictures) - 1)
    together = Image.new("RGB", (width, max(one.height for one in pictures)), "white")
    left = 0
    for one in pictures:
        together.paste(one, (left, 0))
        left += one.width + GAP
    return together


def below(pictures: list[Image.Image]) -> Image.Image:
    width, height = max(one.width for one in pictures), sum(one.height + GAP for one in pictures) - GAP
    together = Image.new("RGB", (width, height), "white")
    top = 0
    for one in pictures:
        together.paste(one, (0, top))
        top += one.height + GAP
    return together


@contextmanager
def town() -> Iterator[Examples]:
    """A service of its own and the example pages beside it."""
    with tempfile.TemporaryDirectory() as folder:
        directory, port = Path(folder), free_port()
        settings = {
            "WIDGET_DATA": str(directory / "data"),
            "WIDGET_DATABASE_URL": f"sqlite:///{directory / 'widget.db'}",
            "WIDGET_SECRET_KEYS": SECRET,
            "WIDGET_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "WIDGET_MAIL_FROM": "widget@widget.test",
            "WIDGET_RATE_LIMITS": "off",
        }
        service = Service(directory, settings, port).start()
        built = Examples.build(service)
        try:
            yield built
        finally:
            built.pages.close()
            service.kill()


def opened(page: Page, address: str) -> None:
    page.goto(address)
    open_form(page)


def open_form(page: Page) -> None:
    """Press the page's button; an extended widget begins with the list, which has a button of the same name."""
    page.get_by_role("button", name=REPORT, exact=True).click()
    form, dialog = page.locator("igrajdanin-widget form"), page.locator("igrajdanin-widget").get_by_role("dialog")
    again = dialog.get_by_role("button", name=REPORT, exact=True)
    form.or_(again).first.wait_for()
    if not form.count():
        again.click()
    form.wait_for()
    page.wait_for_timeout(200)


def hosts(page: Page, at: Examples) -> None:
    """The button in each system's page, and the link where no script may run."""
    for case in ("plain", "bitrix", "joomla", "tilda", "wordpress", "links-only", "csp-without-us"):
        page.goto(at.address(case))
        page.get_by_text(REPORT, exact=True).last.wait_for()
        page.wait_for_timeout(300)
        # A page of a few lines is shown as far as it goes.
        height = page.evaluate("Math.min(innerHeight, document.body.scrollHeight)")
        keep(f"embedding-{case}", taken(page, clip={"x": 0, "y": 0, "width": PAGE["width"], "height": height}))


def themes(page: Page, at: Examples) -> None:
    opened(page, at.address("plain"))
    shown = []
    for theme in THEMES:
        page.evaluate("theme => document.querySelector('igrajdanin-widget').setAttribute('theme', theme)", theme)
        page.wait_for_timeout(100)
        shown.append(taken(page))
    keep("embedding-themes", beside(shown), 1400)


def colours(page: Page, at: Examples) -> None:
    """Rows: light and dark; columns: what the properties are set to."""
    rows = []
    for theme in ("light", "dark"):
        row = []
        for given in COLOURS:
            page.goto(at.address("plain"))
            set_all = """([theme, given]) => {
              const widget = document.querySelector("igrajdanin-widget");
              widget.setAttribute("theme", theme);
              widget.setAttribute("category", "lighting"); // the second step: its buttons are seen
              for (const name in given) widget.style.setProperty(name, given[name]);
            }"""
            page.evaluate(set_all, [theme, given])
            button = page.get_by_role("button", name=REPORT, exact=True)
            button.wait_for()
            page.locator("igrajdanin-widget").scroll_into_view_if_needed()
            own = Image.open(BytesIO(page.locator("igrajdanin-widget").screenshot()))
            open_form(page)
            row.append(below([own.crop((0, 0, PHONE["width"] - 32, own.height)), taken(page)]))
        rows.append(beside(row))
    keep("embedding-colours", below(rows))


def vision(page: Page, at: Examples) -> None:
    opened(page, at.address("vision"))
    before = taken(page)
    page.get_by_role("button", name=CLOSE, exact=True).click()
    page.get_by_role("button", name="Белым по чёрному").click()
    page.get_by_role("button", name=REPORT, exact=True).click()
    page.wait_for_timeout(200)
    keep("embedding-vision", beside([before, taken(page)]))


def generator(page: Page, at: Examples) -> None:
    """What is chosen, what it looks like, the code to copy."""
    page.goto(f"{at.service.url}/s/{at.key}/install?accent=%230b6e4f")
    page.locator("#script igrajdanin-widget").get_by_role("button", name=REPORT).wait_for()
    page.wait_for_timeout(300)
    parts = page.get_by_role("heading", level=1), page.locator("#script .code-block").first
    keep("embedding-generator", from_to(page, *parts))


def install_check(page: Page, at: Examples) -> None:
    """A page whose policy forgot connect-src: what was seen of it, and what looking at it says."""
    at.pages.policies["plain"] = f"default-src 'self'; script-src {at.service.url}; img-src {at.service.url} blob:"
    page.goto(at.address("plain"))
    page.get_by_role("button", name=REPORT, exact=True).click()
    page.wait_for_timeout(2000)  # it cannot ask for its settings, and leaves the link
    site = next(one["site"] for one in at.service.cli("site", "list") if one["key"] == at.key)
    page.wait_for_timeout(4000)  # counts are written every three seconds
    page.goto(at.service.cli("site", "check", site)["link"])
    page.get_by_label("Адрес страницы").fill(at.address("plain"))
    page.get_by_role("button", name="Проверить").click()
    page.locator("#look .results").wait_for()
    keep("embedding-check", from_to(page, page.locator("#look h2"), page.locator("#look .results")))
    del at.pages.policies["plain"]


def sign_in(browser: Browser, at: Examples, role: str, name: str) -> Page:
    """As a new user of the site's agency."""
    email, agency = f"{role}@gorod.example", at.service.cli("site", "show", at.site)["agency"]
    given = ("--email", email, "--role", role, "--name", name, "--agency", agency)
    password = at.service.cli("user", "add", *given)["password"]
    page = open_context(browser, Watch(), viewport=DESK).new_page()
    page.goto(f"{at.service.url}/cabinet/")
    page.fill("[name=email]", email)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")
    page.locator("#tiles").wait_for()
    return page


def desk(browser: Browser, at: Examples) -> None:
    """What a webmaster sees: the application, the code with its preview, the questions, the presets of collections."""
    page = sign_in(browser, at, "admin", "Вера Новикова")
    own = f"{at.service.url}/cabinet/sites/{at.site}"
    for name, address in (
        ("application", f"{at.service.url}/sites/new"),
        ("code", f"{own}/code"),
        ("categories", f"{own}/categories/roads"),
        ("collections", f"{own}/collections"),
    ):
        page.goto(address)
        page.wait_for_timeout(1000)  # for the widget of a preview
        keep(f"desk-{name}", taken(page))


def cabinet(browser: Browser, at: Examples) -> None:
    """What a head sees: «Сегодня», the list, a report, and an answer of an agent's that waits for approval."""
    agency = at.service.cli("site", "show", at.site)["agency"]
    at.service.cli("site", "set", at.site, "--bbox", "38.5,54.9,39.1,55.3")
    at.service.cli("load-demo", "--problems", "240", "--site", at.site)
    at.service.cli("agency", "set", agency, "--approval")
    head, agent = sign_in(browser, at, "head", "Пётр Ильич"), sign_in(browser, at, "agent", "Анна Сергеева")
    agent.goto(f"{at.service.url}/cabinet/problems?tab=work")
    agent.locator(".inbox .c-text a").first.click()
    agent.locator("#to-resolved").check()
    agent.fill("#field-text", ANSWER)
    agent.get_by_role("button", name="Отправить на утверждение").click()
    agent.locator(".notice.good").wait_for()
    head.reload()
    keep("cabinet-today", taken(head))
    head.locator("#section-approval .c-text a").click()
    head.locator("#drafts-said").wait_for()
    keep("cabinet-approval", taken(head, clip=head.locator("#decide").bounding_box(), full_page=True), 560)
    head.goto(f"{at.service.url}/cabinet/problems?tab=all")
    keep("cabinet-list", taken(head))
    head.goto(f"{at.service.url}/cabinet/problems?tab=work")
    head.locator(".inbox .c-text a").nth(1).click()
    head.locator("#decide").wait_for()
    keep("cabinet-report", taken(head))
    head.set_viewport_size({"width": DESK["width"], "height": 1180})
    head.goto(f"{at.service.url}/cabinet/analytics")
    head.get_by_role("link", name="12 месяцев").click()
    head.wait_for_timeout(500)
    keep("cabinet-analytics", taken(head))


def examples(browser: Browser) -> None:
    with town() as at:
        for viewport, works in ((PAGE, (hosts, vision, generator, install_check)), (PHONE, (themes, colours))):
            context = open_context(browser, Watch(), viewport=viewport)
            page = context.new_page()
            for work in works:
                work(page, at)
            context.close()
        desk(browser, at)
        cabinet(browser, at)
    if servers.wordpress():
        wordpress(browser)


def wordpress(browser: Browser) -> None:
    """The settings page, and a page in the editor with the plugin's block chosen."""
    with tempfile.TemporaryDirectory() as folder:
        running = WordPress(Path(folder)).start()
        try:
            page = open_context(browser, Watch(), viewport={"width": 1280, "height": 800}).new_page()
            page.goto(f"{running.url}/wp-login.php")
            page.fill("#user_login", "chief")
            page.fill("#user_pass", PASSWORD)
            page.click("#wp-submit")
            page.goto(f"{running.url}/wp-admin/options-general.php?page=igrajdanin-widget")
            page.get_by_label("Код, который вы получили").fill(f"{PUBLIC_URL}/s/wk_Vf3aZq8mT1x/report")
            page.get_by_role("button", name="Сохранить изменения").click()
            page.locator("#setting-error-settings_updated").wait_for()
            page.evaluate("document.querySelector('#setting-error-settings_updated').remove()")
            keep("wordpress-settings", from_to(page, page.locator("h1"), page.locator("#submit"), 160, 1120))
            page.goto(running.call("page", content=WRITTEN).replace("?page_id=", "wp-admin/post.php?action=edit&post="))
            canvas = page.frame_locator("[name=editor-canvas]")
            canvas.locator("[data-type='igrajdanin/widget']").wait_for()
            page.wait_for_timeout(2000)
            page.keyboard.press("Escape")  # the editor greets newcomers
            canvas.locator("[data-type='igrajdanin/widget']").click()
            page.wait_for_timeout(500)
            keep("wordpress-editor", taken(page))
        finally:
            running.close()


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        examples(browser)
        browser.close()


if __name__ == "__main__":
    main()
