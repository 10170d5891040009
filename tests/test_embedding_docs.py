"""docs/embedding.md and its Russian translation: every snippet is tested, and both say the same."""

import re
from pathlib import Path

import pytest

from tests.factories import make_site
from tests.support.pages import examples
from widget_api import i18n
from widget_api.database import Database
from widget_api.sites.install import options
from widget_api.web import releases

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {name: (ROOT / "docs" / name).read_text() for name in ("embedding.md", "embedding.ru.md")}
EXAMPLES = {path.parent.name: path.read_text() for path in (ROOT / "embed_examples").glob("*/index.html")}
WIDGET = ROOT / "widget_js"

each = pytest.mark.parametrize("name", DOCUMENTS)


def blocks(text: str, language: str) -> list[str]:
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [code for named, code in found if named == language]


def packed(html: str) -> str:
    """Ignore indentation and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r">\s+<", "><", html)).strip()


def filled(snippet: str) -> str:
    """A documented snippet with the placeholders of the examples."""
    named = {
        "https://W": "{{W}}",
        "wk_…": "{{KEY}}",
        "igrajdanin/X.Y.Z": "igrajdanin/{{BUILD}}",
        "X.Y.Z": "{{VERSION}}",
        "sha384-…": "{{INTEGRITY}}",
    }
    named['nonce="…"'] = 'nonce="{{NONCE}}"'
    for said, meant in named.items():
        snippet = snippet.replace(said, meant)
    return snippet


@each
def test_every_snippet_is_part_of_a_tested_example(name: str) -> None:
    snippets = [one for one in blocks(DOCUMENTS[name], "html") if "<meta" not in one]
    assert len(snippets) >= 6
    pages = [packed(page) for page in EXAMPLES.values()]
    # A preselected category or another key does not make it a different snippet.
    pages = [page.replace(' data-category="yards"', "").replace("{{KEY2}}", "{{KEY}}") for page in pages]
    assert [one for one in snippets if not any(packed(filled(one)) in page for page in pages)] == []


@pytest.fixture
def dialect() -> str:
    return "sqlite"


async def test_the_documented_codes_match_the_install_page(database: Database) -> None:
    """The install page and the documents contain the same iframe, snippet and `div`."""
    site = await make_site(database, type="extended")
    made = options.make_code(site, options.Options(type="extended"), "https://W", "Сообщить о проблеме")
    for text in DOCUMENTS.values():
        documented = {packed(one) for one in blocks(text, "html")}
        for handed_out in (made.snippet, made.div, *made.frame.split("\n<script")):
            code = packed(handed_out if handed_out.startswith("<") else f"<script{handed_out}")
            assert code.replace(site.key, "wk_…") in documented


@each
def test_the_steps_in_the_cabinet_are_described_correctly(name: str) -> None:
    """The checkbox beside a refused origin is required: the button alone does nothing."""
    for label in ("install.check.add_sure", "install.check.add"):
        assert f"«{i18n.text('ru', label, origin='…').removesuffix(': …')}»" in re.sub(r"\s+", " ", DOCUMENTS[name])


@each
def test_every_example_is_named(name: str) -> None:
    linked = set(re.findall(r"\(\.\./embed_examples/([a-z-]+)/", DOCUMENTS[name]))
    assert set(EXAMPLES) == linked


@each
def test_every_torture_page_is_named(name: str) -> None:
    (section,) = (one for one in DOCUMENTS[name].split("\n## ") if "`embed_examples/torture/`" in one)
    rows = "".join(re.findall(r"^\| .*", section, re.MULTILINE))
    assert sorted(re.findall(r"`([a-z-]+)`", rows)) == examples.hazards()


def test_the_first_page_links_every_example_and_the_plain_one_first() -> None:
    linked = re.findall(r'href="/([a-z-]+)/"', (ROOT / "embed_examples" / "contents.html").read_text())
    assert linked[0] == "plain"
    assert sorted(linked) == sorted(EXAMPLES)


@each
def test_the_strictest_policy_matches_the_example(name: str) -> None:
    (policy,) = (one for one in blocks(DOCUMENTS[name], "") if "default-src" in one)
    headers = (ROOT / "embed_examples" / "strict-csp" / "headers.json").read_text()
    assert packed(policy).replace(" W", " {{W}}") in headers


@each
def test_every_event_and_attribute_exists(name: str) -> None:
    sources = "".join(path.read_text() for path in WIDGET.rglob("*.ts*") if "tests" not in path.parts)
    events = set(re.findall(r"`igrajdanin:([a-z]+)`", DOCUMENTS[name]))
    assert events == {"ready", "open", "close", "step", "submitted", "error"}
    assert all(f'"{event}"' in sources for event in events)
    rows = re.findall(r"^\| `([a-z][a-z-]+)` \|", DOCUMENTS[name], re.MULTILINE)
    assert set(rows) == set(re.findall(r'attribute\(\w+, "([a-z-]+)"\)', sources))


def test_only_releases_are_named_in_addresses() -> None:
    texts = [*DOCUMENTS.values(), (WIDGET / "npm" / "README.md").read_text(), *EXAMPLES.values()]
    named = {version for text in texts for version in re.findall(r"(?:\bw|dist|igrajdanin)/(\d+\.\d+\.\d+)", text)}
    assert named <= set(releases.list_releases())


def test_both_languages_correspond() -> None:
    english, russian = DOCUMENTS.values()

    def outline(text: str) -> list[str]:
        """Headings with their level, pictures, code without comments, tables with their number of rows."""
        text = re.sub(r"/\*.*?\*/|^// .*$", "", text, flags=re.MULTILINE)
        parts = r"^#+ |!\[.*?\]\((.*?)\)|^ *```.*?^ *```|^\|.*$"
        found = re.finditer(parts, text, re.MULTILINE | re.DOTALL)
        return [one[1] or (str(one[0].count("|")) if one[0].startswith("|") else one[0]) for one in found]

    def named(text: str) -> list[set[str]]:
        """The inline code of each section: attributes, headers, URLs, events."""
        prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
        return [set(re.findall(r"`([^`]+)`", section)) for section in re.split(r"^## ", prose, flags=re.MULTILINE)]

    assert outline(english) == outline(russian)
    assert named(english) == named(russian)


@each
def test_the_documented_goals_are_those_of_the_example(name: str) -> None:
    script = (ROOT / "embed_examples" / "metrika" / "goals.js").read_text()
    code = script[script.index("(function") :]
    assert code in blocks(DOCUMENTS[name], "js")


def test_every_picture_is_used() -> None:
    """Unused pictures must be deleted; test_docs.py checks that used ones exist."""
    shown = set().union(*(re.findall(r"\(pictures/([a-z-]+\.png)\)", text) for text in DOCUMENTS.values()))
    made = {path.name for path in (ROOT / "docs" / "pictures").glob("*.png")}
    assert {name for name in made if name.startswith(("embedding-", "wordpress-"))} == shown
    manual = (ROOT / "docs" / "cabinet.ru.md").read_text()
    assert {name for name in made if name.startswith("cabinet-")} == set(
        re.findall(r"\(pictures/(cabinet-[a-z-]+\.png)\)", manual)
    )
