"""Define the tables that collections have beside those of sites and problems: visits, and agencies named for them."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint

from widget_api.database.schema.columns import identifier, metadata, reference, time

# Other agencies that a collection's agency lets in.
collection_agencies = Table(
    "collection_agencies",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    reference("agency_id", "agencies.id", primary_key=True),
    Column("may", Text, nullable=False),  # invite | moderate
    time("created_at"),
)

# Links that open the form of a collection for one organisation.
entry_links = Table(
    "entry_links",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    Column("name", Text, nullable=False),  # of the organisation
    time("created_at"),
    time("revoked_at", nullable=True),
    Index(None, "site_id"),
)

# The yearly question whether an entry is up to date.
renewals = Table(
    "renewals",
    metadata,
    reference("problem_id", "problems.id", primary_key=True),
    reference("site_id", "sites.id"),
    time("asked_at", nullable=True),  # null = answered
    time("reminded_at", nullable=True),
    time("hidden_at", nullable=True),
    time("confirmed_at", nullable=True),
    Index(None, "asked_at"),
)

# Visits to which an agency invites authors of entries.
visits = Table(
    "visits",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("agency_id", "agencies.id"),
    Column("user_id", Text),
    time("at"),  # when it begins
    Column("place", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("result", Text),  # published with it
    time("result_at", nullable=True),
    time("called_off_at", nullable=True),
    time("created_at"),
    Index(None, "site_id", "at"),
)

# The address of an invitation is the entry's contact alone.
visit_invitations = Table(
    "visit_invitations",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("visit_id", "visits.id"),
    reference("problem_id", "problems.id"),
    Column("state", Text, nullable=False),  # open | accepted | declined
    time("invited_at"),
    time("answered_at", nullable=True),
    time("failed_at", nullable=True),  # the mail server refused it
    UniqueConstraint("visit_id", "problem_id"),
)
