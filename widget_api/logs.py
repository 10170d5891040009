"""Configure logging to standard error: lines in development, JSON in production. Secrets are removed."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from widget_api.redaction import redact

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # surrogates cannot be written
_SEVERAL_LINES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def configure(*, production: bool, level: int = logging.INFO) -> None:
    """Send the logs of the service and its libraries to standard error, in one format."""
    global _requests
    _requests = RequestLog(production=production) if level <= logging.INFO else None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(production=production))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # it would log whole paths, which contain keys and tokens
    for name in ("aiosqlite", "asyncio", "databases", "alembic", "mail.log"):
        logging.getLogger(name).setLevel(logging.WARNING)


class LineFormatter(logging.Formatter):
    """Formats a record without secrets and without control characters that a terminal would interpret.

    A record is always one line, even if it quotes another server; only tracebacks have several.
    """

    def __init__(self, *, production: bool) -> None:
        super().__init__()
        self._production = production

    def format(self, record: logging.LogRecord) -> str:
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        return _line(
            self._production,
            record.created,
            record.levelname.lower(),
            record.name,
            _SEVERAL_LINES.sub(" ", redact(record.getMessage())),
            _CONTROL.sub(" ", redact(traceback)),
        )


def _line(production: bool, at: float, level: str, logger: str, message: str, traceback: str = "") -> str:
    moment = f"{_second(int(at))}.{int(at % 1 * 1000):03d}Z"
    if not production:
        return f"{moment} [{level:9}] {message} [{logger}]" + (f"\n{traceback}" if traceback else "")
    line = {"event": message, "level": level, "logger": logger, "timestamp": moment}
    return orjson.dumps(line | ({"exception": traceback} if traceback else {})).decode()


class RequestLog:
    """Writes one line a request, several times a second: a log record and a write for each would cost more than many
    responses.

    A line has the route's pattern instead of its values, so it never contains keys or tokens.
    """

    PAUSE = 0.1  # seconds
    MOST = 500  # buffered lines that are written at once

    def __init__(self, *, production: bool) -> None:
        self._production = production
        self._waiting: list[tuple[float, str, str, int, float]] = []

    def note(self, method: str, pattern: str, status: int, seconds: float) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_later(self.PAUSE, self.write)
        self._waiting.append((time.time(), method, pattern, status, seconds))
        if len(self._waiting) >= self.MOST:
            self.write()

    def write(self) -> None:
        waiting, self._waiting = self._waiting, []
        sys.stderr.write("".join(self._line(*entry) for entry in waiting))
        sys.stderr.flush()

    def _line(self, at: float, method: str, pattern: str, status: int, seconds: float) -> str:
        message = f"{method} {pattern} {status} {seconds * 1000:.1f}ms"
        return _line(self._production, at, "info", "widget_api.http", message) + "\n"


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


_requests: RequestLog | None = None  # None before `configure`: a program that embeds the service decides what it logs


def request(method: str, route: str, status: int, seconds: float) -> None:
    """Log a request; `route` is its pattern."""
    if _requests is not None:
        _requests.note(method, route, status, seconds)


def flush() -> None:
    """Write buffered lines. Call before the process ends."""
    if _requests is not None:
        _requests.write()


def pattern(scope: Mapping[str, Any]) -> str:
    """Return the path with each value replaced by its name, «(unknown)» for an unknown path."""
    if "endpoint" not in scope:
        return "(unknown)"
    return str(scope["route"].path_format)
