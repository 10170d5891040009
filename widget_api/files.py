"""Write a file as a whole: no failure and no crash leaves a part of one under its name, or loses the former one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".part"  # how the name of a file ends until it is complete


@contextmanager
def write_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file, readable by its owner only, that takes the place of `path` once the block ends."""
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
