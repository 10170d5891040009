"""Read the setting of the map's tiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from widget_api.settings.variables import SettingsError

MAX_ZOOM = 19


def read(environ: Mapping[str, str]) -> tuple[str | None, int]:
    """Read WIDGET_TILES, an existing PMTiles file or an upstream's template, https://tiles.example/{z}/{x}/{y}.png.

    Returns it with its greatest zoom. Raises SettingsError.
    """
    value = environ.get("WIDGET_TILES")
    if not value:
        return None, MAX_ZOOM
    if urlsplit(value).scheme in ("http", "https"):
        if not all(part in value for part in ("{z}", "{x}", "{y}")):
            raise SettingsError("WIDGET_TILES must hold {z}, {x} and {y}")
        return value, MAX_ZOOM
    if not Path(value).is_file():
        raise SettingsError(f"WIDGET_TILES: there is no file {value}")
    return value, _read_max_zoom(Path(value))


def _read_max_zoom(archive: Path) -> int:
    """Read the greatest zoom from the header of PMTiles 3, after checking version, tile type and compression."""
    try:
        with archive.open("rb") as file:
            head = file.read(127)
    except OSError as error:
        raise SettingsError(f"WIDGET_TILES: {archive} cannot be read: {error.strerror}") from None
    if head[:8] != b"PMTiles\x03" or len(head) < 127:
        raise SettingsError(f"WIDGET_TILES: {archive} is no PMTiles archive of version 3")
    if head[99] not in (2, 3, 4, 5):
        raise SettingsError(f"WIDGET_TILES: {archive} holds vector tiles; what is drawn is PNG, JPEG, WebP or AVIF")
    if head[98] > 1:
        raise SettingsError(f"WIDGET_TILES: {archive} holds pictures that are compressed once more")
    return min(head[101], MAX_ZOOM)
