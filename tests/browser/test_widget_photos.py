"""Photos in the report form: progress, retries, announcements and privacy."""

import base64
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.support.browser import Watch, arrived, intercept_choosers
from tests.support.pictures import GPS, MAKE, ORIENTATION, PLACE, file, halves, noise, photo
from tests.support.widget import (
    ANY_ORIGIN,
    DESKTOP,
    PHONE,
    STRICT,
    WidgetSite,
    check_appearance,
    draw_twice,
    fill_form,
    forget,
    number,
    open_form,
    send,
    tab_to,
    wait_until,
    wear,
)

UPLOADS = re.compile(r"/photos\?lang=")
SELDOM = pytest.mark.full("browsers show these as they show JPEG; the tests of the decoder read them")


@pytest.fixture(scope="module")
def snapshot() -> bytes:
    """A JPEG of three megabytes, taken with the camera on its side, with a known location."""
    return photo(noise(2560, 1920), place=PLACE, orientation=6, quality=93)


@pytest.fixture(scope="module")
def grainy() -> bytes:
    """A JPEG of half a megabyte, which is not resized: its upload takes long enough for a test."""
    return photo(noise(1200, 900), quality=95)


@pytest.fixture(scope="module")
def small() -> bytes:
    return photo(halves(640, 480))


LOADED_CONTROL = "input#photos[accept*='.heic']"  # the control of the loaded chunk


def ready(page: Page) -> Locator:
    """Scroll the section into view, so that its chunk loads and the real control replaces the placeholder button."""
    page.locator("#photos").evaluate("control => control.scrollIntoView({ block: 'center' })")
    control = page.locator(LOADED_CONTROL)
    control.wait_for(state="attached")
    return control


def choose(page: Page, *files: Any) -> None:
    ready(page).set_input_files(list(files))


def photos(page: Page) -> Locator:
    return page.locator("igrajdanin-widget .photo")


def expect_uploaded(page: Page, count: int = 1) -> None:
    expect(photos(page)).to_have_count(count)
    expect(photos(page).get_by_text("Загружено")).to_have_count(count, timeout=15_000)


def uploads(watch: Watch) -> list[Request]:
    return [one for one in watch.requests if one.method == "POST" and UPLOADS.search(one.url)]


def attached_photos(watch: Watch) -> list[list[dict[str, str]]]:
    """Photos of all reports that were sent."""
    sent = [one for one in watch.requests if one.method == "POST" and one.url.endswith("/problems")]
    return [json.loads(one.post_data or "{}")["photos"] for one in sent]


# Playwright does not show the parts of a multipart body.
RECORD_UPLOAD = """
window.overheard = [];
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (form) {
  const file = form.get("file");
  const reader = new FileReader();
  reader.onload = () => overheard.push([file.name, reader.result.split(",")[1]]);
  reader.readAsDataURL(file);
  send.call(this, form);
};
"""


def record_upload(page: Page) -> tuple[str, bytes]:
    """Name and content of the one file that was uploaded since the last call."""
    page.wait_for_function("overheard.length")
    ((name, content),) = page.evaluate("overheard.splice(0)")
    return name, base64.b64decode(content)


def stored_pictures(page: Page) -> int:
    """Pictures stored in this browser."""
    return int(
        page.evaluate(
            """async () => {
              const names = (await indexedDB.databases()).map(({ name }) => name);
              let sum = 0;
              for (const name of names) sum += await new Promise(resolve => {
                const opening = indexedDB.open(name);
                opening.onsuccess = () => {
                  const count = opening.result.transaction("photos").objectStore("photos").count();
                  count.onsuccess = () => { opening.result.close(); resolve(count.result); };
                };
              });
              return sum;
            }"""
        )
    )


