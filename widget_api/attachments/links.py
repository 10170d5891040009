"""Sign links to photos and documents, and issue the tokens that attach them.

A file of an unpublished problem is served only with a signature that names the file and the end of the link. A token
stands for a received file that is not attached yet: it is bound to a site (photos) or to a problem (documents), and
ends with its purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from widget_api import clock
from widget_api.attachments.documents.model import document_path
from widget_api.attachments.photos.model import Size, photo_path
from widget_api.signing import Purpose, Signer

if TYPE_CHECKING:
    from widget_api.context import Context

LINK_LIFETIME = clock.HOUR  # seconds
# Seconds for which a file keeps one signed URL, so that a page that refreshes itself loads no picture twice.
LINK_PERIOD = 900


def sign_photo_url(context: Context, photo_id: str, size: Size = "", *, until: int | None = None) -> str:
    """The absolute URL of a picture, published or not. It ends at `until`, by default within an hour."""
    signature = _sign(context.signer, Purpose.PICTURE, photo_id, until)
    return f"{context.settings.public_url}{photo_path(photo_id, size)}?s={signature}"


def sign_hidden_photo_url(context: Context, photo_id: str, size: Size = "") -> str:
    """The absolute URL of a hidden picture, for the agency: no link given away before it was hidden opens it."""
    signature = _sign(context.signer, Purpose.HIDDEN_PICTURE, photo_id, None)
    return f"{context.settings.public_url}{photo_path(photo_id, size)}?s={signature}"


def is_valid_hidden_signature(signer: Signer, signature: str, photo_id: str) -> bool:
    return _is_valid(signer, Purpose.HIDDEN_PICTURE, signature, photo_id)


def is_valid_photo_signature(signer: Signer, signature: str, photo_id: str) -> bool:
    return _is_valid(signer, Purpose.PICTURE, signature, photo_id)


def make_photo_token(signer: Signer, site_id: str, photo_id: str) -> str:
    """The token by which whoever uploaded a photo attaches it."""
    return signer.sign(Purpose.PHOTO, {"p": photo_id, "s": site_id})


def read_photo_token(signer: Signer, site_id: str, text: object) -> str | None:
    """The photo a token stands for; None where it is forged, another site's or too old."""
    payload = signer.read(Purpose.PHOTO, text) if isinstance(text, str) else None
    return str(payload["p"]) if isinstance(payload, dict) and payload.get("s") == site_id else None


def sign_document_url(context: Context, document_id: str, name: str, *, until: int | None = None) -> str:
    """The absolute URL of a document, published or not. It ends at `until`, by default within an hour."""
    signature = _sign(context.signer, Purpose.DOCUMENT, document_id, until)
    return f"{context.settings.public_url}{document_path(document_id, name)}?s={signature}"


def is_valid_document_signature(signer: Signer, signature: str, document_id: str) -> bool:
    return _is_valid(signer, Purpose.DOCUMENT, signature, document_id)


def make_document_token(signer: Signer, problem_id: str, document_id: str) -> str:
    """The token by which a form that is shown again keeps a document it has uploaded."""
    return signer.sign(Purpose.DOCUMENT_TOKEN, {"d": document_id, "p": problem_id})


def read_document_token(signer: Signer, problem_id: str, text: str) -> str | None:
    """The document a token stands for; None where it is forged, another problem's or too old."""
    payload = signer.read(Purpose.DOCUMENT_TOKEN, text)
    return str(payload["d"]) if isinstance(payload, dict) and payload.get("p") == problem_id else None


def _sign(signer: Signer, purpose: Purpose, file_id: str, until: int | None) -> str:
    end = until or (clock.now() + LINK_LIFETIME) // LINK_PERIOD * LINK_PERIOD
    return f"{end}.{signer.seal(purpose, f'{file_id}.{end}')}"


def _is_valid(signer: Signer, purpose: Purpose, signature: str, file_id: str) -> bool:
    """Whether the signature was made for this file and its link has not ended."""
    end, _, seal = signature.partition(".")
    if not (end.isascii() and end.isdigit() and len(end) < 20) or int(end) <= clock.now():
        return False
    return signer.verify_seal(purpose, f"{file_id}.{end}", seal)
