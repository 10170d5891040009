"""Office files of an answer: known by their content, without macros and without anything embedded that could run.

The formats of Office 97 to 2003 are not taken. Their macros, those of Excel 4.0 among them, are records anywhere in the
file, so that only a parser of all of it could tell whether there are any ([MS-XLS], 2.4.28; [MS-DOC], 2.1.9).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

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
_RUNS = re.compile(
    r"vbaproject|vbadata|activex|/embeddings/|/macrosheets/|/dialogsheets/|/connections\.xml|"
    r"^basic/|^scripts/|^object \d",
    re.IGNORECASE,
)
# The same by what the file says its parts are, whatever they are called (ECMA-376, part 2, 6.5.2; [MS-OFFMACRO2], 2.2).
_DECLARED = re.compile(
    rb"Type\s*=\s*(?:\"[^\"]*|'[^']*)(?:macro|dialogsheet|vbaproject|vbadata|activex|oleobject|connections)",
    re.IGNORECASE,
)
_TYPES = "[content_types].xml"
_MOST_ENTRIES = 2000
_ENTRY = b"PK\x01\x02"  # of the list at the end (APPNOTE, 4.3.12)
# What a document may fetch when it is opened (ECMA-376, part 1, 15.2): a template with macros, an object, a page. Links
# that people follow by themselves stay.
_RELATED = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_FETCHED = re.compile(rb"/(?:attachedTemplate|oleObject|frame|subDocument|aFChunk|package|control)[\"']", re.IGNORECASE)
_LARGEST_DECLARATIONS = 1_048_576  # bytes, of all of them together

Kind = tuple[str, str]  # media type, extension


def kind(content: bytes) -> Kind | None:
    """Media type and extension of an office file; None for anything else, and for one that could run something."""
    return _packed(content) if content.startswith(b"PK\x03\x04") else None


def _packed(content: bytes) -> Kind | None:
    """Only the list of what is inside is read, what it is related to outside, and the few bytes in which OpenDocument
    says what it is: nothing is unpacked that could become larger than it says.
    """
    if content.count(_ENTRY) > _MOST_ENTRIES:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(names) > _MOST_ENTRIES or any(_RUNS.search(name) for name in names):
                return None
            if names and names[0] == "mimetype":
                if archive.getinfo("mimetype").compress_type != zipfile.ZIP_STORED:  # ODF 1.3, part 2, 3.3
                    return None
                with archive.open("mimetype") as file:
                    declared = file.read(100).decode("ascii", "replace")
                return (declared, _OPEN[declared]) if declared in _OPEN else None
            if _runs_or_fetches(archive):
                return None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, OSError, EOFError):
        return None
    if "[Content_Types].xml" not in names:
        return None
    return next((found for name, found in _MAIN.items() if name in names), None)


def _runs_or_fetches(archive: zipfile.ZipFile) -> bool:
    """Whether a part runs, or something from elsewhere is loaded with it; also where that cannot be told."""
    left = _LARGEST_DECLARATIONS
    for one in archive.infolist():
        name = one.filename.lower()
        if name != _TYPES and not name.endswith(".rels"):
            continue
        left -= one.file_size
        if left < 0 or one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return True
        with archive.open(one) as file:
            said = file.read(one.file_size + 1)
        if b"\0" in said or b"&#" in said:  # in another alphabet, or spelt so that nobody finds it
            return True
        if _DECLARED.search(said):
            return True
        if any(b"external" in found.lower() and _FETCHED.search(found) for found in _RELATED.findall(said)):
            return True
    return False
