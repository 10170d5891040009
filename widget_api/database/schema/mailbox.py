"""Letters that came in: what they were taken for, and what became of them."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from widget_api.database.schema.columns import identifier, metadata, reference, time, where

mailbox_messages = Table(
    "mailbox_messages",
    metadata,
    identifier(),
    Column("message_id", Text, nullable=False, unique=True),  # a hash of it and its content: a letter is taken once
    reference("site_id", "sites.id", nullable=True),
    reference("problem_id", "problems.id", nullable=True),
    Column("kind", Text, nullable=False),  # answer | bounce | automatic | loop | other
    Column("state", Text, nullable=False),  # taken | held | ignored | refused
    Column("reason", Text),  # why it is held, ignored or refused
    Column("sender", Text),
    Column("subject", Text),
    Column("text", Text),  # what was read of it
    Column("status", Text),  # the status its words ask for
    Column("expected_on", Text),
    Column("details", Text, nullable=False, server_default="{}"),  # JSON: what else it asks for, what was left out
    Column("event_id", Text),  # what became of it
    Column("stored", Text),  # the whole letter's name in the storage, while somebody has to look
    time("received_at"),
    time("decided_at", nullable=True),
    Column("user_id", Text),  # who decided
    Index("ix_mailbox_messages_held", "site_id", "received_at", **where("state = 'held'")),
    Index(None, "problem_id"),
)
