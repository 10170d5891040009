"""Receive photos of forms without scripts. Each is stored at once, so that a form that is shown again keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from widget_api import clock, i18n
from widget_api.attachments import links
from widget_api.attachments.photos import decoder, intake, service, store
from widget_api.attachments.photos.model import MAX_FILE_SIZE, SPARE_UPLOADS, UNATTACHED_LIFETIME
from widget_api.context import Context
from widget_api.errors import Invalid, TooLarge, Unavailable, WrongType
from widget_api.problems.forms import Form
from widget_api.problems.model import Photo
from widget_api.sites.model import Site

MAX_FILES = 20  # per form; those beyond a report's limit are rejected by name
MAX_UPLOAD_SIZE = 8 * MAX_FILE_SIZE  # bytes of a form with its files
FILE_FIELD, TOKEN_FIELD, REMOVE_FIELD = "photos", "photo", "photo_remove"


class FormFile(Protocol):
    """An uploaded file of a form."""

    @property
    def name(self) -> str: ...
    @property
    def file(self) -> BinaryIO: ...
    @property
    def size(self) -> int: ...
    @property
    def head(self) -> bytes: ...


@dataclass(frozen=True)
class ReceivedPhoto:
    """A photo received with this form or an earlier attempt."""

    token: str
    thumb: str


async def list_received(context: Context, site: Site, form: Form) -> list[ReceivedPhoto]:
    """The photos received in earlier attempts, without those removed by the user or expired."""
    found = list[ReceivedPhoto]()
    for token in dict.fromkeys(form.all(TOKEN_FIELD)[: site.photos]):
        photo_id = links.read_photo_token(context.signer, site.id, token)
        if photo_id is None or token in form.all(REMOVE_FIELD):
            continue
        since = clock.now() - UNATTACHED_LIFETIME
        if await store.find_unattached(context.database, site.id, photo_id, since) is not None:
            found.append(ReceivedPhoto(token, links.sign_photo_url(context, photo_id, ".thumb")))
    return found


async def are_waived(context: Context, site: Site, photos: object) -> bool:
    """Whether a report may lack the photo that its category demands, since none can be received now."""
    demanded = any(category.photo_required for category in site.categories)
    return demanded and not photos and await service.are_paused(context, site.id)


def fingerprint(form: Form, files: Sequence[FormFile]) -> dict[str, list[str]]:
    """The photos' part of the form's fingerprint, empty where there are none."""
    found = [token for token in form.all(TOKEN_FIELD) if token not in form.all(REMOVE_FIELD)]
    return {"photos": found + [_hash_file(one.file) for one in files]} if found or files else {}


def _hash_file(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while part := file.read(65_536):
        digest.update(part)
    return digest.hexdigest()


async def receive_photos(
    context: Context, site: Site, before: Sequence[ReceivedPhoto], files: Sequence[FormFile], language: str, sender: str
) -> tuple[list[ReceivedPhoto], list[str]]:
    """All photos of the form, and an error message for each rejected file."""
    received_photos, wrong = list(before), list[str]()
    for place, one in enumerate(files):
        if len(received_photos) >= site.photos or place >= site.photos + SPARE_UPLOADS:
            wrong.append(i18n.text(language, "fields.too_many_photos", max=site.photos))
            break
        try:
            received = await service.receive(context, site.id, _check_file(one), sender=sender)
        except (WrongType, TooLarge, Invalid, Unavailable) as error:
            reason = i18n.text(language, f"errors.{error.code}")
            wrong.append(i18n.text(language, "form.photo_wrong", name=one.name[-60:], reason=reason))
        else:
            received_photos.append(ReceivedPhoto(received.token, links.sign_photo_url(context, received.id, ".thumb")))
    return received_photos, wrong


def to_photos(context: Context, site: Site, received: Sequence[ReceivedPhoto]) -> tuple[Photo, ...]:
    """The photos to attach to an event."""
    found = (links.read_photo_token(context.signer, site.id, one.token) for one in received)
    return tuple(Photo(photo_id) for photo_id in found if photo_id is not None)


def _check_file(one: FormFile) -> BinaryIO:
    if one.size > MAX_FILE_SIZE:
        raise TooLarge("photo_too_large")
    if one.size == 0:
        raise intake.photo_error("photo_broken")
    if decoder.detect_type(one.head) is None:
        raise intake.photo_error("photo_type")
    return one.file
