"""Photos of the report form: each is taken in at once, so that a page shown again has them still."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from widget_api import clock, i18n
from widget_api.attachments import links
from widget_api.attachments.photos import decoder, intake, service, store
from widget_api.attachments.photos.model import MAX_FILE_SIZE, UNATTACHED_LIFETIME
from widget_api.context import Context
from widget_api.errors import Invalid, TooLarge, Unavailable, WrongType
from widget_api.problems.model import Photo
from widget_api.residents.forms import Form
from widget_api.sites.model import Site

FILES = 20  # of one form; more than a report may have are refused by name
LIMIT = 8 * MAX_FILE_SIZE  # bytes of a form with its files
FIELD, KEPT, REMOVED = "photos", "photo", "photo_remove"


class File(Protocol):
    """What the door makes of a file of a form."""

    @property
    def name(self) -> str: ...
    @property
    def file(self) -> BinaryIO: ...
    @property
    def size(self) -> int: ...
    @property
    def head(self) -> bytes: ...


@dataclass(frozen=True)
class Taken:
    """A photo that was taken in with this form or an earlier state of it."""

    token: str
    thumb: str


async def kept(context: Context, site: Site, form: Form) -> list[Taken]:
    """The photos the form brought along from its last showing, without those taken off and those too old by now."""
    found = list[Taken]()
    for token in dict.fromkeys(form.all(KEPT)[: site.photos]):
        photo_id = links.read_photo_token(context.signer, site.id, token)
        if photo_id is None or token in form.all(REMOVED):
            continue
        if (
            await store.find_unattached(context.database, site.id, photo_id, clock.now() - UNATTACHED_LIFETIME)
            is not None
        ):
            found.append(Taken(token, links.sign_photo_url(context, photo_id, ".thumb")))
    return found


def told(form: Form, files: Sequence[File]) -> dict[str, list[str]]:
    """What tells the same form sent twice from another one; nothing where there are no photos."""
    found = [token for token in form.all(KEPT) if token not in form.all(REMOVED)]
    return {"photos": found + [_digest(one.file) for one in files]} if found or files else {}


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while part := file.read(65_536):
        digest.update(part)
    return digest.hexdigest()


async def take(
    context: Context, site: Site, before: Sequence[Taken], files: Sequence[File], language: str, sender: str
) -> tuple[list[Taken], list[str]]:
    """All photos of the form, and a sentence for each file that is none."""
    taken, wrong = list(before), list[str]()
    for one in files:
        if len(taken) >= site.photos:
            wrong.append(i18n.text(language, "fields.too_many_photos", max=site.photos))
            break
        try:
            received = await service.receive(context, site.id, _checked(one), sender=sender)
        except (WrongType, TooLarge, Invalid, Unavailable) as error:
            reason = i18n.text(language, f"errors.{error.code}")
            wrong.append(i18n.text(language, "form.photo_wrong", name=one.name[-60:], reason=reason))
        else:
            taken.append(Taken(received.token, links.sign_photo_url(context, received.id, ".thumb")))
    return taken, wrong


def attachable(context: Context, site: Site, taken: Sequence[Taken]) -> tuple[Photo, ...]:
    """Photos as an event attaches them."""
    found = (links.read_photo_token(context.signer, site.id, one.token) for one in taken)
    return tuple(Photo(photo_id) for photo_id in found if photo_id is not None)


def _checked(one: File) -> BinaryIO:
    if one.size > MAX_FILE_SIZE:
        raise TooLarge("photo_too_large")
    if one.size == 0:
        raise intake.photo_error("photo_broken")
    if decoder.detect_type(one.head) is None:
        raise intake.photo_error("photo_type")
    return one.file
