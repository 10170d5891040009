"""Pack the plugins for content management systems as archives that each system installs, in the service's own version.

The same sources give the same bytes on every machine, so that what a service offers equals what was released: entries
are sorted, dated alike and not compressed, since the output of zlib differs between its versions.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from widget_api import __version__
from widget_api.files import find_carried

VERSION = __version__.partition(".dev")[0]  # packages know no development versions
_DATED = (1980, 1, 1, 0, 0, 0)  # the earliest date that an archive can hold
_MODE = 0o100644 << 16


@dataclass(frozen=True)
class Package:
    """A plugin for the system `name`. Its files are in `source` of embed_examples/, and in the archive in `folder`."""

    name: str
    file_name: str
    source: str
    folder: str = ""


PACKAGES = (
    Package(
        "wordpress",
        f"igrajdanin-wordpress-{VERSION}.zip",
        "wordpress/igrajdanin-widget",
        "igrajdanin-widget/",  # WordPress takes the name of the only folder for that of the plugin
    ),
    Package("joomla", f"igrajdanin-joomla-{VERSION}.zip", "joomla/mod_igrajdanin"),
    # Unpacked in /local/components/: the component's address is igrajdanin:widget.
    Package("bitrix", f"igrajdanin-bitrix-{VERSION}.zip", "bitrix/component"),
)


def build_package(package: Package) -> bytes:
    """Return the zip archive of a plugin."""
    return pack(find_carried("embed_examples") / package.source, package.folder)


def pack(source: Path, folder: str) -> bytes:
    """Return a zip archive of all files below `source`, which stand in `folder` («name/», or empty) of the archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(folder + path.relative_to(source).as_posix(), _DATED)
            entry.external_attr = _MODE
            archive.writestr(entry, path.read_bytes())
    return packed.getvalue()
