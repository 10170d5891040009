"""Commands `serve`, `work`, `migrate`, `demo` and `doctor`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from widget_api.cli.running import (
    Json,
    load_serving_settings,
    load_settings,
    prepare_to_serve,
    print_result,
    refuse_production,
)
from widget_api.ops import schema
from widget_api.settings import Settings, SettingsError

STARTUP_FAILURE = 3  # exit code, as of the uvicorn command
GRACE_PERIOD = 10  # seconds for requests under way at shutdown


def register(app: typer.Typer) -> None:
    for command in (serve, work, migrate, demo, doctor):
        app.command()(command)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    no_work: Annotated[bool, typer.Option("--no-work", help="Answer requests only; `work` delivers.")] = False,
) -> None:
    """Answer requests and, unless told not to, deliver."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    loaded = load_serving_settings()
    asyncio.run(schema.ensure_schema(loaded, create=not loaded.production))
    asyncio.run(require_stores(loaded))
    if no_work:
        loaded = replace(loaded, work=False)
    config = uvicorn.Config(
        partial(application, loaded),  # with --workers the settings reach each process through the pipe it starts from
        factory=True,
        host=host,
        port=port,
        workers=workers,
        http="widget_api.web.connections:BoundedProtocol",
        ws="none",
        access_log=False,  # it would write keys and private addresses; the application logs patterns
        log_config=None,
        proxy_headers=False,  # WIDGET_TRUSTED_PROXIES decides, not uvicorn's defaults
        server_header=False,
        timeout_graceful_shutdown=GRACE_PERIOD,
        # The default of 5 s kills processes that start slowly on a busy machine. At shutdown the parent waits as long
        # for one that is just starting: systemd's TimeoutStopSec is 90 s.
        timeout_worker_healthcheck=20,
    )
    with contextlib.suppress(KeyboardInterrupt):
        if workers > 1:
            Multiprocess(config, sockets=[config.bind_socket()]).run()
            return
        server = uvicorn.Server(config)
        server.run()
        if not server.started:
            raise typer.Exit(STARTUP_FAILURE)


def application(loaded: Settings) -> object:
    """Create the application in each process of `serve`."""
    gc.disable()  # as in __main__
    from widget_api.app import create_app
    from widget_api.web.connections import RequestCounter

    prepare_to_serve(loaded)
    counted_app = RequestCounter(create_app(loaded))
    gc.freeze()  # excludes what is loaded by now from garbage collection
    gc.enable()
    gc.set_threshold(10_000, 10, 10)  # requests create many objects, but hardly any cycles
    return counted_app


def work() -> None:
    """Deliver, and answer no requests."""
    loaded = load_serving_settings()

    async def working() -> None:
        from widget_api.app import open_context
        from widget_api.worker import Worker

        await schema.ensure_schema(loaded)
        await require_stores(loaded)
        async with open_context(loaded) as context:
            task = asyncio.create_task(Worker(context).run(), name="worker")
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(working())


def migrate(as_json: Json = False) -> None:
    """Carry the schema to this release's."""
    asyncio.run(schema.migrate_schema(load_settings()))
    print_result({"revision": schema.latest_revision()}, [f"schema {schema.latest_revision()}"], as_json)


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its first port; busy ones are passed over.")] = 8000,
) -> None:
    """Fill in a demonstration and run it, central platform and host pages included."""
    loaded = load_settings()
    refuse_production(loaded, "demo")
    from widget_api import demo as demonstration

    demonstration.run(loaded, port)


def doctor(as_json: Json = False) -> None:
    """Say in one line each what is reachable and what is wrong."""
    from widget_api.ops import doctor as examination

    findings = asyncio.run(examination.examine())
    lines = [f"{'ok  ' if one.ok else 'FAIL'} {one.name}: {one.detail}" for one in findings]
    well = all(one.ok for one in findings)
    document = {
        "ok": well,
        "checks": [{"name": one.name, "ok": one.ok, "detail": one.detail} for one in findings],
    }
    print_result(document, lines, as_json)
    if not well:
        raise typer.Exit(1)


_log = logging.getLogger(__name__)


async def require_stores(loaded: Settings) -> None:
    """Check the stores of photos and limits. Raises SettingsError where one refuses; logs a warning if it is down."""
    await _check_limits(loaded)
    await _check_media(loaded)


async def _check_limits(loaded: Settings) -> None:
    if loaded.redis_url is None:
        return
    from limits.errors import StorageError

    from widget_api.web.limits import check_connection

    try:
        await check_connection(loaded.redis_url)
    except StorageError as error:
        _log.warning("the store of WIDGET_REDIS_URL is away, limits are counted by each process: %s", error)


async def _check_media(loaded: Settings) -> None:
    if not loaded.media_url.startswith("s3:"):
        return
    from widget_api.attachments.bucket import Misconfigured
    from widget_api.attachments.storage import Storage
    from widget_api.errors import Unavailable

    try:
        await Storage(loaded.media_url, loaded.s3_credentials).examine()
    except Unavailable as error:
        if isinstance(error.__cause__, Misconfigured):
            raise SettingsError(f"WIDGET_MEDIA_URL: {error.__cause__}") from None
        _log.warning("the bucket of WIDGET_MEDIA_URL is away, photos cannot be kept or shown: %s", error.__cause__)