@pytest.mark.parametrize("kinds", [("jpeg", "heif"), pytest.param(("png", "webp"), marks=SELDOM)])
def test_every_format_is_uploaded_under_the_strict_policy(
    desktop: Page, watch: Watch, widget_site: WidgetSite, kinds: tuple[str, ...]
) -> None:
    with widget_site.strict_policy():
        open_form(desktop, f"{widget_site.host.url}/strict-csp/")
        fill_form(desktop)
        # Some systems have no MIME type for .heic.
        given = [file(photo(halves(800, 600), kind), f"photo.{kind}", "" if kind == "heif" else kind) for kind in kinds]
        choose(desktop, *given)
        expect_uploaded(desktop, 2)
        shown = photos(desktop).locator("img")
        expect(shown).to_have_count(2)
        for kind, image in zip(kinds, shown.all(), strict=True):
            source = image.get_attribute("src") or ""
            assert source.startswith(widget_site.service.url if kind == "heif" else "blob:")
            expect(image).to_have_js_property("complete", True)
            assert image.evaluate("image => image.naturalWidth") > 0
        send(desktop)
        number(desktop)
    assert [len(one) for one in attached_photos(watch)] == [2]
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}


def test_a_policy_without_blob_only_disables_previews(
    desktop: Page, watch: Watch, widget_site: WidgetSite, small: bytes
) -> None:
    watch.allow("CSP violation: img-src blob|violates the following Content Security Policy directive: .img-src")
    with widget_site.strict_policy(STRICT.replace(" blob:", "")):
        open_form(desktop, f"{widget_site.host.url}/strict-csp/")
        fill_form(desktop)
        choose(desktop, file(small))
        expect_uploaded(desktop)
        source = photos(desktop).locator("img").get_attribute("src") or ""
        assert source.startswith(widget_site.service.url)
        send(desktop)
        number(desktop)
    assert len(attached_photos(watch)[0]) == 1


def test_large_photos_are_resized_rotated_and_keep_only_their_location(
    desktop: Page, address: str, snapshot: bytes, small: bytes
) -> None:
    """A browser that tells of a slow network, here by its latency, sends them even smaller; small ones as they are."""
    desktop.add_init_script(RECORD_UPLOAD)
    open_form(desktop, address)
    session = desktop.context.new_cdp_session(desktop)
    for count, (latency, size) in enumerate(((0, (1536, 2048)), (400, (960, 1280))), 1):
        network = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
        session.send("Network.emulateNetworkConditions", network)
        choose(desktop, file(snapshot, "IMG_ivanov_home.jpg"))
        expect_uploaded(desktop, count)
        name, content = record_upload(desktop)
        assert name == "photo", "the file name is not sent"
        assert len(content) < len(snapshot) / 2
        sent = Image.open(io.BytesIO(content))
        assert sent.format == "JPEG"
        assert sent.size == size, "the camera was on its side"
        exif = sent.getexif()
        assert exif.get(ORIENTATION) is None
        assert exif.get(MAKE) is None
        place = exif.get_ifd(GPS)
        degrees = [float(a) + float(b) / 60 + float(c) / 3600 for a, b, c in (place[2], place[4])]
        assert degrees == pytest.approx(PLACE, abs=1e-4)
        assert (place[1], place[3]) == ("N", "E")
    choose(desktop, file(small))
    expect_uploaded(desktop, 3)
    assert record_upload(desktop) == ("photo", small)


