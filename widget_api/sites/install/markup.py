"""What of ours stands in a host's page: a tag reader that takes time in proportion to the page, whatever it holds.

The standard library's parser takes minutes for a megabyte of «<a <a <a», selectolax half a minute for 400,000
characters of «<div>», and pages come from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin

from widget_api.sites import origins

TAG = "igrajdanin-widget"
_LONGEST_TAG = 16_384
_MOST = 50  # of a kind that are looked at
_LONGEST_ADDRESS = 2000
_MOST_JOINED = 1000  # addresses made absolute: each walks over the whole base
_NAME = re.compile(r"<([a-zA-Z][^\s/>\0]*+)")
# HTML, 13.2.5.33 and the states after it: a name, then perhaps a value in one of three forms.
_ATTRIBUTE = re.compile(r"""[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+)))?+""")
_END = re.compile(r"[\s/]*+>")
# Their text is no markup; that of noscript neither where scripts run.
_RAW = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript"})
_LOADER = re.compile(r"/(\d+\.\d+\.\d+|\d+)/loader\.js$")
_PATH = re.compile(r"/s/(wk_[A-Za-z0-9_-]{1,61})/(embed|report)$")


@dataclass(frozen=True)
class Script:
    """The loader as a page asks for it. `version` is «1.0.0», or «1» where it follows the newest."""

    address: str
    version: str
    attributes: dict[str, str]


@dataclass
class Markup:
    """Addresses are absolute. `elements` are the attributes of each widget, without `data-`."""

    elements: list[dict[str, str]] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    frames: list[tuple[str, str]] = field(default_factory=list)  # address, key
    links: list[tuple[str, str]] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)  # of meta elements


def read(source: str, address: str) -> Markup:
    """What stands in the page at `address`."""
    found, base, joined = Markup(), address, 0
    for name, attributes in tags(source):
        if joined >= _MOST_JOINED:
            return found
        if name == "base" and base == address:
            base = _joined(address, attributes.get("href", "")) or base
        elif name == TAG and len(found.elements) < _MOST:
            found.elements.append(attributes)
        elif f"data-{TAG}" in attributes and len(found.elements) < _MOST:
            own = {key.removeprefix("data-"): value for key, value in attributes.items() if key.startswith("data-")}
            found.elements.append(own | {"site-key": own[TAG]})
        elif name == "script" and "loader.js" in attributes.get("src", ""):
            joined += 1
            _script(found, _joined(base, attributes["src"]), attributes)
        elif name in ("iframe", "a") and "wk_" in (given := attributes.get("src" if name == "iframe" else "href", "")):
            joined += 1
            target = _joined(base, given)
            path = _PATH.search(target.partition("?")[0].partition("#")[0])
            into, wanted = (found.frames, "embed") if name == "iframe" else (found.links, "report")
            if path and path[2] == wanted and len(into) < _MOST:
                into.append((target, path[1]))
        elif name == "meta" and attributes.get("http-equiv", "").lower() == "content-security-policy":
            found.policies.append(attributes.get("content", ""))
    return found


def tags(source: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Opening tags outside comments and raw text: the name in small letters, the attributes, of each name the first."""
    at = source.find("<")
    while at >= 0:
        name = _NAME.match(source, at)
        if name is None:
            at = _after_declaration(source, at)
            continue
        attributes, at, whole = _attributes(source, name.end(), at + _LONGEST_TAG)
        tag = name[1].lower()
        if whole:
            yield tag, attributes
            if tag in _RAW:
                end = re.compile(rf"</{tag}[\s/>]", re.IGNORECASE).search(source, at)
                if end is None:
                    return
                at = end.start() + 1
        at = source.find("<", at)


def _after_declaration(source: str, at: int) -> int:
    """The next «<» after what opens no tag: a comment, a declaration, a closing tag, a stray character."""
    if source.startswith("<!--", at):
        end = source.find("-->", at + 2)  # <!--> is a whole one
        return -1 if end < 0 else source.find("<", end + 3)
    return source.find("<", at + 1)


def _attributes(source: str, at: int, limit: int) -> tuple[dict[str, str], int, bool]:
    """Attributes, where the tag ends, and whether it does; one longer than the limit is skipped."""
    attributes: dict[str, str] = {}
    while True:
        if end := _END.match(source, at, limit):
            return attributes, end.end(), True
        one = _ATTRIBUTE.match(source, at, limit)
        if one is None or one.end() == limit:
            return attributes, min(limit, len(source)), False
        value = next((part for part in one.groups()[1:] if part is not None), "")
        attributes.setdefault(one[1].lower(), _unescaped(value))
        at = one.end()


def _unescaped(value: str) -> str:
    try:
        return unescape(value)
    except ValueError:  # a character's number of more digits than Python reads
        return value


def _script(found: Markup, address: str, attributes: dict[str, str]) -> None:
    loader = _LOADER.search(address.partition("?")[0].partition("#")[0])
    if loader and len(found.scripts) < _MOST:
        found.scripts.append(Script(address, loader[1], attributes))


def _joined(base: str, address: str) -> str:
    """Absolute, or empty where it leads to no web server or is longer than any of ours."""
    if len(address) > _LONGEST_ADDRESS:
        return ""
    try:
        joined = urljoin(base, address.strip())
        origins.of_url(joined)
    except ValueError:
        return ""
    return joined
