"""Search the files of a database, where deleted rows may still be found."""

from widget_api.database import Database, sqlite_path


def database_files_contain(database: Database, word: str) -> bool:
    """Whether SQLite's file or its write-ahead log contains a word; PostgreSQL's files belong to the server."""
    if database.dialect != "sqlite":
        return False
    path = sqlite_path(database.url)
    return any(word.encode() in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
