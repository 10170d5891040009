"""Extract the text of an HTML letter: lines as displayed, with quotations marked as in plain text.

This reader examines each character once, whatever the markup. A parser that builds a browser's tree (selectolax) takes
half a minute for 400,000 characters of «<div>».
"""

from __future__ import annotations

import re
from html import unescape

MAX_LENGTH = 400_000  # characters; the author's own text is at the beginning
_TOKEN = re.compile(r"<(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9:]*+)(?P<rest>[^<>]*+)>|<[!?][^<>]*+>|(?P<text>[^<]++|<)")
_BLOCK_TAGS = frozenset(
    {"p", "div", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "hr"}
)
_HIDDEN_TAGS = frozenset({"head", "style", "script", "title", "template"})
_IMAGE = re.compile(r"\bsrc\s*=\s*[\"']?cid:([^\"'\s>]+)", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")


class _Reader:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.images: set[str] = set()
        self._line: list[str] = []
        self._depth = 0  # of quotations
        self._hidden = ""  # the open tag whose content is not displayed

    def token(self, match: re.Match[str]) -> None:
        tag = (match["tag"] or "").lower()
        if self._hidden:
            if match["end"] and tag == self._hidden:
                self._hidden = ""
        elif match["text"]:
            self._line.append(_unescape(match["text"]))
        elif match["end"]:
            self._end_tag(tag)
        else:
            self._start_tag(tag, match["rest"] or "")

    def _start_tag(self, tag: str, rest: str) -> None:
        if tag in _HIDDEN_TAGS and not rest.endswith("/"):
            self._hidden = tag
        elif tag == "br":
            self.end_line(forced=True)
        elif tag == "blockquote":
            self.end_line()
            self._depth += 1
        elif tag == "li":
            self.end_line()
            self._line.append("- ")
        elif tag in _BLOCK_TAGS:
            self.end_line()
            if tag == "p" and self.lines and self.lines[-1].strip("> "):
                self.lines.append(self._quoted(""))
        elif tag == "img" and (source := _IMAGE.search(rest)):
            self.images.add(_unescape(source[1]))

    def _end_tag(self, tag: str) -> None:
        if tag in _BLOCK_TAGS or tag in ("li", "blockquote"):
            self.end_line()
        if tag == "blockquote":
            self._depth = max(0, self._depth - 1)
        elif tag in ("td", "th"):
            self._line.append(" ")

    def end_line(self, *, forced: bool = False) -> None:
        line = _SPACES.sub(" ", "".join(self._line)).strip()
        self._line.clear()
        if line or forced:
            self.lines.append(self._quoted(line))

    def _quoted(self, line: str) -> str:
        return f"{'>' * min(self._depth, 5)} {line}".rstrip() if self._depth else line


def extract_text(html: str) -> tuple[str, set[str]]:
    """Return the text, and the Content-IDs of the pictures embedded in it."""
    reader = _Reader()
    for match in _TOKEN.finditer(_strip_comments(html[:MAX_LENGTH])):
        reader.token(match)
    reader.end_line()
    return "\n".join(reader.lines).strip(), reader.images


def _unescape(text: str) -> str:
    """Replace character references, unless one has too many digits for Python to convert."""
    try:
        return unescape(text)
    except ValueError:
        return text


def _strip_comments(html: str) -> str:
    """Remove comments, in which Outlook puts style sheets."""
    first, *others = html.split("<!--")
    return first + "".join(part.partition("-->")[2] for part in others)
