"""Define the documents of an official answer: their limits, their types, and file names that are safe to save.

Office files are recognized by their content, without macros and embedded content that could run. The formats of Office
97 to 2003 are rejected. Their macros, those of Excel 4.0 among them, are records anywhere in the file, so that only a
parser of the whole format could find them ([MS-XLS], 2.4.28; [MS-DOC], 2.1.9).
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
import zlib
from typing import Any
from urllib.parse import quote
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

import defusedxml.sax
from defusedxml.common import DefusedXmlException

from widget_api import clock

MAX_DOCUMENTS = 5  # per answer
MAX_FILE_SIZE = 10 * 1024 * 1024  # bytes
MAX_NAME_LENGTH = 120  # characters
UNATTACHED_LIFETIME = clock.DAY  # seconds after which a document that no answer uses is deleted
PDF = "application/pdf"
PDF_TYPE = (PDF, ".pdf")
TAIL_SIZE = 2048  # bytes at the end in which the end marker of a PDF is expected
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Characters that file systems forbid in names (Windows has the longest list).
_FORBIDDEN = str.maketrans(dict.fromkeys('\\/:*?"<>|', " "))
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
# Main parts of each format (ECMA-376, part 1; ODF 1.3, part 2, 3.3).
_MAIN_PARTS = {
    "word/document.xml": (_OOXML + "wordprocessingml.document", ".docx"),
    "xl/workbook.xml": (_OOXML + "spreadsheetml.sheet", ".xlsx"),
    "ppt/presentation.xml": (_OOXML + "presentationml.presentation", ".pptx"),
}
_ODF_EXTENSIONS = {_ODF + "text": ".odt", _ODF + "spreadsheet": ".ods", _ODF + "presentation": ".odp"}
# Macros, controls, embedded objects, and the scripts of OpenDocument.
_ACTIVE_NAMES = re.compile(
    r"vbaproject|vbadata|activex|/embeddings/|/macrosheets/|/dialogsheets/|/connections\.xml|"
    r"^basic/|^scripts/|^object \d",
    re.IGNORECASE,
)
# The same by the declared types of the parts, whatever their names (ECMA-376, part 2, 6.5.2; [MS-OFFMACRO2], 2.2).
_ACTIVE_TYPES = re.compile("macro|dialogsheet|vbaproject|vbadata|activex|oleobject|connections", re.IGNORECASE)
_TYPES = "[content_types].xml"
_MAX_ENTRIES = 2000
_ENTRY_SIGNATURE = b"PK\x01\x02"  # of an entry in the central directory (APPNOTE, 4.3.12)
# What a document loads when it is opened (ECMA-376, part 1, 15.2): a template with macros, an object, a page. Links
# that people follow themselves are allowed.
_LOADED_RELATIONS = frozenset(
    {"attachedtemplate", "oleobject", "frame", "subdocument", "afchunk", "package", "control"}
)
_MAX_DECLARATIONS_SIZE = 1_048_576  # bytes of all declarations together
FileType = tuple[str, str]  # media type, extension


def is_pdf(head: bytes, tail: bytes) -> bool:
    """Whether a file has a PDF's header (ISO 32000-2, 7.5.2) and end marker (7.5.5); names and types are not trusted.

    Unlike readers, this accepts no bytes before the header, so that a file is never valid in two formats.
    """
    return re.match(rb"%PDF-[12]\.\d", head) is not None and b"%%EOF" in tail


def sanitize_name(given: str, extension: str = ".pdf") -> str:
    """A file name without folders, control and direction characters, with the extension of the content."""
    last = re.split(r"[\\/]", given)[-1]
    name = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in unicodedata.normalize("NFC", last))
    name = " ".join(name.translate(_FORBIDDEN).split())
    if name.casefold().endswith(extension):
        name = name[: -len(extension)]
    name = name.strip(". ")
    return (name[:MAX_NAME_LENGTH].strip(". ") or "document") + extension


def document_path(document_id: str, name: str) -> str:
    """The path of a document under the public URL."""
    return f"/documents/{document_id}/{quote(name)}"


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def detect_type(content: bytes) -> FileType | None:
    """Media type and extension of an office file; None for anything else and for a file with active content."""
    return _inspect_archive(content) if content.startswith(b"PK\x03\x04") else None


def _inspect_archive(content: bytes) -> FileType | None:
    """Read the archive's directory, its relationships and OpenDocument's media type, and nothing else.

    No entry is unpacked beyond its declared size.
    """
    if content.count(_ENTRY_SIGNATURE) > _MAX_ENTRIES:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(names) > _MAX_ENTRIES or any(_ACTIVE_NAMES.search(name) for name in names):
                return None
            if names and names[0] == "mimetype":
                if archive.getinfo("mimetype").compress_type != zipfile.ZIP_STORED:  # ODF 1.3, part 2, 3.3
                    return None
                with archive.open("mimetype") as file:
                    declared = file.read(100).decode("ascii", "replace")
                return (declared, _ODF_EXTENSIONS[declared]) if declared in _ODF_EXTENSIONS else None
            if _has_active_content(archive):
                return None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, OSError, EOFError):
        return None
    if "[Content_Types].xml" not in names:
        return None
    return next((found for name, found in _MAIN_PARTS.items() if name in names), None)


def _has_active_content(archive: zipfile.ZipFile) -> bool:
    """Whether a part can run or loads something external; also True where that cannot be decided."""
    left, declarations = _MAX_DECLARATIONS_SIZE, _Declarations()
    for one in archive.infolist():
        name = one.filename.lower()
        if name != _TYPES and not name.endswith(".rels"):
            continue
        left -= one.file_size
        if left < 0 or one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return True
        try:
            with archive.open(one) as file:
                defusedxml.sax.parse(file, declarations, forbid_dtd=True)
        except (SAXException, DefusedXmlException):
            return True
        if declarations.active:
            return True
    return False


class _Declarations(ContentHandler):
    """Reads the types of parts and the relationships between them (ECMA-376, part 2, 6.5 and 7.2)."""

    active = False

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        values = {key.rpartition(":")[2].lower(): value.strip() for key, value in attrs.items()}
        if any(key.endswith("type") and _ACTIVE_TYPES.search(value) for key, value in values.items()):
            self.active = True
        elif name.rpartition(":")[2].lower() == "relationship" and values.get("targetmode", "").lower() == "external":
            self.active |= values.get("type", "").rpartition("/")[2].lower() in _LOADED_RELATIONS
