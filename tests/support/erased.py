"""Look for words in the files of a database, where deleted rows may still stand."""

from __future__ import annotations

from widget_api.database import Database, sqlite_path


def stands_in_files(database: Database, word: str) -> bool:
    """Whether SQLite's file or its write-ahead log holds a word. False on PostgreSQL, whose files are the server's."""
    if database.dialect != "sqlite":
        return False
    path = sqlite_path(database.url)
    return any(word.encode() in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
