"""Serve the built widget under /w/ and the files of the service's pages under /static/, compressed once at start."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import brotli
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api.errors import NotFound
from widget_api.web import releases
from widget_api.web.fair_queue import at_once
from widget_api.web.middleware import best_encoding
from widget_api.web.releases import MAJOR_VERSION, PACKAGE_FOLDER, VERSION
from widget_api.web.tokens import paint

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".map": "application/json",
}
IMMUTABLE = "public, max-age=31536000, immutable"
# /w/1/loader.js: pages get a new release soon; one that is a day late works too, since the files of releases stay.
FOLLOWING = "public, max-age=300, stale-while-revalidate=86400"
# A build that is not released: the next deployment replaces its files, and the loader names files that go with it.
UNRELEASED = "public, max-age=60, must-revalidate"


@dataclass(frozen=True)
class StaticFile:
    """A file in memory with its compressed copies. There are a few dozen, which never change while the process runs."""

    media_type: str
    tag: str
    encodings: dict[str, bytes]  # by name

    def response(self, request: Request, cache_control: str) -> Response:
        name = best_encoding(request.headers.get("accept-encoding", ""))
        headers = {
            "Cache-Control": cache_control,
            # A strong tag stands for exact bytes, so those of a coding have a weak one (RFC 9110, 8.8.3.3).
            "ETag": f"W/{self.tag}" if name else self.tag,
            "Vary": "Accept-Encoding",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if name:
            headers["Content-Encoding"] = name
        return Response(self.encodings[name], headers=headers, media_type=self.media_type)


@cache
def load_file(path: Path) -> StaticFile:
    """Read and compress a file. Raises NotFound."""
    if not path.is_file():
        raise NotFound
    content = paint(path.name, path.read_bytes())
    encodings = {"br": brotli.compress(content, quality=11), "gzip": gzip.compress(content, 9, mtime=0), "": content}
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(media_type, f'"{hashlib.sha256(content).hexdigest()}"', encodings)


def warm_cache() -> None:
    """Compress the files of all pages and of the current widget, before they are requested."""
    folder = releases.dist_folder() / releases.served_version(MAJOR_VERSION)
    current = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".map"]
    for path in (*current, *(PACKAGE_FOLDER / "static").glob("*")):
        with contextlib.suppress(NotFound):
            load_file(path)


def _file_within(folder: Path, name: str) -> StaticFile:
    try:
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()):
            return load_file(path)
    except (ValueError, OSError):  # NUL, or longer than a name can be
        pass
    raise NotFound


@at_once
async def widget(request: Request) -> Response:
    """Handle GET /w/{version}/{path}: a release never changes; a major version is its newest version."""
    version, path = request.path_params["version"], request.path_params["path"]
    full = bool(VERSION.fullmatch(version))
    if not full and not version.isdigit():
        raise NotFound
    found = version if full else releases.served_version(version)
    cache_control = (IMMUTABLE if full else FOLLOWING) if releases.is_released(found) else UNRELEASED
    response = _file_within(releases.dist_folder() / found, path).response(request, cache_control)
    if (
        path == "worker.js"
    ):  # it serves the pages of a town (widget_js/pages/worker.ts), not those below its own address
        response.headers["Service-Worker-Allowed"] = "/s/"
    return response


@at_once
async def static(request: Request) -> Response:
    """Handle GET /static/{path}. With the content's hash in the URL (`pages.static_url`) it can be cached forever."""
    file = _file_within(PACKAGE_FOLDER / "static", request.path_params["path"])
    return file.response(request, IMMUTABLE if request.query_params.get("v") == file.tag.strip('"') else "no-cache")


routes: list[BaseRoute] = [
    Route("/w/{version}/{path:path}", widget, methods=["GET"]),
    Route("/static/{path:path}", static, methods=["GET"]),
]
