"""The API description is complete in both directions and matches the behaviour of a real service."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from scripts import lint_api
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, make_site, submit_report
from tests.support.recorded import FOLDER, whole
from widget_api import openapi
from widget_api.app import ROUTES
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes

W = "https://widget.test"
METHODS = {"get", "post", "put", "patch", "delete"}


def served() -> set[tuple[str, str]]:
    """GeoReport's routes have a `form` format, and answer any other path below their root."""
    ways = ("/api/v1/", "/open311/")
    routes: list[Any] = [route for route in ROUTES if getattr(route, "path", "").startswith(ways)]
    return {
        (route.path.replace("{form}", "{format}"), method.lower())
        for route in routes
        for method in route.methods - {"HEAD"}
        if "{rest:path}" not in route.path
    }


def test_it_describes_exactly_the_existing_operations() -> None:
    paths = openapi.document(W)["paths"]
    described = {(path, method) for path, calls in paths.items() for method in calls if method in METHODS}
    assert described == served()


def test_references_schemas_and_securities_exist_and_are_used() -> None:
    document = openapi.document(W)
    text = json.dumps(document)
    referred = set(re.findall(r'"#/components/(\w+)/(\w+)"', text))
    kinds = ("schemas", "parameters", "responses")
    defined = {(kind, name) for kind in kinds for name in document["components"][kind]}
    assert {one for one in referred if one[0] in kinds} == defined
    names = [call["operationId"] for calls in document["paths"].values() for call in calls.values()]
    assert len(names) == len(set(names))
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            assert "security" in call, (method, path)
            assert {name for one in call["security"] for name in one} <= set(document["components"]["securitySchemes"])
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_it_passes_the_recommended_rules_of_two_linters() -> None:
    document = openapi.document(W)
    assert lint_api.lint(document) == []
    del document["paths"]["/api/v1/sites/{key}"]["get"]["security"]
    del document["info"]["contact"]
    complaints = lint_api.lint(document)
    assert ["security-defined" in complaints[0], "info-contact" in complaints[1]] == [True, True]


async def test_georeport_answers_match_the_description(client: Client, app: Any) -> None:
    database, document = app.state.context.database, openapi.document(W)
    site = await make_site(database, jurisdiction="gorod.test")
    await make_site(database, jurisdiction="selo.test")
    receipt = await submit_report(database, site)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    key = await changes.add_token(database, site.id, "georeport")
    values = {"format": "json", "code": "roads", "id": str(receipt.number)}
    asked, seen = {"jurisdiction_id": "gorod.test", "extensions": "true"}, 0
    report = {"api_key": key, "service_code": "roads", "lat": "55", "long": "38", "description": "Яма"} | asked
    for path, calls in document["paths"].items():
        if not path.startswith("/open311/"):
            continue
        address = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], path)
        sent = await client.post(address, data=report | {"service_request_id": "2"}) if "post" in calls else None
        for method, answer in (("get", await client.get(address, params=asked)), ("post", sent)):
            if answer is None:
                continue
            assert answer.status_code == 200, answer.text
            schema = calls[method]["responses"]["200"]["content"]["application/json"]["schema"]
            validator = jsonschema_rs.validator_for({**schema, "components": document["components"]})
            assert [str(error) for error in validator.iter_errors(answer.json())] == [], (method, path)
            seen += 1
        wrong = await client.get(address, params={"jurisdiction_id": "nowhere.test"})
        if "discovery" not in path:
            (error,) = wrong.json()
            assert (wrong.status_code, error["code"]) == (404, 404)
    assert seen == 10


def recorded() -> Iterator[tuple[str, str, str, int, str, str]]:
    """The name of each recorded answer, its request, status, media type and body."""
    for file in sorted((FOLDER / "api").glob("*.txt")):
        asked, _, answered = whole(f"api/{file.stem}").partition("\n\nHTTP/1.1 ")
        _, method, path, *_ = asked.splitlines()[0].split(" ")
        head, _, body = answered.partition("\n\n")
        media = re.search(r"^content-type: ([^;\n]+)", head, re.MULTILINE)
        yield file.stem, method.lower(), path.partition("?")[0], int(head[:3]), media[1] if media else "", body


def test_every_recorded_answer_matches_the_description() -> None:
    """Answers are built from rows without running a model; this test checks that the models describe them."""
    document, seen, unknown = openapi.document(W), Counter[str](), set[str]()
    paths = {re.compile(re.sub(r"\{\w+\}", "[^/]+", path)): calls for path, calls in document["paths"].items()}
    for name, method, path, status, media, body in recorded():
        described = next((calls.get(method) for pattern, calls in paths.items() if pattern.fullmatch(path)), None)
        if described is None or status == 304:
            continue
        answer = described["responses"].get(str(status))
        if answer is None:
            unknown.add(f"{name} {status}")
            continue
        if "$ref" in answer:
            answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        if media == "text/csv" or not answer.get("content"):
            continue
        schema = {**answer["content"][media]["schema"], "components": document["components"]}
        wrong = [
            str(error)
            for error in jsonschema_rs.validator_for(schema).iter_errors(
                json.loads(body.translate({ord("␠"): " ", ord("␤"): None}))
            )
        ]
        assert wrong == [], name
        seen[described["operationId"]] += 1
    assert unknown == set()
    assert len(seen) > 15, seen


@ONE_DATABASE
async def test_it_is_served_with_an_etag(client: Client) -> None:
    answer = await client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["servers"] == [{"url": W}]
    assert answer.json()["openapi"].startswith("3.1.")
    again = await client.get("/api/v1/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
