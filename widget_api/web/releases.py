"""The built widget on this machine: which releases are there, and the hash that pins a file of one."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from widget_api.errors import NotFound

PACKAGE_FOLDER = Path(__file__).parent.parent
VERSION = re.compile(r"\d+\.\d+\.\d+")


@cache
def dist_folder() -> Path:
    """The built widget: inside the installed package, or beside it in a checkout."""
    inside = PACKAGE_FOLDER / "dist"
    return inside if inside.is_dir() else PACKAGE_FOLDER.parent / "dist"


@cache
def list_versions() -> tuple[str, ...]:
    """Every release that is there, oldest first."""
    names = (
        [path.name for path in dist_folder().iterdir() if VERSION.fullmatch(path.name)]
        if dist_folder().is_dir()
        else []
    )
    return tuple(sorted(names, key=lambda version: [int(part) for part in version.split(".")]))


@cache
def newest_version(major: str) -> str:
    """«1» → «1.4.2», the newest release of that line. Raises NotFound where there is none."""
    of_major = [version for version in list_versions() if version.split(".")[0] == major]
    if not of_major:
        raise NotFound
    return of_major[-1]


@cache
def integrity_hash(version: str, name: str) -> str:
    """«sha384-…», the value of the attribute `integrity` (dist/manifest.json holds the same). Raises NotFound."""
    path = dist_folder() / version / name
    if not VERSION.fullmatch(version) or not path.is_file():
        raise NotFound
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
