"""What came with an answer: taken in as if the cabinet had sent it (photos drawn anew, documents by their content), or
looked at before that.
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
    """An attachment as somebody sees it who decides about the letter."""

    name: str
    content: bytes = field(repr=False)
    media_type: str | None  # None where it is nothing an answer may carry: then nobody is led to open it


async def preview_attachments(attachments: tuple[Attachment, ...]) -> list[AttachmentPreview]:
    """All of them in their order, so that nothing is published that nobody has seen."""
    found = []
    for one in attachments:
        kind: tuple[str, str] | None = None
        if (picture := decoder.detect_type(one.content[:64])) is not None:
            if len(one.content) <= MAX_FILE_SIZE:
                kind = (f"image/{picture}", ".jpg" if picture == "jpeg" else f".{picture}")
        elif len(one.content) <= model.MAX_FILE_SIZE:
            kind = await documents.detect_type(one.content, office=True)
        name = model.sanitize_name(one.name, kind[1]) if kind else one.name or one.media_type
        found.append(AttachmentPreview(name, one.content, kind[0] if kind else None))
    return found


async def store_attachments(
    context: Context, site_id: str, problem_id: str, attachments: tuple[Attachment, ...]
) -> StoredAttachments:
    """What is wrong is left out by name and holds up no other. Raises Unavailable."""
    taken = StoredAttachments()
    for one in attachments:
        called = one.name or one.media_type
        try:
            if decoder.detect_type(one.content[:64]) is not None:
                if len(taken.photos) >= MAX_PHOTOS or len(one.content) > MAX_FILE_SIZE:
                    raise TooLarge
                received = await photos.receive(context, site_id, one.content, sender="mail")
                taken.photos.append(Photo(received.id))
            else:
                if len(taken.documents) >= model.MAX_DOCUMENTS:
                    raise TooLarge
                taken.documents.append(
                    await documents.receive(context, site_id, problem_id, one.name, one.content, office=True)
                )
        except (WrongType, TooLarge, Invalid):
            taken.left_out.append(called)
    return taken
