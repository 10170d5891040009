"""Define the tables of users, sessions, tokens, tickets, and the audit trail."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, UniqueConstraint

from widget_api.database.schema.columns import count, flag, identifier, metadata, reference, time

users = Table(
    "users",
    metadata,
    identifier(),
    Column("email", Text, nullable=False, unique=True),
    reference("agency_id", "agencies.id", nullable=True),  # null = the operator, who sees every agency
    Column("role", Text, nullable=False),  # operator | admin | head | agent | viewer
    Column("password_hash", Text, nullable=False),
    Column("language", Text, nullable=False, server_default="ru"),
    Column("name", Text),
    Column("post", Text),
    time("created_at"),
    time("signed_in_at", nullable=True),
    time("disabled_at", nullable=True),
    count("reset_epoch"),  # incremented when the operator changes the account, which invalidates password reset links
    Column("away_until", Text),  # the last day of an absence
    Column("notices", Text),  # JSON: which notices the user chose and how; null = the defaults of the role
    Column("report_every", Text),  # week | month | quarter: the report of each is sent; null = none
    Column("reported_until", Text),  # the last day of the period whose report was sent
    Column("factor_secret", Text),  # encrypted; null = the user signs in with the password alone
    count("factor_step"),  # the time step of the last code, none of which is good twice
    Column("provider_subject", Text),  # issuer and `sub` of the provider that knows this user
    Column("stand_in", Text),  # users.id of the colleague who stands in; without a foreign key, for restored backups
    Index("uq_users_agency_id_provider_subject", "agency_id", "provider_subject", unique=True),
)

# By which an agency's users may sign in: one OpenID Connect provider at most.
identity_providers = Table(
    "identity_providers",
    metadata,
    reference("agency_id", "agencies.id", primary_key=True),
    Column("name", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("client_secret", Text, nullable=False),  # encrypted
    Column("claim", Text, nullable=False),
    Column("roles", Text, nullable=False),  # JSON: value of the claim → role
    flag("replaces_factor"),
)

# Codes that a user writes down, each of which replaces the code of the device once.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    reference("user_id", "users.id", primary_key=True),
    Column("code_hash", Text, primary_key=True),
)

# What a user is told once, by a letter of its kind or by the digest of a morning. Deleted after some weeks.
notices = Table(
    "notices",
    metadata,
    identifier(),
    reference("user_id", "users.id"),
    reference("problem_id", "problems.id"),
    Column("kind", Text, nullable=False),  # problems.notices.KINDS
    Column("cause", Text, nullable=False),  # the event, or the date that comes
    Column("way", Text, nullable=False),  # letter | digest
    time("created_at"),
    Column("letter", Text),  # the delivery that tells it; null = not told yet
    time("told_at", nullable=True),
    UniqueConstraint("user_id", "cause"),
    Index(None, "user_id", "told_at"),
    Index(None, "problem_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    reference("user_id", "users.id"),
    time("created_at"),
    time("expires_at"),
    Column("ip", Text),
    Column("user_agent", Text),
    flag("by_provider"),  # begun by a provider that replaces the second factor
    Index(None, "user_id"),
)

# Forms of the cabinet that were sent after the session had ended, stored until their user signs in again.
unsent_forms = Table(
    "unsent_forms",
    metadata,
    identifier(),
    reference("user_id", "users.id"),
    Column("browser_hash", Text, nullable=False),
    Column("page", Text, nullable=False),  # the path of the page with the form
    Column("action", Text, nullable=False),
    Column("fields", Text, nullable=False),  # JSON: pairs of name and value
    Column("files", Text, nullable=False),  # JSON: field, name and bytes of each; the content is in the storage
    Column("bytes", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),  # session | beside
    time("created_at"),
    time("shown_at", nullable=True),
    Index(None, "user_id"),
    Index(None, "created_at"),
)

# People who are asked by letter to set a password. One row an address; accepted and expired ones are purged later.
invitations = Table(
    "invitations",
    metadata,
    identifier(),
    reference("agency_id", "agencies.id"),
    Column("email", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),  # admin | head | agent | viewer
    Column("name", Text),
    Column("post", Text),
    Column("language", Text, nullable=False),
    Column("token_hash", Text, unique=True),  # of the newest letter's link; null until that letter leaves
    time("expires_at"),
    time("failed_at", nullable=True),  # the mail server refused the letter
    time("accepted_at", nullable=True),
)

# Letters with a site's code to its webmaster: the newest to each address, those that wait included.
webmaster_letters = Table(
    "webmaster_letters",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    Column("email", Text, nullable=False),
    Column("options", Text, nullable=False),  # the choices of the generator, as a query string
    time("asked_at"),
    time("failed_at", nullable=True),  # the mail server refused it
    UniqueConstraint("site_id", "email"),
)

tokens = Table(
    "tokens",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    Column("scope", Text, nullable=False),  # georeport | platform
    Column("name", Text),  # the public name of the system that uses it
    Column("token_hash", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),  # its first characters, to distinguish it from others
    time("created_at"),
    time("expires_at", nullable=True),
    time("revoked_at", nullable=True),
    Column("earlier_hash", Text),  # of the secret before the last rotation
    time("earlier_expires_at", nullable=True),
    Column("last_used_on", Text),  # a day of UTC, written once a day
    Index("uq_tokens_earlier_hash", "earlier_hash", unique=True),
)

# Challenges and tickets can be used once: the first insertion of the id uses them up.
spent = Table(
    "spent",
    metadata,
    identifier(),
    time("expires_at"),
    Index(None, "expires_at"),
)

# Append-only. It has no foreign keys, since the objects of actions may be deleted.
journal = Table(
    "journal",
    metadata,
    identifier(),
    time("at"),
    Column("kind", Text, nullable=False),  # widget_api.journal.Kind
    Column("user_id", Text),
    Column("role", Text, nullable=False),  # a user's | visitor | command_line | settings
    Column("agency_id", Text),
    Column("ip", Text),
    Column("subject", Text),  # the identifier of the object of the action
    Column("site_id", Text),
    Column("details", Text, nullable=False),  # JSON: codes only
    Index(None, "at", "id"),
)
