"""The documents as pages of the service: both languages, every link, the search, the packages for other systems."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.conftest import ONE_DATABASE, Client
from widget_api.database import word_forms
from widget_api.sites.install import packages
from widget_api.sites.model import Site

pytestmark = ONE_DATABASE
ROOT = Path(__file__).parents[2]
both = pytest.mark.parametrize("language", ["ru", "en"])


async def read(client: Client, path: str, language: str = "ru") -> LexborHTMLParser:
    answer = await client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, path
    return LexborHTMLParser(answer.text)


def first(page: LexborHTMLParser, selector: str) -> LexborNode:
    found = page.css_first(selector)
    assert found is not None, selector
    return found


def text(page: LexborHTMLParser, selector: str) -> str:
    return re.sub(r"\s+", " ", first(page, selector).text()).strip()


@both
async def test_every_link_of_every_document_leads_somewhere(client: Client, language: str) -> None:
    """From the index on, with anchors. Each page has one title, unique ids, and nothing that our policy forbids."""
    ids, links = dict[str, set[str]](), dict[str, str]()  # by address; address → the page that links to it
    left, seen = ["/docs"], {"/docs"}
    while left:
        address = left.pop()
        answer = await client.get(address, headers={"Accept-Language": language})
        client.cookies.clear()
        assert answer.status_code == 200, f"{address}: {[target for target in links if target.startswith(address)]}"
        if not answer.headers["content-type"].startswith("text/html") or re.search(r"^(?!/docs)|\?lang=", address):
            continue  # the other language has its own turn
        page = LexborHTMLParser(answer.text)
        assert len(page.css("h1")) == 1, address
        assert page.css("script, [style], span[href]") == [], address
        found = [node.attributes["id"] or "" for node in page.css("[id]")]
        assert len(found) == len(set(found)), address
        ids[address] = set(found)
        for node in page.css("a[href], img[src]"):
            target = urljoin(address, node.attributes.get("href") or node.attributes.get("src") or "")
            if target.startswith(("https://", "/display")):
                continue
            assert target.startswith("/"), target
            links.setdefault(target, address)
            if (plain := urldefrag(target)[0]) not in seen:
                seen.add(plain)
                left.append(plain)
    broken = list[str]()
    for target, address in links.items():
        plain, anchor = urldefrag(target)
        if anchor and anchor not in ids.get(plain, {anchor}):
            broken.append(f"{target} of {address}")
    assert broken == []
    written = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in ROOT.glob("docs/**/*.md")}
    expected = {name.removesuffix(".ru").removesuffix("/README") for name in written} | {"changelog"}
    assert {address.removeprefix("/docs/") for address in ids} - {"/docs"} == expected


@both
async def test_a_document_is_shown_in_the_language_of_its_reader_or_says_which_it_has(
    client: Client, language: str
) -> None:
    page = await read(client, "/docs/embedding", language)
    assert first(page, "html").attributes["lang"] == language
    assert first(page, "article").attributes.get("lang") is None
    assert text(page, "h1") == {"ru": "Как поставить виджет на сайт", "en": "Putting the widget on a site"}[language]
    assert page.css(".notice") == []
    for name, written in (("api", "en"), ("mailbox", "ru")):
        page = await read(client, f"/docs/{name}", language)
        assert first(page, "html").attributes["lang"] == language
        assert first(page, "article").attributes.get("lang") == (None if written == language else written)
        expected = {"en": "только на английском", "ru": "only in Russian"}[written]
        assert [expected in node.text() for node in page.css(".notice")] == [True] * (written != language)


async def test_the_search_finds_other_forms_of_words_and_where_they_stand(client: Client) -> None:
    page = await read(client, "/docs?q=проверке установку")
    assert first(page, ".shelf a").attributes["href"] == "/docs/embedding#проверка-установки"
    assert [mark.text() for mark in page.css(".shelf > :first-child > a mark")] == ["Проверка", "установки"]
    assert page.css(".shelf p mark") != []
    page = await read(client, "/docs?q=backups restored", "en")
    assert first(page, ".shelf a").attributes["href"] == "/docs/operating#backup-and-restore"
    assert "/docs/embedding#content-security-policy" in [
        one.attributes["href"] for one in (await read(client, "/docs?q=CSP", "en")).css(".shelf a")
    ]
    assert (await read(client, "/docs?q=idempotency")).css('.shelf a > [lang="en"]')
    partly = await read(client, "/docs?q=безлепица WordPress")
    assert text(partly, ".shelf a") == "WordPress"
    assert "часть из них" in text(partly, "main > p")


async def test_the_search_says_when_there_is_nothing_and_prints_what_was_asked_as_text(client: Client) -> None:
    for asked, nothing in (("безлепица", True), ("!", True), ('"><script>x("&amp;")</script>', False), ("\x00", True)):
        answer = await client.get("/docs", params={"q": asked})
        page = LexborHTMLParser(answer.text)
        assert (answer.status_code, page.css("script")) == (200, [])
        assert ("ничего не нашлось" in text(page, "main > p")) == nothing
        assert first(page, "[name=q]").attributes["value"] == asked.replace("\x00", "\ufffd")
        assert 'name="robots" content="noindex' in answer.text
    empty = await client.get("/docs", params={"q": " "})
    assert "ничего" not in empty.text


async def test_a_search_for_common_words_reads_few_sections(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, read_again, stem = "/docs?q=the a of to in is and that for it on be", list[str](), word_forms.stem

    def counted(word: str) -> str:
        read_again.append(word)
        return stem(word)

    await read(client, asked, "en")  # the first one makes the index
    monkeypatch.setattr(word_forms, "stem", counted)
    assert len((await read(client, asked, "en")).css(".shelf > li")) > 10
    assert len(read_again) < 3000, "only the words of what is shown"


async def test_documents_are_kept_in_shared_caches_by_language_and_colours(client: Client) -> None:
    plain = {"Accept-Encoding": "identity"}
    tags = set[str]()
    for path in ("/docs", "/docs/embedding", "/docs/pictures/city.png"):
        for headers in ({"Accept-Language": "en"}, {"Cookie": "__Host-theme=blue"}, {}):
            answer = await client.get(path, headers=plain | headers)
            assert "s-maxage" in answer.headers["cache-control"]
            tags.add(answer.headers["etag"])
            again = await client.get(path, headers=plain | headers | {"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
    assert len(tags) == 3 + 3 + 1
    chosen = await client.get("/docs/embedding?lang=en")
    assert (chosen.headers["cache-control"], "lang=en" in chosen.headers["set-cookie"]) == ("no-store", True)


async def test_only_what_documents_refer_to_is_served_and_packages_are_offered(client: Client, site: Site) -> None:
    example = await client.get("/docs/embed_examples/plain/index.html")
    assert (example.status_code, example.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    for path in ("nowhere", "pictures", "..%2fpyproject.toml", "embed_examples/..%2f..%2fMakefile", "%00", "x" * 5_000):
        assert (await client.get(f"/docs/{path}")).status_code == 404, path
    index, generator = await read(client, "/docs"), await read(client, f"/s/{site.key}/install")
    for package in packages.PACKAGES:
        address = f"/docs/packages/{package.file_name}"
        for page in (index, generator):
            assert page.css(f'a[href="{address}"][download]'), address
        answer = await client.get(address)
        assert answer.content == packages.build_package(package)
        assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"] == f'attachment; filename="{package.file_name}"'
    assert (await client.get("/docs/packages/igrajdanin-drupal-1.0.0.zip")).status_code == 404
    for path in ("/", "/cabinet/sign-in"):
        assert (await read(client, path)).css('main a[href="/docs"]'), path
    assert (await read(client, f"/s/{site.key}/install")).css('main a[href="/docs/embedding"]')
    assert (await read(client, "/api/v1/docs")).css('main a[href="/docs/api"]')
