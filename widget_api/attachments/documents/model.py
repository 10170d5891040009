"""Define the documents of an official answer: their limits, what a PDF is, and file names that are safe to save."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

MAX_DOCUMENTS = 5  # per answer
MAX_FILE_SIZE = 10 * 1024 * 1024  # bytes
MAX_NAME_LENGTH = 120  # characters
UNATTACHED_LIFETIME = 86_400  # seconds after which a document that no answer uses is deleted
PDF = "application/pdf"
PDF_TYPE = (PDF, ".pdf")
TAIL_SIZE = 2048  # bytes at the end in which the end marker of a PDF is expected
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Characters that file systems forbid in names (Windows has the longest list).
_FORBIDDEN = str.maketrans(dict.fromkeys('\\/:*?"<>|', " "))


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
