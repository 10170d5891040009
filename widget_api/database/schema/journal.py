"""Who did what: rows that are only added. What they name may be gone, so they refer to nothing."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from widget_api.database.schema.columns import identifier, metadata, time

journal = Table(
    "journal",
    metadata,
    identifier(),
    time("at"),
    Column("kind", Text, nullable=False),  # widget_api.journal.Kind
    Column("user_id", Text),
    Column("role", Text, nullable=False),  # a user's | visitor | command_line | settings
    Column("agency_id", Text),
    Column("ip", Text),
    Column("subject", Text),  # the identifier of what it was about
    Column("site_id", Text),
    Column("details", Text, nullable=False),  # JSON: codes alone
    Index(None, "at", "id"),
)
