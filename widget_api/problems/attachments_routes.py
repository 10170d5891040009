"""Receive photos before their report is sent, and serve photos and documents to those who may see them."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.attachments import links
from widget_api.attachments.documents import model as document_model
from widget_api.attachments.documents import store as documents
from widget_api.attachments.photos import decoder, intake, model
from widget_api.attachments.photos import service as photos
from widget_api.errors import Malformed, NotFound, TooLarge, Unavailable
from widget_api.problems import pictures
from widget_api.sites import origins, service, tickets

_OVERHEAD = 16_384  # bytes of a form beside its file


async def upload_photo(request: Request) -> Response:
    """Handle POST /sites/{key}/photos. Checks in the contract's order: 404, 403, 413/415, 400, 429, ticket 403, 422."""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    origin = origins.admit_origin(site, request.headers.get("origin"), context.settings.public_url)
    try:
        fields, files = await web.read_multipart(request, model.MAX_FILE_SIZE + _OVERHEAD, files=1, fields=4, part=4096)
    except TooLarge:
        raise TooLarge("photo_too_large") from None
    with web.closing_files(sent for _, sent in files):
        sent = next((file for name, file in files if name == "file"), None)
        if sent is None:
            raise Malformed
        check(sent)
        await context.limits.hit("photos", web.client_address(request), site.id)
        ticket = tickets.read_ticket(
            context.signer, dict(fields).get("ticket"), site, origin, required=context.settings.challenge
        )
        if ticket is not None:
            await tickets.require_unspent(context.database, ticket)
        if await photos.are_paused(context, site.id):
            raise Unavailable("photos_paused")
        most = site.photos and site.photos + model.SPARE_UPLOADS
        async with tickets.counted_upload(context.database, ticket, most):
            receiving = photos.receive(context, site.id, sent.file, sender=web.client_address(request))
            received = await web.cancel_on_disconnect(request, receiving)
    answer = {
        "photo": received.token,
        "thumb": links.sign_photo_url(context, received.id, ".thumb"),
        "location": received.location,
    }
    return web.json_response(answer, 201)


def check(sent: web.UploadedFile) -> None:
    """Raise TooLarge, or WrongType by the file's first bytes; its name and declared type are ignored."""
    if sent.size > model.MAX_FILE_SIZE:
        raise TooLarge("photo_too_large")
    if decoder.detect_type(sent.head) is None:
        raise intake.photo_error("photo_type")


@web.at_once
async def get_photo(request: Request) -> Response:
    """Handle GET /photos/{name}: unpublished photos need a signature; without it they do not exist (404)."""
    context = web.context(request)
    named = model.parse_file_name(request.path_params["name"])
    if named is None:
        raise NotFound("photo_not_found")
    photo_id, size = named
    access, signature = await pictures.find_access(context.database, photo_id), request.query_params.get("s", "")
    is_valid = links.is_valid_hidden_signature if access == "hidden" else links.is_valid_photo_signature
    if access is None or not (access == "public" or is_valid(context.signer, signature, photo_id)):
        raise NotFound("photo_not_found")
    headers = _file_headers(access == "public", f"{photo_id}{size}", f'inline; filename="{photo_id}.jpg"')
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = await context.storage.get(photo_id, size)
    if content is None and size == ".small":  # uploaded before that size existed, attached since
        content = await context.storage.get(photo_id, ".thumb")
    if content is None:
        raise NotFound("photo_not_found")
    return Response(content, headers=headers, media_type="image/jpeg")


@web.at_once
async def get_document(request: Request) -> Response:
    """Handle GET /documents/{id}/{name}: published ones for everybody, others with a signature (404)."""
    context, document_id = web.context(request), request.path_params["id"]
    row = await documents.find_readable(context.database, document_id) if document_model.is_id(document_id) else None
    if row is None or request.path_params["name"] != row["name"]:
        raise NotFound("document_not_found")
    public, signature = bool(row["public"]), request.query_params.get("s", "")
    if not (public or links.is_valid_document_signature(context.signer, signature, document_id)):
        raise NotFound("document_not_found")
    disposition = (
        f'attachment; filename="document.{row["name"].rpartition(".")[2]}";'
        f" filename*=UTF-8''{quote(row['name'], safe='')}"
    )
    headers = _file_headers(public, document_id, disposition)
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = await context.storage.get_document(document_id)
    if content is None:
        raise NotFound("document_not_found")
    return Response(content, headers=headers, media_type=row["media_type"])


def _file_headers(public: bool, tag: str, disposition: str) -> dict[str, str]:
    """The headers of a file, which never changes."""
    return {
        "Cache-Control": "public, max-age=300" if public else "private, no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": disposition,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        "ETag": f'"{tag}"',
    }


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/photos", upload_photo, methods=["POST"]),
    Route("/photos/{name}", get_photo, methods=["GET"]),
    Route("/documents/{id}/{name}", get_document, methods=["GET"]),
]
