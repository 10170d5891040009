"""Fixtures for every test: databases, the application, real processes, mail, a browser."""

import contextlib
import fcntl
import gc
import os
import random
import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import hypothesis
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page

from scripts import servers
from tests.factories import PUBLIC_URL, SECRET
from tests.fake_platform import FakePlatform
from tests.support import cabinet
from tests.support.browser import NewPage, SharedBrowser, Watch, open_context
from tests.support.commands import call_json
from tests.support.event_loop_thread import run_in_thread
from tests.support.mail import MailSink
from tests.support.pages import HostPages
from tests.support.patched_service import TEMPLATES, share_templates
from tests.support.postgres import PostgreSQL, Server
from tests.support.processes import COMMAND, Serve, Service, free_port, patched_program
from tests.support.redis import Redis
from tests.support.s3 import S3
from tests.support.selection import is_full
from widget_api import clock, worker
from widget_api import settings as settings_module
from widget_api.database import Database
from widget_api.ops.schema import migrate
from widget_api.people import passwords, sign_in
from widget_api.settings import Settings
from widget_api.sites import tickets
from widget_api.web import brute_force, static_routes

FULL = is_full()
# A busy machine must not fail a test: no test measures time.
hypothesis.settings.register_profile("product", deadline=None, print_blob=True, max_examples=100 if FULL else 50)
hypothesis.settings.load_profile("product")

Client = httpx2.AsyncClient  # of the fixture `client`
DIALECTS = ("sqlite", "postgresql")
# For tests, or as `pytestmark` for modules, whose subject no database can change: input that is refused before a
# statement, what a page says of it, headers, tokens, letters of many mail programs. The subject decides, not the time
# a test takes. Statements run on both databases, and so does input that only one of them refuses (NUL, large numbers).
ONE_DATABASE = pytest.mark.parametrize("dialect", DIALECTS[:1])
# For tests that take long and whose subject is the same on the other database: stories, samples of faults.
_OTHER = pytest.mark.full("the other database")
ONE_DATABASE_UNLESS_FULL = pytest.mark.parametrize("dialect", [DIALECTS[0], pytest.param(DIALECTS[1], marks=_OTHER)])
POSTGRESQL_UNLESS_FULL = pytest.mark.parametrize("dialect", [pytest.param(DIALECTS[0], marks=_OTHER), DIALECTS[1]])
# An extended site with a jurisdiction known to platforms, which also shows problems from platforms.
GOROD = pytest.mark.site(jurisdiction="gorod.test", type="extended")
WITHOUT_MAIL_SERVER = pytest.mark.settings(
    environment="production", secret_keys="Kq3vXr8mTz1wYb6nPd4sGf7hJc2lQe5u", smtp_url="", work="off"
)
ENOUGH_MEMORY = 6 << 30  # bytes
SERVER = pytest.StashKey[Server]()
BY_DEFAULT: dict[str, Any] = Database.__init__.__kwdefaults__ or {}
READERS: int = BY_DEFAULT["readers"]  # of a real service


@pytest.fixture(scope="session", autouse=True)
def _cheap_work() -> Iterator[None]:
    """Reduce the proof of work, the Argon2id parameters, the timing steps and what each application of a test prepares.

    Real services do all of it, except for the proof of work that most browser tests ask of the widget
    (tests/browser/conftest.py). The real values are tested in tests/unit/sites/test_challenges.py,
    tests/unit/people/test_passwords.py and tests/unit/test_timing.py.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tickets, "MAX_NUMBER", 1000)
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        patch.setattr(sign_in, "_WRITE_TIME", 0.001)
        patch.setattr(brute_force, "TIMING_STEP", 0.01)
        patch.setattr(worker, "IDLE", 0.05)
        patch.setattr(static_routes, "warm_cache", lambda: None)  # files are compressed when they are asked for
        patch.setitem(BY_DEFAULT, "readers", 1)  # each is a connection and a thread: a tenth of a short test
        yield


@pytest.fixture(autouse=True)
def _reset_identifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Identifiers only grow within a process: reset them after a test that moved the clock ahead."""
    monkeypatch.setattr(clock, "_last", 0)


def pytest_configure() -> None:
    """Keep temporary files in memory if there is enough of it: most are databases, whose commits wait for the disk."""
    memory = Path("/dev/shm")
    with contextlib.suppress(OSError):
        runs_programs = not os.statvfs(memory).f_flag & os.ST_NOEXEC
        if runs_programs and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ENOUGH_MEMORY:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def pytest_sessionstart() -> None:
    """Spare httpx2 the search for sniffio, which is not installed: it tries to import it at every request."""
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


def pytest_collection() -> None:
    """Collect no garbage while tests are collected: they and their modules stay until the end."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over them from then on, too, and look less often than after 700 new objects."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """A generator for the test's random choices, which `--seed` repeats."""
    return random.Random(f"{request.config.option.seed} {request.node.nodeid}")


