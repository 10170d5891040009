"""What a document of an answer is: a PDF by its content, by mail an office file too, under a name safe to save."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

MOST = 5  # of one answer
LARGEST = 10 * 1024 * 1024  # bytes
LONGEST_NAME = 120  # characters
LOOSE_LIFE = 86_400  # seconds a document waits for its answer
PDF = "application/pdf"
PDF_KIND = (PDF, ".pdf")
TAIL = 2048  # bytes at the end among which a PDF says that it ends
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Not in a name of any system's files (Windows has the longest list).
_FORBIDDEN = str.maketrans(dict.fromkeys('\\/:*?"<>|', " "))


def is_pdf(head: bytes, tail: bytes) -> bool:
    """Whether a file begins as one (ISO 32000-2, 7.5.2) and is whole (7.5.5). Its name and declared type say nothing.

    Readers forgive other bytes before the header; we do not, so that a file is never two things at once.
    """
    return re.match(rb"%PDF-[12]\.\d", head) is not None and b"%%EOF" in tail


def name(given: str, extension: str = ".pdf") -> str:
    """A name for a document: without folders, control and direction characters, with the extension of its content."""
    last = re.split(r"[\\/]", given)[-1]
    told = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in unicodedata.normalize("NFC", last))
    told = " ".join(told.translate(_FORBIDDEN).split())
    if told.casefold().endswith(extension):
        told = told[: -len(extension)]
    told = told.strip(". ")
    return (told[:LONGEST_NAME].strip(". ") or "document") + extension


def address(document_id: str, called: str) -> str:
    """The path of a document under the public URL."""
    return f"/documents/{document_id}/{quote(called)}"


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
