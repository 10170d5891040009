"""Compare answers of the service with recordings in text files, byte for byte.

Random values (identifiers, tokens, signatures) are replaced by names, numbered in order of appearance.

A recording shows the request, then the answer: status line, headers sorted by name, an empty line, the body. JSON and
XML on one line are broken into lines at their punctuation, so that a difference can be read. `UPDATE_RECORDED=1` writes
all files anew.
"""

from __future__ import annotations

import difflib
import http.client
import io
import json
import os
import re
import subprocess
import threading
import uuid
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.mail import Letter

FOLDER = Path(__file__).parents[1] / "recorded"
HOST = "widget.test"
MOST_LINES = 400  # limit for the differences in a failure message
RENEW = "UPDATE_RECORDED=1 python -m pytest tests/api/test_recorded.py"
# Values that differ between runs, with their names in a recording. Only the first group is replaced if there is one.
CHANGING: Sequence[tuple[str, str]] = (
    ("date", r"(?im)^date: (.+)$"),
    ("etag", r'(?im)^etag: (?:W/)?"(.+)"$'),
    ("cursor", r"\b[0-9a-f]{8}(?=\.\d{10}\.)"),
    ("boundary", r"={5,}\d+=="),
    ("message-id", r"(?<=<)[0-9a-z.+-]{20,}(?=@widget\.test>)"),
    ("reply-address", r"(?<=widget\+)[a-z][a-z2-7]{48}(?=@widget\.test)"),
    ("uuid", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    ("token", r"(?<![\w.-])\.?[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),
    ("session", r"(?im)^set-cookie: __Host-(?:cabinet|device)=([\w-]+)"),
    ("asset", r"(?<=\?v=)[0-9a-f]{6,}"),
    ("integrity", r"\bsha384-[A-Za-z0-9+/]{64}"),
    ("seal", r"(?<=\.)[A-Za-z0-9_-]{43}(?![\w-])"),
    ("hash", r"\b[0-9a-f]{64}\b"),
    ("code", r'(?<="code":")[0-9A-Z]{8}(?=")'),
    ("salt", r'(?<="salt":")[0-9a-f]{16,}(?=\?)'),
    ("nonce", r"(?<=&n=)[0-9a-f]{16}\b"),
    ("hint", r"\bwt_[\w-]{4}(?![\w-])"),
    ("signature", r"(?<=webhook-signature: v1,)\S+"),
    ("site-key", r"\bwk_[A-Za-z0-9_-]{8,}"),
    ("port", r"(?<=127\.0\.0\.1:)\d{4,5}\b"),
)


def normalise(text: str, names: Mapping[str, str]) -> str:
    """`names` maps values known to the test to their names; longer values are replaced first."""
    for value in sorted(names, key=len, reverse=True):
        text = text.replace(value, f"<{names[value]}>")
    for name, pattern in CHANGING:
        text = _numbered(text, name, re.compile(pattern))
    return text


def _numbered(text: str, name: str, pattern: re.Pattern[str]) -> str:
    seen: dict[str, str] = {}

    def replace(found: re.Match[str]) -> str:
        value = found[pattern.groups]
        new = seen.setdefault(value, f"<{name}>" if name in ("date", "asset", "port") else f"<{name}-{len(seen) + 1}>")
        return found[0].replace(value, new)

    return pattern.sub(replace, text)


def unfold(text: str) -> str:
    """JSON broken into lines. Only line breaks and spaces are added; existing ones are shown as symbols."""
    parts = re.findall(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^"{}\[\],:]+', text)
    signs = str.maketrans({"\n": "␤", " ": "␠"})
    parts = [part if part.startswith('"') else part.translate(signs) for part in parts]
    out, depth = [], 0
    for before, part, after in zip(["", *parts], parts, [*parts[1:], ""], strict=False):
        if part in "}]" and len(part) == 1:
            depth -= 1
            out.append("" if before in ("{", "[") else "\n" + "  " * depth)
        out.append(part)
        if part in ("{", "["):
            depth += 1
            out.append("" if after in ("}", "]") else "\n" + "  " * depth)
        elif part == ",":
            out.append("\n" + "  " * depth)
    return "".join(out)


def readable(content: bytes, content_type: str) -> str:
    """The lines of an answer's body."""
    kind = content_type.partition(";")[0].strip()
    if "spreadsheet" in kind:
        return cells(content)
    if kind.startswith(("image/", "application/pdf", "application/octet-stream")):
        return f"({kind}, not recorded)"
    text = content.decode()
    if kind.endswith("json"):
        text = unfold(text)
    elif kind.endswith("xml") and text.count("\n") < 3:
        text = text.replace("><", ">\n<")
    return text.replace("\ufeff", "␃").replace("\r", "␍")


def cells(content: bytes) -> str:
    """The sheets of a workbook, one line per cell."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = sorted(name for name in book.namelist() if name.startswith("xl/worksheets/"))
        return "\n".join(f"{name}\n{book.read(name).decode()}".replace("><", ">\n<") for name in sheets)


@dataclass
class Recordings:
    """The recordings of one test, in its own groups: a file that is no longer recorded is a difference too."""

    groups: tuple[str, ...]
    names: dict[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, text: str) -> None:
        assert name.partition("/")[0] in self.groups, name
        assert name not in self.found, f"{name} is recorded twice"
        self.found[name] = normalise(text, self.names).rstrip("\n") + "\n"

    def compare(self) -> None:
        """Fail with a unified diff of everything that differs."""
        if os.environ.get("UPDATE_RECORDED") == "1":
            for name in self._changed():
                self._write(name)
            return
        message = self.differences()
        assert not message, message

    def differences(self, *, so_far: bool = False) -> str:
        """The failure message, or an empty one; `so_far`: compare only what has been recorded until now."""
        changed = [name for name in self._changed() if name in self.found or not so_far]
        if not changed:
            return ""
        lines = [line for name in changed for line in _difference(name, _former(name), self.found.get(name))]
        if len(lines) > MOST_LINES:
            lines[MOST_LINES:] = [f"… and {len(lines) - MOST_LINES} more lines"]
        message = f"{len(changed)} of {len(self.found)} answers are not as recorded: {', '.join(changed[:40])}"
        return "\n".join([message, *lines, f"Where all of this is meant, record anew: {RENEW}"])

    def _changed(self) -> list[str]:
        files = (path for group in self.groups for path in (FOLDER / group).glob("*.txt"))
        former = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in files}
        return [name for name in sorted(former | self.found.keys()) if _former(name) != self.found.get(name)]

    def _write(self, name: str) -> None:
        path = FOLDER / f"{name}.txt"
        if name in self.found:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.found[name].encode())
        else:
            path.unlink()


def _former(name: str) -> str | None:
    path = FOLDER / f"{name}.txt"
    return path.read_bytes().decode() if path.exists() else None


def _difference(name: str, before: str | None, now: str | None) -> Iterable[str]:
    file = f"tests/recorded/{name}.txt"
    was, became = (before or "").splitlines(), (now or "").splitlines()
    old, new = file if before is not None else "nothing", file if now is not None else "nothing"
    return difflib.unified_diff(was, became, old, new, lineterm="", n=2)


# --- HTTP ---


@dataclass(frozen=True)
class Answer:
    asked: str
    status: int
    headers: list[tuple[str, str]]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def recorded(self) -> str:
        headers = sorted(self.headers, key=lambda one: one[0].lower())
        # Random values in a body vary in length, so only the correctness of Content-Length is recorded.
        right = f"content-length: {len(self.content)}"
        head = [f"{name}: {value}" for name, value in headers]
        head = ["content-length: <of the body>" if line.lower() == right else line for line in head]
        body = readable(self.content, self.header("content-type")) if self.content else ""
        # Without the reason phrase: some differ in newer Pythons, and HTTP/2 has none.
        return "\n".join([self.asked, "", f"HTTP/1.1 {self.status}", *head, "", body])


@dataclass
class Visitor:
    """A client with an address and cookies, which requests the service's public URL."""

    port: int
    address: str = "203.0.113.7"
    language: str | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        *,
        content: bytes | str | None = None,
        json_body: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Sequence[tuple[str, str, str, bytes]] = (),
        **headers: str | None,
    ) -> Answer:
        """`files` are (field, name, type, content); header names are written with _ for -; a header of None is not
        sent.
        """
        given: dict[str, str | None] = {
            "Host": HOST,
            "X-Forwarded-For": self.address,
            "Accept-Language": self.language,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()) or None,
        }
        body = content.encode() if isinstance(content, str) else content
        if json_body is not None:
            body, given["Content-Type"] = json.dumps(json_body, ensure_ascii=False).encode(), "application/json"
        elif files:
            body, given["Content-Type"] = _multipart(form or {}, files)
        elif form is not None:
            body, given["Content-Type"] = urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        given |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        sent = {name: value for name, value in given.items() if value is not None}
        parts = urlsplit(path)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value.encode())
            if body is not None and "Content-Length" not in sent:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            got = answer.getheaders()
            result = Answer(f"> {method} {target}", answer.status, got, answer.read())
        finally:
            connection.close()
        for name, value in got:
            if name.lower() == "set-cookie":
                self._remember(value)
        return result

    def _remember(self, text: str) -> None:
        name, _, value = text.partition(";")[0].partition("=")
        if value.strip('"') and "max-age=0" not in text.lower():
            self.cookies[name] = value
        else:
            self.cookies.pop(name, None)


