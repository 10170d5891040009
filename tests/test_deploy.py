"""The shipped units, proxy configurations and container files match docs/operating.md.

nginx and Caddy run in front of a real service. Units are checked by systemd without being started. Test machines have
no container engine, so the container files are only read.
"""

import asyncio
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import servers
from tests.factories import AGENT, EMAIL, HOST_ORIGIN, problem_body
from tests.support import nginx
from tests.support.certificates import Certificate, issue_certificate
from tests.support.pages import LocalServer, QuietHandler
from tests.support.processes import Serve, Service, die_with_parent, free_port, wait_for_port
from tests.support.waiting import wait_for
from widget_api.cabinet.http import MAX_FORM_SIZE
from widget_api.database import Database
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.web.limits import RATES

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
OPERATING = (ROOT / "docs" / "operating.md").read_text()
HOST = "widget.example.ru"
UNITS = sorted(path.stem for path in (DEPLOY / "systemd").glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
@pytest.mark.parametrize("unit", UNITS)
def test_units_are_valid_and_hardened(unit: str, tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / f"{unit}.service").read_text()
    command = re.search(r"^ExecStart=(/opt/widget/venv/bin/widget-api) (.+)$", text, re.MULTILINE)
    assert command is not None
    installed = tmp_path / f"{unit}.service"  # the path it names is not on this machine
    installed.write_text(text.replace(command[1], str(Path(sys.executable).parent / "widget-api")))
    verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(installed)]
    verified = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")
    rating = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", str(installed)]
    rated = subprocess.run(rating, capture_output=True, text=True, timeout=60)
    if unit != "widget-backup":
        assert "Environment=TMPDIR=/var/tmp" in text, "uploads and scratch databases are no memory of the service"
    assert "\nexport TMPDIR=/var/tmp " in (DEPLOY / "widget-admin").read_text(), "by hand, too"
    assert rated.returncode == 0, rated.stdout[-300:]  # out of 100, lower is better; a unit without hardening has 96


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
@pytest.mark.parametrize("timer", [path.stem for path in (DEPLOY / "systemd").glob("*.timer")])
def test_timers_start_a_shipped_unit_and_make_up_for_missed_runs(timer: str, tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / f"{timer}.timer").read_text()
    assert timer in UNITS
    assert {"Persistent=true", "RandomizedDelaySec=1h", "WantedBy=timers.target"} <= set(text.splitlines())
    (when,) = re.findall(r"^OnCalendar=(.+)$", text, re.MULTILINE)
    calendar = subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, text=True, timeout=60)
    assert calendar.returncode == 0, calendar.stderr


def test_units_run_documented_commands_where_the_settings_point() -> None:
    """The shipped settings name the folder that the unit may write to."""
    folder = re.search(r"^WIDGET_BACKUPS=(.+)$", (DEPLOY / "widget.env").read_text(), re.MULTILINE)
    assert folder is not None
    assert f"\nReadWritePaths={folder[1]}\n" in (DEPLOY / "systemd" / "widget-backup.service").read_text()


def test_logs_lie_where_the_system_rotates_them() -> None:
    """Debian's logrotate takes /var/log/nginx/*.log; Caddy rolls its own files."""
    logs = re.findall(r"^\s+(?:access|error)_log (/\S+)", (DEPLOY / "nginx" / "widget.conf").read_text(), re.MULTILINE)
    assert len(logs) == 2
    assert {(str(Path(log).parent), Path(log).suffix) for log in logs} == {("/var/log/nginx", ".log")}


