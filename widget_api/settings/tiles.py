"""The ground of the map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from widget_api.settings.reading import SettingsError

LARGEST_ZOOM = 19


def read(environ: Mapping[str, str]) -> tuple[str | None, int]:
    """A PMTiles file that is there, or the template of an upstream: https://tiles.example/{z}/{x}/{y}.png."""
    value = environ.get("WIDGET_TILES")
    if not value:
        return None, LARGEST_ZOOM
    if urlsplit(value).scheme in ("http", "https"):
        if not all(part in value for part in ("{z}", "{x}", "{y}")):
            raise SettingsError("WIDGET_TILES must hold {z}, {x} and {y}")
        return value, LARGEST_ZOOM
    if not Path(value).is_file():
        raise SettingsError(f"WIDGET_TILES: there is no file {value}")
    return value, _raster(Path(value))


def _raster(archive: Path) -> int:
    """Its greatest zoom. The header of PMTiles 3 tells its version, what tiles are, and whether they are packed."""
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
    return min(head[101], LARGEST_ZOOM)
