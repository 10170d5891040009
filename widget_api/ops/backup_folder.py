"""Keep a folder of regular backups: the newest ones, named by time, and a copy of each in another place.

The oldest are deleted only after a new one is complete, so that no failure leaves fewer than before.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from widget_api import clock
from widget_api.files import UNFINISHED, write_whole

_NAME = re.compile(r"widget-\d{4}-\d{2}-\d{2}T\d{6}Z\.zip")
ABANDONED = clock.DAY  # seconds after which an unfinished one is taken for that of a killed process


def name_backup(path: Path) -> Path:
    """Return the path of a new backup: the given one or, of a folder, one named by time in it."""
    return path / f"widget-{clock.rfc3339(clock.now()).replace(':', '')}.zip" if path.is_dir() else path


def newest(folder: Path) -> Path | None:
    """Return the newest complete backup of a folder."""
    names = _backups(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return folder / names[-1] if names else None


def delete_oldest(folder: Path, keep: int) -> list[str]:
    """Delete all but the newest `keep` backups of a folder, and abandoned ones. Returns the names of the former."""
    surplus = _backups(path.name for path in folder.iterdir())[:-keep]
    for name in surplus:
        (folder / name).unlink()
    for path in folder.glob(f"widget-*{UNFINISHED}"):
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
    with backup.open("rb") as source, write_whole(folder / backup.name) as target:
        shutil.copyfileobj(source, target, 1024 * 1024)
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
