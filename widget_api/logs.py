"""Logs to standard error: lines in development, JSON in production; never a key, a token, a private address."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Keys name a site, the other two open doors. They should not come here at all; this is for the text of an exception.
_SECRETS = re.compile(r"\b(wk_|wt_)[\w-]{4,}|(/(?:t|confirm)/)[^\s\"'?#]+")
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")


def configure(*, production: bool, level: int = logging.INFO) -> None:
    """Send everything that logs, our own modules and libraries, through one chain to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_secrets,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if production
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # it would write whole paths: keys and private pages
    for name in ("aiosqlite", "asyncio", "databases", "alembic", "mail.log"):
        logging.getLogger(name).setLevel(logging.WARNING)


def without_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Blank out what must not be in a log, whoever put it there."""
    return {name: _blanked(value) for name, value in event.items()}


def _blanked(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = _SECRETS.sub(lambda found: f"{found[1] or found[2]}…", value)
    return _URL_PASSWORD.sub(r"\1…@", value)
