"""Serves these host pages on an origin of their own: `python serve.py --service http://127.0.0.1:8000 --key wk_…`."""

from __future__ import annotations

import argparse
import contextlib
import mimetypes
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


def headers(case: str, service: str) -> dict[str, str]:
    """What a case's page is sent with."""
    if case != "strict-csp":
        return {}
    policy = (
        f"default-src 'none'; script-src {service}; connect-src {service}; img-src {service} blob:; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return {"Content-Security-Policy": policy}


class Handler(BaseHTTPRequestHandler):
    """GET /case/ and the files beside it; the placeholders {{W}} and {{KEY}} are filled in."""

    def __init__(self, *arguments: Any, service: str, key: str) -> None:
        self.service, self.key = service, key
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            links = "".join(f'<li><a href="/{case}/">{case}</a>' for case in cases())
            return self.answer(f"<!doctype html><meta charset=utf-8><ul>{links}</ul>".encode(), "text/html", {})
        file = (FOLDER / path.lstrip("/")).resolve()
        if file.is_dir():
            file = file / "index.html"
        if not file.is_file() or not file.is_relative_to(FOLDER) or file.suffix == ".py":
            return self.send_error(404)
        body = file.read_bytes()
        if file.suffix == ".html":
            text = body.decode().replace("{{W}}", self.service).replace("{{KEY}}", self.key)
            body = text.encode()
        case = file.relative_to(FOLDER).parts[0]
        return self.answer(body, mimetypes.guess_type(file.name)[0] or "text/plain", headers(case, self.service))

    def answer(self, body: bytes, media_type: str, extra: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
        """Quiet: the service beside it has the log that matters."""


def cases() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/index.html"))


def server(host: str, port: int, service: str, key: str) -> ThreadingHTTPServer:
    return ThreadingHTTPServer((host, port), partial(Handler, service=service.rstrip("/"), key=key))


def main() -> None:
    parser = argparse.ArgumentParser(description="Host pages with the widget, on an origin of their own.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--service", default="http://127.0.0.1:8000", help="address of the service, W")
    parser.add_argument("--key", required=True, help="site key")
    given = parser.parse_args()
    with server(given.host, given.port, given.service, given.key) as running:
        print(f"http://{given.host}:{running.server_port}/  ({', '.join(cases())})")  # noqa: T201 - a command says where it is
        with contextlib.suppress(KeyboardInterrupt):
            running.serve_forever()


if __name__ == "__main__":
    main()
