"""Find the widget's elements in a host page, and the tags of its head, in linear time for any input.

Pages are untrusted: the standard library's parser takes minutes for a megabyte of «<a <a <a», selectolax half a minute
for 400,000 characters of «<div>».
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin

from widget_api.sites import origins

TAG = "igrajdanin-widget"
_MAX_ATTRIBUTES = 200  # of a tag
_MAX_ELEMENTS = 50  # of a kind
_MAX_ADDRESS_LENGTH = 2000
_MAX_JOINED = 1000  # addresses made absolute, since each costs the length of the base
_SPACES = " \t\n\f\r"  # of HTML: no others
_NAME = re.compile(rf"<(/?[a-zA-Z][^{_SPACES}/>\0]*+)")
# HTML, 13.2.5.33 and the following states: a name and an optional value in one of three forms.
_ATTRIBUTE = re.compile(
    rf"""[{_SPACES}/]*+([^{_SPACES}/>][^{_SPACES}/>=]*+)"""
    rf"""(?:[{_SPACES}]*+=[{_SPACES}]*+(?:"([^"]*+)"|'([^']*+)'|([^{_SPACES}>"'][^{_SPACES}>]*+)))?+"""
)
_OPEN_QUOTE = re.compile(rf"[{_SPACES}]*+=[{_SPACES}]*+[\"']")  # of a value that does not end
_TAG_END = re.compile(rf"[{_SPACES}/]*+>")
_COMMENT = re.compile(r"<!--(?:-?>|.*?--!?>)", re.DOTALL)
# Elements whose content is text, noscript included where scripts run.
_RAW_TEXT_TAGS = ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript")
_RAW_TEXT_END = re.compile(rf"</({'|'.join(_RAW_TEXT_TAGS)})(?=[{_SPACES}/>])", re.IGNORECASE)
# A script within a comment within a script does not end the outer one (HTML, 13.2.5.20 and the following states).
_SCRIPT_MARK = re.compile(rf"<!--(?!-?>)|-->|</?script(?=[{_SPACES}/>])", re.IGNORECASE)
# Tags of the head, and closing tags that end it; other closing tags are ignored there (HTML, 13.2.6.4.4).
_HEAD_TAGS = frozenset({"html", "head", "base", "basefont", "bgsound", "link", "meta", "noframes", "noscript", "script",
                        "style", "template", "title"})  # fmt: skip
_HEAD_ENDS = frozenset({"/body", "/br", "/html"})
_LOADER = re.compile(r"/(\d+\.\d+\.\d+|\d+)/loader\.js$")
_PATH = re.compile(r"/s/(wk_[A-Za-z0-9_-]{1,61})/(embed|report)$")


@dataclass(frozen=True)
class Script:
    """The loader's tag. `version` is «1.0.0», or «1» where it follows the newest release."""

    address: str
    version: str
    attributes: dict[str, str]


@dataclass
class Markup:
    """The widget's parts of a page. Addresses are absolute; `elements` are the widgets' attributes without `data-`."""

    elements: list[dict[str, str]] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    frames: list[tuple[str, str]] = field(default_factory=list)  # address, key
    links: list[tuple[str, str]] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)  # of meta elements


def parse_markup(source: str, address: str) -> Markup:
    """Find the widget's parts in the source of the page at `address`."""
    found, base, joined = Markup(), address, 0
    for name, attributes in iterate_tags(source):
        if joined >= _MAX_JOINED:
            return found
        if name == "base" and base == address:
            base = _join_address(address, attributes.get("href", "")) or base
        elif name == TAG and len(found.elements) < _MAX_ELEMENTS:
            found.elements.append(attributes)
        elif f"data-{TAG}" in attributes and len(found.elements) < _MAX_ELEMENTS:
            own = {key.removeprefix("data-"): value for key, value in attributes.items() if key.startswith("data-")}
            found.elements.append(own | {"site-key": own[TAG]})
        elif name == "script" and "loader.js" in attributes.get("src", ""):
            joined += 1
            _add_script(found, _join_address(base, attributes["src"]), attributes)
        elif name in ("iframe", "a") and "wk_" in (given := attributes.get("src" if name == "iframe" else "href", "")):
            joined += 1
            target = _join_address(base, given)
            path = _PATH.search(target.partition("?")[0].partition("#")[0])
            into, wanted = (found.frames, "embed") if name == "iframe" else (found.links, "report")
            if path and path[2] == wanted and len(into) < _MAX_ELEMENTS:
                into.append((target, path[1]))
        elif name == "meta" and attributes.get("http-equiv", "").lower() == "content-security-policy":
            found.policies.append(attributes.get("content", ""))
    return found


