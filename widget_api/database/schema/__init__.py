"""Define the database schema. Times are Unix times in seconds, identifiers UUIDv7 texts, dates local «YYYY-MM-DD».

Every table has to be imported here: migrations and backups use `metadata`.
"""

from __future__ import annotations

from widget_api.database.schema.access import (
    invitations,
    journal,
    password_letters,
    sessions,
    spent,
    tokens,
    unsent_forms,
    users,
)
from widget_api.database.schema.answering import answer_templates, notes
from widget_api.database.schema.columns import metadata
from widget_api.database.schema.deliveries import (
    chores,
    confirmation_letters,
    deliveries,
    delivery_attempts,
    mailbox_messages,
)
from widget_api.database.schema.people import commenters, consents, contacts, erasures, followers, forgotten
from widget_api.database.schema.platforms import (
    agency_voices,
    platform_cursors,
    platform_erasures,
    platform_links,
    platform_mappings,
    platform_services,
    platform_sites,
    platforms,
)
from widget_api.database.schema.problems import (
    comments,
    documents,
    events,
    media_sources,
    photos,
    problem_items,
    problems,
    projections,
    site_cells,
    site_figures,
    submissions,
    supports,
    texts,
)
from widget_api.database.schema.sites import (
    agencies,
    consent_documents,
    routing_rules,
    site_categories,
    site_counters,
    site_keys,
    site_origins,
    site_sightings,
    sites,
)

__all__ = [
    "agencies",
    "agency_voices",
    "answer_templates",
    "chores",
    "commenters",
    "comments",
    "confirmation_letters",
    "consent_documents",
    "consents",
    "contacts",
    "deliveries",
    "delivery_attempts",
    "documents",
    "erasures",
    "events",
    "followers",
    "forgotten",
    "invitations",
    "journal",
    "mailbox_messages",
    "media_sources",
    "metadata",
    "notes",
    "password_letters",
    "photos",
    "platform_cursors",
    "platform_erasures",
    "platform_links",
    "platform_mappings",
    "platform_services",
    "platform_sites",
    "platforms",
    "problem_items",
    "problems",
    "projections",
    "routing_rules",
    "sessions",
    "site_categories",
    "site_cells",
    "site_counters",
    "site_figures",
    "site_keys",
    "site_origins",
    "site_sightings",
    "sites",
    "spent",
    "submissions",
    "supports",
    "texts",
    "tokens",
    "unsent_forms",
    "users",
]