class Proxy:
    """A proxy with a shipped configuration, and its log."""

    def __init__(self, command: list[str], port: int, plain_port: int, log: Path, certificate: Certificate) -> None:
        self.port, self.plain_port, self._log = port, plain_port, log
        self._trust = ssl.create_default_context(cafile=str(certificate.authority))
        self._trust.check_hostname = False
        output, homes = log.with_name("proxy.out"), dict.fromkeys(("HOME", "XDG_DATA_HOME"), str(log.parent))
        with output.open("wb") as out:
            self._process = subprocess.Popen(
                die_with_parent(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=os.environ | homes
            )
        wait_for_port(port, self._process, output)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self._trust)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Host": HOST, **named})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def begin(self) -> ssl.SSLSocket:
        """Open a connection with an unfinished request."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        begun = self._trust.wrap_socket(plain)
        begun.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nX-Slow: ")
        return begun

    def redirects(self) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/track", headers={"Host": HOST})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location")


def start_nginx(folder: Path, upstream: int, certificate: Certificate) -> Proxy:
    port, plain = free_port(), free_port()
    command = nginx.command(folder, upstream, port, plain, certificate)
    return Proxy(command, port, plain, folder / "widget.log", certificate)


def start_caddy(folder: Path, upstream: int, certificate: Certificate) -> Proxy:
    port, plain = free_port(), free_port()
    text = (DEPLOY / "caddy" / "Caddyfile").read_text()
    for old, new in (
        ("widget.example.ru {", f"widget.example.ru {{\n\ttls {certificate.shown} {certificate.key}"),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("/var/log/caddy/", f"{folder}/"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    options = f"{{\n\tadmin off\n\thttp_port {plain}\n\thttps_port {port}\n\tdefault_sni widget.example.ru\n}}\n"
    file = folder / "Caddyfile"
    file.write_text(options + text)
    caddy = servers.program("caddy")
    assert caddy is not None
    command = [caddy, "run", "--config", str(file), "--adapter", "caddyfile"]
    return Proxy(command, port, plain, folder / "widget.log", certificate)


@pytest.fixture(scope="module")
def behind(module_serve: Serve) -> Service:
    return module_serve("--no-work", public_url=f"https://{HOST}", trusted_proxies="127.0.0.1")


@pytest.fixture(scope="module", params=[start_nginx, start_caddy])
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, behind: Service
) -> Iterator[tuple[Proxy, Service]]:
    """A proxy and the service behind it."""
    if reason := servers.reason_without(request.param.__name__.removeprefix("start_")):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("proxy")
    proxy: Proxy = request.param(folder, behind.port, issue_certificate(folder, "127.0.0.1"))
    yield proxy, behind
    proxy.stop()


def test_proxies_pass_on_the_required_headers(front: tuple[Proxy, Service]) -> None:
    proxy, _ = front
    status, headers, _ = proxy.ask("GET", "/track")
    assert status == 200
    assert headers["strict-transport-security"].startswith("max-age=")
    assert proxy.ask("GET", "/metrics")[0] == 404
    assert proxy.redirects() == (308, f"https://{HOST}/track")
    _, headers, _ = proxy.ask("GET", "/w/1/loader.js")
    _, packed, _ = proxy.ask("GET", "/w/1/loader.js", Accept_Encoding="br")
    assert (headers.get("content-encoding"), packed["content-encoding"]) == (None, "br")
    assert headers["etag"], "what the service says of caching comes through"


def test_proxies_limit_clients_by_their_own_address(front: tuple[Proxy, Service]) -> None:
    """X-Forwarded-For from clients is not trusted: all these requests come from one address and hit its limit."""
    proxy, service = front
    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    origin = f"https://a{proxy.port}.test"  # a site has a limit of its own
    key = service.cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", origin)["key"]
    export = f"/api/v1/sites/{key}/problems.csv"
    most = int(RATES["exports"].partition("/")[0])
    found = [proxy.ask("GET", export, X_Forwarded_For=f"203.0.113.{last}")[0] for last in range(2 * most)]
    assert found[0] == 200
    assert 429 in found


def test_proxies_have_the_services_size_limits(front: tuple[Proxy, Service]) -> None:
    proxy, _ = front
    with contextlib.suppress(ConnectionError, ssl.SSLError):  # the proxy may close before everything has been sent
        assert proxy.ask("POST", "/cabinet/sign-in", b"x" * (110 * 2**20))[0] == 413
    size = int(re.search(r"client_max_body_size (\d+)m", (DEPLOY / "nginx" / "widget.conf").read_text())[1])  # type: ignore[index]
    assert MAX_FORM_SIZE <= size * 2**20 <= MAX_FORM_SIZE + 5 * 2**20
    assert f"max_size {size}MB" in (DEPLOY / "caddy" / "Caddyfile").read_text()


def test_proxies_log_no_secrets(front: tuple[Proxy, Service]) -> None:
    """Paths of private pages and of links in letters are secrets: whoever reads one can act as the resident."""
    proxy, _ = front
    for path in ("/t/verysecret", "/confirm/verysecret", "/cabinet/x/verysecret", "/track?code=verysecret"):
        proxy.ask("GET", path, Referer=f"https://{HOST}/t/verysecret", Cookie="a=verysecret")
    proxy.ask("GET", "/api/v1/openapi.json")
    wait_for(lambda: "/api/v1/openapi.json" in proxy.log, "the last request is not logged")
    assert proxy.log.count("\n") >= 5
    assert "verysecret" not in proxy.log


@pytest.fixture
def without_nginx() -> None:
    if reason := servers.reason_without("nginx"):
        pytest.skip(reason)


SECRET_WORD, TOKEN = "примета-7351", "verysecret"


def cached_files(folder: Path) -> dict[str, bytes]:
    """The contents of the files in nginx's cache, by URL."""
    files = [path.read_bytes() for path in (folder / "cache").rglob("*") if path.is_file()]
    return {re.search(rb"\nKEY: (.+)\n", content)[1].decode(): content for content in files}  # type: ignore[index]


