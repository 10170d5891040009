"""Find the Markdown documents that came with the service, and render each for a reader's language.

`docs/embedding.md` and `docs/embedding.ru.md` are one document, `/docs/embedding`, in two languages. Links between
files lead to the pages made of them; links to files that the service does not have become text.
"""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from widget_api import i18n
from widget_api.errors import NotFound
from widget_api.files import find_carried

PREFIX = "/docs"
FALLBACK_LANGUAGE = "en"  # of a file without a language in its name
# What the index shows, for whom. A document that is not there yet is left out.
GROUPS = (
    ("webmasters", ("embedding", "webmaster", "collections")),
    ("agencies", ("cabinet", "mailbox", "figures")),
    ("programs", ("api", "opendata", "api-changelog", "differences")),
    ("operators", ("install", "operating", "performance", "architecture", "decisions", "changelog")),
)
NAMES = tuple(name for _, names in GROUPS for name in names)
# Paths inside the repository, and inside an installed package, which has the same folders.
_SOURCES = ("CHANGELOG*.md", "docs/*.md", "docs/decisions/*.md")
_FILES = ("docs", "embed_examples", "dist")  # pictures, sources of host pages, licences of a release
_ROOT = find_carried("docs").parent


@dataclass
class Section:
    """A heading with the text below it, up to the next heading. `blocks` are its paragraphs, items and table rows."""

    level: int
    id: str
    heading: str
    blocks: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document for a reader. Its text is parsed, and its page rendered, once somebody wants them: most of a second
    for all documents together.
    """

    name: str
    language: str  # which is not the reader's where the document has no translation
    reader: str
    source: str
    title: str

    @property
    def url(self) -> str:
        return f"{PREFIX}/{self.name}"

    @property
    def sections(self) -> tuple[Section, ...]:
        return _list_sections(self.source)

    @property
    def contents(self) -> list[tuple[Section, list[Section]]]:
        """The headings below the title: those of level 2, each with those of level 3."""
        tree: list[tuple[Section, list[Section]]] = []
        for section in self.sections:
            if section.level == 2:
                tree.append((section, []))
            elif section.level == 3 and tree:
                tree[-1][1].append(section)
        return tree


@cache
def _sources() -> dict[str, dict[str, str]]:
    """Map the name of each document to its files, by language."""
    found: dict[str, dict[str, str]] = {}
    for pattern in _SOURCES:
        for path in sorted(_ROOT.glob(pattern)):
            source = path.relative_to(_ROOT).as_posix()
            name, language = _identify(source)
            found.setdefault(name, {})[language] = source
    return found


def _identify(source: str) -> tuple[str, str]:
    """Return the name and the language of a file: «docs/decisions/README.md» → («decisions», «en»)."""
    stem, _, suffix = source.removesuffix(".md").rpartition(".")
    stem, language = (stem, suffix) if suffix in i18n.LANGUAGES else (source.removesuffix(".md"), FALLBACK_LANGUAGE)
    return stem.removeprefix("docs/").removesuffix("/README").lower(), language


def _language(name: str, language: str) -> str:
    """Return the language in which a reader of `language` gets a document."""
    files = _sources()[name]
    return next(one for one in (language, FALLBACK_LANGUAGE, *files) if one in files)


def has(name: str) -> bool:
    return name in _sources()


def read_file(path: str) -> tuple[bytes, str]:
    """Return the content of a file beside the documents, and its media type. Raises NotFound."""
    source = path if path.startswith(_FILES[1:]) else f"docs/{path}"
    if not _is_file(source):
        raise NotFound
    return (_ROOT / source).read_bytes(), "image/png" if source.endswith(".png") else "text/plain; charset=utf-8"


def _is_file(source: str) -> bool:
    try:
        path = (_ROOT / source).resolve()
        return any(path.is_relative_to((_ROOT / folder).resolve()) for folder in _FILES) and path.is_file()
    except (ValueError, OSError):  # NUL, or longer than a name can be
        return False


@cache
def get(name: str, language: str) -> Document:
    """Return a document as a reader of this language gets it. Raises NotFound."""
    if not has(name):
        raise NotFound
    shown = _language(name, language)
    source = _sources()[name][shown]
    with (_ROOT / source).open(encoding="utf-8") as file:
        title = file.readline().removeprefix("# ").replace("`", "").strip()
    return Document(name=name, language=shown, reader=language, source=source, title=title)


@cache
def render(document: Document) -> str:
    """Return the HTML of a document."""
    tokens, _ = _parse(document.source)
    _Page(document.source, document.name, document.language, document.reader).prepare(tokens)
    return str(_markdown().renderer.render(tokens, _markdown().options, {}))


@cache
def _markdown() -> MarkdownIt:
    """Tables and code that are wider than the page scroll, also by keyboard."""

    def open_table(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        box = (
            f'<div class="scroll" tabindex="0" role="group" aria-labelledby="{escape(tokens[index].meta["heading"])}">'
        )
        return f"{box}\n{self.renderToken(tokens, index, options, env)}"

    def close_table(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        return f"{self.renderToken(tokens, index, options, env)}</div>\n"

    def code(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        return f'<pre class="scroll" tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'

    made = MarkdownIt("commonmark", {"html": False, "xhtmlOut": False}).enable("table")
    rules = {"table_open": open_table, "table_close": close_table, "fence": code, "code_block": code}
    for name, rule in rules.items():
        made.add_render_rule(name, rule)
    return made


def _parse(source: str) -> tuple[list[Token], list[Section]]:
    """Parse a file. Headings get their `id`, the same as on GitHub, which links in documents use."""
    tokens = _markdown().parse((_ROOT / source).read_text("utf-8"))
    sections: list[Section] = []
    row: list[str] | None = None
    for before, token in zip([None, *tokens], tokens, strict=False):
        text = _text(token.children) if token.children else token.content if token.type == "fence" else ""
        if before and before.type == "heading_open":
            identifier = _anchor(text, {section.id for section in sections})
            before.attrSet("id", identifier)
            sections.append(Section(int(before.tag[1:]), identifier, text))
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            sections[-1].blocks.append(" · ".join(filter(None, row)))
            row = None
        elif text and row is not None:
            row.append(text)
        elif text:
            sections[-1].blocks.append(text)
    return tokens, sections


def _text(tokens: Sequence[Token]) -> str:
    return "".join(" " if token.type == "softbreak" else token.content for token in tokens)


def _anchor(heading: str, taken: set[str]) -> str:
    slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    numbered = (f"{slug}-{number}" for number in range(1, len(taken) + 2))
    return slug if slug not in taken else next(one for one in numbered if one not in taken)


@cache
def _list_sections(source: str) -> tuple[Section, ...]:
    return tuple(_parse(source)[1])


def _anchors(source: str) -> tuple[str, ...]:
    return tuple(section.id for section in _list_sections(source))


@dataclass(frozen=True)
class _Page:
    """A file being made into a page: the document it is of, its language, and the reader's."""

    source: str
    name: str
    language: str
    reader: str

    def prepare(self, tokens: list[Token]) -> None:
        """Change links, pictures and tables to what they have to be on a page."""
        heading, link = "", None
        for token in _all(tokens):
            if token.type == "heading_open":
                heading = str(token.attrGet("id"))
            elif token.type == "link_open":
                link = self._point(token)
            elif token.type == "link_close" and link:
                token.tag = link.tag
            elif token.type == "image":
                token.attrs = {**token.attrs, **self._picture(str(token.attrs["src"])), "loading": "lazy"}
            elif token.type in ("td_open", "th_open"):
                align = token.attrs.pop("style", "")  # styles in attributes are against the policy of our pages
                token.attrs |= {"class": "figure"} if align == "text-align:right" else {}
                token.attrs |= {"scope": "col"} if token.type == "th_open" else {}
            elif token.type == "table_open":
                token.attrs["class"], token.meta["heading"] = "plain", heading

    def _point(self, link: Token) -> Token:
        """Set where a link leads; one with nothing at its end becomes text."""
        found = self.resolve(str(link.attrs["href"]))
        link.tag, link.attrs = ("a", {"href": found}) if found else ("span", {})
        return link

    def resolve(self, href: str) -> str | None:
        """Return the address that a link of the file leads to, or None if the service does not have it."""
        if href.startswith(("https://", "http://", "mailto:")):
            return href
        path, _, anchor = unquote(href).partition("#")
        if not path:
            return f"#{anchor}"
        source = posixpath.normpath(posixpath.join(posixpath.dirname(self.source), path))
        name, language = _identify(source)
        if source in _sources().get(name, {}).values():
            if name == self.name and language != self.language:
                return f"{PREFIX}/{name}?lang={language}"
            return f"{PREFIX}/{name}" + (f"#{self._counterpart(name, source, anchor)}" if anchor else "")
        files = (source, f"{source}/index.html")
        return next((f"{PREFIX}/{file.removeprefix('docs/')}" for file in files if _is_file(file)), None)

    def _counterpart(self, name: str, source: str, anchor: str) -> str:
        """Return the anchor of the same heading in the language in which the reader gets that document."""
        meant, shown = _anchors(source), _anchors(_sources()[name][_language(name, self.reader)])
        return shown[meant.index(anchor)] if anchor in meant and len(meant) == len(shown) else anchor

    def _picture(self, src: str) -> dict[str, Any]:
        """Return the address of a picture and its size, so that the text below does not jump when it comes."""
        address = self.resolve(src) or src
        width, height = struct.unpack(">II", read_file(address.removeprefix(f"{PREFIX}/"))[0][16:24])  # PNG, 11.2.2
        return {"src": address, "width": width, "height": height}


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())
