"""Serve documents as downloads to whoever may read them."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.attachments import links
from widget_api.attachments.documents import model, store
from widget_api.errors import NotFound

_POLICY = "default-src 'none'; sandbox"


async def get_document(request: Request) -> Response:
    """GET /documents/{id}/{name}: published ones for everybody, others with a signature. Raises NotFound."""
    context, document_id = web.context(request), request.path_params["id"]
    row = await store.find_readable(context.database, document_id) if model.is_id(document_id) else None
    if row is None or request.path_params["name"] != row["name"]:
        raise NotFound("document_not_found")
    public = bool(row["public"])
    if not public and not links.is_valid_document_signature(
        context.signer, request.query_params.get("s", ""), document_id
    ):
        raise NotFound("document_not_found")
    headers = {
        "Cache-Control": "public, max-age=300" if public else "private, no-store",
        "Content-Security-Policy": _POLICY,
        "Content-Disposition": f'attachment; filename="document.{row["name"].rpartition(".")[2]}";'
        f" filename*=UTF-8''{quote(row['name'], safe='')}",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        "ETag": f'"{document_id}"',  # a document never changes
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = await context.storage.get_document(document_id)
    if content is None:
        raise NotFound("document_not_found")
    return Response(content, headers=headers, media_type=row["media_type"])


routes: list[BaseRoute] = [Route("/documents/{id}/{name}", get_document, methods=["GET"])]
