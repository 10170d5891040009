"""The routes of the settings of a site, and of its collections."""

from starlette.routing import BaseRoute

from widget_api.cabinet.sites import (
    access,
    announce,
    calendar,
    categories,
    collections,
    collections_count,
    collections_import,
    consents,
    districts,
    embed_code,
    entry_links,
    platforms,
    registration,
    settings,
    territory,
    testing,
    usage,
    visits,
)

routes: list[BaseRoute] = [
    *settings.routes,  # /cabinet/sites: settings of sites, where the widget is installed
    *embed_code.routes,  # /cabinet/sites/{site}/code: the generator
    *access.routes,  # /cabinet/sites/{site}/access: origins and the key
    *usage.routes,  # /cabinet/sites/{site}/usage: reports, openings, failures
    *announce.routes,  # /cabinet/sites/{site}/announce: poster and texts for residents
    *districts.routes,  # /cabinet/sites/{site}/districts
    *territory.routes,  # /cabinet/sites/{site}/territory
    *collections_count.routes,  # …/collections/{slug}/count: the count of a vote on paper
    *collections_import.routes,  # …/collections/{slug}/import: entries from a file
    *collections.routes,  # /cabinet/sites/{site}/collections: lists beside the problems
    *categories.routes,  # /cabinet/sites/{site}/categories: categories and their questions
    *consents.routes,  # /cabinet/sites/{site}/consent: the consent document and its versions
    *registration.routes,  # /cabinet/sites/{site}/proof, handovers: whose domain it is
    *testing.routes,  # /cabinet/sites/{site}/testing: the test key and the reports of tests
    *calendar.routes,  # /cabinet/sites/{site}/calendar: days off and working days
    *entry_links.routes,  # /cabinet/sites/{site}/collections/{slug}/links: the form for an organisation
    *visits.routes,  # /cabinet/collections/{collection}/events: visits, and whom to invite
    *platforms.routes,  # /cabinet/sites/{site}/platforms: the mapping of categories to services
]