async def accept(service: Service, number: int) -> None:
    database = Database(service.settings["WIDGET_DATABASE_URL"], readers=1)
    await database.connect()
    row = await database.row("SELECT id, site_id FROM problems WHERE number = :number", number=number)
    assert row is not None
    await lifecycle.change(database, AGENT, row["site_id"], row["id"], Change(to="accepted"))
    await database.disconnect()


@pytest.mark.usefixtures("without_nginx")
def test_the_cache_drops_erased_data_and_stores_nothing_private(tmp_path: Path, serve: Serve) -> None:
    service = serve("--no-work", public_url=f"https://{HOST}", trusted_proxies="127.0.0.1", challenge="off")
    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    options = ("--agency", agency, "--origin", HOST_ORIGIN, "--type", "extended")
    key = service.cli("site", "add", "--name", "Сайт", *options)["key"]
    site, listed = f"/api/v1/sites/{key}", f"/api/v1/sites/{key}/problems"
    with contextlib.ExitStack() as closing:
        proxy = start_nginx(tmp_path, service.port, issue_certificate(tmp_path, "127.0.0.1"))
        closing.callback(proxy.stop)
        slow, slow_since = closing.enter_context(proxy.begin()), time.monotonic()
        version = json.loads(proxy.ask("GET", site)[2])["consent"]["version"]
        body = json.dumps(problem_body(version, email=EMAIL, description=f"Яма, {SECRET_WORD}"))
        own = {"Content_Type": "application/json", "Origin": HOST_ORIGIN, "Idempotency_Key": str(uuid.uuid4())}
        status, _, sent = proxy.ask("POST", listed, body, **own)
        assert status == 201
        asyncio.run(accept(service, 1))

        track = json.loads(sent)["track_url"].removeprefix(f"https://{HOST}")
        for path in (track, f"/s/{key}/report", f"/s/{key}?lang=en", f"{site}/challenge", "/cabinet/sign-in"):
            status, headers, _ = proxy.ask("GET", path)
            assert (status, "no-store" in headers["cache-control"]) == (200, True), path
        assert "set-cookie" in proxy.ask("GET", f"/s/{key}?lang=en")[1]
        for path, named in (
            (f"{listed}?limit=7", {"Authorization": f"Bearer {TOKEN}"}),
            (f"{listed}?limit=8", {"Cookie": f"session={TOKEN}"}),
            (f"{listed}?q={TOKEN}", {}),
        ):
            assert proxy.ask("GET", path, **named)[0] == 200, path
        assert cached_files(tmp_path).keys() == {f"http://widget{site}"}, "only the configuration was everybody's"

        public = (listed, f"{listed}/1", f"/s/{key}/feed.atom", "/w/1/loader.js")
        tags = {path: proxy.ask("GET", path)[1]["etag"] for path in public}
        stored = time.monotonic()
        for path, tag in tags.items():
            status, _, content = proxy.ask("GET", path, If_None_Match=tag)
            assert (status, content) == (304, b""), path
            assert proxy.ask("HEAD", path)[:2][0] == 200
        found = cached_files(tmp_path)
        assert found.keys() == {f"http://widget{path}" for path in (site, *public)}
        assert SECRET_WORD.encode() in found[f"http://widget{listed}"]

        assert service.cli("erase", "--email", EMAIL)["erased"]
        asked = time.monotonic()
        while SECRET_WORD.encode() in proxy.ask("GET", listed)[2]:
            assert asked - stored < 12, "s-maxage is ten seconds; nginx counts whole ones"
            time.sleep(0.2)
            asked = time.monotonic()
        assert SECRET_WORD.encode() not in cached_files(tmp_path)[f"http://widget{listed}"]
        for path in public[1:]:
            assert SECRET_WORD.encode() not in proxy.ask("GET", path)[2], path

        slow.settimeout(20)  # the ten seconds of a head have passed by now
        cut = slow.recv(1000)
        assert not cut or cut.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - slow_since > 9
        assert TOKEN.encode() not in b"".join(cached_files(tmp_path).values())


