"""The public API described for programs: OpenAPI 3.1, written by hand, held against the routes by a test.

`general.json` has what all calls share, `schemas.json` the shapes, `paths.json` the calls, `georeport.json` those of
GeoReport.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any

import orjson


def document(public_url: str) -> dict[str, Any]:
    """The whole description, with the service's own address."""
    general, schemas, paths, georeport = (_part(name) for name in ("general", "schemas", "paths", "georeport"))
    described = {**general, "servers": [{"url": public_url}], "paths": {**paths, **georeport}}
    described["info"] = {**general["info"], "contact": {"name": "The operator of the service", "url": public_url}}
    described["components"] = {**general["components"], "schemas": schemas}
    return described


@lru_cache(maxsize=4)
def content(public_url: str) -> bytes:
    """The same as it is sent."""
    return orjson.dumps(document(public_url))


def _part(name: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((resources.files("widget_api") / "openapi" / f"{name}.json").read_bytes())
    return found
