"""Fuzz a real service with requests generated from the API description, and check every answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import POSTGRESQL_UNLESS_FULL
from tests.factories import HOST_ORIGIN
from tests.support.processes import Service

SUPPORT = Path(__file__).resolve().parent.parent / "support"
OPTIONS = ("--discussion", "moderated")


@pytest.mark.faults
@POSTGRESQL_UNLESS_FULL
async def test_generated_requests_conform_to_the_description(
    serve: Callable[..., Service], database_url: str, tmp_path: Path, full_counts: bool
) -> None:
    """schemathesis: every phase, with every check. PostgreSQL refuses more values than SQLite does."""
    service = await asyncio.to_thread(serve, database_url=database_url, challenge="off", rate_limits="off", work="off")

    def prepared() -> tuple[str, str]:
        agency = service.cli("agency", "add", "--name", "Город", "--email", "a@gorod.test")["agency"]
        added = service.cli("site", "add", "--name", "Город", "--agency", agency, "--origin", HOST_ORIGIN, *OPTIONS)
        service.cli("load-demo", "--problems", "40", "--site", added["site"])
        token = service.cli("token", "add", "--site", added["site"], "--scope", "platform")["token"]
        return added["key"], token

    key, token = await asyncio.to_thread(prepared)
    async with httpx2.AsyncClient() as client:
        document = (await client.get(f"{service.url}/api/v1/openapi.json")).json()
        site = (await client.get(f"{service.url}/api/v1/sites/{key}")).json()
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(of_site(document, key, site)))
    (tmp_path / "hooks.py").write_text((SUPPORT / "schemathesis_hooks.py").read_text())
    (tmp_path / "schemathesis.toml").write_text(f'hooks = "hooks"\n[auth.openapi.token]\nbearer = "{token}"\n')
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(tmp_path / "schemathesis.toml")),
        *("run", str(described), "--url", service.url, "--checks", "all", "--mode", "all", "--no-color"),
        *("--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"),
        *("--max-examples", "200" if full_counts else "8", "--workers", "1", "--generation-database", "none"),
        *(() if full_counts else ("--seed", "4")),  # the full run uses another seed each time
    ]
    done = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]


def of_site(document: dict[str, Any], key: str, site: dict[str, Any]) -> dict[str, Any]:
    """The description restricted to one site's configuration: its key, categories and consent document."""
    # GeoReport's parameters depend on each other, and its errors have their own format: see test_openapi.py.
    document["paths"] = {path: calls for path, calls in document["paths"].items() if path.startswith("/api/")}
    parameters, schemas = document["components"]["parameters"], document["components"]["schemas"]
    parameters["key"]["schema"] = {"type": "string", "enum": [key]}
    codes = [category["code"] for category in site["categories"] if not category["questions"]]
    report = schemas["Report"]["properties"]
    report["category"] = {"type": "string", "enum": codes}
    schemas["Report"]["required"].append("consent")  # the site asks every report for it
    report["consent"] = {"$ref": "#/components/schemas/Consent"}
    consent = schemas["Consent"]["properties"]
    consent["version"] = {"type": "string", "enum": [site["consent"]["version"]]}
    of_name = [None, site["consent"]["publish_name"]["version"]]
    consent["name_version"] = {"type": ["string", "null"], "enum": of_name}
    # Names must differ from the agency's and must not mix alphabets.
    schemas["NewComment"]["properties"]["name"] |= {"not": {"enum": [site["agency"]["name"]]}, "format": "name"}
    for schema in schemas.values():  # tickets are ignored where the service requires none
        if "ticket" in schema.get("required", []):
            continue
        if "ticket" in schema.get("properties", {}):
            schema["properties"]["ticket"] = {}
    # Valid alone, but refused in combination: half of a point, an inverted box, a period that ends before it begins,
    # the cursor of another list.
    for path in ("", "/collections/{slug}"):
        of_addresses = document["paths"][f"/api/v1/sites/{{key}}{path}/addresses"]["get"]["parameters"]
        of_addresses[:] = [one for one in of_addresses if one.get("name") not in ("lat", "lng")]  # both or none
    boxes = ["38.5,54.9,39.1,55.3", "-180,-90,180,90"]
    parameters["bbox"]["schema"] = {"type": "string", "enum": [*boxes, ""]}
    clusters = document["paths"]["/api/v1/sites/{key}/clusters"]["get"]["parameters"]
    next(one for one in clusters if one.get("name") == "bbox")["schema"] = {"type": "string", "enum": boxes}
    parameters["since"]["schema"] = {"type": "string", "enum": ["2020-01-01", "0001-02-03", ""]}
    parameters["until"]["schema"] = {"type": "string", "enum": ["2026-12-31", "9000-01-01", ""]}
    parameters["from"]["schema"] = {"type": "string", "enum": ["2020-01-01", "0001-02-03", ""]}
    parameters["to"]["schema"] = {"type": "string", "enum": ["2026-12-31", "9999-12-31", ""]}
    for call in (call for calls in document["paths"].values() for call in calls.values()):  # the site has no district
        for one in (parameters["district"], *call.get("parameters", [])):
            if one.get("name") == "district":
                one["schema"] = {"type": "string", "enum": [""]}
    parameters["cursor"]["schema"] = {"type": "string", "enum": [""]}
    report["photos"] = {"type": ["array", "null"], "maxItems": 0}  # tokens are issued by the service
    # That a number is a report's, and that a date comes with a number, is said in words.
    schemas["DocumentNumbers"]["properties"]["items"] |= {"maxItems": 1}
    schemas["DocumentNumber"]["properties"]["number"] = {"type": "integer", "enum": [1]}
    schemas["DocumentNumber"]["anyOf"] = [
        {"properties": {"document_date": {"type": "null"}}},
        {"properties": {"document_number": {"type": "string", "minLength": 1}}, "required": ["document_number"]},
    ]
    schemas["Upload"]["properties"]["file"] = {"type": "string", "format": "binary"}
    schemas["Solution"]["properties"]["challenge"] = {"type": "string", "format": "solution"}
    return document
