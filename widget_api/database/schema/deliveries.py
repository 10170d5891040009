"""What has to be delivered, and each try."""

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
    count("lane", 1),  # 0: somebody just asked for it | 1: something happened | 2: news to followers
    flag("opens"),  # nothing of the problem may go to this sink before it
    Column("state", Text, nullable=False),  # pending | leased | delivered | dead | dropped
    count("attempts"),  # with a recorded outcome, since it was owed or replayed
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

# At most three confirmation letters an address and day, over all sites; the hash does not say whose address it is.
# And one letter an hour to the moderators of a site, `moderator:<site>`: then `at` is when it leaves.
confirmation_letters = Table(
    "confirmation_letters",
    metadata,
    identifier(),
    Column("email_hash", Text, nullable=False),
    time("at"),
    Index(None, "email_hash", "at"),
)

# What is done every so often by whichever process comes first.
chores = Table(
    "chores",
    metadata,
    Column("name", Text, primary_key=True),
    time("next_at"),
    time("done_at", nullable=True),
    Column("outcome", Text),
)
