"""Build the application: all routes, the middleware, and what starts and stops with the process."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from widget_api import logs, settings, web
from widget_api.addresses import api as addresses
from widget_api.attachments.photos.intake import Intake
from widget_api.attachments.storage import Storage
from widget_api.browse import api as browse
from widget_api.browse import collections_api as collections
from widget_api.browse import numbers_routes
from widget_api.browse import open_data_routes as open_data
from widget_api.cabinet.account import routes as cabinet_account
from widget_api.cabinet.analytics import routes as cabinet_analytics
from widget_api.cabinet.operator import routes as cabinet_operator
from widget_api.cabinet.organisation import routes as cabinet_organisation
from widget_api.cabinet.problems import routes as cabinet_problems
from widget_api.cabinet.sites import routes as cabinet_sites
from widget_api.comments import api as comments
from widget_api.context import Context
from widget_api.database import Database
from widget_api.documents import routes as documents
from widget_api.errors import DomainError
from widget_api.followers import api as followers
from widget_api.open311 import routes as open311
from widget_api.openapi import routes as openapi
from widget_api.ops import routes as ops
from widget_api.ops import status_routes as status
from widget_api.outbound import Outbound
from widget_api.participation import api as participation
from widget_api.platform import routes as platform
from widget_api.platform.store import platforms
from widget_api.problems import api as problems
from widget_api.problems import attachments_routes as attachments
from widget_api.registration import routes as registration
from widget_api.residents import routes as residents
from widget_api.settings import Settings
from widget_api.signing import Signer
from widget_api.sites import routes as sites
from widget_api.sites.install import routes as install
from widget_api.sites.install import sightings
from widget_api.sites.tickets import Challenges
from widget_api.tiles import routes as tiles
from widget_api.tiles.service import Tiles
from widget_api.web import static_routes as files
from widget_api.web.brute_force import GuessThrottle
from widget_api.web.limits import RateLimiter
from widget_api.worker import run_worker

_ROUTES: list[BaseRoute] = [
    *browse.routes,  # GET /api/v1/sites/{key}/problems, clusters, similar, stats; first, as the list gets most requests
    *problems.routes,  # POST /api/v1/sites/{key}/problems, support
    *sites.routes,  # /api/v1/sites/{key}: configuration, challenge, tickets; the consent document
    *registration.routes,  # /sites/new, /sites/application/{token}: applications for a site
    *addresses.routes,  # /api/v1/sites/{key}/addresses
    *numbers_routes.routes,  # /api/v1/sites/{key}/numbers.csv
    *open_data.routes,  # /api/v1/sites/{key}/problems.geojson, .csv
    *collections.routes,  # /api/v1/sites/{key}/collections, …/{slug}/entries
    *followers.routes,  # /api/v1/sites/{key}/problems/{number}/follow
    *participation.routes,  # …/entries/{number}/vote, join, contact
    *comments.routes,  # /api/v1/sites/{key}/problems/{number}/comments
    *attachments.routes,  # /api/v1/sites/{key}/photos, /photos/{name}, /documents/{id}/{name}
    *tiles.routes,  # /tiles/{z}/{x}/{y}: map tiles
    *residents.routes,  # /s/{key}, /s/{key}/report, /confirm/{token}, /t/{token}, /track
    *install.routes,  # /s/{key}/install: the code to paste, the install check
    *cabinet_account.routes,  # /cabinet/sign-in, account: signing in, an own account
    *cabinet_organisation.routes,  # /cabinet/organisation, deliveries: people, services, templates, journal
    *cabinet_sites.routes,  # /cabinet/sites: settings of a site and its collections
    *cabinet_problems.routes,  # /cabinet/problems, comments, mail, bulk: the list and one report
    *cabinet_analytics.routes,  # /cabinet/analytics: statistics, the report of a period
    *cabinet_operator.routes,  # /cabinet/: today; /cabinet/operator: agencies, applications, sites, state
    *open311.routes,  # /open311/v2/: the GeoReport server
    *platform.routes,  # /api/v1/platform/: signed updates in, the feed of events out
    *openapi.routes,  # /api/v1/openapi.json
    *documents.routes,  # /docs: the documents of this version, plugins for content management systems
    *files.routes,  # /w/: the widget; /static/: files of the service's pages
    *status.routes,  # /status: whether the service works, for everybody
    *ops.routes,  # /healthz, /readyz, /metrics, /.well-known/security.txt
]
ROUTES = web.in_turns(_ROUTES)


@contextlib.asynccontextmanager
async def open_context(chosen: Settings) -> AsyncIterator[Context]:
    """Create and connect the resources of a process: the service, the worker or the command line."""
    database = Database(chosen.database_url)
    outbound = Outbound(production=chosen.production)
    tiles_service = Tiles(chosen, outbound)
    limits = RateLimiter(chosen)
    await database.connect()
    try:
        await platforms.sync_default(database, chosen)
        yield Context(
            settings=chosen,
            database=database,
            signer=Signer(chosen.secret_keys),
            limits=limits,
            guesses=GuessThrottle(limits),
            challenges=Challenges(chosen.secret_keys),
            sightings=sightings.Sightings(),
            storage=Storage(chosen.media_url, chosen.s3_credentials),
            tiles=tiles_service,
            intake=Intake(sandbox_required=chosen.sandbox_required),
            outbound=outbound,
        )
    finally:
        tiles_service.close()
        await limits.close()
        await outbound.close()
        await database.disconnect()


def create_app(chosen: Settings | None = None) -> Starlette:
    """Create the ASGI application. Raises SettingsError if the environment is invalid."""
    app_settings = chosen or settings.load(os.environ)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_context(app_settings) as context:
            app.state.context = context
            warming = asyncio.create_task(asyncio.to_thread(files.warm_cache))
            async with (
                sightings.write_periodically(context.sightings, context.database),
                run_worker(context) if app_settings.work else contextlib.nullcontext(),
            ):
                yield
            await warming
        logs.flush()

    return Starlette(
        routes=ROUTES,
        lifespan=lifespan,
        middleware=[Middleware(web.CompressionMiddleware), Middleware(web.HeadersMiddleware, https=app_settings.https)],
        exception_handlers={
            DomainError: web.on_domain_error,
            HTTPException: web.on_http_exception,
            Exception: web.on_crash,
        },
    )
