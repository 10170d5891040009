"""Define the result of one check of the doctor."""

from __future__ import annotations

from dataclasses import dataclass

TIMEOUT = 10.0  # seconds a check may take


@dataclass(frozen=True)
class Finding:
    name: str
    ok: bool
    detail: str


def error_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
