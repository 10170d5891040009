"""Read the rows of a CSV or XLSX file that somebody uploads, within bounds of size, rows, columns and XML elements.

Of a workbook its first sheet counts, with the values that the cells show: formulas are never computed. The XML is read
as a stream, without entities, so that a small archive cannot become a large tree.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

import defusedxml.sax
from defusedxml.common import DefusedXmlException

MAX_SIZE = 5 * 2**20  # bytes of a file
MAX_ROWS = 5000  # without the head
MAX_COLUMNS = 60  # those beyond are not read
MAX_CELL = 10_000  # characters that are read of a cell
_MAX_PART_SIZE = 24 * 2**20  # bytes of a part of a workbook, unpacked; characters of all cells, which may share a text
_MAX_ELEMENTS = 1_500_000  # of a part: 5,000 rows of 60 cells have half of them
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # as spreadsheets pack; other ways fail in ways of their own
_FORMULA = re.compile(r"^'(?=[=+@-])")  # the apostrophe that exports put before what a spreadsheet would compute
_PLACE = re.compile("([A-Z]{1,3})([0-9]{1,7})")

Row = tuple[int, list[str]]  # the number of the line, and its cells


class Unreadable(Exception):
    """The file cannot be read. `code` says why: not_table, too_large, too_many, empty."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_rows(content: bytes) -> list[Row]:
    """The rows with text, the head first. Raises Unreadable."""
    if len(content) > MAX_SIZE:
        raise Unreadable("too_large")
    rows = _read_workbook(content) if content.startswith(b"PK") else _read_csv(content)
    found = [(line, [_FORMULA.sub("", cell.strip()) for cell in cells]) for line, cells in rows if any(cells)]
    if len(found) > MAX_ROWS + 1:
        raise Unreadable("too_many")
    if len(found) < 2:
        raise Unreadable("empty")
    return found


def _read_csv(content: bytes) -> list[Row]:
    """Rows with `;`, `,` or tabs between cells, in UTF-8 or windows-1251."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1251", "replace")
    if "\0" in text:
        raise Unreadable("not_table")
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(";,\t", key=first.count))
    rows: list[Row] = []
    try:
        for line, cells in enumerate(reader, start=1):
            if len(rows) > MAX_ROWS + 1:
                break
            if any(cells):
                rows.append((line, [cell[:MAX_CELL] for cell in cells[:MAX_COLUMNS]]))
    except csv.Error:
        raise Unreadable("not_table") from None
    return rows


def _read_workbook(content: bytes) -> list[Row]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            strings = _parse(archive, "xl/sharedStrings.xml").strings if "xl/sharedStrings.xml" in names else []
            book, links = _parse(archive, "xl/workbook.xml"), _parse(archive, "xl/_rels/workbook.xml.rels")
            target = links.targets[book.sheets[0]]
            path = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            return _parse(archive, path, strings).rows
    except (
        zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, LookupError, OSError, EOFError,
        SAXException, DefusedXmlException,
    ):  # fmt: skip
        raise Unreadable("not_table") from None


def _parse(archive: zipfile.ZipFile, name: str, strings: list[str] | None = None) -> _Part:
    """Read a part; no more of it is unpacked than the size it declares. Raises Unreadable."""
    part = _Part(strings or [])
    found = archive.getinfo(name)
    if found.compress_type not in _PACKED:
        raise Unreadable("not_table")
    if found.file_size > _MAX_PART_SIZE:
        raise Unreadable("too_large")
    with archive.open(name) as file:
        defusedxml.sax.parse(file, part, forbid_dtd=True)
    return part


class _Part(ContentHandler):
    """Collects what a part of a workbook has (ECMA-376, part 1, 18): sheets, where they are, shared strings, rows."""

    def __init__(self, strings: list[str]) -> None:
        super().__init__()
        self.sheets: list[str] = []
        self.targets: dict[str, str] = {}
        self.strings: list[str] = []
        self.rows: list[Row] = []
        self._shared, self._elements, self._line, self._column = strings, 0, 0, 0
        self._characters = 0
        self._kind, self._text, self._inside = "", list[str](), False

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self._elements += 1
        if self._elements > _MAX_ELEMENTS:
            raise Unreadable("too_large")
        local = name.rpartition(":")[2]
        if local == "sheet":
            self.sheets.append(next((value for key, value in attrs.items() if key.endswith(":id")), ""))
        elif local == "Relationship":
            self.targets[attrs.get("Id", "")] = attrs.get("Target", "")
        elif local == "row":
            if len(self.rows) > MAX_ROWS + 1:
                raise Unreadable("too_many")
            number = attrs.get("r", "")
            self._line = int(number) if re.fullmatch("[0-9]{1,7}", number) else self._line + 1
            self._column = -1
            if not self.rows or any(self.rows[-1][1]):
                self.rows.append((self._line, []))
            else:  # rows without text, of which a sheet may have a million
                self.rows[-1] = (self._line, [])
        elif local in ("c", "si"):
            self._text, self._kind = [], attrs.get("t", "")
            place = _PLACE.fullmatch(attrs.get("r", ""))
            self._column = _number_column(place[1]) if place else self._column + 1
        self._inside = local in ("t", "v")

    def characters(self, content: str) -> None:
        if self._inside:
            self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        self._inside, local = False, name.rpartition(":")[2]
        if local == "si":
            self.strings.append("".join(self._text)[:MAX_CELL])
        elif local == "c" and self.rows and 0 <= self._column < MAX_COLUMNS:
            text, cells = "".join(self._text)[:MAX_CELL], self.rows[-1][1]
            cells += [""] * (self._column + 1 - len(cells))
            cells[self._column] = self._shared[int(text)] if self._kind == "s" and text else text
            self._characters += len(cells[self._column])
            if self._characters > _MAX_PART_SIZE:
                raise Unreadable("too_large")


def _number_column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1
