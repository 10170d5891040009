"""The table of contents: every route, what stands around a request, what starts and stops with the process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from widget_api import http, settings
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import DomainError
from widget_api.files import routes as files
from widget_api.health import routes as health
from widget_api.limits import Limits
from widget_api.settings import Settings
from widget_api.signing import Signer
from widget_api.sites.challenges import Challenges

import importlib
ROUTES: list[BaseRoute] = []
for feature in ("sites", "problems", "residents", "cabinet", "open311", "platform", "files", "health"):
    try:
        ROUTES += importlib.import_module(f"widget_api.{feature}.routes").routes
    except ImportError as error:
        print("NOT YET:", feature, error)
try:
    from widget_api.worker import working
except ImportError as error:
    print("NOT YET: worker", error)
    @contextlib.asynccontextmanager
    async def working(context):
        yield
try:
    from widget_api.platform import store as platforms
except ImportError:
    class platforms:
        @staticmethod
        async def sync_default(*_): pass


@contextlib.asynccontextmanager
async def open_context(chosen: Settings) -> AsyncIterator[Context]:
    """What a process works with, connected; for the service, the worker and the command line alike."""
    database = Database(chosen.database_url)
    await database.connect()
    try:
        await platforms.sync_default(database, chosen)
        yield Context(
            settings=chosen,
            database=database,
            signer=Signer(chosen.secret_keys),
            limits=Limits(chosen),
            challenges=Challenges(chosen.secret_keys),
        )
    finally:
        await database.disconnect()


def create_app(chosen: Settings | None = None) -> Starlette:
    """The ASGI application. Raises SettingsError where the environment is wrong."""
    known = chosen or settings.load(os.environ)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_context(known) as context:
            app.state.context = context
            async with working(context) if known.work else contextlib.nullcontext():
                yield

    return Starlette(
        routes=ROUTES,
        lifespan=lifespan,
        middleware=[Middleware(http.AccessLog), Middleware(http.PublicApi)],
        exception_handlers={
            DomainError: http.on_domain_error,
            HTTPException: http.on_http_exception,
            Exception: http.on_crash,
        },
    )
