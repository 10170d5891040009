"""Run docs/install.md as it stands on a bare Debian 13.

A release becomes a service, a report and its letter pass through it, then come PostgreSQL, an upgrade and the removal.

systemd is the real one, and the certificate comes from a real ACME server (Pebble) in place of Let's Encrypt.
"""

import hashlib
import json
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from scripts import servers
from tests.factories import EMAIL
from tests.support.cabinet import PageText
from tests.support.certificates import issue_certificate
from tests.support.machine import Machine
from tests.support.mail import MailSink
from tests.support.processes import free_port
from tests.support.waiting import wait_for
from widget_api.problems.forms import MIN_FILLING_TIME

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "install.md").read_text()
HOST = "widget.example.ru"  # as the page calls it
HTTPS, ACME, ACME_FILES = 443, 14000, 15000
MARKED_VERSION = "99.0.0"

pytestmark = [pytest.mark.long, pytest.mark.full("a machine is made and installed in some minutes")]


def read_blocks() -> Iterator[tuple[str, str]]:
    """The commands of the page with the headings that they stand under."""
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE):
        for block in re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
            yield section.partition("\n")[0], block


def build_release(folder: Path, *, version: str = "") -> Path:
    """The files of a release, built from what git knows here. Returns their folder."""
    tree, files = folder / "tree", folder / "files"
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    if version:
        place = tree / "widget_api" / "__init__.py"
        place.write_text(re.sub(r'(?<=^__version__ = ")[^"]+', version, place.read_text(), flags=re.MULTILINE))
    build = (sys.executable, "-m", "hatchling", "build", "--directory", str(files))
    subprocess.run(build, cwd=tree, check=True, capture_output=True)
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(files.iterdir())]
    (files / "SHA256SUMS").write_text("".join(sums))
    return files


