"""Serves these host pages on an origin of their own: `python serve.py --service http://127.0.0.1:8000 --key wk_…`.

A folder is a case. Its headers.json, where there is one, names the headers its pages are sent with. In pages and
headers {{W}} stands for the service, {{KEY}} and {{KEY2}} for the keys of two sites, {{VERSION}} and {{INTEGRITY}}
for the newest release and the hash of its loader, {{BUILD}} for the newest version of the widget, released or not,
{{NONCE}} for a word that is new with every answer.

torture/ holds pages with one hazard each, in one file. It begins with a comment of fields, which is not sent: `title`,
`headers` (JSON), and what the tests do with the page (tests/support/torture/hazards.py). {{SUBJECT}} stands for the
snippet under test, the widget's unless `values` has another, {{ELEMENT}} and {{SCRIPT}} for its two parts, and
{{FRAMES}} for what it needs of a policy beside scripts, requests and pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import mimetypes
import re
import secrets
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
DIST = FOLDER.parent / "dist"
# What a municipality that serves the widget itself has copied to its server: the folder dist/ under a name of its own.
COPIED = "igrajdanin"
TORTURE = FOLDER / "torture"
ELEMENT = """<igrajdanin-widget site-key="{{KEY}}" type="basic">
  <a href="{{W}}/s/{{KEY}}/report">Сообщить о проблеме</a>
</igrajdanin-widget>"""
SCRIPT = '<script async="" nonce="{{NONCE}}" src="{{W}}/w/1/loader.js"></script>'
SENT = {".html", ".css", ".js", ".svg", ".png", ".ico"}


def cases() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/index.html"))


def contents() -> str:
    """The page that leads to every case."""
    return (FOLDER / "contents.html").read_text("utf-8")


def page(case: str) -> str:
    return (FOLDER / case / "index.html").read_text("utf-8")


def headers(case: str) -> dict[str, str]:
    """What a case's pages are sent with, placeholders as they stand."""
    known = FOLDER / case / "headers.json"
    return dict(json.loads(known.read_text())) if known.is_file() else {}


def hazards() -> list[str]:
    return sorted(path.stem for path in TORTURE.glob("*.html"))


def hazard(name: str) -> tuple[dict[str, str], str]:
    """The fields of a torture page's comment, and the page without it. An indented line continues a field."""
    comment, _, text = (TORTURE / f"{name}.html").read_text("utf-8").removeprefix("<!--\n").partition("\n-->\n")
    lines = re.sub(r"\n\s+", " ", comment).splitlines()
    return {field: value for field, _, value in (line.partition(": ") for line in lines)}, text


def torture_contents() -> str:
    """The page that leads to every torture page."""
    items = [
        f'  <li><a href="{name}.html">{hazard(name)[0]["title"]}</a> <code>{name}</code></li>' for name in hazards()
    ]
    head = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Torture pages</title>'
    return "\n".join([head, "<h1>Torture pages</h1>", "<ol>", *items, "</ol>", "</html>"])


def release() -> dict[str, str]:
    released = json.loads((DIST / "released.json").read_text())
    newest = max(released, key=lambda version: [int(part) for part in version.split(".")])
    build = json.loads((DIST / "manifest.json").read_text())["version"]
    return {"VERSION": newest, "INTEGRITY": released[newest]["loader.js"], "BUILD": build}


def filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with {{NAME}} replaced by what `values` says of NAME."""
    for name, value in {**values, **release()}.items():
        text = text.replace("{{" + name + "}}", value)
    return text


class Handler(BaseHTTPRequestHandler):
    """GET /case/ and the files beside it."""

    def __init__(self, *arguments: Any, values: Mapping[str, str]) -> None:
        self.values = values
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            return self.answer(contents().encode(), "text/html", {})
        if path == "/favicon.ico":
            path = "/plain/icon.svg"
        case, _, inner = path.lstrip("/").partition("/")
        if path == "/torture/":
            return self.answer(torture_contents().encode(), "text/html", {})
        if case == TORTURE.name and inner.removesuffix(".html") in hazards():
            return self.answer_hazard(inner.removesuffix(".html"))
        root = DIST if case == COPIED else FOLDER / case
        sent = SENT | {".json"} if case == COPIED else SENT  # the widget's texts; headers.json is ours
        file = (root / inner).resolve()
        if file.is_dir():
            file = file / "index.html"
        if not file.is_file() or not file.is_relative_to(root) or file.suffix not in sent:
            return self.send_error(404)
        values = {"NONCE": secrets.token_urlsafe(16), **self.values}
        body = file.read_bytes()
        if file.suffix == ".html":
            body = filled(body.decode(), values).encode()
        extra = {name: filled(value, values) for name, value in headers(case).items()}
        return self.answer(body, mimetypes.guess_type(file.name)[0] or "text/plain", extra)

    def answer_hazard(self, name: str) -> None:
        fields, text = hazard(name)
        sent = fields.get("headers", "{}")
        # Only a page that has nonces of its own puts one on the snippet's script.
        own_nonce = "{{NONCE}}" in sent + text
        values = {"ELEMENT": ELEMENT, "SCRIPT": SCRIPT, "FRAMES": "", **self.values}
        if not own_nonce:
            values["SCRIPT"] = values["SCRIPT"].replace(' nonce="{{NONCE}}"', "")
        values = {"SUBJECT": "{{ELEMENT}}\n{{SCRIPT}}", **values, "NONCE": secrets.token_urlsafe(16)}
        extra = {header: filled(value, values) for header, value in json.loads(sent).items()}
        media_type = extra.pop("Content-Type", "text/html")
        self.answer(filled(text, values).encode(), media_type, extra)

    def answer(self, body: bytes, media_type: str, extra: Mapping[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a browser that has gone to another page wants no answer
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
        """Quiet: the service beside it has the log that matters."""


def server(host: str, port: int, values: Mapping[str, str]) -> ThreadingHTTPServer:
    """`values` (W, KEY, KEY2) may be filled in after the start: a site is registered with the address it got."""
    made = ThreadingHTTPServer((host, port), partial(Handler, values=values))
    made.daemon_threads = True
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="Host pages with the widget, on an origin of their own.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--service", default="http://127.0.0.1:8000", help="address of the service, W")
    parser.add_argument("--key", required=True, help="site key")
    parser.add_argument("--second-key", help="key of another site, for the page with two widgets")
    given = parser.parse_args()
    values = {"W": given.service.rstrip("/"), "KEY": given.key, "KEY2": given.second_key or given.key}
    with server(given.host, given.port, values) as running:
        print(f"http://{given.host}:{running.server_port}/  ({', '.join(cases())})")  # noqa: T201 - a command says where it is
        with contextlib.suppress(KeyboardInterrupt):
            running.serve_forever()


if __name__ == "__main__":
    main()
