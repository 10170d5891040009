"""The shipped units, proxy configurations and container files hold what docs/operating.md says of them.

nginx and Caddy run for real before a real service. Units are checked by systemd itself without being started. A test
machine has no container engine and no images, so of the container files only what can be read is held.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import servers
from tests.support.certificates import Certificate, issued
from tests.support.processes import Service, dying_with_us, free_port
from widget_api.cabinet.http import LIMIT
from widget_api.limits import RATES

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
OPERATING = (ROOT / "docs" / "operating.md").read_text()
HOST = "widget.example.ru"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
@pytest.mark.parametrize("unit", ["widget-serve", "widget-work"])
def test_a_unit_is_one_and_is_hardened(unit: str, tmp_path: Path) -> None:
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
    assert rated.returncode == 0, rated.stdout[-300:]  # of 100, the less the better; as it comes a unit has 96


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Proxy:
    """A proxy with a shipped configuration, and what it wrote into its log."""

    def __init__(self, command: list[str], port: int, plain_port: int, log: Path, certificate: Certificate) -> None:
        self.port, self.plain_port, self._log = port, plain_port, log
        self._trust = ssl.create_default_context(cafile=str(certificate.authority))
        self._trust.check_hostname = False
        self._process = subprocess.Popen(
            dying_with_us(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"HOME": str(log.parent), "XDG_DATA_HOME": str(log.parent)},
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not listens(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                assert self._process.stdout is not None
                raise AssertionError(self._process.stdout.read().decode())
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)

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

    def redirects(self) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/track", headers={"Host": HOST})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location")


def start_nginx(folder: Path, upstream: int, certificate: Certificate) -> Proxy:
    port, plain = free_port(), free_port()
    text = (DEPLOY / "nginx" / "widget.conf").read_text()
    for old, new in (
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("listen 443 ssl", f"listen {port} ssl"),
        ("listen 80;", f"listen {plain};"),
        ("/etc/letsencrypt/live/widget.example.ru/fullchain.pem", str(certificate.shown)),
        ("/etc/letsencrypt/live/widget.example.ru/privkey.pem", str(certificate.key)),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    text = re.sub(r"\n\s+listen \[::\].+;", "", text)  # this machine may have no IPv6
    (folder / "widget.conf").write_text(text)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    main.write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr warn;\nevents {{}}\n"
        f"http {{\n{paths}include {folder}/widget.conf;\n}}\n"
    )
    nginx = servers.program("nginx")
    assert nginx is not None
    tested = subprocess.run([nginx, "-t", "-c", str(main)], capture_output=True, text=True, timeout=60)
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr
    return Proxy([nginx, "-c", str(main)], port, plain, folder / "widget.log", certificate)


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


@pytest.fixture(params=[start_nginx, start_caddy])
def front(
    request: pytest.FixtureRequest, tmp_path: Path, serve: Callable[..., Service]
) -> Iterator[tuple[Proxy, Service]]:
    """A proxy and the service behind it."""
    if reason := servers.reason_without(request.param.__name__.removeprefix("start_")):
        pytest.skip(reason)
    service = serve("--no-work", public_url=f"https://{HOST}", trusted_proxies="127.0.0.1")
    proxy: Proxy = request.param(tmp_path, service.port, issued(tmp_path, "127.0.0.1"))
    yield proxy, service
    proxy.stop()


def test_a_proxy_hands_on_what_the_service_relies_on(front: tuple[Proxy, Service]) -> None:
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


def test_a_proxy_counts_each_client_by_its_own_address(front: tuple[Proxy, Service]) -> None:
    """What a client claims in X-Forwarded-For is not believed: all these come from one address and meet its limit."""
    proxy, service = front
    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    key = service.cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")["key"]
    export = f"/api/v1/sites/{key}/problems.csv"
    most = int(RATES["exports"].partition("/")[0])
    found = [proxy.ask("GET", export, X_Forwarded_For=f"203.0.113.{last}")[0] for last in range(2 * most)]
    assert found[0] == 200
    assert 429 in found


def test_a_proxy_takes_what_the_service_takes_and_no_more(front: tuple[Proxy, Service]) -> None:
    proxy, _ = front
    with contextlib.suppress(ConnectionError, ssl.SSLError):  # it may hang up before all has been sent
        assert proxy.ask("POST", "/cabinet/sign-in", b"x" * (110 * 2**20))[0] == 413
    size = int(re.search(r"client_max_body_size (\d+)m", (DEPLOY / "nginx" / "widget.conf").read_text())[1])  # type: ignore[index]
    assert LIMIT <= size * 2**20 <= LIMIT + 5 * 2**20
    assert f"max_size {size}MB" in (DEPLOY / "caddy" / "Caddyfile").read_text()


def test_a_proxy_writes_no_secret_into_its_log(front: tuple[Proxy, Service]) -> None:
    """The paths of private pages and of links in letters are keys: whoever reads one can act as the resident."""
    proxy, _ = front
    for path in ("/t/verysecret", "/confirm/verysecret", "/cabinet/x/verysecret", "/track?code=verysecret"):
        proxy.ask("GET", path, Referer=f"https://{HOST}/t/verysecret", Cookie="a=verysecret")
    proxy.ask("GET", "/api/v1/openapi.json")
    deadline = time.monotonic() + 30
    while "/api/v1/openapi.json" not in proxy.log:
        assert time.monotonic() < deadline, proxy.log
        time.sleep(0.05)
    assert proxy.log.count("\n") >= 5
    assert "verysecret" not in proxy.log


def test_container_files_say_what_the_package_needs() -> None:
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
    assert "builtin-locale=C.UTF-8" in services["database"]["environment"]["POSTGRES_INITDB_ARGS"]


def test_the_page_names_every_shipped_file() -> None:
    shipped = {path.relative_to(ROOT).as_posix() for path in DEPLOY.rglob("*") if path.is_file()}
    assert {path for path in shipped if path not in OPERATING} == set()
