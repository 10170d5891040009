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
from widget_api.cabinet import account as cabinet_account
from widget_api.cabinet import analytics as cabinet_analytics
from widget_api.cabinet import assignment as cabinet_assignment
from widget_api.cabinet import author_search as cabinet_author_search
from widget_api.cabinet import bulk as cabinet_bulk
from widget_api.cabinet import calendar as cabinet_calendar
from widget_api.cabinet import collections as cabinet_collections
from widget_api.cabinet import collections_count as cabinet_collections_count
from widget_api.cabinet import collections_import as cabinet_collections_import
from widget_api.cabinet import comments as cabinet_comments
from widget_api.cabinet import correction as cabinet_correction
from widget_api.cabinet import decision as cabinet_decision
from widget_api.cabinet import deliveries as cabinet_deliveries
from widget_api.cabinet import entering as cabinet_entering
from widget_api.cabinet import entry_links as cabinet_entry_links
from widget_api.cabinet import exports as cabinet_exports
from widget_api.cabinet import held_mail as cabinet_held_mail
from widget_api.cabinet import inbox_routes as cabinet
from widget_api.cabinet import incoming as cabinet_incoming
from widget_api.cabinet import moderation_by_mail as cabinet_moderation_by_mail
from widget_api.cabinet import operator_agencies as cabinet_agencies
from widget_api.cabinet import operator_applications as cabinet_applications
from widget_api.cabinet import operator_sites as cabinet_new_site
from widget_api.cabinet import organisation_details as cabinet_details
from widget_api.cabinet import organisation_journal as cabinet_journal
from widget_api.cabinet import organisation_people as cabinet_people
from widget_api.cabinet import organisation_routing as cabinet_routing
from widget_api.cabinet import organisation_services as cabinet_services
from widget_api.cabinet import outside_answer as cabinet_outside_answer
from widget_api.cabinet import participation as cabinet_participation
from widget_api.cabinet import photos as cabinet_photos
from widget_api.cabinet import platforms as cabinet_platforms
from widget_api.cabinet import providers as cabinet_providers
from widget_api.cabinet import registering as cabinet_registering
from widget_api.cabinet import report as cabinet_report
from widget_api.cabinet import saved_views as cabinet_views
from widget_api.cabinet import second_factor as cabinet_second_factor
from widget_api.cabinet import sign_in as cabinet_sign_in
from widget_api.cabinet import site_access as cabinet_access
from widget_api.cabinet import site_announce as cabinet_announce
from widget_api.cabinet import site_categories as cabinet_categories
from widget_api.cabinet import site_code as cabinet_code
from widget_api.cabinet import site_consents as cabinet_consents
from widget_api.cabinet import site_districts as cabinet_districts
from widget_api.cabinet import site_registration as cabinet_registration
from widget_api.cabinet import site_territory as cabinet_territory
from widget_api.cabinet import site_testing as cabinet_testing
from widget_api.cabinet import site_usage as cabinet_usage
from widget_api.cabinet import sites as cabinet_sites
from widget_api.cabinet import templates as cabinet_templates
from widget_api.cabinet import tokens as cabinet_tokens
from widget_api.cabinet import visits as cabinet_visits
from widget_api.comments import api as comments
from widget_api.context import Context
from widget_api.database import Database
from widget_api.documents import routes as documents
from widget_api.errors import DomainError
from widget_api.followers import api as followers
from widget_api.open311 import routes as open311
from widget_api.openapi import routes as openapi
from widget_api.ops import operator_routes
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
    *cabinet_sign_in.routes,  # /cabinet/sign-in, sign-out, language
    *cabinet_tokens.routes,  # /cabinet/organisation/tokens: API keys
    *cabinet_providers.routes,  # /cabinet/sign-in/{agency_id}, organisation/provider
    *cabinet_second_factor.routes,  # /cabinet/account/factor
    *cabinet_account.routes,  # /cabinet/account, forgot, reset: password and sessions
    *cabinet_sites.routes,  # /cabinet/sites: settings of sites, where the widget is installed
    *cabinet_code.routes,  # /cabinet/sites/{site}/code: the generator
    *cabinet_access.routes,  # /cabinet/sites/{site}/access: origins and the key
    *cabinet_usage.routes,  # /cabinet/sites/{site}/usage: reports, openings, failures
    *cabinet_announce.routes,  # /cabinet/sites/{site}/announce: poster and texts for residents
    *cabinet_districts.routes,  # /cabinet/sites/{site}/districts
    *cabinet_territory.routes,  # /cabinet/sites/{site}/territory
    *cabinet_collections_count.routes,  # …/collections/{slug}/count: the count of a vote on paper
    *cabinet_collections_import.routes,  # …/collections/{slug}/import: entries from a file
    *cabinet_collections.routes,  # /cabinet/sites/{site}/collections: lists beside the problems
    *cabinet_categories.routes,  # /cabinet/sites/{site}/categories: categories and their questions
    *cabinet_consents.routes,  # /cabinet/sites/{site}/consent: the consent document and its versions
    *cabinet_registration.routes,  # /cabinet/sites/{site}/proof, handovers: whose domain it is
    *cabinet_testing.routes,  # /cabinet/sites/{site}/testing: the test key and the reports of tests
    *cabinet_calendar.routes,  # /cabinet/sites/{site}/calendar: days off and working days
    *cabinet_participation.routes,  # /cabinet/problems/{id}/participants.csv
    *cabinet_entry_links.routes,  # /cabinet/sites/{site}/collections/{slug}/links: the form for an organisation
    *cabinet_visits.routes,  # /cabinet/collections/{collection}/events: visits, and whom to invite
    *cabinet_photos.routes,  # /cabinet/problems/{id}/photos: hide and cover photos
    *cabinet_platforms.routes,  # /cabinet/sites/{site}/platforms: the mapping of categories to services
    *cabinet_people.routes,  # /cabinet/organisation/people, /cabinet/invitation/{token}: people of an agency
    *cabinet_templates.routes,  # /cabinet/organisation/templates: templates of answers
    *cabinet_details.routes,  # /cabinet/organisation/details: what consent documents and mail say of an agency
    *cabinet_services.routes,  # /cabinet/organisation/services: the agencies below an agency
    *cabinet_journal.routes,  # /cabinet/organisation/journal: who did what
    *cabinet_comments.routes,  # /cabinet/comments: comments that await moderation
    *cabinet_held_mail.routes,  # /cabinet/mail: answers by mail that await a review
    *cabinet_deliveries.routes,  # /cabinet/deliveries: pending and dead deliveries
    *cabinet_moderation_by_mail.routes,  # /moderate/{token}: moderation of a comment from the mailbox
    *cabinet_report.routes,  # /cabinet/analytics/report: the report of a period
    *cabinet_analytics.routes,  # /cabinet/analytics: statistics of the territory
    *cabinet_incoming.routes,  # /cabinet/inbox: comments and letters that wait
    *cabinet_entering.routes,  # /cabinet/new-report: a report for a caller, a visitor, a letter
    *cabinet_registering.routes,  # /cabinet/registration-numbers: numbers of the document system from a file
    *cabinet_outside_answer.routes,  # /cabinet/problems/{id}/outside: an answer given outside the system
    *cabinet_author_search.routes,  # /cabinet/problems/by-author
    *cabinet_exports.routes,  # /cabinet/problems.csv, .xlsx
    *cabinet_correction.routes,  # /cabinet/problems/{id}/correct: category, text, place, answer
    *cabinet_decision.routes,  # /cabinet/problems/{id}: decisions and drafts
    *cabinet_bulk.routes,  # /cabinet/bulk: decisions about many reports at once
    *cabinet_views.routes,  # /cabinet/views: saved filters of the list
    *cabinet_assignment.routes,  # /cabinet/problems/{id}/assign, work, return
    *cabinet_routing.routes,  # /cabinet/organisation/routing: the rules that assign reports to services
    *cabinet_agencies.routes,  # /cabinet/operator/agencies: every agency, its settings and first administrator
    *cabinet_applications.routes,  # /cabinet/operator/applications: applications for a site
    *cabinet_new_site.routes,  # /cabinet/operator/site: a new site
    *operator_routes.routes,  # /cabinet/: today; /cabinet/operator/state: what the doctor finds
    *cabinet.routes,  # /cabinet/problems
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