class Installation:
    """The machine, who answers its letters and its requests for a certificate, and its page as a browser sees it."""

    def __init__(self, folder: Path, mail: MailSink) -> None:
        self.mail = mail
        self._folder = folder
        self._ports = {port: free_port() for port in (HTTPS, ACME_FILES)}
        self.machine = Machine(folder, inward=self._ports, outward=(mail.port,))
        self.private_page = ""

    def start(self) -> None:
        self.machine.start()
        self._certificate = issue_certificate(self._folder, "127.0.0.1")
        settings = {
            "listenAddress": f"127.0.0.1:{ACME}",
            "managementListenAddress": f"0.0.0.0:{ACME_FILES}",
            "certificate": str(self._certificate.shown),
            "privateKey": str(self._certificate.key),
            "httpPort": 80,
            "tlsPort": 443,
        }
        (self._folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        pebble = ("env", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0", "pebble")
        hosts = f"127.0.0.1 localhost {HOST}\n"
        self.machine.start_outside(*pebble, "-config", str(self._folder / "pebble.json"), hosts=hosts)
        # The only thing on the machine that a real one lacks: which authority certbot asks.
        options = self.machine.root / "root" / ".config" / "letsencrypt" / "cli.ini"
        options.parent.mkdir(parents=True)
        options.write_text(f"server = https://127.0.0.1:{ACME}/dir\nno-verify-ssl = true\n")

    def put(self, release: Path, name: str) -> str:
        """Put a release into a folder of the machine. Returns the folder."""
        shutil.copytree(release, self.machine.root / "root" / name)
        return f"/root/{name}"

    def run(self, script: str, typed: str = "", folder: str = "/root") -> str:
        done = self.machine.run(script, typed=typed, folder=folder)
        if done.returncode:
            journal = self.machine.run("journalctl --no-pager --lines 80").stdout
            pytest.fail(f"{script}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}\n{journal}")
        return done.stdout

    def browser(self) -> httpx2.Client:
        """Trusts the authority of the certificate that certbot got, and nobody else."""
        own = ssl.create_default_context(cafile=str(self._certificate.authority))
        root = httpx2.get(f"https://127.0.0.1:{self._ports[ACME_FILES]}/roots/0", verify=own).text
        return httpx2.Client(
            base_url=f"https://127.0.0.1:{self._ports[HTTPS]}",
            headers={"Host": HOST, "Origin": f"https://{HOST}"},
            verify=ssl.create_default_context(cadata=root),
            timeout=60,
        )

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        with self.browser() as browser:
            return browser.request(method, path, extensions={"sni_hostname": HOST}, **options)


@pytest.fixture
def installation(tmp_path: Path, mail_sink: MailSink) -> Iterator[Installation]:
    if reason := servers.reason_without_machine():
        pytest.skip(reason)
    made = Installation(tmp_path, mail_sink)
    try:
        made.start()
        yield made
    finally:
        made.machine.close()


def check_proxy(installation: Installation) -> None:
    """nginx answers for the service, and certbot renews through it."""
    wait_for(lambda: installation.ask("GET", "/readyz").status_code == 200)
    assert installation.ask("GET", "/w/1/loader.js").status_code == 200
    installation.run("certbot renew --force-renewal --no-random-sleep-on-renew")
    assert installation.ask("GET", "/readyz").status_code == 200


def check_logs(installation: Installation) -> None:
    installation.run("logrotate --force /etc/logrotate.d/nginx")
    assert "/w/1/loader.js" in installation.run("cat /var/log/nginx/widget.log.1")


def check_report(installation: Installation, printed: str) -> None:
    """A report over TLS, and its letter, whose link confirms the address."""
    path = f"/s/{re.findall('^key (.+)$', printed, re.MULTILINE)[0]}/report"
    form = PageText(installation.ask("GET", path).text).form(path)
    typed = {
        "category": "roads",
        "description": "Глубокая яма на переходе у школы",
        "address": "ул. Ленина, 12",
        "email": EMAIL,
        "consent": "yes",
    }
    time.sleep(MIN_FILLING_TIME + 1)
    sent = installation.ask("POST", path, data=form.fields | typed)
    installation.private_page = re.findall(r"/t/[^\s\"<]+", sent.text)[0]
    (letter,) = installation.mail.wait(EMAIL, limit=90)
    assert letter.sender == f"widget@{HOST}"
    (link,) = letter.links
    page = PageText(installation.ask("GET", link.removeprefix(f"https://{HOST}")).text)
    assert installation.ask("POST", page.forms[0].action).status_code == 303
    installation.run("widget-admin doctor")


def check_that_it_goes_on(installation: Installation) -> None:
    wait_for(lambda: installation.ask("GET", "/readyz").status_code == 200)  # 502 while the service starts
    assert "Глубокая яма" in installation.ask("GET", installation.private_page).text
    assert "database: postgresql" in installation.run("widget-admin doctor")


def check_removal(installation: Installation) -> None:
    """Nothing of the service is left, by name or by owner, but what the page does not claim to remove."""
    found = installation.run(r"find / -xdev \( -iname '*widget*' -o -nouser -o -nogroup \) -not -path '/root/*'")
    assert found == ""
    assert installation.run("systemctl list-units --all --no-legend 'widget*'") == ""
    assert installation.run("systemctl is-active nginx postgresql").split() == ["active", "active"]


def test_the_page_installs_a_service(installation: Installation, tmp_path: Path) -> None:
    variables, *_ = blocks = list(read_blocks())
    folder = installation.put(build_release(tmp_path / "old"), "release")
    answers = (f"https://{HOST}", "", installation.mail.url, "", "help@example.ru", "y")
    for heading, block in blocks:
        if heading == "Upgrade":
            folder = installation.put(build_release(tmp_path / "new", version=MARKED_VERSION), "newer")
        typed = "\n".join([*answers, ""]) if heading == "Settings" else ""
        # "Again whenever you sign in anew": each block runs in a new shell.
        printed = installation.run(variables[1] + block, typed=typed, folder=folder)
        match heading:
            case "Certificate and nginx":
                check_proxy(installation)
            case "Logs":
                check_logs(installation)
            case "The first report":
                check_report(installation, printed)
            case "PostgreSQL":
                check_that_it_goes_on(installation)
            case "Upgrade":
                assert MARKED_VERSION in installation.run("widget-admin --version")
                check_that_it_goes_on(installation)
            case "Removal":
                check_removal(installation)
