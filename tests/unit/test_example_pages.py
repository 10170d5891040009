"""embed_examples/serve.py fills in placeholders, sends each example its headers, and nothing else."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.pages import EXAMPLES, WatchedPages, examples
from tests.support.processes import die_with_parent, free_port

VALUES = {"W": "https://w.test", "KEY": "wk_first", "KEY2": "wk_second"}


@pytest.fixture(scope="module")
def pages() -> Iterator[WatchedPages]:
    with closing(WatchedPages(VALUES)) as served:
        yield served


def get(port: int, path: str) -> tuple[int, str, http.client.HTTPMessage]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path)  # unchanged: a browser would normalise «..»
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers


def test_placeholders_are_filled_in_pages_and_headers(pages: WatchedPages) -> None:
    released = json.loads((EXAMPLES.parent / "dist" / "released.json").read_text())
    newest = list(released)[-1]
    for path in EXAMPLES.glob("*/index.html"):
        status, text, headers = get(pages.port, f"/{path.parent.name}/")
        assert (status, "{{" in text + str(headers)) == (200, False), path
        assert '<meta name="description" content="' in text, path
    _, text, _ = get(pages.port, "/two/")
    assert 'site-key="wk_first"' in text
    assert 'site-key="wk_second"' in text
    assert f'https://w.test/w/{newest}/loader.js" integrity="{released[newest]["loader.js"]}"' in text
    policy = get(pages.port, "/strict-csp/")[2]["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src https://w.test; ")
    assert get(pages.port, "/plain/style.css")[2]["Content-Type"].startswith("text/css")


def test_torture_pages_hold_the_subject_and_none_of_their_fields(pages: WatchedPages) -> None:
    _, contents, _ = get(pages.port, "/torture/")
    for name in examples.hazards():
        status, text, headers = get(pages.port, f"/torture/{name}.html")
        assert (status, "{{" in text + str(headers), "title: " in text) == (200, False, False), name
        assert f'href="{name}.html"' in contents
        assert (' nonce="' in text) == ("'nonce-" in str(headers)), name
        assert 'site-key="wk_first"' in text


def test_every_answer_has_a_new_nonce(pages: WatchedPages) -> None:
    answers = [get(pages.port, "/nonce-csp/") for _ in range(2)]
    nonces = [text.partition('nonce="')[2].partition('"')[0] for _, text, _ in answers]
    assert all(
        f"'nonce-{nonce}'" in answer[2]["Content-Security-Policy"]
        for nonce, answer in zip(nonces, answers, strict=True)
    )
    assert len(set(nonces)) == 2


def test_the_index_page_lists_the_examples(pages: WatchedPages) -> None:
    _, text, _ = get(pages.port, "/")
    assert all(f'href="/{path.parent.name}/"' in text for path in EXAMPLES.glob("*/index.html"))
    assert '<meta name="description" content="' in text
    assert text.index('href="/plain/"') < text.index('href="/bitrix/"')


@pytest.mark.parametrize(
    "path",
    ["/serve.py", "/plain/../serve.py", "/plain/../../README.md", "/igrajdanin/../pyproject.toml", "/nothing/",
     "/wordpress/igrajdanin-widget/settings.php", "/strict-csp/headers.json", "/%2e%2e/README.md", "//etc/hostname",
     "/plain/../../widget_api/static/pages.css", "/igrajdanin/../widget_api/static/icon.svg"],
)  # fmt: skip
def test_other_files_are_not_served(pages: WatchedPages, path: str) -> None:
    assert get(pages.port, path)[0] == 404


def test_it_runs_as_a_program() -> None:
    port = free_port()
    command = [sys.executable, str(EXAMPLES / "serve.py"), "--port", str(port), "--key", "wk_one"]
    process = subprocess.Popen(die_with_parent(command), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        _, text, _ = get(port, "/two/")
        assert text.count('site-key="wk_one"') == 2, "without a second key both are for the one site"
    finally:
        process.terminate()
        process.communicate()
