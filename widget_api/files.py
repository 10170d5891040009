"""Find files that come with the service, and write files so that no failure leaves a part of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PACKAGE = Path(__file__).parent
UNFINISHED = ".part"  # how the name of a file ends until it is complete


def find_carried(name: str) -> Path:
    """Return what stands beside the package in a checkout, and inside it once it is installed (hatch_build.py)."""
    inside = PACKAGE / name
    return inside if inside.exists() else PACKAGE.parent / name


@contextmanager
def write_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file, readable by its owner only, that takes the place of `path` once the block ends, and only then."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
