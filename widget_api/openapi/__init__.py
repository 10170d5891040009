"""The OpenAPI 3.1 document of the public API, generated from the models of requests and responses.

It is built on demand: the models of responses serve no other purpose, and take memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson


def document(public_url: str) -> dict[str, Any]:
    """Build the document with the service's own address."""
    from widget_api.openapi import builder

    return builder.document(public_url)


@lru_cache(maxsize=4)
def content(public_url: str) -> bytes:
    """Return the document as JSON."""
    return orjson.dumps(document(public_url))
