"""Receive the files of an answer. Each is stored at once, so that a form that is shown again keeps the valid ones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from widget_api import clock, i18n, web
from widget_api.attachments import links as photo_links
from widget_api.attachments.documents import model
from widget_api.attachments.documents import service as documents
from widget_api.attachments.documents import store as document_store
from widget_api.attachments.photos import decoder, intake, service, store
from widget_api.attachments.photos.model import MAX_FILE_SIZE, UNATTACHED_LIFETIME
from widget_api.context import Context
from widget_api.errors import Invalid, TooLarge, Unavailable, WrongType
from widget_api.people.unsent_forms import Files, Pairs
from widget_api.problems.model import Photo

MAX_PHOTOS = 5  # per answer


@dataclass(frozen=True)
class ReceivedFile:
    """A received file, with its token for the form and what the page shows of it."""

    id: str
    token: str
    name: str = ""
    bytes: int = 0
    thumb: str = ""


@dataclass
class AnswerFiles:
    """The received files of an answer, and an error message for each rejected one."""

    photos: list[ReceivedFile] = field(default_factory=list)
    documents: list[ReceivedFile] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def attached(self) -> tuple[Photo, ...]:
        return tuple(Photo(one.id) for one in self.photos)

    @property
    def documented(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.documents)


async def list_received(context: Context, site_id: str, problem_id: str, given: Pairs) -> AnswerFiles:
    """The files received in earlier attempts, without those removed by the user or expired."""
    files, now = AnswerFiles(), clock.now()
    for token in _tokens(given, "photo", MAX_PHOTOS):
        photo_id = photo_links.read_photo_token(context.signer, site_id, token)
        if (
            photo_id
            and await store.find_unattached(context.database, site_id, photo_id, now - UNATTACHED_LIFETIME) is not None
        ):
            files.photos.append(
                ReceivedFile(photo_id, token, thumb=photo_links.sign_photo_url(context, photo_id, ".thumb"))
            )
    for token in _tokens(given, "document", model.MAX_DOCUMENTS):
        document_id = photo_links.read_document_token(context.signer, problem_id, token)
        since = now - model.UNATTACHED_LIFETIME
        row = document_id and await document_store.find_unattached(
            context.database, site_id, problem_id, document_id, since
        )
        if row:
            files.documents.append(ReceivedFile(row["id"], token, name=row["name"], bytes=row["bytes"]))
    return files


def _tokens(given: Pairs, name: str, most: int) -> list[str]:
    """The tokens of a kind that the user did not remove."""
    removed = {value for field, value in given if field == f"{name}_remove"}
    return [token for token in dict.fromkeys(value for field, value in given if field == name) if token not in removed][
        :most
    ]


async def receive_files(
    context: Context, site_id: str, problem_id: str, files: AnswerFiles, sent: Files, language: str, sender: str
) -> None:
    """Receive new files into `files`. An invalid one does not affect the others."""
    chosen = [(name, one) for name, one in sent if one.name or one.size]  # browsers send empty file fields too
    wrong: dict[str, list[str]] = {"photos": [], "documents": []}
    for name, one in chosen:
        if name not in wrong:
            continue
        most, have = (MAX_PHOTOS, files.photos) if name == "photos" else (model.MAX_DOCUMENTS, files.documents)
        if len(have) >= most:
            wrong[name].append(
                _error_text(language, one, i18n.text(language, f"cabinet.files.most.{name}", count=most))
            )
            continue
        try:
            taking = _receive_photo if name == "photos" else _receive_document
            have.append(await taking(context, site_id, problem_id, one, sender))
        except (WrongType, TooLarge, Invalid, Unavailable) as error:
            wrong[name].append(_error_text(language, one, i18n.text(language, f"errors.{error.code}")))
    files.wrong = {name: " ".join(sentences) for name, sentences in wrong.items() if sentences}


def _error_text(language: str, one: web.UploadedFile, reason: str) -> str:
    return i18n.text(language, "form.photo_wrong", name=one.name[-60:], reason=reason)


async def _receive_photo(
    context: Context, site_id: str, problem_id: str, one: web.UploadedFile, sender: str
) -> ReceivedFile:
    if one.size > MAX_FILE_SIZE:
        raise TooLarge("photo_too_large")
    if decoder.detect_type(one.head) is None:
        raise intake.photo_error("photo_type" if one.size else "photo_broken")
    received = await service.receive(context, site_id, one.file, sender=sender)
    return ReceivedFile(received.id, received.token, thumb=photo_links.sign_photo_url(context, received.id, ".thumb"))


async def _receive_document(
    context: Context, site_id: str, problem_id: str, one: web.UploadedFile, sender: str
) -> ReceivedFile:
    if one.size > model.MAX_FILE_SIZE:
        raise TooLarge("document_too_large")
    one.file.seek(0)
    content = await asyncio.to_thread(one.file.read)
    document_id = await documents.receive(context, site_id, problem_id, one.name, content)
    token = photo_links.make_document_token(context.signer, problem_id, document_id)
    return ReceivedFile(document_id, token, name=model.sanitize_name(one.name), bytes=one.size)
