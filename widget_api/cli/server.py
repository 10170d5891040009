"""`serve`, `work`, `migrate`, `demo`, `doctor`: running the service and knowing how it is."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from widget_api.cli import stores
from widget_api.cli.running import Json, load, load_to_serve, outside_production, prepare_to_serve, show
from widget_api.ops import doctor as examination
from widget_api.ops import schema
from widget_api.settings import Settings

STARTUP_FAILURE = 3  # exit code, as of the uvicorn command
GRACE = 10  # seconds for requests under way when the service is asked to end


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

    loaded = load_to_serve()
    asyncio.run(schema.ensure_schema(loaded, create=not loaded.production))
    asyncio.run(stores.ensure(loaded))
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
        timeout_graceful_shutdown=GRACE,
        # By default a process that starts slowly on a busy machine is killed after 5 s. Asked to end while one is just
        # starting, the parent waits this long for its answer: systemd gives a service 90 s (TimeoutStopSec).
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
    """What each process of `serve` runs: with --workers they begin from nothing but the settings."""
    from widget_api.app import create_app
    from widget_api.web.connections import RequestCounter

    prepare_to_serve(loaded)
    made = RequestCounter(create_app(loaded))
    gc.freeze()  # what is loaded by now stays: the collector need not look through it again and again
    gc.set_threshold(10_000, 10, 10)  # a request makes hundreds of objects, hardly ever a circle of them
    return made


def work() -> None:
    """Deliver, and answer no requests."""
    loaded = load_to_serve()

    async def working() -> None:
        from widget_api.app import open_context
        from widget_api.worker import Worker

        await schema.ensure_schema(loaded)
        await stores.ensure(loaded)
        async with open_context(loaded) as context:
            task = asyncio.create_task(Worker(context).run(), name="worker")
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(working())


def migrate(as_json: Json = False) -> None:
    """Carry the schema to this release's."""
    asyncio.run(schema.migrate_schema(load()))
    show({"revision": schema.latest_revision()}, [f"schema {schema.latest_revision()}"], as_json)


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its first port; busy ones are passed over.")] = 8000,
) -> None:
    """Fill in a demonstration and run it, central platform and host pages included."""
    loaded = load()
    outside_production(loaded, "demo")
    from widget_api import demo as demonstration

    demonstration.run(loaded, port)


def doctor(as_json: Json = False) -> None:
    """Say in one line each what is reachable and what is wrong."""
    findings = asyncio.run(examination.examine())
    lines = [f"{'ok  ' if one.ok else 'FAIL'} {one.name}: {one.detail}" for one in findings]
    well = all(one.ok for one in findings)
    document = {
        "ok": well,
        "checks": [{"name": one.name, "ok": one.ok, "detail": one.detail} for one in findings],
    }
    show(document, lines, as_json)
    if not well:
        raise typer.Exit(1)
