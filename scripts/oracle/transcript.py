"""What a side did, as text: requests and answers, letters, requests to platforms, metrics, rows; and their comparison.

A random value has the number of its first appearance in its entry. Identifiers that the town had before have names.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import io
import json
import re
import sqlite3
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from tests.support import recorded
from tests.support.recorded import Answer
from tests.support.service_database import rows

UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])")
SEPARATOR = "\n\f\n"
OWNERS = ("problem_id", "user_id", "event_id", "delivery_id")  # columns that say whose a row is
ROUNDS = 3  # how far references between rows are followed
MOST_LINES = 40  # shown of one kind of difference
# Values that change from run to run and that recordings have not.
CHANGING = (
    ("password-hash", re.compile(r"\$argon2id?\$[^\s\"']+")),
    ("encrypted", re.compile(r"\bgAAAA[\w-]{40,}=*")),
    ("directory", re.compile(r"/[^\s\"']*build/oracle/(?:old|new)\b")),
    ("secret", re.compile(r"(?<=[/=])[A-Za-z0-9_-]{43}(?![\w-])")),
    ("api-token", re.compile(r"\bwt_[\w-]{20,}")),
    ("qr-code", re.compile(r'(?<=class="qrline" )[^>]*')),  # of an address with an identifier or a token
    ("factor-secret", re.compile(r"\b(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}\b|(?<=factor_secret = ')[^']+")),
    ("proof-token", re.compile(r"(?<=proof_token = ')[^']+")),
    ("checksum", re.compile(r"\b(?:[0-9a-f]{4}-){15}[0-9a-f]{4}\b")),
    ("batch", re.compile(r"\bbatch_[0-9a-f]{32}\b")),
    ("hex", re.compile(r"(?<=[:'])[0-9a-f]{32}\b")),
    ("process", re.compile(r"(?<=:)\d+:[0-9a-f]{8}\b")),  # the holder of a lease
)
# Columns that follow the moment at which a periodic job runs, or are made of a random key.
VOLATILE = {
    "chores": {"next_at", "done_at", "outcome"},
    "mailbox_messages": {"stored"},
    "contact_keys": {"key"},
    "platform_cursors": {"polled_at", "cursor"},
}
OF_EVENTS = "with events "  # before the headers of a request that brings some
# Metrics whose values follow the machine, and those that count the replayer's own looks at them.
TIMES = re.compile(r"_bucket\{|_sum\b|_created\b|^process_|^python_|seconds|bytes|memory|/metrics|/readyz")


def normalise(text: str, known: Mapping[str, str], names: Mapping[str, str]) -> str:
    """`known` are identifiers, `names` other values."""
    seen: dict[str, str] = {}

    def identify(found: re.Match[str]) -> str:
        value = found[0]
        if value in names:
            return f"<{names[value]}>"
        return known.get(value) or seen.setdefault(value, f"<id-{len(seen) + 1}>")

    text = UUID.sub(identify, text)
    for name, pattern in CHANGING:
        text = pattern.sub(f"<{name}>", text)
    return recorded.normalise(text, names)


def body(answer: Answer) -> str:
    """Text as it is, of anything else what it holds or its hash."""
    content, kind = answer.content, answer.header("content-type")
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            parts = [(one, book.read(one)) for one in sorted(book.namelist()) if not one.startswith("docProps")]
        return "\n".join(f"{name}: {text.decode('utf-8', 'replace')}" for name, text in parts)
    if kind.startswith(("text/html", "application/json", "application/problem")) or not content:
        return content.decode()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or "javascript" in kind or "css" in kind:
        return f"({len(content)} bytes, {hashlib.sha256(content).hexdigest()[:40]})"
    return text.replace("\r", "␍")


def exchange(answer: Answer) -> str:
    """Status, headers sorted by name, body."""
    right = f"content-length: {len(answer.content)}"
    head = sorted(f"{name.lower()}: {value}" for name, value in answer.headers)
    head = ["content-length: <of the body>" if line == right else line for line in head]
    return "\n".join([f"HTTP {answer.status}", *head, "", body(answer)])


def to_platform(text: str) -> Iterator[str]:
    """A request; of events the headers' names and each event: how many go together is a matter of chance."""
    head, _, content = text.partition("\n\n")
    if "cloudevents" not in head:
        yield text
        return
    yield OF_EVENTS + re.sub(r"(?m)^([\w-]+:).*$", r"\1", head)
    events = json.loads(content)
    for event in events if isinstance(events, list) else [events]:
        yield f"event {event['type']}\n{json.dumps(event, ensure_ascii=False, indent=1)}"


def metrics(text: str) -> str:
    """Every name and label; of those that do not measure time or the machine the values, too."""
    lines = []
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        lines.append(line if line.startswith("#") or not TIMES.search(line) else f"{name} <{bool(value)}>")
    return "\n".join(lines)


# --- rows ---

DUE = (
    "SELECT count(*) FROM deliveries WHERE state = 'leased' OR (state = 'pending' AND next_at <= {now})",
    "SELECT count(*) FROM bulks WHERE state = 'running' OR (state = 'pending' AND execute_at <= {now})",
)


def count_due(url: str, now: int) -> int:
    """How much the worker still has to do at this moment."""
    return sum(int(asyncio.run(rows(url, sql.format(now=now)))[0][0]) for sql in DUE)


