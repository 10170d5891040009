"""What an examination finds, and an error in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    name: str
    ok: bool
    detail: str


def line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
