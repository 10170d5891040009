"""What clients post: urlencoded fields, or a form in parts with pictures under whatever name they gave them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import parse_qsl

from starlette.requests import Request

from widget_api import errors, http
from widget_api.errors import FieldError, Invalid
from widget_api.open311.parameters import MOST, Parameters
from widget_api.photos import model
from widget_api.photos import service as photos
from widget_api.problems.model import Photo
from widget_api.sites.model import Site

LARGEST_FORM = 262_144  # bytes; 4,000 Cyrillic letters are 24,000 in a urlencoded form
LARGEST_MULTIPART = 32 * 1024 * 1024
FILES, FIELDS, LARGEST_FIELD = 20, 200, 32_768  # of a form in parts, which is read before its key is known
_PICTURE = re.compile(r"(media|media_url|file|photo[0-9]{0,2})(\[[0-9]*\])?")


@dataclass(frozen=True)
class Pictures:
    """The pictures of a form by the names of their fields; open while `read` is."""

    request: Request
    sent: Sequence[tuple[str, http.Sent]] = ()

    def __len__(self) -> int:
        return len(self.sent)

    async def digest(self) -> str:
        """The same for the same files."""
        return "".join([name + await asyncio.to_thread(_digest, one.file) for name, one in self.sent])

    async def taken_in(self, site: Site) -> tuple[Photo, ...]:
        """As many as a report may have, decoded and drawn anew: they wait to be attached.

        Raises Invalid that names each file which is no picture, Unavailable.
        """
        context, taken, wrong = http.context(self.request), list[Photo](), list[FieldError]()
        for name, one in self.sent[: site.photos]:
            try:
                if one.size > model.LARGEST_FILE:
                    raise errors.TooLarge("photo_too_large")
                receiving = photos.receive(context, site.id, one.file, sender=http.sender(self.request))
                received = await http.unless_gone(self.request, receiving)
            except (errors.WrongType, errors.TooLarge, errors.Invalid) as error:
                wrong.append(FieldError(name, error.code))
            else:
                taken.append(Photo(received.id))
        if wrong:
            raise Invalid(tuple(wrong))
        return tuple(taken)


@contextlib.asynccontextmanager
async def read(request: Request) -> AsyncIterator[tuple[Parameters, Pictures]]:
    """What stands in the query counts too, as some clients send it there. Raises TooLarge, WrongType, Malformed."""
    media_type = http.media_type(request)
    query = request.query_params.multi_items()
    if media_type == "multipart/form-data":
        texts, files = await http.multipart(request, LARGEST_MULTIPART, files=FILES, fields=FIELDS, part=LARGEST_FIELD)
        with http.closing(file for _, file in files):
            # A browser sends a field without a file as an empty one.
            pictures = [(name, sent) for name, sent in files if _PICTURE.fullmatch(name) and sent.size]
            yield Parameters([*texts, *query]), Pictures(request, pictures)
        return
    if media_type not in ("application/x-www-form-urlencoded", ""):
        raise errors.WrongType
    body = await http.body(request, LARGEST_FORM)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST)
    except ValueError:
        raise errors.Malformed from None
    yield Parameters([*pairs, *query]), Pictures(request)


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # a temporary file is one
