"""The comparison of host page snapshots reports what it should, and nothing where nothing changed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.host import Host
from tests.support.pages import HostPages

PAGE = """<!doctype html><html lang=ru><title>Сайт</title><link rel=stylesheet href=style.css>
<body><h1 id=top>Заголовок</h1><p class=a>Текст</p><input id=field value=1>
<igrajdanin-widget><a href=#>Ссылка</a></igrajdanin-widget><div data-igrajdanin-widget=k><a href=#>Ссылка</a></div>
<script>library = {version: 1, fn: function () {}}; addEventListener("resize", early = () => {})</script>"""

CHANGES = {
    "an element": ("document.body.append(document.createElement('i'))", "dom new: <i"),
    "an element gone": ("document.querySelector('.a').remove()", "dom gone: <p"),
    "an attribute": ("document.body.className = 'modal-open'", 'dom new: <body class="modal-open"'),
    "a text": ("document.querySelector('.a').textContent = 'Другой'", "dom new: Другой"),
    "an attribute of our element": (
        "document.querySelector('igrajdanin-widget').id = 'x'",
        "dom new: <igrajdanin-widget",
    ),
    "a style": ("document.styleSheets[0].insertRule('p { color: red }')", "style html > body:2 > p:2 color"),
    "a pseudo-element": (
        "document.styleSheets[0].insertRule('h1::before { content: \"!\" }')",
        "style html > body:2 > h1#top:1::before content",
    ),
    "a sheet": ("document.adoptedStyleSheets = [new CSSStyleSheet()]", "page adopted sheets"),
    "a global": ("window.leaked = 1", "global window.leaked"),
    "a global replaced": ("window.library = {}", "global window.library"),
    "a global's property": ("library.version = 2", "global library.version"),
    "a built-in function": ("Array.from = () => []", "global Array.from"),
    "a prototype's method": ("Element.prototype.closest = () => null", "global Element.prototype.closest"),
    "a prototype's addition": ("Array.prototype.last = () => 0", "global Array.prototype.last"),
    "JSON": ("JSON.parse = () => 1", "global JSON.parse"),
    "a listener": ("document.addEventListener('click', () => {})", "listener document: click"),
    "a listener gone": ("removeEventListener('resize', early)", "listener window: resize"),
    "an element's listener": ("document.querySelector('#top').addEventListener('x', () => {})", "h1#top:1: x"),
    "a handler": ("window.onerror = () => {}", "listener window.onerror"),
    "the title": ("document.title = '(1) Сайт'", "page title"),
    "history": ("history.pushState(1, ''); history.pushState(1, '', '#deep')", "page history"),
    "a cookie": ("document.cookie = 'a=1'", "page cookies"),
    "local storage": ("localStorage.setItem('a', 1)", "page localStorage"),
    "session storage": ("sessionStorage.setItem('a', 1)", "page sessionStorage"),
    "a database": ("new Promise(done => { indexedDB.open('a').onsuccess = done })", "page databases"),
    "a field": ("field.value = 2", "page fields"),
    "scrolling": ("document.body.style.height = '5000px'; scrollTo(0, 500)", "page scroll"),
}
DOCUMENTS = 5  # the changes made in one of them lie far apart in the list


@pytest.fixture
def host(page: Page, tmp_path: Path, host_pages: Callable[..., HostPages]) -> Host:
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "favicon.ico").write_bytes(b"")
    (tmp_path / "style.css").write_text("h1 { color: navy }")
    watched = Host(page)
    page.goto(host_pages(tmp_path).url)
    return watched


def test_an_unchanged_page_has_no_differences(host: Host) -> None:
    assert host.changed(host.take()) == []


def test_changes_are_reported(page: Page, host: Host) -> None:
    """Each beside few others; what stays in the browser's storage is changed once."""
    unseen = dict[str, list[str]]()
    for first in range(DOCUMENTS):
        page.reload()
        before = host.take()
        changes = list(CHANGES.items())[first::DOCUMENTS]
        for _, (script, _) in changes:
            page.evaluate(script)
        differences = host.changed(before)
        for change, (_, line) in changes:
            if not any(line in difference for difference in differences):
                unseen[change] = differences
    assert unseen == {}


def test_documented_changes_are_not_reported(page: Page, host: Host) -> None:
    before = host.take()
    page.evaluate(
        """window.igrajdanin = () => {};
        document.querySelector('igrajdanin-widget').attachShadow({mode: 'open'}).append('Кнопка');
        const inner = document.createElement('igrajdanin-widget'), div = document.querySelector('div');
        inner.append(...div.childNodes); div.append(inner);
        inner.addEventListener('click', () => {});"""
    )
    assert [line for line in host.changed(before) if not line.startswith(("style", "page height"))] == []
