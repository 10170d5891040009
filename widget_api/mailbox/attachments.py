"""Store the attachments of an answer by mail as the cabinet does, or preview them before.

Photos are re-encoded, and documents are recognized by their content.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from widget_api.attachments.documents import model
from widget_api.attachments.documents import service as documents
from widget_api.attachments.photos import decoder
from widget_api.attachments.photos import service as photos
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.context import Context
from widget_api.errors import Invalid, TooLarge, WrongType
from widget_api.mailbox.parse import Attachment
from widget_api.problems.model import Photo

MAX_PHOTOS = 5  # of one answer, as in the cabinet


@dataclass
class StoredAttachments:
    photos: list[Photo] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # names


@dataclass(frozen=True)
class AttachmentPreview:
    """An attachment as shown to the person who reviews the letter."""

    name: str
    content: bytes = field(repr=False)
    media_type: str | None  # None if an answer may not contain it; it is not offered for opening then


async def preview_attachments(attachments: tuple[Attachment, ...]) -> list[AttachmentPreview]:
    """Return previews of all attachments in order, so that nothing is published without review."""
    previews = []
    for attachment in attachments:
        kind: tuple[str, str] | None = None
        if (picture := decoder.detect_type(attachment.content[:64])) is not None:
            if len(attachment.content) <= MAX_FILE_SIZE:
                kind = (f"image/{picture}", ".jpg" if picture == "jpeg" else f".{picture}")
        elif len(attachment.content) <= model.MAX_FILE_SIZE:
            kind = await documents.detect_type(attachment.content, office=True)
        name = model.sanitize_name(attachment.name, kind[1]) if kind else attachment.name or attachment.media_type
        previews.append(AttachmentPreview(name, attachment.content, kind[0] if kind else None))
    return previews


async def store_attachments(
    context: Context, site_id: str, problem_id: str, attachments: tuple[Attachment, ...]
) -> StoredAttachments:
    """Store the attachments of an answer. Unacceptable ones are listed in `left_out`. Raises Unavailable."""
    stored = StoredAttachments()
    for attachment in attachments:
        try:
            if decoder.detect_type(attachment.content[:64]) is not None:
                if len(stored.photos) >= MAX_PHOTOS or len(attachment.content) > MAX_FILE_SIZE:
                    raise TooLarge
                received = await photos.receive(context, site_id, attachment.content, sender="mail")
                stored.photos.append(Photo(received.id))
            else:
                if len(stored.documents) >= model.MAX_DOCUMENTS:
                    raise TooLarge
                stored.documents.append(
                    await documents.receive(
                        context, site_id, problem_id, attachment.name, attachment.content, office=True
                    )
                )
        except (WrongType, TooLarge, Invalid):
            stored.left_out.append(attachment.name or attachment.media_type)
    return stored
