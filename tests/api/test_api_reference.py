"""The readable page of the API: complete, of our own origin, without scripts, in each language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ONE_DATABASE, Client
from widget_api import openapi
from widget_api.openapi import reference
from widget_api.web import pages

pytestmark = ONE_DATABASE
PAGE = "/api/v1/docs"
CHANGELOG = Path(__file__).parents[2] / "docs" / "api-changelog.md"


@pytest.fixture
async def page(client: Client) -> str:
    answer = await client.get(PAGE)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    return answer.text


async def test_it_holds_every_call_model_and_change_without_scripts(page: str) -> None:
    document = openapi.document("https://widget.test")
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            assert f"<strong>{method.upper()}</strong> {path}</code>" in page
            assert f'<article id="{call["operationId"]}"' in page
    for name, schema in document["components"]["schemas"].items():
        _, _, section = page.partition(f'<section id="model-{name}">')
        assert section, name
        for field in schema.get("properties", {}):
            assert f"<code>{field}</code>" in section.partition("</section>")[0], f"{name}.{field}"
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="https?://', page)
    anchors = re.findall(r' id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)
    text = CHANGELOG.read_text()
    sections = reference.read_changelog()
    assert [heading for heading, _ in sections] == re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sum(len(items) for _, items in sections) == len(re.findall(r"^- ", text, re.MULTILINE))
    assert page.count('<h3 lang="en">1.0.0') == 1


async def test_headings_are_in_the_readers_language(client: Client) -> None:
    for language, heading in (("ru", "Что изменилось"), ("en", "Changes")):
        page = (await client.get(f"{PAGE}?lang={language}")).text
        assert f'<h2 id="changes">{heading}</h2>' in page, language
        assert "`" not in page, "marks of code are drawn"


@pytest.mark.parametrize("path", [PAGE, "/api/v1/openapi.json"])
async def test_it_is_kept_here_and_in_shared_caches(client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    plain = {"Accept-Encoding": "identity"}
    first = await client.get(path, headers=plain)
    monkeypatch.setattr(pages, "render", None)
    monkeypatch.setattr(openapi, "content", None)
    again = await client.get(path, headers=plain)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert first.headers["etag"].startswith('"')
    assert "s-maxage" in first.headers["cache-control"]
    unchanged = await client.get(path, headers=plain | {"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_it_is_kept_by_language_and_theme(client: Client) -> None:
    themed = {"Accept-Language": "ru", "Cookie": "__Host-theme=blue"}
    asked = [{"Accept-Language": "ru"}, {"Accept-Language": "en"}, themed]
    answers = [await client.get(PAGE, headers=headers) for headers in asked]
    assert {answer.headers["vary"] for answer in answers} == {"Accept-Language, Cookie, Accept-Encoding"}
    assert len({answer.headers["etag"] for answer in answers}) == 3
    assert ['data-theme="blue"' in answer.text for answer in answers] == [False, False, True]
    chosen = await client.get(f"{PAGE}?lang=en")
    assert (chosen.headers["cache-control"], "lang=en" in chosen.headers["set-cookie"]) == ("no-store", True)
    assert chosen.content == answers[1].content
