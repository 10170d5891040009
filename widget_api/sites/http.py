"""Serve what belongs to a site's collection by the handlers of what belongs to a site."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from widget_api.sites.model import collection_key

Handler = Callable[[Request], Awaitable[Response]]


def in_collection(handler: Handler) -> Handler:
    """A handler whose path has {key} and {slug}: `handler` finds the key of the collection in place of the site's."""

    @functools.wraps(handler)
    async def handle(request: Request) -> Response:
        values = request.path_params
        values["key"] = collection_key(values["key"], values.pop("slug"))
        return await handler(request)

    return handle
