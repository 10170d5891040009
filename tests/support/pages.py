"""Serve host pages from another origin than the service, with any headers."""

import importlib.util
import json
import threading
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "embed_examples"


def _examples() -> Any:
    """Import embed_examples/serve.py, which is a program and not part of a package."""
    spec = importlib.util.spec_from_file_location("embed_examples_serve", EXAMPLES / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


examples = _examples()


class QuietHandler(BaseHTTPRequestHandler):
    """Answers, and writes no log: failing tests already show the requests."""

    def reply(self, status: int, body: bytes = b"", media_type: str = "text/plain", **headers: str) -> None:
        """Names of headers are written with _ for -."""
        given = {"Content-Type": media_type, "Content-Length": str(len(body)), **headers}
        self.send_response(status)
        for name, value in given.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
        """Disabled."""


class _Handler(QuietHandler, SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, extra: dict[str, str], replace: dict[str, str], **options: Any) -> None:
        self._extra, self._replace = extra, replace
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path = path / "index.html"
        if path.suffix != ".html" or not path.exists():
            return super().do_GET()
        text = path.read_text()
        for old, new in self._replace.items():
            text = text.replace(old, new)
        return self.reply(200, text.encode(), "text/html; charset=utf-8")

    def end_headers(self) -> None:
        for name, value in self._extra.items():
            self.send_header(name, value)
        super().end_headers()


POLICY = "Content-Security-Policy"


class LocalServer:
    """A server in its own thread, on 127.0.0.1 or another loopback address."""

    def __init__(self, handler: Any, port: int = 0, address: str = "127.0.0.1") -> None:
        self._server = ThreadingHTTPServer((address, port), handler)
        self._server.daemon_threads = True
        # `shutdown` waits for the end of an interval.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class WatchedPages(LocalServer):
    """embed_examples/ as `make run` serves it; `values` (W, KEY, KEY2) may be filled in later.

    The policies also make the browser report `violations` to the server. That works in every engine and from the first
    byte, where a listener in the page would be too late. `policies` replaces the policy of an example.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.violations: list[dict[str, Any]] = []
        self.policies: dict[str, str] = {}
        violations, policies = self.violations, self.policies

        class Reporting(examples.Handler):  # type: ignore[name-defined,misc]
            def do_POST(self) -> None:  # noqa: N802 - the base class names it so
                body = self.rfile.read(int(self.headers["Content-Length"]))
                report = json.loads(body)["csp-report"]
                # Browsers request the host's icon by themselves; the strictest policy allows only the service's images.
                if not report["blocked-uri"].endswith("/favicon.ico"):
                    violations.append(report)
                self.answer(b"", "text/plain", {})

            def answer(self, body: bytes, media_type: str, extra: Mapping[str, str]) -> None:
                policy = policies.get(self.path.split("/")[1], extra.get(POLICY))
                csp = {POLICY: f"{policy}; report-uri /violations"} if policy else {}
                super().answer(body, media_type, {**extra, **csp})

        super().__init__(partial(Reporting, values=values))


class HostPages(LocalServer):
    """A municipality's web server. `replace` fills the example's placeholders; `headers` are sent with every answer."""

    def __init__(
        self, folder: Path, headers: dict[str, str] | None = None, replace: dict[str, str] | None = None, port: int = 0
    ) -> None:
        self.headers = headers if headers is not None else {}
        self.replace = replace if replace is not None else {}
        handler = partial(_Handler, directory=str(folder), extra=self.headers, replace=self.replace)
        super().__init__(handler, port)