def read_rows(url: str) -> dict[str, list[dict[str, Any]]]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True, timeout=30)
        connection.row_factory = sqlite3.Row
        named = "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        try:
            tables = [row[0] for row in connection.execute(named)]
            return {table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")] for table in tables}
        finally:
            connection.close()
    return asyncio.run(_read_postgres_rows(url))


async def _read_postgres_rows(url: str) -> dict[str, list[dict[str, Any]]]:
    connection = await asyncpg.connect(url)
    try:
        named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        tables = [row[0] for row in await connection.fetch(named)]
        return {one: [dict(row) for row in await connection.fetch(f"SELECT * FROM {one}")] for one in tables}
    finally:
        await connection.close()


def name_identifiers(all_rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """A name for each identifier: its table, and its place there by what the row holds, by what this refers to."""
    identified = [(table, row) for table, found in all_rows.items() for row in found if _is_identified(row)]
    plain = {row["id"]: _row(table, row, {}) for table, row in identified}
    referring = plain
    for _ in range(ROUNDS):
        digests = {key: hashlib.sha256(text.encode()).hexdigest()[:16] for key, text in referring.items()}
        referring = {row["id"]: _row(table, row, digests) for table, row in identified}
    known, many = dict[str, str](), Counter[str]()

    def place(one: tuple[str, dict[str, Any]]) -> tuple[str, ...]:
        # What is equal so far was made in turn, or for things that were.
        owners = (str(one[1].get(name)) for name in OWNERS)
        return (plain[one[1]["id"]], referring[one[1]["id"]], *owners, one[1]["id"])

    for table, row in sorted(identified, key=place):
        many[table] += 1
        known[row["id"]] = f"<{table}-{many[table]}>"
    return known


def _is_identified(row: Mapping[str, Any]) -> bool:
    return UUID.fullmatch(str(row.get("id"))) is not None


def _row(table: str, row: Mapping[str, Any], known: Mapping[str, str]) -> str:
    left_out = VOLATILE.get(table, set())
    text = "\n".join(f"  {name} = {value!r}" for name, value in row.items() if name not in left_out)
    text = UUID.sub(lambda found: known.get(found[0], "<id>"), text)
    for name, pattern in CHANGING:
        text = pattern.sub(f"<{name}>", text)
    return recorded.normalise(text, {})


def show_rows(
    all_rows: Mapping[str, list[dict[str, Any]]], known: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    all_known = {**name_identifiers(all_rows), **known}
    for table, found in all_rows.items():
        texts = [recorded.normalise(_row(table, row, all_known), names) for row in found]
        yield f"rows of {table}", "\n".join(f"{text}\n" for text in sorted(texts))


# --- files ---


class Transcript:
    """The entries of one part, in order; a title that comes again gets a number."""

    def __init__(self, names: Mapping[str, str], known: Mapping[str, str]) -> None:
        self.names, self.known = names, known
        self.entries: list[tuple[str, str]] = []
        self._met = Counter[str]()

    def add(self, title: str, text: str) -> None:
        self._keep(normalise(title, self.known, self.names), normalise(text, self.known, self.names))

    def add_rows(self, all_rows: Mapping[str, list[dict[str, Any]]]) -> None:
        for title, text in show_rows(all_rows, self.known, self.names):
            self._keep(title, text)

    def _keep(self, title: str, text: str) -> None:
        title = title.replace("\n", " ")
        self._met[title] += 1
        again = f" #{self._met[title]}" if self._met[title] > 1 else ""
        self.entries.append((title + again, text))

    def write(self, file: Path) -> None:
        file.write_bytes(SEPARATOR.join(f"{title}\n{text}" for title, text in self.entries).encode())


def read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    parts = (one.partition("\n") for one in file.read_bytes().decode().split(SEPARATOR))
    return {title: text for title, _, text in parts}


def compare(old: Path, new: Path) -> list[str]:
    """One text for each kind of difference, the same lines in place of the same, with the entries that have it."""
    same: defaultdict[str, list[str]] = defaultdict(list)
    shown: dict[str, str] = {}
    for name in sorted({file.name for folder in (old, new) for file in folder.glob("*.txt")}):
        before, now = read(old / name), read(new / name)
        for title in dict.fromkeys([*before, *now]):
            if before.get(title) != now.get(title):
                for hunk in _hunks(before.get(title), now.get(title)):
                    kind = "\n".join(line for line in hunk.split("\n") if not line.startswith(" "))
                    shown.setdefault(kind, hunk)
                    same[kind].append(f"{name.removesuffix('.txt')}: {title}")
    return [
        f"--- {len(titles)} ×: {'; '.join(list(dict.fromkeys(titles))[:3])}\n{shown[kind]}"
        for kind, titles in same.items()
    ]


def _hunks(before: str | None, now: str | None) -> list[str]:
    if before is None or now is None:
        return [f"only the {'new' if before is None else 'old'} side has it"]
    lines = difflib.unified_diff(before.split("\n"), now.split("\n"), lineterm="", n=1)
    hunks = re.split(r"(?m)\n?^@@.*\n", "\n".join(lines))[1:]
    return ["\n".join(line[:400] for line in hunk.split("\n")[:MOST_LINES]) for hunk in dict.fromkeys(hunks)]
