"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass

TIMEOUT = 10.0  # seconds for whatever is asked


@dataclass(frozen=True)
class Finding:
    name: str
    ok: bool
    detail: str


def error_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
