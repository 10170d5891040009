"""The description of the API: complete both ways, and true – whatever follows from it is asked of a real service."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from widget_api import openapi
from widget_api.app import ROUTES

W = "https://widget.test"
METHODS = {"get", "post", "put", "patch", "delete"}


def served() -> set[tuple[str, str]]:
    routes: list[Any] = [route for route in ROUTES if getattr(route, "path", "").startswith("/api/v1/")]
    return {(route.path, method.lower()) for route in routes for method in route.methods - {"HEAD"}}


def test_it_describes_each_call_and_no_other() -> None:
    paths = openapi.document(W)["paths"]
    described = {(path, method) for path, calls in paths.items() for method in calls if method in METHODS}
    assert described == served()


def test_everything_it_refers_to_is_there_and_used() -> None:
    document = openapi.document(W)
    text = json.dumps(document)
    referred = set(re.findall(r'"#/components/(\w+)/(\w+)"', text))
    kinds = ("schemas", "parameters", "responses")
    defined = {(kind, name) for kind in kinds for name in document["components"][kind]}
    assert {one for one in referred if one[0] in kinds} == defined
    names = [call["operationId"] for calls in document["paths"].values() for call in calls.values()]
    assert len(names) == len(set(names))


def test_every_parameter_and_schema_is_one() -> None:
    document = openapi.document(W)
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_it_is_served_with_a_tag(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["servers"] == [{"url": W}]
    assert answer.json()["openapi"].startswith("3.1.")
    again = await client.get("/api/v1/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
