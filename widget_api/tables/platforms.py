"""The central platforms, and what of ours they know under which name."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from widget_api.tables.columns import identifier, metadata, reference, time

platforms = Table(
    "platforms",
    metadata,
    identifier(),  # `default` is the one of the settings
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("protocol", Text, nullable=False),  # georeport | webhook
    Column("jurisdiction", Text),  # null = the site's own
    Column("contacts", Text, nullable=False, server_default="none"),  # none | email | all
    reference("site_id", "sites.id", nullable=True),  # null = every site
    time("created_at"),
    time("disabled_at", nullable=True),
)

platform_cursors = Table(
    "platform_cursors",
    metadata,
    reference("platform_id", "platforms.id", primary_key=True),
    reference("site_id", "sites.id", primary_key=True),
    Column("cursor", Text),
    time("polled_at", nullable=True),
    Column("last_error", Text),
)

platform_links = Table(
    "platform_links",
    metadata,
    reference("problem_id", "problems.id", primary_key=True),
    reference("platform_id", "platforms.id", primary_key=True),
    reference("site_id", "sites.id"),
    Column("remote_id", Text),
    Column("remote_token", Text),
    Column("remote_url", Text),
    time("linked_at"),
    Index(None, "platform_id", "site_id", "remote_id"),
)
