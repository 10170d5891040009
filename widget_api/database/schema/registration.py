"""Define the tables of applications for a site, of their letters, and of the proofs that a domain is an agency's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from widget_api.database.schema.columns import count, identifier, metadata, reference, time

applications = Table(
    "applications",
    metadata,
    identifier(),
    Column("state", Text, nullable=False),  # draft | sent | approved | refused
    Column("language", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("host", Text, nullable=False),  # of the origin, without www
    Column("name", Text, nullable=False),  # of the agency, as the three below
    Column("inn", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("mode", Text, nullable=False, server_default="cabinet"),  # cabinet | email
    Column("registry_number", Text),
    Column("area", Text),  # GeoJSON geometry; null = later
    Column("time_zone", Text),  # null = that of the region of the INN
    Column("contact_email", Text, nullable=False),
    Column("contact_name", Text, nullable=False),
    Column("contact_post", Text),
    time("consent_at"),
    Column("consent_hash", Text, nullable=False),  # SHA-256 of the document
    Column("consent_ip", Text, nullable=False),
    Column("proof_token", Text, nullable=False, unique=True),
    Column("proof_method", Text),  # file | meta | dns, where the proof was found
    time("proven_at", nullable=True),
    Column("letter_id", Text),  # an official letter instead, in the storage of documents
    Column("letter_name", Text),
    Column("letter_type", Text),
    Column("letter_bytes", BigInteger),
    time("created_at"),
    time("updated_at"),
    time("confirmed_at", nullable=True),  # the contact person's address
    time("sent_at", nullable=True),
    time("decided_at", nullable=True),
    Column("reason", Text),  # of a refusal
    reference("site_id", "sites.id", nullable=True),  # which the approval added
    Index(None, "host"),
    Index(None, "contact_email"),
    Index(None, "state", "sent_at"),
)

# What the agencies that hold the host of an application say to giving it away.
handovers = Table(
    "handovers",
    metadata,
    reference("application_id", "applications.id", primary_key=True),
    reference("site_id", "sites.id", primary_key=True),
    time("asked_at"),
    Column("answer", Text),  # agreed | refused
    time("answered_at", nullable=True),
    Index(None, "site_id"),
)

# Proofs that are checked again. Origins that an operator added by hand have none.
site_proofs = Table(
    "site_proofs",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("origin", Text, primary_key=True),
    Column("method", Text, nullable=False),  # file | meta | dns
    Column("token", Text, nullable=False),
    time("proven_at"),
    time("next_at"),
    time("failed_since", nullable=True),
    count("failures"),
    Column("seen", Text),  # the code of what the last check saw
    time("told_at", nullable=True),  # the first letter about this failure
    time("warned_at", nullable=True),  # the last one
    time("stopped_at", nullable=True),  # the origin was removed from the site
    Index(None, "next_at"),
)

# A register that the operator loaded, by which names are found.
register_names = Table(
    "register_names",
    metadata,
    Column("inn", Text, primary_key=True),
    Column("name", Text, nullable=False),
)