# --- what the processes of a run share ---


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    config.stash[SERVER] = server = Server()
    config.add_cleanup(server.stop)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["postgres_port"] = node.config.stash[SERVER].port


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session", autouse=True)
def _compile_templates_once(run_directory: Path) -> None:
    """Compiling all templates takes seconds: the processes of a run share them, services among them."""
    os.environ[TEMPLATES] = str(run_directory / "templates")
    share_templates()


@pytest.fixture(scope="session")
def make_once(run_directory: Path) -> Callable[..., Path]:
    """`make_once(name, make)` → the path of a file that `make(path)` writes in one process of the run, for all."""

    def make_in_turn(name: str, make: Callable[[Path], object]) -> Path:
        made, unfinished = run_directory / name, run_directory / f"new-{name}"
        with (run_directory / f"{name}.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not made.exists():
                make(unfinished)
                unfinished.rename(made)
        return made

    return make_in_turn


# --- databases ---


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgreSQL]:
    """The PostgreSQL server of the run."""
    server = PostgreSQL(port=getattr(request.config, "workerinput", {}).get("postgres_port"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgreSQL, make_once: Callable[..., Path]) -> str:
    """The name of a migrated database that new ones are copied from."""

    def make(path: Path) -> None:
        url = postgres.database()
        run_in_thread(migrate(url))
        path.write_text(url.rsplit("/", 1)[1])

    return make_once("postgres", make).read_text()


@pytest.fixture(scope="session")
def unused_databases() -> list[str]:
    """URLs of migrated databases on PostgreSQL that no test of this process is using."""
    return []


@pytest.fixture(scope="session")
def migrated_sqlite(make_once: Callable[..., Path]) -> Path:
    return make_once("widget.db", lambda path: run_in_thread(migrate(f"sqlite:///{path}")))


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Every test that uses a database runs on both, unless it is marked ONE_DATABASE."""
    return str(request.param)


@pytest.fixture
def new_database(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """`new_database()` → URL of an empty, migrated database; with `migrated=False` it has no tables."""
    with contextlib.ExitStack() as cleaning:

        def on_sqlite(migrated: bool) -> str:
            path = tmp_path / f"widget-{uuid.uuid4().hex[:8]}.db"
            if migrated:
                shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
            return f"sqlite:///{path}"

        def on_postgres(migrated: bool) -> str:
            server: PostgreSQL = request.getfixturevalue("postgres")
            unused: list[str] = request.getfixturevalue("unused_databases")
            if not migrated:
                url = server.database()
                cleaning.callback(server.drop, url)
                return url
            url = unused.pop() if unused else server.database(request.getfixturevalue("migrated_postgres"))
            cleaning.callback(unused.append, url)
            cleaning.callback(server.empty, url)
            return url

        def make(*, migrated: bool = True) -> str:
            return on_sqlite(migrated) if dialect == "sqlite" else on_postgres(migrated)

        yield make


@pytest.fixture
def database_url(new_database: Callable[..., str]) -> str:
    """An empty, migrated database, once on SQLite and once on PostgreSQL."""
    return new_database()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    connected = Database(database_url)
    await connected.connect()
    yield connected
    await connected.disconnect()


# --- the application inside the test's process ---


@pytest.fixture
def make_settings(tmp_path: Path, mail_sink: MailSink) -> Callable[..., Settings]:
    """Settings as given by an operator; keywords are the names after WIDGET_, in lower case."""

    def make(**changes: str) -> Settings:
        environ = {
            "WIDGET_DATA": str(tmp_path / "data"),
            "WIDGET_SECRET_KEYS": SECRET,
            "WIDGET_PUBLIC_URL": PUBLIC_URL,
            "WIDGET_SMTP_URL": mail_sink.url,
            "WIDGET_MAIL_FROM": "widget@widget.test",
        }
        return settings_module.load(environ | {f"WIDGET_{name.upper()}": value for name, value in changes.items()})

    return make


def options_of(request: pytest.FixtureRequest, mark: str) -> dict[str, Any]:
    """Keywords of a mark of the test or, without one, of its module."""
    found = request.node.get_closest_marker(mark)
    return dict(found.kwargs) if found else {}


@pytest.fixture
def settings(make_settings: Callable[..., Settings], database_url: str, request: pytest.FixtureRequest) -> Settings:
    return make_settings(database_url=database_url, **options_of(request, "settings"))


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Any]:
    """Start the application with `settings`, and stop it at the end of the block."""
    from widget_api.app import create_app

    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    async with running(settings) as started:
        yield started


@pytest.fixture
async def client(app: Any, settings: Settings, hooks: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Calls the application without a network, like a browser on the service's own origin."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url, event_hooks=hooks) as connected:
        yield connected


@pytest.fixture
def hooks(app: Any, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What browsers do after each answer: a decision that waits is carried out as if its minute had passed."""
    if request.node.get_closest_marker("waits"):
        return {}

    async def pass_minute(answer: httpx2.Response) -> None:
        if "done=waits" in answer.headers.get("location", ""):
            await cabinet.pass_minute(app.state.context.database)

    return {"response": [pass_minute]}


# --- real processes ---


@pytest.fixture
async def fake() -> AsyncIterator[FakePlatform]:
    """A third-party platform. By default it counts duplicates; tests configure everything else."""
    platform = await FakePlatform().start()
    yield platform
    await platform.stop()


@pytest.fixture
def mail_sink() -> Iterator[MailSink]:
    """A real SMTP server that records what it receives."""
    sink = MailSink()
    yield sink
    sink.close()


@contextlib.contextmanager
def serving(parent: Path, migrated_sqlite: Path) -> Iterator[Serve]:
    services: list[Service] = []

    def start(
        *arguments: str,
        start: bool = True,
        migrated: bool = True,
        changes: tuple[str, ...] = (),
        fork: bool = True,
        **settings: str,
    ) -> Service:
        directory = parent / f"service-{len(services)}"
        directory.mkdir()
        if migrated and "database_url" not in settings:
            shutil.copyfile(migrated_sqlite, directory / "widget.db")
        port = free_port()
        environ = {
            "WIDGET_DATA": str(directory / "data"),
            "WIDGET_DATABASE_URL": f"sqlite:///{directory / 'widget.db'}",
            "WIDGET_SECRET_KEYS": SECRET,
            "WIDGET_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "WIDGET_MAIL_FROM": "widget@widget.test",
        } | {f"WIDGET_{name.upper()}": value for name, value in settings.items()}
        fork = fork and "--workers" not in arguments  # a fork cannot spawn worker processes
        program = patched_program(*changes) if changes or fork else (COMMAND,)
        service = Service(directory, environ, port, arguments, program, fork)
        services.append(service)
        return service.start() if start else service

    yield start
    for service in services:
        service.kill()


@pytest.fixture
def serve(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Serve]:
    """`serve()` starts a real service; keywords are settings, positional arguments go to `widget-api serve`.

    Without `database_url` it uses an SQLite file in its own directory. The file is already migrated, since a migration
    takes as long as the rest of the start; `migrated=False` starts without one. `start=False` only prepares the
    service; `changes` are patched constants (tests/support/patched_service.py). `fork=False` starts a new interpreter
    instead of a fork (tests/support/fork_server.py), for tests of the process itself.
    """
    with serving(tmp_path, migrated_sqlite) as start:
        yield start


@pytest.fixture(scope="module")
def module_serve(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Serve]:
    """Like `serve`, for services shared by the tests of a module: a start takes two seconds of CPU time."""
    with serving(tmp_path_factory.mktemp("services"), migrated_sqlite) as start:
        yield start


@pytest.fixture
def cli(settings: Settings, tmp_path: Path) -> Callable[..., Any]:
    """`cli("site", "list")` runs the command on the test's database and returns its parsed --json output."""
    environ = {
        "WIDGET_DATA": str(settings.data_directory),
        "WIDGET_DATABASE_URL": settings.database_url,
        "WIDGET_SECRET_KEYS": ",".join(settings.secret_keys),
        "WIDGET_PUBLIC_URL": settings.public_url,
        "WIDGET_MAIL_FROM": settings.mail_from,
    }

    def call(*arguments: str, **changes: str) -> Any:
        changed = environ | {f"WIDGET_{name.upper()}": value for name, value in changes.items()}
        return call_json(*arguments, settings=changed, directory=tmp_path)

    return call


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """One S3 server for the whole run."""
    server = S3(tmp_path_factory.mktemp("s3") / "log")
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The same server, with an operator's AWS_… variables in this process and its children."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A separate server per test: tests stop it, and its counters would outlive a test."""
    reason = servers.reason_without_redis()
    if reason:
        pytest.skip(reason)
    server = Redis(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def host_pages() -> Iterator[Callable[..., HostPages]]:
    """`host_pages(folder, headers=…, replace=…)` serves host pages on their own origin."""
    servers: list[HostPages] = []

    def start(folder: Path, **options: Any) -> HostPages:
        servers.append(HostPages(folder, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def full_counts() -> bool:
    """Whether the fault tests run their full counts (make test-full) or a sample of them (make test)."""
    return FULL


# --- a browser ---


_shared_browser = SharedBrowser()


@pytest.fixture(scope="module")
def _shared_chromium() -> Browser:
    return _shared_browser.started()


@pytest.fixture(scope="module")
def browser(_shared_chromium: Browser) -> Browser:
    """One browser shared by consecutive modules; every test has its own contexts, that is visitors."""
    return _shared_chromium


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Close the browser before a module that does not use it (SharedBrowser), whatever is called `browser` there."""
    used = getattr(nextitem, "fixturenames", ())
    if nextitem is None or (nextitem.path != item.path and "_shared_chromium" not in used):
        _shared_browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Records the complaints of the test's pages; any that is not allowed fails the test at its end."""
    watching = Watch()
    yield watching
    assert watching.unexpected() == []


@pytest.fixture
def new_page(browser: Browser, watch: Watch) -> Iterator[NewPage]:
    """`new_page(**context options)` opens the browser of another visitor, with its own cookies and storage."""
    contexts = []

    def make(**options: Any) -> Page:
        contexts.append(open_context(browser, watch, **options))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page()
