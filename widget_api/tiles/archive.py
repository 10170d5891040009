"""Read single tiles from a PMTiles archive (version 3) of any size, with only directories in memory."""

from __future__ import annotations

import gzip
import os
import threading
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from cachetools import LRUCache
from pmtiles.tile import Compression, deserialize_directory, deserialize_header, zxy_to_tileid

from widget_api.tiles.model import MAX_TILE_SIZE, TileAddress

_HEADER_SIZE = 127  # bytes
_MAX_DEPTH = 4  # levels of directories, by the specification
_CACHE_SIZE = 4 * 1024 * 1024  # bytes in memory


class CorruptArchive(Exception):
    """The archive's header or directories do not match its contents. The message is one line."""


class Directory:
    """The entries of a directory in arrays, which take an eighth of the memory of objects."""

    def __init__(self, packed: bytes) -> None:
        entries = deserialize_directory(packed)
        self.ids = array("Q", [entry.tile_id for entry in entries])
        names = ("run_length", "offset", "length")
        self._parts = [array("Q", [getattr(entry, name) for entry in entries]) for name in names]

    @property
    def size(self) -> int:
        return 4 * 8 * len(self.ids) + 200

    def find(self, tile_id: int) -> Sequence[int] | None:
        """Run length, offset and length of the tile's entry; a run length of 0 points to a leaf directory."""
        index = bisect_right(self.ids, tile_id) - 1
        if index < 0:
            return None
        run, offset, length = (part[index] for part in self._parts)
        return (run, offset, length) if run == 0 or tile_id < self.ids[index] + run else None


class Archive:
    """An open archive. Methods block on the disk: call them in threads."""

    def __init__(self, path: Path) -> None:
        """Open an archive. Raises OSError, CorruptArchive."""
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self._directories: LRUCache[int, Directory] = LRUCache(_CACHE_SIZE, getsizeof=lambda one: one.size)
        self._lock = threading.Lock()
        try:
            self.header = deserialize_header(self._read(0, _HEADER_SIZE))
            self._root = self._directory(self.header["root_offset"], self.header["root_length"])
        except Exception as error:
            self.close()
            raise CorruptArchive(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        os.close(self._file)

    def tile(self, address: TileAddress) -> bytes | None:
        """A tile's bytes, or None where the archive has none. Raises OSError, CorruptArchive."""
        if not self.header["min_zoom"] <= address.z <= self.header["max_zoom"]:
            return None
        tile_id, directory = zxy_to_tileid(address.z, address.x, address.y), self._root
        for _ in range(_MAX_DEPTH):
            found = directory.find(tile_id)
            if found is None:
                return None
            run, offset, length = found
            if run:
                return self._read(self.header["tile_data_offset"] + offset, length)
            directory = self._leaf(offset, length)
        raise CorruptArchive("directories lead to directories without end")

    def _leaf(self, offset: int, length: int) -> Directory:
        with self._lock:
            known = self._directories.get(offset)
        if known is None:
            known = self._directory(self.header["leaf_directory_offset"] + offset, length)
            if known.size <= _CACHE_SIZE:
                with self._lock:
                    self._directories[offset] = known
        return known

    def _directory(self, offset: int, length: int) -> Directory:
        packed = self._read(offset, length)
        if self.header["internal_compression"] != Compression.GZIP:
            packed = gzip.compress(packed, 1)  # the only compression the library reads
        try:
            return Directory(packed)
        except (EOFError, OSError, ValueError, OverflowError, zlib.error) as error:
            raise CorruptArchive(f"a directory cannot be read: {error}") from error

    def _read(self, offset: int, length: int) -> bytes:
        if length > MAX_TILE_SIZE:
            raise CorruptArchive(f"{length} bytes in one piece")
        content = os.pread(self._file, length, offset)
        if len(content) < length:
            raise CorruptArchive("the file ends before its contents")
        return content
