"""Shows the demonstration's letters in a browser, since no mail leaves the machine: http://127.0.0.1:8003."""

from __future__ import annotations

import email
import email.policy
import html
import re
import threading
from collections.abc import Sequence
from email.header import decode_header, make_header
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from widget_api import i18n, pages

_LINK = re.compile(r"https?://[^\s<>\"]+")


class Mailbox:
    """Serves the letters of some folders while the block runs."""

    def __init__(self, host: str, port: int, folders: Sequence[Path]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                language = i18n.known(asked.get("lang", ["ru"])[0])
                body = pages.render("demo/mailbox.html", language, letters=letters(folders)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", "default-src 'none'")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
                """The letters hold private links."""

        self._server = ThreadingHTTPServer((host, port), Handler)

    def __enter__(self) -> Mailbox:
        threading.Thread(target=self._server.serve_forever, name="mailbox", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def letters(folders: Sequence[Path]) -> list[dict[str, str]]:
    """Newest first: to, subject, date, and the text with its links made links."""
    files = sorted((file for folder in folders for file in folder.glob("*.eml")), key=lambda file: file.stat().st_mtime)
    return [_letter(file) for file in reversed(files)]


def _letter(file: Path) -> dict[str, str]:
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("plain",))
    text = html.escape(str(part.get_content()) if part is not None else "", quote=False)
    return {
        "to": _header(message, "To"),
        "sender": _header(message, "From"),
        "subject": _header(message, "Subject"),
        "date": str(message["Date"]),
        "text": _LINK.sub(lambda match: f'<a href="{match[0]}">{match[0]}</a>', text),
    }


def _header(message: EmailMessage, name: str) -> str:
    """Decoded anew: in an address the email package leaves a space between two encoded words (RFC 2047, 6.2: none)."""
    (raw,) = (value for known, value in message.raw_items() if known == name)
    return str(make_header(decode_header(str(raw))))
