"""Other embeddable forms as subjects of the torture pages, each served from an origin of its own.

Isso (a comment form, from build/isso) and Sentry's feedback form (from the npm packages of tests/browser/hosts, with a
server that accepts every report). `make isso hosts` installs them; `make test-full` does.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.pages import LocalServer, QuietHandler
from tests.support.processes import die_with_parent, free_port, wait_for_port

ROOT = Path(__file__).parents[3]
ISSO = ROOT / "build/isso/bin/isso"
PACKAGES = ROOT / "tests/browser/hosts/node_modules"


@contextlib.contextmanager
def isso(folder: Path, *origins: str) -> Iterator[str]:
    """The address of a running Isso that accepts comments from pages of these origins."""
    port = free_port()
    url, settings, log = f"http://127.0.0.1:{port}", folder / "isso.cfg", folder / "isso.log"
    hosts = "".join(f"\n  {origin}" for origin in origins)
    settings.write_text(
        f"[general]\ndbpath = {folder}/isso.db\nhost ={hosts}\n[server]\nlisten = {url}\n[guard]\nenabled = false\n"
    )
    with log.open("wb") as output:
        command = die_with_parent([str(ISSO), "-c", str(settings), "run"])
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process:
            try:
                wait_for_port(port, process, log)
                yield url
            finally:
                process.terminate()


class _SentryHandler(QuietHandler):
    script = b""

    def do_GET(self) -> None:  # noqa: N802 - the base class names it so
        self._answer("text/javascript", self.script if self.path == "/sentry.js" else b"")

    def do_POST(self) -> None:  # noqa: N802 - the base class names it so
        """An envelope: https://develop.sentry.dev/sdk/data-model/envelopes/"""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer("application/json", b"{}")

    def _answer(self, media_type: str, body: bytes) -> None:
        policy = {"Cross_Origin_Resource_Policy": "cross-origin"}
        self.reply(200, body, media_type, Access_Control_Allow_Origin="*", **policy)


@contextlib.contextmanager
def sentry() -> Iterator[str]:
    """The address of a server with the form's script and the endpoint for its reports."""
    source = Path(__file__).with_name("sentry.js")
    command = [str(ROOT / "node_modules/.bin/esbuild"), "--bundle", "--minify", str(source)]
    environment = {"NODE_PATH": str(PACKAGES), "PATH": "/usr/bin:/bin:/usr/local/bin"}
    script = subprocess.run(command, check=True, capture_output=True, env=environment).stdout
    handler = type("Handler", (_SentryHandler,), {"script": script})
    server = LocalServer(handler)
    yield server.url
    server.close()
