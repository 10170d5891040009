"""Define the tables of deliveries, received letters and periodic jobs, and of the platforms that get deliveries."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, UniqueConstraint

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

# Letters that no event of a report causes, and that have not left yet.
letters = Table(
    "letters",
    metadata,
    identifier(),
    Column("kind", Text, nullable=False),  # of mail.outbox.Handler
    Column("subject", Text, nullable=False),  # the identifier of what it is about
    Column("parameters", Text, nullable=False),  # JSON: references, no address, token or text
    time("created_at"),
    time("next_at"),
    UniqueConstraint("kind", "subject", "parameters"),
    Index(None, "next_at"),
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


platforms = Table(
    "platforms",
    metadata,
    identifier(),  # `default` is the platform of the settings
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("protocol", Text, nullable=False),  # georeport | webhook
    Column("jurisdiction", Text),  # of its site, or of the oldest one; null = the site's own
    Column("contacts", Text, nullable=False, server_default="none"),  # none | email | all
    reference("site_id", "sites.id", nullable=True),  # null = every site; platform_sites has exceptions
    Column("contact", Text),  # address for erasure requests if its protocol has none
    # accepted | confirmed: when a platform that is no instance of this service gets a report that is moderated.
    # Null: nobody has chosen, as of platforms that existed before; they get it when its author confirms.
    Column("sends_when", Text),
    flag("exact"),  # another instance of this service: it supports exact codes, birth ids and erasures
    flag("discovered"),  # its discovery was read, or it has none
    count("failures"),  # in a row, of different problems: they open the circuit
    Column("failing", Text),  # the problem that failed last
    time("paused_until", nullable=True),  # not null = the circuit is open
    Column("pause_reason", Text),
    time("services_at", nullable=True),  # when its services were read last
    time("created_at"),
    time("disabled_at", nullable=True),
)

# Exceptions from platforms.site_id: sites that were assigned to a platform, or left it.
platform_sites = Table(
    "platform_sites",
    metadata,
    reference("platform_id", "platforms.id", primary_key=True),
    reference("site_id", "sites.id", primary_key=True),
    flag("serves"),
    Column("jurisdiction", Text),  # the site's name there; null = see platform.store.platforms.jurisdiction
    time("since"),
)

# The site's decision whether events of a platform or a token are official, as if its agency had made them.
agency_voices = Table(
    "agency_voices",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("source", Text, primary_key=True),  # the id of a platform or of a token
    Column("speaks", Boolean, nullable=False),
)

# The services a platform offers (GET services and definitions), for each site's jurisdiction there.
platform_services = Table(
    "platform_services",
    metadata,
    reference("platform_id", "platforms.id", primary_key=True),
    reference("site_id", "sites.id", primary_key=True),
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("group_name", Text),
    Column("questions", Text, nullable=False, server_default="[]"),  # JSON: the attributes of its definition
    time("seen_at"),
    time("gone_at", nullable=True),  # no longer offered
)

# A category without a row maps to the service of its own code.
platform_mappings = Table(
    "platform_mappings",
    metadata,
    reference("platform_id", "platforms.id", primary_key=True),
    reference("site_id", "sites.id", primary_key=True),
    Column("category", Text, primary_key=True),
    Column("service_code", Text, nullable=False),
)

# What platforms have to erase or correct, and their acknowledgements. An erasure replaces a correction.
platform_erasures = Table(
    "platform_erasures",
    metadata,
    reference("problem_id", "problems.id", primary_key=True),
    reference("platform_id", "platforms.id", primary_key=True),
    reference("site_id", "sites.id"),
    Column("event_id", Text, nullable=False),
    Column("asks", Text, nullable=False, server_default="erase"),  # erase | correct
    Column("way", Text, nullable=False),  # call | letter
    time("owed_at"),
    time("told_at", nullable=True),
    time("acknowledged_at", nullable=True),
    Column("note", Text),  # how the operator knows
    Index("ix_platform_erasures_open", "owed_at", **where("acknowledged_at IS NULL")),
)

platform_cursors = Table(
    "platform_cursors",
    metadata,
    reference("platform_id", "platforms.id", primary_key=True),
    reference("site_id", "sites.id", primary_key=True),
    Column("cursor", Text),
    time("polled_at", nullable=True),
    Column("last_error", Text),
)

platform_links = Table(
    "platform_links",
    metadata,
    reference("problem_id", "problems.id", primary_key=True),
    reference("platform_id", "platforms.id", primary_key=True),
    reference("site_id", "sites.id"),
    Column("remote_id", Text),
    Column("remote_token", Text),
    Column("remote_url", Text),
    Column("born", Text, nullable=False, server_default="here"),  # here | there: a problem of the platform's own
    Column("remote_state", Text),  # the last status and time, of platforms that have no updates
    time("linked_at"),
    flag("updates_read"),  # those from before the link, by an instance of this service
    Index(None, "platform_id", "site_id", "remote_id"),
    Index("ix_platform_links_unread", "platform_id", "site_id", "remote_id", **where("NOT updates_read")),
)
