"""docs/operating.md works: its commands and those of docs/install.md, the webhook receiver, key rotation."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer

from tests.factories import AGENT, HOST_ORIGIN, SECRET, make_site, problem_body, real_time, submit_report
from tests.support.processes import Service, die_with_parent, free_port
from tests.support.waiting import wait_for
from widget_api.cli import app
from widget_api.database import Database
from widget_api.platform import signature
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact

DOCS = Path(__file__).resolve().parents[2] / "docs"
OPERATING = (DOCS / "operating.md").read_text()
INSTALL = (DOCS / "install.md").read_text()
KEY = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def dialect() -> str:
    return "sqlite"


def part(heading: str) -> str:
    """The text under a heading."""
    return re.split(r"\n#+ ", OPERATING.partition(f" {heading}\n")[2])[0]


def blocks(text: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def documented() -> list[str]:
    """Every command line in blocks and text, with continuation lines joined."""
    found = [*blocks(OPERATING), *blocks(OPERATING, "sh"), *blocks(INSTALL, "sh")]
    lines = [line for block in found for line in block.replace("\\\n", " ").splitlines()]
    lines = [re.sub("^(widget-admin|/opt/widget/venv/bin/widget-api) ", "widget-api ", line) for line in lines]
    lines += re.findall(r"`(widget-api [^`]+)`", OPERATING)
    return sorted({line.partition("   #")[0].strip() for line in lines if line.startswith("widget-api ")})


@pytest.mark.parametrize("line", documented())
def test_documented_commands_exist(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        if words[0] in ("COMMAND", "--help"):
            return
        command = command.commands[words.pop(0)]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    used = {word for word in words if word.startswith("--")}
    assert used <= known, line
    if "[" not in line and "…" not in line and used:
        required = {one.opts[0] for one in command.params if one.required and one.opts[0].startswith("--")}
        assert required <= used, line


# --- the receiver ---


class Receiver:
    """The receiver code from the page as a separate process."""

    def __init__(self, directory: Path) -> None:
        (code,) = blocks(part("A webhook receiver in ten lines of Python"), "python")
        handler = code.partition("def do_POST")[2].partition("\n\n")[0].strip().splitlines()[1:]
        assert len(handler) <= 10, "as promised"
        self.port = free_port()
        (directory / "receiver.py").write_text(code)
        self.out = directory / "received"
        with self.out.open("wb") as out, (directory / "errors").open("wb") as errors:
            self.process = subprocess.Popen(
                die_with_parent([sys.executable, "-W", "error", str(directory / "receiver.py")]),
                env=os.environ | {"WEBHOOK_KEY": KEY, "PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def post(self, body: bytes, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, body, named), timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path)
    yield made
    made.process.kill()
    made.process.wait(30)


async def test_the_receiver_accepts_signed_events(
    receiver: Receiver, serve: Callable[..., Service], database: Database
) -> None:
    options = {"platform_url": receiver.url, "platform_key": KEY, "platform_protocol": "webhook"}
    serve(database_url=database.url, **options)
    site = await make_site(database)
    receipt = await submit_report(database, site, contact=Contact())
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="resolved", text="Засыпали"))
    wait_for(lambda: len(receiver.events) >= 3)
    assert [event["type"].rpartition(".")[2] for event in receiver.events] == ["received", "status", "status"]
    assert {event["data"]["number"] for event in receiver.events} == {receipt.number}
    assert receiver.events[2]["data"]["text"] == "Засыпали"


def test_the_receiver_accepts_single_events_and_batches_and_refuses_bad_signatures(receiver: Receiver) -> None:
    def up() -> bool:
        try:
            return receiver.post(b"{}") == 401
        except urllib.error.URLError:
            return False

    wait_for(up)
    one, now = b'{"id": "1", "type": "t"}', int(real_time())

    def signed(body: bytes, at: int = now, key: str = KEY) -> dict[str, str]:
        return {name.replace("-", "_"): value for name, value in signature.sign(key, "m", at, body).items()}

    assert receiver.post(one, **signed(one)) == 204
    assert receiver.post(b"[" + one + b"," + one + b"]", **signed(b"[" + one + b"," + one + b"]")) == 204
    assert receiver.events == [{"id": "1", "type": "t"}] * 3
    assert receiver.post(one + b" ", **signed(one)) == 401
    assert receiver.post(one, **signed(one, now - 400)) == 401
    assert receiver.post(one, **signed(one, key=SECRET)) == 401
    rotated = signed(one)
    rotated["webhook_signature"] = f"v1,bm90IG91cnM= {rotated['webhook_signature']}"
    assert receiver.post(one, **rotated) == 204, "while a key changes there are two"
    assert len(receiver.events) == 4


# --- changing a secret ---


def test_old_links_work_while_the_old_key_is_listed(serve: Callable[..., Service]) -> None:
    old, new = f"old-{SECRET}", f"new-{SECRET}"
    service = serve(secret_keys=old, challenge="off")
    agency = service.cli("agency", "add", "--name", "А", "--email", "a@gorod.test")["agency"]
    key = service.cli("site", "add", "--name", "С", "--agency", agency, "--origin", HOST_ORIGIN)["key"]
    root = f"{service.url}/api/v1/sites/{key}"

    def reported() -> str:
        version = httpx2.get(root, timeout=30).json()["consent"]["version"]
        headers = {"Origin": HOST_ORIGIN, "Idempotency-Key": secrets.token_hex(8)}
        answer = httpx2.post(f"{root}/problems", json=problem_body(version), headers=headers, timeout=30)
        return str(answer.json()["track_url"])

    def opens(link: str) -> bool:
        return httpx2.get(link, timeout=30).status_code == 200

    def restarted(keys: str) -> None:
        assert service.stop() in (0, -signal.SIGTERM)
        service.settings["WIDGET_SECRET_KEYS"] = keys
        service.start()

    before = reported()
    assert opens(before)
    restarted(f"{new},{old}")
    after = reported()
    assert opens(before)
    assert opens(after)
    restarted(new)
    assert not opens(before)
    assert opens(after), "it was signed with the newest"
