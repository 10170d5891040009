"""docs/api.md shows every call with curl: every command is run against a service, and every call has one."""

import base64
import inspect
import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
from jsonschema_rs import validator_for

from tests.conftest import running
from tests.factories import AGENT, make_site, submit_report
from tests.support.made_up_city import picture, solved
from widget_api import clock, openapi
from widget_api.open311 import parameters
from widget_api.platform import signature
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, join_entry
from widget_api.settings import Settings
from widget_api.sites import changes, collection

W = "https://widget.test"
KEY = "whsec_" + base64.b64encode(b"0" * 32).decode()
DOCUMENT = (Path(__file__).resolve().parent.parent / "docs" / "api.md").read_text()
SECTION = DOCUMENT.partition("### Each call with curl")[2]
LINES = [line for line in SECTION.partition("```sh\n")[2].partition("```")[0].splitlines() if line]


def call(line: str) -> tuple[str, str, dict[str, str], Any, list[str]]:
    """Method, URL, headers, body and form of a curl command."""
    _, *words = shlex.split(line)
    headers, form, data, address, method = dict[str, str](), list[str](), None, "", ""
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            data = words.pop(0)
        elif word == "-X":
            method = words.pop(0).lower()
        elif word == "-F":
            form.append(words.pop(0))
        else:
            address = word
    return method or ("post" if data is not None or form else "get"), address, headers, data, form


def examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Location, schema and value of every JSON example: the curl bodies and the answers below them."""
    document = openapi.document(W)
    calls = {(method, path): call for path, calls in document["paths"].items() for method, call in calls.items()}
    before = DOCUMENT.partition("### Each call with curl")[0]
    for block in re.findall(r"^```\w*\n(.*?)^```$", before, re.MULTILINE | re.DOTALL):
        if block.startswith("{"):
            yield "Errors", {"$ref": "#/components/schemas/Error"}, json.loads(block)
        for shown in re.split(r"^(?=curl |POST )", block, flags=re.MULTILINE)[1:]:
            asked, brace, rest = shown.partition("\n{")
            if asked.startswith("POST "):  # as sent
                method, address, sent, answered = "post", asked.split()[1], brace + rest, ""
            else:
                method, address, _, sent, _ = call(asked.replace("-X POST ", "").replace("\\\n", ""))
                answered = brace + rest
            path = "/api/" + address.partition("/api/")[2].partition("?")[0]
            path = path.replace("wk_…", "{key}").replace("$KEY", "{key}").replace("/12/", "/{number}/")
            described = calls[method, path]
            if sent:
                schema = described["requestBody"]["content"]["application/json"]["schema"]
                yield f"{method} {path}", schema, json.loads(sent)
            if answered:
                good = next(answer for status, answer in described["responses"].items() if status[0] == "2")
                yield f"{path} answers", good["content"]["application/json"]["schema"], json.loads(answered)


def test_every_example_matches_the_description() -> None:
    components, seen = openapi.document(W)["components"], []
    for name, schema, value in examples():
        seen.append(name)
        wrong = [str(error) for error in validator_for({**schema, "components": components}).iter_errors(value)]
        assert wrong == [], f"{name}: {value}"
    assert len(seen) >= 8


def test_every_call_has_a_curl_command() -> None:
    """Except for GeoReport's, which are documented separately."""
    paths = openapi.document(W)["paths"]
    wanted = {(method, path) for path, calls in paths.items() for method in calls if path.startswith("/api/")}
    shown = set()
    for line in LINES:
        method, address, *_ = call(line)
        path = urlsplit(address).path.removeprefix("$W").replace("$KEY", "{key}").replace("$N", "{number}")
        path = path.replace("$SLUG", "{slug}").replace("$E", "{number}")
        shown.add((method, path))
    assert shown == wanted


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_every_curl_command_works(make_settings: Callable[..., Settings], database_url: str) -> None:
    wished = {"platform_url": "http://127.0.0.1:9", "platform_key": KEY, "platform_protocol": "webhook"}
    async with running(make_settings(database_url=database_url, work="off", **wished)) as app:
        context = app.state.context
        site = await make_site(context.database, jurisdiction="gorod.test", discussion="moderated")
        receipt = await submit_report(context.database, site)
        await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
        child = await collection.add_collection(context.database, site, "volunteers", "volunteers")
        entry = await submit_report(context.database, child, category="other", description=join_entry("Штаб", "Тесно"))
        await lifecycle.change(context.database, AGENT, child.id, entry.problem_id, Change(to="accepted"))
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=W) as client:
            configuration = (await client.get(f"/api/v1/sites/{site.key}")).json()
            collected = (await client.get(f"/api/v1/sites/{site.key}/collections/volunteers")).json()
            event = {
                "specversion": "1.0",
                "id": str(uuid.uuid4()),
                "source": "https://central.test",
                "type": "ru.igrajdanin.problem.status",
                "time": clock.rfc3339(clock.now()),
                "data": {
                    "number": receipt.number,
                    "jurisdiction": "gorod.test",
                    "kind": "status",
                    "status_code": "in_progress",
                },
            }
            body = orjson.dumps(event)
            signed = signature.sign(KEY, "m-1", clock.now(), body)
            known = {
                "W": W,
                "KEY": site.key,
                "N": str(receipt.number),
                "CONSENT": configuration["consent"]["version"],
                "E": str(entry.number),
                "AGREED": collected["consent"]["version"],
                "TOKEN": await changes.add_token(context.database, site.id, "platform"),
                "TIME": signed["webhook-timestamp"],
                "SIGNATURE": signed["webhook-signature"],
            }
            await collection.add_collection(context.database, site, "centres", "resource-centres")
            for line in LINES:
                known["SLUG"] = "centres" if line.endswith('/coverage"') else "volunteers"
                if act := re.search(r"/entries/\$E/(\w+)\"", line):  # the action of the collection
                    await changes.update_site(context.database, child.id, {"action": act[1]})
                if "$TICKET" in line or "$SOLUTION" in line:
                    known["SOLUTION"] = solved((await client.get(f"/api/v1/sites/{site.key}/challenge")).json())
                if "$TICKET" in line:
                    sent = await client.post(f"/api/v1/sites/{site.key}/tickets", json={"challenge": known["SOLUTION"]})
                    known["TICKET"] = sent.json()["ticket"]
                filled = re.sub(r"\$([A-Z]+)", lambda match: known.get(match[1], match[0]), line)
                answer = await send(client, filled, body)
                assert 200 <= answer.status_code < 300, f"{line}\n{answer.status_code} {answer.text}"


