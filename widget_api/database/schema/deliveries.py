"""Define the tables of deliveries, their attempts, received letters, and periodic jobs."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint

from widget_api.database.schema.columns import count, flag, identifier, metadata, reference, time, where

deliveries = Table(
    "deliveries",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("event_id", Text, nullable=False),
    Column("position", Integer, nullable=False),  # of the event: the order per problem
    Column("sink", Text, nullable=False),  # resident | agency | platform:<id>
    count("lane", 1),  # the priority. 0: somebody just requested it | 1: other events | 2: news to followers
    flag("opens"),  # nothing of the problem may go to this sink before it
    Column("state", Text, nullable=False),  # pending | leased | delivered | dead | dropped
    count("attempts"),  # with a recorded outcome, since it was enqueued or replayed
    count("leases"),  # taken since the last recorded outcome: more than one means that its worker ended
    time("next_at"),
    time("lease_until", nullable=True),
    Column("lease_holder", Text),
    Column("last_error", Text),
    Column("reason", Text),  # why somebody dropped it
    Column("decided_by", Text),  # who dropped or replayed it last: a user; null = the command line, or an erasure
    time("decided_at", nullable=True),
    time("created_at"),
    time("delivered_at", nullable=True),
    UniqueConstraint("site_id", "event_id", "sink"),
    Index("ix_deliveries_due", "lane", "next_at", "position", "sink", **where("state IN ('pending', 'leased')")),
    Index("ix_deliveries_order", "problem_id", "sink", "position"),
    Index(None, "state"),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    identifier(),
    reference("delivery_id", "deliveries.id"),
    time("at"),
    Column("outcome", Text, nullable=False),  # delivered | retry | dead
    Column("error", Text),
    Index(None, "delivery_id"),
)

# Limits confirmation letters to three an address and day, over all sites; only a hash of the address is stored.
# Also limits letters to the moderators of a site to one an hour: `moderator:<site>`, where `at` is when it is sent.
confirmation_letters = Table(
    "confirmation_letters",
    metadata,
    identifier(),
    Column("email_hash", Text, nullable=False),
    time("at"),
    Index(None, "email_hash", "at"),
)

# Periodic jobs, each run by the first process that finds it due.
chores = Table(
    "chores",
    metadata,
    Column("name", Text, primary_key=True),
    time("next_at"),
    time("done_at", nullable=True),
    Column("outcome", Text),
)

# Received letters: their classification and outcome.
mailbox_messages = Table(
    "mailbox_messages",
    metadata,
    identifier(),
    Column("message_id", Text, nullable=False, unique=True),  # a hash of it and its content: a letter is accepted once
    reference("site_id", "sites.id", nullable=True),
    reference("problem_id", "problems.id", nullable=True),
    Column("kind", Text, nullable=False),  # answer | bounce | automatic | loop | other
    Column("state", Text, nullable=False),  # taken | held | ignored | refused
    Column("reason", Text),  # why it is held, ignored or refused
    Column("sender", Text),
    Column("subject", Text),
    Column("text", Text),  # the text extracted from it
    Column("status", Text),  # the status requested in its text
    Column("expected_on", Text),
    Column("details", Text, nullable=False, server_default="{}"),  # JSON: other requests in it, what was left out
    Column("event_id", Text),  # the event it resulted in
    Column("stored", Text),  # the whole letter's name in the storage, while it awaits a review
    time("received_at"),
    time("decided_at", nullable=True),
    Column("user_id", Text),  # who decided
    Index("ix_mailbox_messages_held", "site_id", "received_at", **where("state = 'held'")),
    Index(None, "problem_id"),
)
