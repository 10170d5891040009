"""Serve a page with the demonstration's letters, since no mail is sent."""

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

from widget_api import i18n
from widget_api.web import pages, tokens

_TIME_ZONE = "Europe/Moscow"  # of the demonstration's sites
_LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)]")
_STYLES = Path(__file__).parent.parent / "static" / "letters.css"
_PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'"
# As in a mail program: the letter's styles, no scripts, links in a new tab.
_LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: http://127.0.0.1:*; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


class Mailbox:
    """Serves the letters of some folders while the block runs."""

    def __init__(self, host: str, port: int, folders: Sequence[Path]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                if address.path == "/":
                    language = i18n.supported_language(parse_qs(address.query).get("lang", ["ru"])[0])
                    page = pages.render("demo/mailbox.html", language, letters=list_letters(folders, language))
                    self._send(page, _PAGE_POLICY)
                elif address.path == "/letters.css":
                    self._send(tokens.paint(_STYLES.name, _STYLES.read_bytes()).decode(), _PAGE_POLICY, kind="text/css")
                elif (file := _find(folders, address.path.removeprefix("/letter/"))) is not None:
                    self._send(html_part(file), _LETTER_POLICY)
                else:
                    self.send_error(404)

            def _send(self, content: str, policy: str, kind: str = "text/html") -> None:
                body = content.encode()
                self.send_response(200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Security-Policy", policy)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
                """Log nothing, since addresses contain private links."""

        self._server = ThreadingHTTPServer((host, port), Handler)

    def __enter__(self) -> Mailbox:
        threading.Thread(target=self._server.serve_forever, name="mailbox", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def list_letters(folders: Sequence[Path], language: str) -> list[dict[str, str]]:
    """The letters, newest first: from, to, subject, date, the address of the HTML part, the text with links."""
    files = sorted(_files(folders), key=lambda file: file.stat().st_mtime)
    return [_letter(file, language) for file in reversed(files)]


def html_part(file: Path) -> str:
    """The HTML part as sent, except that links open in a new tab."""
    part = _message(file).get_body(("html",))
    content = str(part.get_content()) if part is not None else ""
    return content.replace("<head>", '<head><base target="_blank">', 1)


def _files(folders: Sequence[Path]) -> list[Path]:
    return [file for folder in folders for file in folder.glob("*.eml")]


def _find(folders: Sequence[Path], name: str) -> Path | None:
    return next((file for file in _files(folders) if file.stem == name), None)


def _message(file: Path) -> EmailMessage:
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _letter(file: Path, language: str) -> dict[str, str]:
    message = _message(file)
    part = message.get_body(("plain",))
    text = html.escape(str(part.get_content()) if part is not None else "", quote=False)
    return {
        "to": _header(message, "To"),
        "sender": _header(message, "From"),
        "subject": _header(message, "Subject"),
        "date": i18n.format_moment(language, int(message["Date"].datetime.timestamp()), _TIME_ZONE),
        "html": f"/letter/{file.stem}" if message.get_body(("html",)) is not None else "",
        "text": _LINK.sub(lambda match: f'<a href="{match[0]}">{match[0]}</a>', text),
    }


def _header(message: EmailMessage, name: str) -> str:
    """Decoded anew: in an address the email package leaves a space between two encoded words (RFC 2047, 6.2: none)."""
    (raw,) = (value for known, value in message.raw_items() if known == name)
    return str(make_header(decode_header(str(raw))))
