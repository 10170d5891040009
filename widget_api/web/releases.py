"""Find the installed releases of the built widget, and the integrity hashes of their files."""

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
    """Return the folder of the built widget: inside the installed package, or beside it in a checkout."""
    inside = PACKAGE_FOLDER / "dist"
    return inside if inside.is_dir() else PACKAGE_FOLDER.parent / "dist"


@cache
def list_versions() -> tuple[str, ...]:
    """List the installed releases, oldest first."""
    names = (
        [path.name for path in dist_folder().iterdir() if VERSION.fullmatch(path.name)]
        if dist_folder().is_dir()
        else []
    )
    return tuple(sorted(names, key=lambda version: [int(part) for part in version.split(".")]))


@cache
def newest_version(major: str) -> str:
    """Return the newest release of a major version: «1» → «1.4.2». Raises NotFound if there is none."""
    of_major = [version for version in list_versions() if version.split(".")[0] == major]
    if not of_major:
        raise NotFound
    return of_major[-1]


@cache
def integrity_hash(version: str, name: str) -> str:
    """Return «sha384-…», the value of the attribute `integrity`, as in dist/manifest.json. Raises NotFound."""
    path = dist_folder() / version / name
    if not VERSION.fullmatch(version) or not path.is_file():
        raise NotFound
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
