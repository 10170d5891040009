"""The text of a letter that was written as HTML: lines as a reader sees them, quotations marked as in plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

LONGEST = 400_000  # characters; a letter's own words stand at its beginning
_BLOCKS = frozenset({"p", "div", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "hr"})
_UNSEEN = frozenset({"head", "style", "script", "title", "template"})
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.images: set[str] = set()
        self._line: list[str] = []
        self._depth = 0  # of quotations
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self._end_line(forced=True)
        elif tag == "blockquote":
            self._end_line()
            self._depth += 1
        elif tag == "li":
            self._end_line()
            self._line.append("- ")
        elif tag in _BLOCKS:
            self._end_line()
            if tag == "p":
                self._gap()
        elif tag == "img":
            source = dict(attrs).get("src") or ""
            if source.startswith("cid:"):
                self.images.add(source[4:])

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "blockquote":
            self._end_line()
            self._depth = max(0, self._depth - 1)
        elif tag in _BLOCKS or tag == "li":
            self._end_line()
        elif tag in ("td", "th"):
            self._line.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._line.append(data)

    def _gap(self) -> None:
        if self.lines and self.lines[-1].strip("> "):
            self.lines.append(self._quoted(""))

    def _end_line(self, *, forced: bool = False) -> None:
        line = _SPACES.sub(" ", "".join(self._line)).strip()
        self._line.clear()
        if line or forced:
            self.lines.append(self._quoted(line))

    def _quoted(self, line: str) -> str:
        return f"{'>' * min(self._depth, 5)} {line}".rstrip() if self._depth else line

    def close(self) -> None:
        super().close()
        self._end_line()


def read(html: str) -> tuple[str, set[str]]:
    """The text, and the Content-IDs of the pictures that stand in it."""
    reader = _Reader()
    reader.feed(html[:LONGEST])
    reader.close()
    return "\n".join(reader.lines).strip(), reader.images