async def send(client: httpx2.AsyncClient, line: str, event: bytes) -> httpx2.Response:
    method, address, headers, data, form = call(line)
    if form:
        fields = dict(one.split("=", 1) for one in form if "=@" not in one)
        files = {one.partition("=@")[0]: ("yama.jpg", picture(), "image/jpeg") for one in form if "=@" in one}
        return await client.post(address, data=fields, files=files)
    content = event if data == "$EVENT" else data.encode() if data else None
    return await client.request(method.upper(), address, headers=headers, content=content)


GEOREPORT = DOCUMENT.partition("### GeoReport")[2].partition("### Webhook and feed")[0]


def shown_parameters(before: str) -> list[tuple[list[str], str]]:
    """Names and examples in the table below these words."""
    table = GEOREPORT.partition(before)[2].partition("\n\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]
    return [(re.findall(r"`([a-z_]+)`", names), example.strip(" `|")) for names, *_, example in rows]


async def test_all_georeport_parameters_are_documented_with_examples(client: httpx2.AsyncClient, app: Any) -> None:
    await make_site(app.state.context.database)
    source = inspect.getsource(parameters)
    read = set(re.findall(r'parameters\.\w+\("(\w+)"', source)) | {"status", "detailed_status", "api_key"}
    documented = set[str]()
    for path, before in (
        ("requests", "Reading requests, `GET requests`"),
        ("servicerequestupdates", "Reading updates,"),
    ):
        for names, example in shown_parameters(before):
            assert example.partition("=")[0] in names
            documented |= set(names)
            answer = await client.get(f"/open311/v2/{path}.json?{example}")
            assert answer.status_code == 200, (example, answer.text)
    assert documented == read


@pytest.mark.parametrize("told_by", ["discovery", "configuration"])
async def test_a_client_in_three_lines_works(client: httpx2.AsyncClient, app: Any, told_by: str) -> None:
    """Also where several sites share the endpoint and the jurisdiction is missing."""
    database = app.state.context.database
    site = await make_site(database, jurisdiction="gorod.test")
    await make_site(database, jurisdiction="selo.test")
    if told_by == "discovery":
        (endpoint,) = (await client.get("/open311/discovery.json")).json()["endpoints"]
        jurisdiction = endpoint["jurisdictions"][0]
    else:
        jurisdiction = (await client.get(f"/api/v1/sites/{site.key}")).json()["jurisdiction"]
    assert jurisdiction == "gorod.test"
    values = {"$W": W, "$APIKEY": await changes.add_token(database, site.id, "georeport")}
    values["$JURISDICTION"] = jurisdiction
    lines, answers = GEOREPORT.partition("```sh\n")[2].partition("```")[0].splitlines(), list[httpx2.Response]()
    assert len(lines) == 3
    for line in lines:
        for name, value in values.items():
            line = line.replace(name, value)
        _, *words = shlex.split(line)
        form = [word.partition("=")[::2] for word in words if not word.startswith("-")][: words.count("-d") + 1]
        said = {"data": dict(form)} if "-d" in words else {}
        answers.append(await getattr(client, "post" if said else "get")(words[-1], **said))
        assert answers[-1].status_code == 200, answers[-1].text
    assert [one["description"] for one in answers[-1].json()] == ["Яма на переходе"]
