"""Who may read a document that is not public: whoever holds a link that was signed for it and has not ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from widget_api import clock
from widget_api.attachments.documents.model import address
from widget_api.signing import Purpose, Signer

if TYPE_CHECKING:
    from widget_api.context import Context

LIFE = 3600  # seconds
STEADY = 900  # a page that renews itself shows the same link for so long


def signed(context: Context, document_id: str, name: str, *, until: int | None = None) -> str:
    end = until or (clock.now() + LIFE) // STEADY * STEADY
    seal = context.signer.seal(Purpose.DOCUMENT, f"{document_id}.{end}")
    return f"{context.settings.public_url}{address(document_id, name)}?s={end}.{seal}"


def allows(signer: Signer, signature: str, document_id: str) -> bool:
    """Whether this signature opens this document now."""
    end, _, seal = signature.partition(".")
    if not (end.isascii() and end.isdigit() and len(end) < 20) or int(end) <= clock.now():
        return False
    return signer.sealed(Purpose.DOCUMENT, f"{document_id}.{end}", seal)


def token(signer: Signer, problem_id: str, document_id: str) -> str:
    """With this the form that is shown again keeps what was taken in already."""
    return signer.sign(Purpose.DOCUMENT_TOKEN, {"d": document_id, "p": problem_id})


def attachable(signer: Signer, problem_id: str, text: str) -> str | None:
    """The document a token stands for; None where it is forged, another problem's or too old."""
    payload = signer.read(Purpose.DOCUMENT_TOKEN, text)
    return str(payload["d"]) if isinstance(payload, dict) and payload.get("p") == problem_id else None