def iterate_tags(source: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield opening tags outside comments and raw text: the name in lower case, the first attribute of each name."""
    return (one for one in _iterate_tokens(source) if one[0] and not one[0].startswith("/"))


def iterate_head(source: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The same of the head alone, without the contents of templates. Text and any other tag begin the body."""
    templates = 0
    for name, attributes in _iterate_tokens(source):
        if name in ("template", "/template"):
            templates = max(0, templates + (1 if name == "template" else -1))
        elif templates:
            if name in ("svg", "math"):  # parsed by other rules
                return
        elif name in _HEAD_TAGS:
            yield name, attributes
        elif not name.startswith("/") or name in _HEAD_ENDS:
            return


def _iterate_tokens(source: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield opening tags, closing ones with a slash before their name, and with an empty name text other than spaces.

    Comments, declarations, raw text and a tag without an end are left out (HTML, 13.2.5).
    """
    at = 0
    while at < len(source):
        start = source.find("<", at)
        if source[at : start if start >= 0 else None].strip(_SPACES):
            yield "", {}
        if start < 0:
            return
        name = _NAME.match(source, start)
        if name is None:
            at = _skip_declaration(source, start)
            if at == start + 1:
                yield "", {}
            continue
        tag, parsed = name[1].lower(), _parse_attributes(source, name.end())
        if parsed is None:
            return
        yield tag, parsed[0]
        at = _find_raw_text_end(source, tag, parsed[1])


def _skip_declaration(source: str, at: int) -> int:
    """The position after a comment or a declaration at `at`, or after the character where there is none."""
    if source.startswith("<!--", at):
        comment = _COMMENT.match(source, at)
        return comment.end() if comment else len(source)
    if source.startswith(("<!", "<?", "</"), at):
        end = source.find(">", at)
        return len(source) if end < 0 else end + 1
    return at + 1


def _find_raw_text_end(source: str, tag: str, at: int) -> int:
    """Where the content of an element that began before `at` ends; `at` itself where it is not raw text."""
    if tag == "script":
        escaped = doubly = False
        for mark in _SCRIPT_MARK.finditer(source, at):
            kind = mark[0].lower()
            if kind == "<!--":
                escaped = True
            elif kind == "-->":
                escaped = doubly = False
            elif kind == "<script":
                doubly = escaped
            elif doubly:
                doubly = False
            else:
                return mark.start()
    elif tag in _RAW_TEXT_TAGS:
        ends = (end.start() for end in _RAW_TEXT_END.finditer(source, at) if end[1].lower() == tag)
        return next(ends, len(source))
    return len(source) if tag in ("script", "plaintext") else at


def _parse_attributes(source: str, at: int) -> tuple[dict[str, str], int] | None:
    """The attributes, of very many the first, and the position after the tag. None where the tag does not end."""
    attributes: dict[str, str] = {}
    while True:
        if end := _TAG_END.match(source, at):
            return attributes, end.end()
        one = _ATTRIBUTE.match(source, at)
        if one is None or (one.lastindex == 1 and _OPEN_QUOTE.match(source, one.end())):
            return None
        if len(attributes) < _MAX_ATTRIBUTES:
            value = next((part for part in one.groups()[1:] if part is not None), "")
            attributes.setdefault(one[1].lower(), _unescape(value))
        at = one.end()


def _unescape(value: str) -> str:
    try:
        return unescape(value)
    except ValueError:  # a character reference with more digits than Python parses
        return value


def _add_script(found: Markup, address: str, attributes: dict[str, str]) -> None:
    loader = _LOADER.search(address.partition("?")[0].partition("#")[0])
    if loader and len(found.scripts) < _MAX_ELEMENTS:
        found.scripts.append(Script(address, loader[1], attributes))


def _join_address(base: str, address: str) -> str:
    """The absolute address, empty where it is not of HTTP or too long."""
    if len(address) > _MAX_ADDRESS_LENGTH:
        return ""
    try:
        joined = urljoin(base, address.strip())
        origins.origin_of_url(joined)
    except ValueError:
        return ""
    return joined
