"""Office files of an answer: known by their content, without macros and without anything embedded that could run."""

from __future__ import annotations

import io
import re
import zipfile

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
# What is whose main part (ECMA-376, part 1; ODF 1.3, part 2, 3.3).
_MAIN = {
    "word/document.xml": (_OOXML + "wordprocessingml.document", ".docx"),
    "xl/workbook.xml": (_OOXML + "spreadsheetml.sheet", ".xlsx"),
    "ppt/presentation.xml": (_OOXML + "presentationml.presentation", ".pptx"),
}
_OPEN = {_ODF + "text": ".odt", _ODF + "spreadsheet": ".ods", _ODF + "presentation": ".odp"}
# Macros, controls, embedded objects, and the scripts of OpenDocument.
_RUNS = re.compile(r"vbaproject|vbadata|activex|/embeddings/|^basic/|^scripts/|^object \d", re.IGNORECASE)
_MOST_ENTRIES = 2000
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # [MS-CFB], 2.2
_OLD = {"WordDocument": ("application/msword", ".doc"), "Workbook": ("application/vnd.ms-excel", ".xls")}
_OLD_RUNS = ("_VBA_PROJECT", "Macros", "\x01Ole10Native", "ObjectPool")

Kind = tuple[str, str]  # media type, extension


def kind(content: bytes) -> Kind | None:
    """Media type and extension of an office file; None for anything else, and for one that could run something."""
    if content.startswith(b"PK\x03\x04"):
        return _packed(content)
    if content.startswith(_COMPOUND):
        return _compound(content)
    return None


def _packed(content: bytes) -> Kind | None:
    """Only the list of what is inside is read, and the few bytes in which OpenDocument says what it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(names) > _MOST_ENTRIES or any(_RUNS.search(name) for name in names):
                return None
            if names and names[0] == "mimetype":
                with archive.open("mimetype") as file:
                    declared = file.read(100).decode("ascii", "replace")
                return (declared, _OPEN[declared]) if declared in _OPEN else None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError):
        return None
    if "[Content_Types].xml" not in names:
        return None
    return next((found for name, found in _MAIN.items() if name in names), None)


def _compound(content: bytes) -> Kind | None:
    """The directory of such a file names its streams in UTF-16."""

    def holds(name: str) -> bool:
        return name.encode("utf-16-le") in content

    if any(holds(name) for name in _OLD_RUNS):
        return None
    return next((found for name, found in _OLD.items() if holds(name)), None)