def _multipart(form: Mapping[str, Any], files: Sequence[tuple[str, str, str, bytes]]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    out = io.BytesIO()
    for name, value in form.items():
        out.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, filename, kind, content in files:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {kind}'
        out.write(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
    out.write(f"--{boundary}--\r\n".encode())
    return out.getvalue(), f"multipart/form-data; boundary={boundary}"


# --- letters and commands ---


def letter(one: Letter) -> str:
    """The envelope and the letter."""
    return f"from {one.sender} to {', '.join(one.recipients)}\n\n{message(one.message)}"


def message(one: EmailMessage) -> str:
    """The headers as shown to a reader, and each part with its own headers."""
    lines = [_header(name, value) for name, value in sorted(one.items())]
    for part in one.walk():
        if isinstance(part, EmailMessage) and not part.is_multipart():
            head = [_header(name, value) for name, value in part.items() if part is not one]
            lines += ["", *head, "", str(part.get_content()).replace("\r", "")]
    return "\n".join(lines)


def _header(name: str, value: object) -> str:
    """Unfolded, with adjacent encoded words joined (RFC 2047, section 6.2)."""
    raw = re.sub(r"\?=\s+=\?", "?==?", str(getattr(value, "_raw", value)))
    return f"{name}: {' '.join(str(make_header(decode_header(raw))).split())}"


def command(done: subprocess.CompletedProcess[str]) -> str:
    """Exit code, standard output and standard error."""
    arguments = " ".join(json.dumps(one, ensure_ascii=False) if " " in one or not one else one for one in done.args)
    shown = [f"$ widget-api {arguments}".rstrip(), f"exit code {done.returncode}", ""]
    return "\n".join([*shown, "--- standard output", done.stdout, "--- standard error", done.stderr])


# --- others ---


class RecordingPlatform:
    """A platform that accepts every request and records it as received."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        taken, lock = self.taken, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.command == "GET":
                    self._answer(404, b"[]")
                    return
                names = sorted(self.headers, key=str.lower)
                head = [f"{name}: {self.headers[name]}" for name in names if name.lower() != "content-length"]
                text = unfold(body.decode())
                if "urlencoded" in self.headers.get("Content-Type", ""):
                    text = text.replace("&", "\n&")
                with lock:
                    taken.append("\n".join([f"> {self.command} {self.path}", *head, "", text]))
                    number = len(taken)
                kind = "update_id" if "updates" in self.path else "service_request_id"
                self._answer(200, json.dumps([{kind: f"theirs-{number}"}]).encode())

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                """Suppress the log on standard error."""

            do_GET = do_POST = _take  # noqa: N815 - names of the standard library

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="elsewhere", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
