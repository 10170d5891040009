"""Define the tables of what an agency writes around its answers: internal notes, templates."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint

from widget_api.database.schema.columns import identifier, metadata, reference, time

# Seen in the cabinet alone. No event, delivery, export or public query may read it.
notes = Table(
    "notes",
    metadata,
    identifier(),
    reference("problem_id", "problems.id"),
    reference("user_id", "users.id"),
    Column("text", Text, nullable=False),
    time("at"),
    Index(None, "problem_id", "at"),
)

# What somebody types about a report until it is sent, see casework/drafts.py.
drafts = Table(
    "drafts",
    metadata,
    identifier(),
    reference("problem_id", "problems.id"),
    reference("user_id", "users.id"),
    Column("content", Text, nullable=False),
    Column("remark", Text),  # of a head who returned it
    time("changed_at"),
    time("submitted_at", nullable=True),  # for approval
    UniqueConstraint("problem_id", "user_id"),
    Index(None, "user_id"),
)

answer_templates = Table(
    "answer_templates",
    metadata,
    identifier(),
    reference("agency_id", "agencies.id"),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),  # with placeholders, see cabinet/organisation/templates.py
    Column("status", Text),  # that of the decision it is for; null = any
    time("changed_at"),
    Index(None, "agency_id"),
)