class Upstream(QuietHandler):
    """Answers that the service does not give; counts requests by URL."""

    protocol_version = "HTTP/1.1"
    asked: Counter[str]

    def do_GET(self) -> None:  # noqa: N802 - the base class names it so
        name = self.path.rpartition("?")[2]
        self.asked[name] += 1
        headers = {"Cache_Control": "private, s-maxage=10" if name == "private" else "max-age=0, s-maxage=10"}
        headers |= {"Set_Cookie": f"session={TOKEN}"} if name == "cookie" else {}
        content = (self.headers["Accept-Language"] or "").encode()
        self.reply(200, content, "text/html", Vary="*" if name == "anything" else "Accept-Language", **headers)


@pytest.mark.usefixtures("without_nginx")
def test_the_cache_honours_cache_control(tmp_path: Path) -> None:
    asked = Counter[str]()
    counting = type("Counting", (Upstream,), {"asked": asked})
    upstream = LocalServer(counting)
    proxy = start_nginx(tmp_path, upstream.port, issue_certificate(tmp_path, "127.0.0.1"))
    try:
        for name in ("public", "private", "anything", "cookie"):
            for _ in range(2):
                assert proxy.ask("GET", f"/api/v1/sites/a/stats?{name}", Accept_Language="ru" * 1000)[0] == 200
        assert asked == {"public": 1, "private": 2, "anything": 2, "cookie": 2}
        path = "/api/v1/sites/a/stats?languages"
        for language in ("ru", "en", "ru"):
            assert proxy.ask("GET", path, Accept_Language=language)[2] == language.encode()
        assert asked["languages"] == 2
        _, headers, _ = proxy.ask("GET", "/t/page", Accept_Encoding="gzip", Accept_Language="ru" * 1000)
        assert "content-encoding" not in headers, "compressed, its length would tell what is in it"
    finally:
        proxy.stop()
        upstream.close()


def test_container_files_match_the_package() -> None:
    containerfile = (DEPLOY / "container" / "Containerfile").read_text()
    assert re.search(r"^USER \d+$", containerfile, re.MULTILINE), "not as root"
    assert "requirements/run.txt" in containerfile
    assert "--require-hashes" in containerfile
    compose = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    services = compose["services"]
    assert services["migrate"]["command"] == ["migrate"]
    for name in ("serve", "work"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["environment"]["TMPDIR"] == "/var/tmp"  # on a volume; /tmp is memory
        assert "uploads:/var/tmp" in services[name]["volumes"]
    restarts = {name: service["restart"] for name, service in services.items()}
    assert restarts.pop("migrate") == "no"
    assert set(restarts.values()) == {"unless-stopped"}
    assert "builtin-locale=C.UTF-8" in services["database"]["environment"]["POSTGRES_INITDB_ARGS"]


def test_the_documentation_names_every_shipped_file() -> None:
    shipped = {path.relative_to(ROOT).as_posix() for path in DEPLOY.rglob("*") if path.is_file()}
    assert {path for path in shipped if path not in OPERATING} == set()
