"""Find the widget's elements in a host page, in linear time for any input.

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
_MAX_TAG_LENGTH = 16_384
_MAX_ELEMENTS = 50  # of a kind
_MAX_ADDRESS_LENGTH = 2000
_MAX_JOINED = 1000  # addresses made absolute, since each costs the length of the base
_NAME = re.compile(r"<([a-zA-Z][^\s/>\0]*+)")
# HTML, 13.2.5.33 and the following states: a name and an optional value in one of three forms.
_ATTRIBUTE = re.compile(r"""[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+)))?+""")
_TAG_END = re.compile(r"[\s/]*+>")
# Elements whose content is text, noscript included where scripts run.
_RAW_TEXT_TAGS = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript"})
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
    at = source.find("<")
    while at >= 0:
        name = _NAME.match(source, at)
        if name is None:
            at = _skip_declaration(source, at)
            continue
        attributes, at, whole = _parse_attributes(source, name.end(), at + _MAX_TAG_LENGTH)
        tag = name[1].lower()
        if whole:
            yield tag, attributes
            if tag in _RAW_TEXT_TAGS:
                end = re.compile(rf"</{tag}[\s/>]", re.IGNORECASE).search(source, at)
                if end is None:
                    return
                at = end.start() + 1
        at = source.find("<", at)


def _skip_declaration(source: str, at: int) -> int:
    """The position of the next «<» after a comment, a declaration, a closing tag or a stray character."""
    if source.startswith("<!--", at):
        end = source.find("-->", at + 2)  # <!--> is complete
        return -1 if end < 0 else source.find("<", end + 3)
    return source.find("<", at + 1)


def _parse_attributes(source: str, at: int, limit: int) -> tuple[dict[str, str], int, bool]:
    """The attributes, the tag's end, and whether it is complete within the limit."""
    attributes: dict[str, str] = {}
    while True:
        if end := _TAG_END.match(source, at, limit):
            return attributes, end.end(), True
        one = _ATTRIBUTE.match(source, at, limit)
        if one is None or one.end() == limit:
            return attributes, min(limit, len(source)), False
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
