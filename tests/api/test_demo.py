"""`widget-api demo`, as `make run` starts it: it starts although its ports are in use, also the second time."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support import fork_server
from tests.support.cabinet import PageText
from tests.support.processes import clean_environment, free_port, patched_program
from tests.support.waiting import wait_for
from widget_api.permissions import Role

pytestmark = pytest.mark.long


FEWER = ("widget_api.demo.map_tiles.ZOOMS=[12]", "widget_api.demo.photos.MAX_PROBLEMS=2")  # they take half of the time


@contextmanager
def demonstration(directory: Path, first_port: int, changes: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """The output of the running demonstration."""
    path = directory / "data" / "demo.json"  # the file of an earlier run exists until this one answers
    before = path.stat().st_mtime_ns if path.exists() else 0
    with (directory / "out").open("wb") as out:
        program = (*patched_program(*changes), "demo", "--port", str(first_port))
        process = fork_server.fork(program, directory, clean_environment({}), out, out)
    try:
        deadline = time.monotonic() + 240
        while not path.exists() or path.stat().st_mtime_ns == before:
            assert process.poll() is None, (directory / "out").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield json.loads(path.read_bytes())
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(60)


def get(url: str, **headers: str) -> tuple[int, Any, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, ""


def find_dead_links(address: str, **credentials: str) -> list[tuple[int, str]]:
    """The links of a user's first page that do not open."""
    with httpx2.Client(base_url=address, follow_redirects=True, timeout=30) as client:
        form = PageText(client.get("/cabinet/sign-in").text).form("/cabinet/sign-in")
        page = client.post("/cabinet/sign-in", data=form.fields | credentials)
        assert page.url.path == "/cabinet/"
        links = sorted(link for link in set(PageText(page.text).links) if link.startswith("/"))
        found = [(client.get(link).status_code, link) for link in links]
    assert len(found) > 5
    return [one for one in found if one[0] != 200]


def test_the_demonstration_uses_other_ports_if_its_own_are_in_use(tmp_path: Path) -> None:
    first = free_port()
    with socket.create_server(("127.0.0.1", first)), demonstration(tmp_path, first, FEWER) as known:
        key = known["sites"][0]["key"]
        assert {user["role"] for user in known["users"]} == {*Role}, "somebody to sign in as"
        assert f":{first}" not in json.dumps([known["service"], known["platform"], known["pages"], known["mail"]])
        assert key in get(f"{known['pages']}/plain/")[2]
        for user in known["users"]:
            credentials = {"email": user["email"], "password": user["password"]}
            assert find_dead_links(known[user["instance"]], **credentials) == [], user["email"]
        wait_for(lambda: '<iframe src="' in get(known["mail"])[2], "its worker sends no letter")
        letters = (page := get(known["mail"])[2]).split('<iframe src="')[1:]
        assert re.search(r"<br>\d{1,2}\xa0[а-я]+( \d{4})?, \d\d:\d\d</p>", page), "dates as everywhere"
        _, headers, letter = get(known["mail"] + letters[0].partition('"')[0])
        assert "<table" in letter
        assert "sandbox" in headers["Content-Security-Policy"]
        assert get(known["mail"] + "/letter/../demo.json")[0] == 404


@pytest.mark.full("two starts; test_jurisdictions.py seeds for other ports")
def test_the_demonstration_keeps_its_sites_on_other_ports(tmp_path: Path) -> None:
    with demonstration(tmp_path, free_port()) as known:
        key = known["sites"][0]["key"]
        assert "Filling the demonstration" in (tmp_path / "out").read_text()
    with demonstration(tmp_path, free_port()) as again:
        assert "with its data" in (tmp_path / "out").read_text(), "nobody fears for what they typed"
        assert again["pages"] != known["pages"]
        assert again["sites"][0]["key"] == key
        assert again["service"] in again["sites"][0]["snippet"]
        gate = f"{again['service']}/api/v1/sites/{key}/challenge"
        assert get(gate, Origin=again["pages"])[0] == 200, "the host pages are on another port now"
        assert get(gate, Origin="http://elsewhere.test")[0] == 403
