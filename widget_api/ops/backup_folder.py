"""Keep a folder of regular backups: the newest ones, named by time, and a copy of each in another place.

The oldest are deleted only after a new one is complete, so that no failure leaves fewer than before.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from widget_api import clock

_NAME = re.compile(r"widget-\d{4}-\d{2}-\d{2}T\d{6}Z\.zip")
_UNFINISHED = ".part"  # how the name of a backup ends until it is complete
ABANDONED = 86_400  # seconds after which an unfinished one is taken for that of a killed process


def create_file(path: Path) -> tuple[Path, Path, int]:
    """Return the path of the backup, the path it has until it is complete, and a descriptor of the latter, opened."""
    if path.is_dir():
        path = path / f"widget-{clock.rfc3339(clock.now()).replace(':', '')}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + _UNFINISHED)
    return path, unfinished, os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def newest(folder: Path) -> Path | None:
    """Return the newest complete backup of a folder."""
    names = _backups(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return folder / names[-1] if names else None


def delete_oldest(folder: Path, keep: int) -> list[str]:
    """Delete all but the newest `keep` backups of a folder, and abandoned ones. Returns the names of the former."""
    surplus = _backups(path.name for path in folder.iterdir())[:-keep]
    for name in surplus:
        (folder / name).unlink()
    for path in folder.glob(f"widget-*{_UNFINISHED}"):
        if clock.now() - path.stat().st_mtime > ABANDONED:
            path.unlink(missing_ok=True)
    return surplus


async def copy(backup: Path, url: str, keep: int | None, credentials: Mapping[str, str]) -> str:
    """Copy a backup to a folder or bucket, and delete the oldest there, too. Returns its address.

    Raises OSError.
    """
    if urlsplit(url).scheme == "file":
        await asyncio.to_thread(_copy_to_folder, backup, Path(unquote(urlsplit(url).path)), keep)
    else:
        await _copy_to_bucket(backup, url, keep, credentials)
    return f"{url.rstrip('/')}/{backup.name}"


def _copy_to_folder(backup: Path, folder: Path, keep: int | None) -> None:
    """The folder has to exist: without its network drive it would be one on the same disk."""
    unfinished = folder / (backup.name + _UNFINISHED)
    try:
        with backup.open("rb") as source, unfinished.open("wb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
            target.flush()
            os.fsync(target.fileno())
        unfinished.replace(folder / backup.name)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if keep is not None:
        delete_oldest(folder, keep)


async def _copy_to_bucket(backup: Path, url: str, keep: int | None, credentials: Mapping[str, str]) -> None:
    from widget_api.attachments.bucket import Bucket  # slow to import

    bucket = Bucket(url, credentials)
    await bucket.upload(backup.name, backup)
    names = [name async for part in bucket.names("") for name in part]
    for name in _backups(names)[:-keep] if keep is not None else ():
        await bucket.delete(name)


def _backups(names: Iterable[str]) -> list[str]:
    """Return the names of complete backups, the oldest first."""
    return sorted(name for name in names if _NAME.fullmatch(name))
