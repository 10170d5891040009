"""Define the tables of personal data, which public queries never use."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, UniqueConstraint

from widget_api.database.schema.columns import count, flag, identifier, metadata, reference, time, where

contacts = Table(
    "contacts",
    metadata,
    reference("problem_id", "problems.id", primary_key=True),
    reference("site_id", "sites.id"),
    Column("email", Text),
    Column("email_hash", Text),  # of the normalised address: to find a person's reports by an index
    Column("name", Text),
    Column("phone", Text),
    flag("publish_name"),
    Column("language", Text, nullable=False),
    time("confirmed_at", nullable=True),
    time("stopped_at", nullable=True),  # the resident unsubscribed
    time("failed_at", nullable=True),  # letters bounced: nothing more is sent there
    Column("failure", Text),
    Index(None, "email_hash"),
)

# Hashes of the words of names and of telephones, each with its site: to find a contact without a second readable copy.
contact_keys = Table(
    "contact_keys",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    reference("problem_id", "problems.id", primary_key=True),
    Index(None, "problem_id"),
    sqlite_with_rowid=False,
)

consents = Table(
    "consents",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("version", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("purpose", Text, nullable=False),  # processing | publish_name
    time("at"),
    Column("ip", Text),
    time("withdrawn_at", nullable=True),
    Index(None, "problem_id"),
)

# Rows of followers who stopped are erased except for their consents and times.
followers = Table(
    "followers",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("email", Text),
    Column("email_hash", Text),
    Column("language", Text, nullable=False),
    Column("consent_version", Text, nullable=False),
    Column("consent_hash", Text, nullable=False),
    Column("ip", Text),
    time("created_at"),
    time("confirmed_at", nullable=True),
    time("stopped_at", nullable=True),
    UniqueConstraint("problem_id", "email_hash"),
    Index(None, "email_hash"),
)

# Who votes for an entry, joins it or writes to its author. Rows of those who left are erased but for their consents;
# a voice erased after the vote is erased but counts on: `confirmed_at` without `stopped_at`.
_COUNTED = "confirmed_at IS NOT NULL AND stopped_at IS NULL AND action <> 'contact'"
participants = Table(
    "participants",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("action", Text, nullable=False),  # vote | join | contact
    Column("email", Text),
    Column("email_hash", Text),
    Column("person", Text),  # the hash of the mailbox: «anna+1@» is «anna@»
    Column("name", Text),
    Column("role", Text),
    Column("text", Text),
    flag("show_email"),  # the author of the entry may answer to the address
    Column("language", Text, nullable=False),
    Column("consent_version", Text, nullable=False),
    Column("consent_hash", Text, nullable=False),
    Column("ip", Text),
    time("created_at"),
    time("confirmed_at", nullable=True),
    time("stopped_at", nullable=True),
    Index(None, "email_hash"),
    Index(None, "person", "site_id"),
    Index(None, "problem_id"),
    Index("ix_participants_counted", "problem_id", "action", "person", unique=True, **where(_COUNTED)),
)

# How many support an entry, or take part in it, at other instances: a row each (problems/counts.py).
counts_elsewhere = Table(
    "counts_elsewhere",
    metadata,
    reference("problem_id", "problems.id", primary_key=True),
    Column("source", Text, primary_key=True),  # platforms.id
    count("supporters"),
    count("participants"),
    time("at"),  # with version: what is greater is newer
    time("version"),
)

commenters = Table(
    "commenters",
    metadata,
    reference("comment_id", "comments.id", primary_key=True),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("email", Text, nullable=False),
    Column("email_hash", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("consent_version", Text, nullable=False),
    Column("consent_hash", Text, nullable=False),
    Column("name_version", Text),  # of the consent to publish the name (152-FZ, article 10.1); null = not given
    Column("name_hash", Text),
    time("name_withdrawn_at", nullable=True),
    Column("ip", Text),
    time("confirmed_at", nullable=True),
    Index(None, "email_hash"),
    Index(None, "problem_id"),
)

# Kept after the erasure, so that it can be repeated on a restored backup.
erasures = Table(
    "erasures",
    metadata,
    Column("problem_id", Text, primary_key=True),
    Column("site_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    time("at"),
)

# The same for followers and participants who stopped and comments that were withdrawn: only their ids.
forgotten = Table(
    "forgotten",
    metadata,
    identifier(),
    Column("site_id", Text, nullable=False),
    time("at"),
)
