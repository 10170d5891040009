"""Compare answers of the service with recordings in text files, byte for byte.

Random values (identifiers, tokens, signatures) are replaced by names, numbered in order of appearance. Classes of pages
that only styles use are left out, and so are empty lines between two tags.

A recording shows the request, then the answer: status line, headers sorted by name, an empty line, the body. JSON and
XML on one line are broken into lines at their punctuation, so that a difference can be read. `UPDATE_RECORDED=1` writes
what differs anew.

What recordings share is written once, so that a change of it changes one file:

- headers.txt has the headers of most answers of a class (folder, type of the body, status). An answer names its class,
  and after + and - the headers that it has besides and that it lacks.
- A recording whose first line is `like NAME` resembles that one: `⋯` stands for the lines which that one has between
  the line before and the line after.

`python -m tests.support.recorded NAME` shows a recording as a whole. A test compares whole ones.
"""

import contextlib
import difflib
import heapq
import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2

from tests.support.mail import Letter
from tests.support.pages import LocalServer, QuietHandler

FOLDER = Path(__file__).parents[1] / "recorded"
MOST_LINES = 400  # limit for the differences in a failure message
RENEW = "UPDATE_RECORDED=1 python -m pytest tests/api/test_recorded.py"
WIDTH = 120  # characters of a line of JSON
LIKE, SAME = "like ", "⋯"
SHORTEST = 3  # lines that are worth leaving out
MOST_OWN = 0.6  # share of its lines that a recording shows when it is like another one
# An answer, or a request to a platform, which has no status.
ANSWER = re.compile(
    r"(?s)(?P<asked>> [^\n]*\n(?:\nHTTP/1\.1 (?P<status>\d)\d\d\n)?)(?P<headers>.*?)\n(?:\n(?P<body>.*))?"
)
# Classes that a script looks up or a condition chooses, and those that hide something. All others are left out.
TELLING_CLASS = re.compile(
    r"(?:tone|icon|due|state|for|scheme)-.+|unseen|skip|only|optional|trap|wrong|warning|good|bad|official|hollow|plain"
    r"|primary|danger|notice|current|soon|overdue|difference|part|sum|whole|picking|many-columns|bulk|list-map|beside|pager"
    r"|c-number|c-text|inbox|decision|cabinet-head|field|draft|template|masthead-name"
)
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
    """JSON broken into lines where it does not fit one. Its own line breaks and spaces are shown as symbols."""
    signs = str.maketrans({"\n": "␤", " ": "␠"})
    levels: list[list[str]] = [[""]]  # what each open bracket holds so far
    for part in re.findall(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^"{}\[\],:]+', text):
        if part in ("}", "]") and len(levels) > 1:
            values = levels.pop()
            line = ",".join(values)
            if "\n" in line or len(levels[-1][-1] + line) + 2 * len(levels) > WIDTH:
                line = ("\n" + ",\n".join(values)).replace("\n", "\n  ") + "\n"
            levels[-1][-1] += line
        if part == ",":
            levels[-1].append("")
        else:
            levels[-1][-1] += part if part.startswith('"') else part.translate(signs)
        if part in ("{", "["):
            levels.append([""])
    return "".join(",".join(values) for values in levels)


def without_style(page: str) -> str:
    """A page without the classes that only styles use."""

    def keep(found: re.Match[str]) -> str:
        kept = [name for name in found[1].split() if TELLING_CLASS.fullmatch(name)]
        return f' class="{" ".join(kept)}"' if kept else ""

    return re.sub(r' class="([^"]*)"', keep, page)


def without_gaps(html: str) -> str:
    return re.sub(r">(?:[ \t]*\n){2,}(?=[ \t]*<)", ">\n", html)


def readable(content: bytes, content_type: str) -> str:
    """The lines of an answer's body."""
    kind = content_type.partition(";")[0].strip()
    if kind.startswith("image/"):
        return f"({kind}, not recorded)"
    text = content.decode()
    if kind == "text/html":
        text = without_gaps(without_style(text))
    elif kind.endswith("xml") and text.count("\n") < 3:
        text = text.replace("><", ">\n<")
    return text.replace("\ufeff", "␃").replace("\r", "␍")


def whole(name: str) -> str:
    """A recording with everything that others or its class share with it; empty if there is none."""
    return _with_headers("\n".join(_lines(name)), _classes())


def _path(name: str) -> Path:
    return FOLDER / f"{name}.txt"


def _read(name: str) -> str:
    return _path(name).read_bytes().decode() if _path(name).exists() else ""


def _lines(name: str) -> list[str]:
    """The lines of a recording, without the headers of its class."""
    first, *rest = _read(name).split("\n")
    return fill_in(rest, _lines(first.removeprefix(LIKE))) if first.startswith(LIKE) else [first, *rest]


def leave_out(lines: list[str], model: list[str]) -> list[str]:
    """`⋯` in place of lines that `model` has between the same two lines, which are the first such ones in it."""
    out: list[str] = []
    done = 0
    for start, at, length in difflib.SequenceMatcher(None, model, lines, autojunk=False).get_matching_blocks():
        first, last = start, start + length - 1
        while first < last and model.index(model[first]) < first:
            first += 1
        while first < last and model.index(model[last], first + 1) < last:
            last -= 1
        if last - first > SHORTEST:
            out += [*lines[done : at + first - start + 1], SAME]
            done = at + last - start
    return [*out, *lines[done:]]


def fill_in(lines: list[str], model: list[str]) -> list[str]:
    """The opposite. Where `model` has no such two lines, `⋯` stays: a difference from every answer."""
    out: list[str] = []
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        start = model.index(before) + 1 if line == SAME and before in model else len(model)
        out += model[start : model.index(after, start)] if after in model[start:] else [line]
    return out


def _classes() -> dict[str, list[str]]:
    """The headers of most answers of each class."""
    found = re.findall(r"(?m)^(\S.*)((?:\n  .*)*)", _read("headers"))
    return {kind: lines.split("\n  ")[1:] for kind, lines in found}


def _class(name: str, answer: re.Match[str]) -> str:
    kind = re.search(r"(?im)^content-type: [^/\n]*/([^;\n]*)", answer["headers"])
    status = f"{answer['status']}xx" if answer["status"] else "sent"
    return f"{name.partition('/')[0]} {kind[1] if kind else 'empty'} {status}"


def _without_headers(name: str, text: str, classes: Mapping[str, list[str]]) -> str:
    """The text with the class of its headers, and where they differ from it."""
    answer = ANSWER.fullmatch(text)
    if answer is None:
        return text
    kind, headers = _class(name, answer), answer["headers"].split("\n")
    lacks = [f"- {line}" for line in classes[kind] if line not in headers]
    besides = [f"+ {line}" for line in headers if line not in classes[kind]]
    short = text.replace(answer["headers"], "\n".join([f"headers of {kind}", *lacks, *besides]), 1)
    return short if _with_headers(short, classes) == text else text


def _with_headers(text: str, classes: Mapping[str, list[str]]) -> str:
    def fill(found: re.Match[str]) -> str:
        changes = found[2].split("\n")
        headers = [line for line in classes.get(found[1], []) if f"- {line}" not in changes]
        headers += [line.removeprefix("+ ") for line in changes if line.startswith("+ ")]
        return "\n".join([*sorted(headers, key=lambda line: line.partition(":")[0].lower()), ""])

    return re.sub(r"(?m)^headers of (.+)\n((?:[+-] .*\n)*)", fill, text, count=1)


@dataclass
class Recordings:
    """The recordings of one test, in its own groups: a file that is no longer recorded is a difference too."""

    groups: tuple[str, ...]
    names: dict[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, text: str) -> None:
        assert name.partition("/")[0] in self.groups, name
        assert name not in self.found, f"{name} is recorded twice"
        text = normalise(text, self.names).rstrip("\n") + "\n"
        # JSON is broken into lines after its random values, which vary in length, have got their names.
        if (answer := ANSWER.fullmatch(text)) and answer["body"] and "json" in _class(name, answer):
            text = text[: answer.start("body")] + unfold(answer["body"].rstrip("\n")) + "\n"
        self.found[name] = text

    def compare(self) -> None:
        """Fail with a unified diff of everything that differs."""
        if os.environ.get("UPDATE_RECORDED") == "1":
            self._update()
            return
        message = self.differences()
        assert not message, message

    def differences(self, *, so_far: bool = False) -> str:
        """The failure message, or an empty one; `so_far`: compare only what has been recorded until now."""
        changed = [name for name in self._changed() if name in self.found or not so_far]
        if not changed:
            return ""
        same: dict[str, list[str]] = {}
        for name in changed:
            for part in dict.fromkeys(_differences(whole(name), self.found.get(name, ""))):
                same.setdefault(part, []).append(name)
        lines = "\n".join(f"--- {_listed(names, 5)}\n{part}" for part, names in same.items()).split("\n")
        if len(lines) > MOST_LINES:
            lines[MOST_LINES:] = [f"… and {len(lines) - MOST_LINES} more lines"]
        message = f"{len(changed)} of {len(self.found)} answers are not as recorded: {_listed(changed, 40)}"
        return "\n".join([message, *lines, f"Where all of this is meant, record anew: {RENEW}"])

    def _names(self) -> list[str]:
        files = (path for group in self.groups for path in (FOLDER / group).glob("*.txt"))
        return sorted({path.relative_to(FOLDER).with_suffix("").as_posix() for path in files} | self.found.keys())

    def _changed(self) -> list[str]:
        return [name for name in self._names() if whole(name) != self.found.get(name, "")]

    def _update(self) -> None:
        """Write what differs; models come before what is like them, since their names do."""
        if classes := self._count_headers():
            _path("headers").write_text("".join("\n  ".join([kind, *lines]) + "\n" for kind, lines in classes.items()))
        known: dict[str, list[str]] = {}
        for name in self._names():
            if name not in self.found:
                _path(name).unlink()
                continue
            lines = _without_headers(name, self.found[name], classes).split("\n")
            if whole(name) != self.found[name]:
                _path(name).parent.mkdir(parents=True, exist_ok=True)
                _path(name).write_bytes("\n".join(_shorten(name, lines, known)).encode())
                assert whole(name) == self.found[name], name
            known[name] = lines

    def _count_headers(self) -> dict[str, list[str]]:
        """The headers that more than half of the answers of each class have."""
        answers: defaultdict[str, list[str]] = defaultdict(list)
        for name, text in self.found.items():
            if answer := ANSWER.fullmatch(text):
                answers[_class(name, answer)].append(answer["headers"])
        counts = {kind: Counter("\n".join(all_headers).split("\n")) for kind, all_headers in answers.items()}
        return {
            kind: sorted(line for line, number in counts[kind].items() if 2 * number > len(answers[kind]))
            for kind in sorted(answers)
        }


def _shorten(name: str, lines: list[str], known: Mapping[str, list[str]]) -> list[str]:
    """The lines as in a file, like the closest recording of the folder, or the former one if none is much closer."""
    former = _read(name).partition("\n")[0]
    others = [one for one in known if one.partition("/")[0] == name.partition("/")[0]]
    close = heapq.nlargest(3, others, key=lambda one: len(set(lines) & set(known[one])))
    close += [one for one in others if former == LIKE + one]
    options = {one: leave_out(lines, known[one]) for one in close}
    best = min(options, key=lambda one: len(options[one]) - 10 * (former == LIKE + one), default="")
    return [LIKE + best, *options[best]] if best and len(options[best]) < MOST_OWN * len(lines) else lines


def _differences(before: str, now: str) -> list[str]:
    """The hunks of a unified diff, without the numbers of their lines."""
    lines = difflib.unified_diff(before.split("\n"), now.split("\n"), lineterm="", n=2)
    return re.split(r"(?m)\n?^@@.*\n", "\n".join(lines))[1:]


def _listed(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


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
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        **headers: str | None,
    ) -> Answer:
        """`files` are name, content and type by field; header names are written with _ for -; None is not sent."""
        given: dict[str, str | None] = {
            "Host": "widget.test",
            "X-Forwarded-For": self.address,
            "Accept-Language": self.language,
            # A deleted cookie has an empty value.
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items() if value.strip('"')) or None,
        }
        body = content.encode() if isinstance(content, str) else content
        if json_body is not None:
            body, given["Content-Type"] = json.dumps(json_body, ensure_ascii=False).encode(), "application/json"
        elif files:
            encoded = httpx2.Request("POST", "http://widget.test", data=dict(form or {}), files=files)
            body, given["Content-Type"] = encoded.read(), encoded.headers["Content-Type"]
        elif form is not None:
            body, given["Content-Type"] = urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        given |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        sent = {name: value.encode() for name, value in given.items() if value is not None}
        parts = urlsplit(path)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            result = Answer(f"> {method} {target}", answer.status, answer.getheaders(), answer.read())
        for name, text in result.headers:
            if name.lower() == "set-cookie":
                cookie, _, value = text.partition(";")[0].partition("=")
                self.cookies[cookie] = value
        return result


