"""Find the installed versions of the built widget, which of them are released, and the integrity hashes of those.

`dist/` holds a folder for each version. The ones that `released.json` names never change, so that pages may pin them by
address and hash. The newest folder may be of a version that is still being worked on: each build replaces its files.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import orjson

from widget_api.errors import NotFound
from widget_api.files import find_carried

PACKAGE_FOLDER = Path(__file__).parent.parent
VERSION = re.compile(r"\d+\.\d+\.\d+")
MAJOR_VERSION = "1"  # that the code for new pages follows


@cache
def dist_folder() -> Path:
    """Return the folder of the built widget."""
    return find_carried("dist")


@cache
def _released() -> dict[str, dict[str, str]]:
    """The integrity hashes of all files of all releases, by version and name."""
    path = dist_folder() / "released.json"
    released: dict[str, dict[str, str]] = orjson.loads(path.read_bytes()) if path.is_file() else {}
    return released


@cache
def list_versions() -> tuple[str, ...]:
    """List the installed versions, released or not, oldest first."""
    names = (
        [path.name for path in dist_folder().iterdir() if VERSION.fullmatch(path.name)]
        if dist_folder().is_dir()
        else []
    )
    return tuple(sorted(names, key=lambda version: [int(part) for part in version.split(".")]))


def list_releases() -> tuple[str, ...]:
    """List the installed versions that are released, oldest first."""
    return tuple(version for version in list_versions() if version in _released())


def served_version(major: str) -> str:
    """Return what the address of a major version serves, its newest version: «1» → «1.4.2». Raises NotFound."""
    newest = _newest(list_versions(), major)
    if not newest:
        raise NotFound
    return newest


def served_build(major: str) -> str:
    """Return what the address of a major version serves if that is not released, else an empty string."""
    newest = _newest(list_versions(), major)
    return "" if newest in _released() else newest


def newest_release(major: str) -> str:
    """Return the newest release of a major version, or an empty string if there is none."""
    return _newest(list_releases(), major)


def _newest(versions: tuple[str, ...], major: str) -> str:
    return next((version for version in reversed(versions) if version.split(".")[0] == major), "")


def is_released(version: str) -> bool:
    return version in _released()


def integrity_hash(version: str, name: str) -> str:
    """Return «sha384-…», the value of the attribute `integrity`, of a file of a release. Raises NotFound."""
    try:
        return _released()[version][name]
    except KeyError:
        raise NotFound from None


def names_service_by_element(version: str) -> bool:
    """Whether a self-hosted copy reads the service's address from `api` of each element, not from its script's tag."""
    return version == "1.0.0"