def slow_uploads(page: Page, kilobytes: int) -> Callable[[], None]:
    """Limit uploads to so many kilobytes a second, until the returned function is called."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": kilobytes * 1024}
    session.send("Network.emulateNetworkConditions", limits)

    def restore() -> None:
        session.send("Network.emulateNetworkConditions", limits | {"uploadThroughput": -1})

    return restore


# Whether the bars have had more than two positions between empty and full.
PROGRESS = """() => {
  const bars = document.querySelector("igrajdanin-widget").shadowRoot.querySelectorAll("progress");
  window.shares = new Set([...window.shares ?? [], ...[...bars].map(one => one.value)]);
  return [...shares].filter(share => 0 < share && share < 1).length > 2;
}"""


def test_photos_are_announced_removed_refused_and_added_by_keyboard(
    desktop: Page, watch: Watch, address: str, grainy: bytes, small: bytes
) -> None:
    """In one page, from the answer to a report to the next one."""
    watch.allow("ERR_ABORTED")
    open_form(desktop, address)
    the_start_and_end_of_uploads_are_announced(desktop, small)
    watch.requests.clear()
    photos_on_their_way_show_it_can_be_removed_and_hold_the_report(desktop, watch, grainy)
    desktop.get_by_role("button", name="Сообщить ещё").click()
    photos_are_added_by_keyboard(desktop, small)


def photos_on_their_way_show_it_can_be_removed_and_hold_the_report(desktop: Page, watch: Watch, grainy: bytes) -> None:
    fill_form(desktop)
    ready(desktop)
    restore = slow_uploads(desktop, 120)
    choose(desktop, file(grainy), file(photo(noise(900, 700))))
    expect(desktop.get_by_role("progressbar")).to_have_count(2)
    expect(desktop.get_by_role("progressbar", name="Фото 1")).to_be_visible()
    desktop.wait_for_function(PROGRESS)  # it follows the bytes that were sent
    expect(photos(desktop).get_by_text(re.compile(r"Загружаем: \d+ %")).first).to_be_visible()
    wait_until(desktop, lambda: stored_pictures(desktop) == 2)
    with desktop.expect_event("requestfailed", lambda request: bool(UPLOADS.search(request.url))):
        photos(desktop).get_by_role("button", name="Убрать").first.click()
    expect(photos(desktop)).to_have_count(1)
    wait_until(desktop, lambda: stored_pictures(desktop) == 1)
    send(desktop)
    expect(desktop.get_by_text("Сначала загрузим фото, готово 0 из 1")).to_be_visible()
    assert attached_photos(watch) == []
    restore()
    number(desktop)
    assert [len(one) for one in attached_photos(watch)] == [1]


def the_start_and_end_of_uploads_are_announced(desktop: Page, small: bytes) -> None:
    ready(desktop)
    desktop.evaluate(
        """() => { window.announced = [];
        const root = document.querySelector("igrajdanin-widget").shadowRoot;
        new MutationObserver(() => {
          const text = root.querySelector(".away[role=status]").textContent;
          if (text && announced[announced.length - 1] !== text) announced.push(text);
        }).observe(root, { subtree: true, childList: true, characterData: true }) }"""
    )
    choose(desktop, file(small))
    expect_uploaded(desktop)
    choose(desktop, file(b"%PDF-1.4", "a.pdf", "application/pdf"))
    expect(desktop.get_by_role("alert")).to_have_text(
        "a.pdf: Такой файл не подойдёт. Выберите JPEG, PNG, WebP или HEIC."
    )
    expect(photos(desktop)).to_have_count(1)
    photos(desktop).first.get_by_role("button", name="Убрать").click()
    expect(desktop.locator("input#photos")).to_be_focused()
    announced = desktop.evaluate("announced")
    assert announced == ["Фото 1. Загружаем", "Фото 1. Загружено", "Фото 1 убрано"]


def test_photos_are_restored_with_the_draft(desktop: Page, watch: Watch, address: str, small: bytes) -> None:
    """After a reload, in another tab, and after most of a day, when they are uploaded again."""
    watch.allow("status of 503")
    open_form(desktop, address)
    fill_form(desktop, "Начатое с фото")
    choose(desktop, file(small), file(photo(halves(800, 600), "heif"), "b.heic", "heif"))
    expect_uploaded(desktop, 2)
    desktop.get_by_label("Что на фото 2").fill("Упавшее дерево")
    desktop.route(UPLOADS, lambda route: route.fulfill(status=503, json={}, headers=ANY_ORIGIN))
    choose(desktop, file(photo(halves(320, 240))))
    expect(photos(desktop)).to_have_count(3)
    expect(photos(desktop).nth(2)).to_contain_text("Сервис не отвечает")
    wait_until(desktop, lambda: stored_pictures(desktop) == 3)

    def expect_restored(page: Page) -> None:
        expect(page.get_by_text("Черновик восстановлен")).to_be_visible()
        expect(photos(page).get_by_text("Загружено")).to_have_count(2)
        expect(photos(page).locator("img")).to_have_count(3)
        expect(page.get_by_label("Что на фото 2")).to_have_value("Упавшее дерево")

    open_form(desktop, address)
    expect_restored(desktop)
    expect(photos(desktop).nth(2)).to_contain_text("Сервис не отвечает")
    # A closed tab saves nothing that is not saved by then.
    desktop.wait_for_function(
        """() => {
          const { photos } = JSON.parse(localStorage.getItem(localStorage.key(0))).values;
          return photos.length === 3 && photos[1].alt === "Упавшее дерево";
        }"""
    )
    page = desktop.context.new_page()
    held: list[Route] = []
    page.route(UPLOADS, lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    desktop.close()
    before = len(uploads(watch))
    open_form(page, address)
    page.get_by_role("button", name="Продолжить").click()
    expect_restored(page)
    arrived(page, held).continue_()
    page.unroute(UPLOADS)
    expect_uploaded(page, 3)
    assert len(uploads(watch)) == before + 1, "uploaded photos are not uploaded again"
    page.wait_for_function("JSON.parse(localStorage.getItem(localStorage.key(0))).values.photos[2]?.token")
    page.evaluate(
        """() => { const name = localStorage.key(0), draft = JSON.parse(localStorage.getItem(name));
        draft.values.photos[0].uploadedAt -= 23.5 * 3600000; localStorage.setItem(name, JSON.stringify(draft)) }"""
    )
    page.reload()
    open_form(page, address)
    expect_uploaded(page, 3)
    assert len(uploads(watch)) == before + 2
    page.get_by_label(re.compile("Даю согласие")).check()
    send(page)
    number(page)
    assert [one["alt"] for one in attached_photos(watch)[-1]] == ["", "Упавшее дерево", ""]
    assert page.evaluate("indexedDB.databases().then(all => all.length)") == 0


def test_photos_are_sent_even_if_storage_is_unavailable(
    desktop: Page, watch: Watch, address: str, small: bytes
) -> None:
    desktop.add_init_script(
        "Object.defineProperty(window, location.search.slice(1), { get() { throw new Error('forbidden') } })"
    )
    for forbidden in ("indexedDB", "localStorage"):
        open_form(desktop, f"{address}?{forbidden}")
        fill_form(desktop)
        choose(desktop, file(small))
        expect_uploaded(desktop)
        expect(desktop.get_by_text("Если закрыть вкладку, фото придётся выбрать снова")).to_be_visible()
        send(desktop)
        number(desktop)
        assert len(attached_photos(watch)[-1]) == 1


def test_drop_and_paste_on_a_desktop(desktop: Page, address: str, small: bytes) -> None:
    open_form(desktop, address)
    ready(desktop)
    # The section goes and comes, as it does with each step on a phone: what is pasted is taken once.
    desktop.set_viewport_size(PHONE)
    expect(desktop.locator("input#photos")).to_have_count(0)
    desktop.set_viewport_size(DESKTOP)
    ready(desktop)
    desktop.evaluate(
        """async bytes => {
          const root = document.querySelector("igrajdanin-widget").shadowRoot;
          const form = root.querySelector("form"), text = root.getElementById("description");
          const transfer = new DataTransfer(), words = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], "a.jpg", { type: "image/jpeg" }));
          words.setData("text/plain", "слова");
          const common = { bubbles: true, composed: true, cancelable: true };
          const happen = (target, event) => { target.dispatchEvent(event); return event; };
          const all = [
            happen(form, new DragEvent("dragover", { ...common, dataTransfer: transfer })),
            happen(form, new DragEvent("drop", { ...common, dataTransfer: transfer })),
            happen(text, new ClipboardEvent("paste", { ...common, clipboardData: transfer })),
            happen(text, new ClipboardEvent("paste", { ...common, clipboardData: words })),
            happen(document.body, new DragEvent("drop", { ...common, dataTransfer: transfer })),
            happen(document.body, new ClipboardEvent("paste", { ...common, clipboardData: transfer })),
          ];
          window.taken = all.map(event => event.defaultPrevented);
        }""",
        list(small),
    )
    expect_uploaded(desktop, 2)
    assert desktop.evaluate("taken") == [True, True, True, False, False, False], "what the page is given stays its own"


def photos_are_added_by_keyboard(desktop: Page, small: bytes) -> None:
    desktop.on("filechooser", lambda chooser: chooser.set_files(file(small)))
    fill_form(desktop)
    desktop.get_by_label("Что именно не так").focus()

    tab_to(desktop, desktop.locator("input#photos"))
    ring = desktop.locator(".pick").evaluate("label => getComputedStyle(label).outlineStyle")
    assert ring == "solid"
    desktop.keyboard.press("Enter")
    expect_uploaded(desktop)
    desktop.get_by_label("Что именно не так").focus()
    tab_to(desktop, desktop.locator(".photo button"))
    expect(desktop.locator(".photo button")).to_have_accessible_name("Убрать Фото 1")
    expect(desktop.locator(".photo button")).to_have_accessible_description("Загружено")
    tab_to(desktop, desktop.locator(".photo input"))
    desktop.keyboard.type("Яма")
    desktop.keyboard.press("Shift+Tab")
    desktop.keyboard.press("Enter")
    expect(photos(desktop)).to_have_count(0)
    expect(desktop.locator("input#photos")).to_be_focused()


def test_the_photo_section_passes_axe(desktop: Page, watch: Watch, widget_site: WidgetSite, small: bytes) -> None:
    """With what no state of test_widget_states.py has: a photo that waits."""
    watch.allow("status of 503")
    page = desktop
    open_form(page, widget_site.page(widget_site.snippet('theme="light"')))
    ready(page)
    seen = 0

    def fail_second(route: Route) -> None:
        nonlocal seen
        seen += route.request.method == "POST"
        if seen == 2:
            route.fulfill(status=503, json={"retry_after": 600}, headers=ANY_ORIGIN)
        elif seen < 2:
            route.continue_()

    page.route(UPLOADS, fail_second)
    choose(page, file(small))
    expect(photos(page).locator(".state .icon")).to_have_count(1)
    choose(page, file(small))
    expect(photos(page).locator(".state .icon")).to_have_count(2)
    choose(page, file(b"%PDF", "a.pdf", "application/pdf"))
    expect(page.get_by_role("alert")).to_be_visible()
    check_appearance(page, "uploaded, waiting, refused", ("dark", "contrast"))


def test_the_first_press_opens_the_chooser_whenever_the_chunk_loads(desktop: Page, address: str, small: bytes) -> None:
    held: list[Route] = []
    desktop.route(re.compile(r"/photos-"), lambda route: held.append(route))
    for arrives in ("before the choice", "after it"):
        held.clear()
        open_form(desktop, address)
        intercept_choosers(desktop)
        with desktop.expect_file_chooser() as chooser:
            desktop.get_by_text("Выбрать фото").click()
        if arrives == "before the choice":
            arrived(desktop, held).continue_()
            expect(desktop.locator(LOADED_CONTROL)).to_be_attached()
        chooser.value.set_files([file(small)])
        if arrives == "after it":
            arrived(desktop, held).continue_()
        expect_uploaded(desktop)
        forget(desktop)


def test_loading_the_chunk_keeps_layout_and_focus(desktop: Page, address: str) -> None:
    """Otherwise a press meant for the address would hit something else. Larger text takes more lines."""
    held: list[Route] = []
    desktop.route(re.compile(r"/photos-"), lambda route: held.append(route))
    for theme in ("light", "contrast-blue"):
        held.clear()
        open_form(desktop, address)
        wear(desktop, theme)
        below = desktop.get_by_label("Адрес или ориентир")
        below.scroll_into_view_if_needed()
        desktop.locator("input#photos").focus()
        code = arrived(desktop, held)
        draw_twice(desktop)
        before = below.bounding_box()
        code.continue_()
        expect(desktop.locator(LOADED_CONTROL)).to_be_attached()
        assert below.bounding_box() == before
        expect(desktop.locator("input#photos")).to_be_focused()
        assert len(held) == 1
