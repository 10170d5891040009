"""Versions of the widget: what is released never changes and may be pinned; a build before its release may not."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha384
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import Client
from tests.factories import HOST_ORIGIN, PUBLIC_URL
from widget_api.context import Context
from widget_api.outbound import Answer, Outbound
from widget_api.sites.install import service
from widget_api.sites.model import Site
from widget_api.web import releases, static_routes

RELEASE, BUILD = "1.4.0", "1.10.0"
NAMES = ("loader.js", "frame.js", "core-q6clKbgb.js")
PINNED = ({"version": "pinned"}, {"host": HOST_ORIGIN}, {"version": "pinned", "host": HOST_ORIGIN})


@pytest.fixture
def dialect() -> str:
    """No SQL: one database is enough."""
    return "sqlite"


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with one release and a newer build, in place of dist/."""
    for version in (RELEASE, BUILD):
        (tmp_path / version).mkdir()
        for name in NAMES:
            (tmp_path / version / name).write_text(f"// {name} of {version}")
    monkeypatch.setattr(releases, "dist_folder", lambda: tmp_path)
    record(tmp_path, RELEASE)
    yield tmp_path
    deploy()


def deploy() -> None:
    """Forget what a process reads once, as the next process does."""
    for cached in (releases.list_versions, releases._released, static_routes.load_file):
        cached.cache_clear()


def hash_of(file: Path) -> str:
    return f"sha384-{b64encode(sha384(file.read_bytes()).digest()).decode()}"


def record(dist: Path, *versions: str) -> None:
    recorded = {version: {name: hash_of(dist / version / name) for name in NAMES} for version in versions}
    (dist / "released.json").write_text(json.dumps(recorded))
    deploy()


def caching(answer: httpx2.Response) -> str:
    assert answer.status_code == 200
    return str(answer.headers["cache-control"])


async def test_only_a_release_is_immutable(client: Client, dist: Path) -> None:
    for name in NAMES:
        assert "immutable" in caching(await client.get(f"/w/{RELEASE}/{name}"))
        assert caching(await client.get(f"/w/{BUILD}/{name}")) == "public, max-age=60, must-revalidate"
    served = await client.get("/w/1/loader.js")
    assert served.text == f"// loader.js of {BUILD}"
    assert caching(served) == "public, max-age=60, must-revalidate"
    again = {"If-None-Match": served.headers["etag"]}
    assert (await client.get("/w/1/loader.js", headers=again)).status_code == 304
    (dist / BUILD / "loader.js").write_text("// the next build")
    deploy()
    assert (await client.get("/w/1/loader.js", headers=again)).text == "// the next build"


async def test_a_build_is_immutable_once_it_is_released(client: Client, dist: Path) -> None:
    record(dist, RELEASE, BUILD)
    assert "immutable" in caching(await client.get(f"/w/{BUILD}/loader.js"))
    followed = caching(await client.get("/w/1/loader.js"))
    assert "immutable" not in followed
    assert "stale-while-revalidate" in followed, "the files of an earlier release stay"


@pytest.mark.parametrize("released", [(), (RELEASE,), (RELEASE, BUILD)])
async def test_code_to_paste_pins_the_newest_release_alone(
    client: Client, site: Site, dist: Path, released: tuple[str, ...]
) -> None:
    record(dist, *released)
    for options in ({}, *PINNED):
        answer = await client.get(f"/s/{site.key}/install", params=options)
        assert answer.status_code == 200
        page = unescape(answer.text)
        scripts = re.findall(r'<script [^>]*src="(\S+)/(?:w|igrajdanin)/([\d.]+)/(\S+?)"([^>]*)>', page)
        assert len(scripts) == 3, "script, div, frame"
        for address, version, name, more in scripts:
            pinned = bool(options) and bool(released)
            assert version == (released[-1] if pinned else "1")
            assert address == (options.get("host", PUBLIC_URL) if pinned else PUBLIC_URL)
            assert re.findall(r'integrity="(.*?)"', more) == ([hash_of(dist / version / name)] if pinned else [])
        unreleased = f"сборку {BUILD}, которая ещё не выпущена"
        assert (unreleased in page) == (released == (RELEASE,))
        assert all(hash_of(dist / BUILD / name) not in page for name in NAMES) or BUILD in released


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1", {"script_following_build": "ok"}),
        ("2", {"release_unknown": "wrong"}),
        (RELEASE, {"release_newest": "ok", "integrity_absent": "note"}),
        (BUILD, {"release_unreleased": "wrong"}),
    ],
)
async def test_the_install_check_names_what_is_not_released(
    client: Client,
    context: Context,
    site: Site,
    dist: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    expected: dict[str, str],
) -> None:
    element = f'<igrajdanin-widget site-key="{site.key}"></igrajdanin-widget>'
    body = f'{element}<script async src="{PUBLIC_URL}/w/{version}/loader.js"></script>'

    async def fetch(*_: Any, **__: Any) -> Answer:
        return Answer(200, {"content-type": "text/html"}, body.encode())

    monkeypatch.setattr(Outbound, "request", fetch)
    found = await service.check_page(context.database, context.settings, context.outbound, site, f"{HOST_ORIGIN}/")
    lines = {line.code: line.state for line in found[1]}
    assert {code: state for code, state in lines.items() if re.match("script|release|integrity", code)} == expected
    context.sightings.note(site, "seen", HOST_ORIGIN, BUILD)
    await context.sightings.flush(context.database)
    link = service.make_check_url(context.settings, site)
    page = unescape((await client.get(link)).text)
    assert f"{BUILD} (не выпущена)" in page
    assert f"получают сборку {BUILD}: она ещё не выпущена" in page
    assert "закреплена старая версия" not in page