def letter(one: Letter) -> str:
    """The envelope and the letter."""
    return f"from {one.sender} to {', '.join(one.recipients)}\n\n{message(one.message)}"


def message(one: EmailMessage) -> str:
    """The headers as shown to a reader, and each part with its own headers."""
    lines = [_header(name, value) for name, value in sorted(one.items())]
    for part in one.walk():
        if not part.is_multipart():
            head = [_header(name, value) for name, value in part.items() if part is not one]
            text = str(part.get_content()).replace("\r", "")
            lines += ["", *head, "", without_gaps(text) if part.get_content_subtype() == "html" else text]
    return re.sub(
        r"(&#847;&zwnj;&nbsp;)\1+", lambda found: f"{found[1]}×{len(found[0]) // len(found[1])}", "\n".join(lines)
    )


def _header(name: str, value: object) -> str:
    """Unfolded, with adjacent encoded words joined (RFC 2047, section 6.2)."""
    raw = re.sub(r"\?=\s+=\?", "?==?", str(getattr(value, "_raw", value)))
    return f"{name}: {' '.join(str(make_header(decode_header(raw))).split())}"


def command(done: subprocess.CompletedProcess[str]) -> str:
    """Exit code, standard output and standard error."""
    arguments = " ".join(json.dumps(one, ensure_ascii=False) if " " in one or not one else one for one in done.args)
    shown = [f"$ widget-api {arguments}".rstrip(), f"exit code {done.returncode}", ""]
    return "\n".join([*shown, "--- standard output", done.stdout, "--- standard error", done.stderr])


class RecordingPlatform(LocalServer):
    """A platform that accepts every request and records it as received."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        taken, lock = self.taken, threading.Lock()

        class Handler(QuietHandler):
            def do_GET(self) -> None:  # noqa: N802 - the base class names it so
                self.reply(404, b"[]", "application/json")

            def do_POST(self) -> None:  # noqa: N802 - the base class names it so
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if "urlencoded" in self.headers["Content-Type"]:
                    text = text.replace("&", "\n&")
                names = sorted({*self.headers} - {"Content-Length"}, key=str.lower)
                head = [f"{name}: {self.headers[name]}" for name in names]
                with lock:
                    taken.append("\n".join([f"> POST {self.path}", *head, "", text]))
                    number = len(taken)
                kind = "update_id" if "updates" in self.path else "service_request_id"
                self.reply(200, json.dumps([{kind: f"theirs-{number}"}]).encode(), "application/json")

        super().__init__(Handler)


if __name__ == "__main__":
    sys.stdout.write(whole(sys.argv[1]) or f"There is no {_path(sys.argv[1])}\n")
