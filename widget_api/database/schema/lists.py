"""Define the tables of the cabinet's list: decisions about many reports at once, and saved filters."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from widget_api.database.schema.columns import identifier, metadata, reference, time

# A decision about many reports. Kept until its author has read the result, at most for a week.
bulks = Table(
    "bulks",
    metadata,
    identifier(),
    reference("user_id", "users.id"),
    Column("action", Text, nullable=False),  # accept | service | person | reject | decide (about one)
    # Those of a decision about one report stay until it is put away, if it was not carried out.
    Column("parameters", Text, nullable=False, server_default="{}"),  # JSON: fields of the decision; emptied at its end
    Column("state", Text, nullable=False),  # draft | pending | running | done
    Column("unknown", Integer, nullable=False, server_default="0"),  # chosen reports that the author may not see
    time("created_at"),
    time("execute_at"),  # while it runs: when another process may continue
)

bulk_reports = Table(
    "bulk_reports",
    metadata,
    reference("bulk_id", "bulks.id", primary_key=True),
    reference("problem_id", "problems.id", primary_key=True),
    Column("seen", Text, nullable=False),  # the report's status event when it was chosen
    Column("outcome", Text),  # null = to be done; done, or why it was left
)

saved_views = Table(
    "saved_views",
    metadata,
    reference("user_id", "users.id", primary_key=True),
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),  # the query string of a selection
)
