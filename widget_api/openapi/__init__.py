"""The public API described for programs: OpenAPI 3.1 from the models that read requests, and those of answers.

Built when somebody asks: the models of answers describe and do nothing else, and cost memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson


def document(public_url: str) -> dict[str, Any]:
    """The whole description, with the service's own address."""
    from widget_api.openapi import describing

    return describing.document(public_url)


@lru_cache(maxsize=4)
def content(public_url: str) -> bytes:
    """The same as it is sent."""
    return orjson.dumps(document(public_url))
