"""Define the tables of what an agency writes around its answers: internal notes, templates."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

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

answer_templates = Table(
    "answer_templates",
    metadata,
    identifier(),
    reference("agency_id", "agencies.id"),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),  # with placeholders, see cabinet/templates.py
    Column("status", Text),  # that of the decision it is for; null = any
    time("changed_at"),
    Index(None, "agency_id"),
)
