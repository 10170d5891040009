"""The schema: each time is whole seconds in UTC, each identifier a UUIDv7 text, each date a local «YYYY-MM-DD»."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", Text, primary_key=True)


def _to(name: str, target: str, *, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, Text, ForeignKey(target), primary_key=primary_key, nullable=nullable and not primary_key)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


_ROW = BigInteger().with_variant(Integer, "sqlite")  # SQLite's own number of a row is an INTEGER and nothing else


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("FALSE"))


def _count(name: str, start: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(start)))


# A problem the public sees has one of these.
PUBLIC_STATUSES = (
    "accepted",
    "forwarded",
    "in_progress",
    "planned",
    "resolved",
    "answered",
    "redirected",
    "duplicate",
    "rejected",
    "confirmed",
    "reopened",
)
_OPEN = "published AND status IN ('accepted', 'forwarded', 'in_progress', 'planned', 'reopened')"


def _where(condition: str) -> dict[str, Any]:
    """A partial index, in both databases' words."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


# --- who runs what -------------------------------------------------------------------------------------------------

agencies = Table(
    "agencies",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    _to("parent_id", "agencies.id", nullable=True),
    Column("mode", Text, nullable=False),  # cabinet | email
    Column("inn", Text),  # named in the consent document (152-FZ, article 9, part 4)
    Column("postal_address", Text),
    _time("created_at"),
)

sites = Table(
    "sites",
    metadata,
    _id(),
    _to("agency_id", "agencies.id"),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),  # basic | extended
    Column("moderation", Text, nullable=False),  # before | after
    Column("moderator", Text, nullable=False, server_default="agent"),  # agent | operator
    Column("jurisdiction", Text, nullable=False, unique=True),
    Column("time_zone", Text, nullable=False, server_default="Europe/Moscow"),
    Column("language", Text, nullable=False, server_default="ru"),
    Column("contact", Text, nullable=False, server_default="optional"),  # optional | required
    Column("appeals", Text, nullable=False, server_default="off"),  # off | handoff | identified
    Column("appeals_url", Text),
    Column("bbox", Text),  # west,south,east,north
    Column("area", Text),  # GeoJSON geometry of the territory: Polygon or MultiPolygon; null = the bbox
    Column("accent", Text),  # #rrggbb: the colour of the site's buttons
    Column("photos", Integer, nullable=False, server_default=text("3")),  # a report may have
    Column("discussion", Text, nullable=False, server_default="off"),  # off | moderated: comments under problems
    Column("license", Text, nullable=False, server_default="CC-BY-4.0"),  # of the open data: an SPDX name or an address
    Column("ordinal", Integer),  # a short name, for the index of words
    Column("retention_days", Integer, nullable=False, server_default=text("1095")),
    _time("created_at"),
    _time("disabled_at", nullable=True),
    Index(None, "ordinal", unique=True),
)

site_keys = Table(
    "site_keys",
    metadata,
    Column("key", Text, primary_key=True),
    _to("site_id", "sites.id"),
    _time("created_at"),
    _time("expires_at", nullable=True),  # set by a rotation; null = valid
    Index(None, "site_id"),
)

site_origins = Table(
    "site_origins",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    Column("origin", Text, primary_key=True),
)

# Where, in which version and how the widget was seen: counts a day, no visitor, no address.
site_sightings = Table(
    "site_sightings",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    Column("day", Text, primary_key=True),  # in the site's time zone
    Column("origin", Text, primary_key=True),
    Column("version", Text, primary_key=True),  # of the widget; empty = it did not say
    Column("kind", Text, primary_key=True),  # seen | origin_refused | key_expired | failed.<reason>
    _count("count"),
    _time("last_at"),
)

# One row a site, updated in every transaction that changes the site: its lock makes commit order and feed order one.
site_counters = Table(
    "site_counters",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    _count("number"),  # of the newest problem
    _count("position"),  # of the newest event
    _count("version"),  # of everything a reader can see: settings, problems
    _count("settings"),  # of the site, its keys, origins, categories: what a process may keep in memory
)

site_categories = Table(
    "site_categories",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    Column("code", Text, primary_key=True),
    Column("name", Text),  # null = the dictionaries' name of a default category
    Column("enabled", Boolean, nullable=False, server_default=text("TRUE")),
    _count("place"),
    Column("deadline_days", Integer),
    Column("responsible", Text),
    Column("notice", Text),
    _flag("photo_required"),
    Column("questions", Text, nullable=False, server_default="[]"),  # JSON: GeoReport definition attributes
)

consent_documents = Table(
    "consent_documents",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    Column("version", Text, primary_key=True),
    Column("hash", Text, nullable=False),  # SHA-256 of the body
    Column("language", Text, nullable=False),
    Column("body", Text, nullable=False),
    _time("created_at"),
)

# --- problems and their log ----------------------------------------------------------------------------------------

problems = Table(
    "problems",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    Column("number", Integer, nullable=False),
    Column("category", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("address", Text),
    Column("lat", Float),
    Column("lng", Float),
    Column("cell", BigInteger),  # where that is on a curve through the map (places/cells.py)
    Column("answers", Text, nullable=False, server_default="{}"),  # JSON, by question code
    Column("status", Text, nullable=False),
    _time("status_at"),  # with status_event: the greatest (time, id) among the status events
    Column("status_event", Text, nullable=False),
    _flag("published"),
    _flag("spam"),
    _time("created_at"),
    _time("updated_at"),
    _time("released_at", nullable=True),  # deliveries to platform and agency may leave since
    Column("answer_due", Text, nullable=False),
    Column("expected_on", Text),  # planned: the promised date
    Column("responsible", Text),  # forwarded or redirected to
    Column("duplicate_of", Integer),
    _flag("has_answer"),
    _time("answered_at", nullable=True),  # the first official answer
    _count("supporters"),
    _count("comments"),  # published ones
    Column("photos", Text, nullable=False, server_default="[]"),  # JSON, what public lists show
    Column("source", Text, nullable=False),  # widget | form | georeport | platform
    Column("source_name", Text),
    Column("page_url", Text),
    Column("language", Text, nullable=False),
    Column("code_hash", Text),  # of the code a resident without e-mail writes down
    Column("device", Text),  # GeoReport device_id
    Column("rating", Integer),  # 1 to 5: what the author thinks of the answer
    Column("awaits", Text),  # whose word is waited for: author | agency; null = nobody's
    _time("erased_at", nullable=True),
    UniqueConstraint("site_id", "number"),
    Index("ix_problems_public", "site_id", "created_at", "number", **_where("published")),
    Index("ix_problems_updated", "site_id", "updated_at", "number", **_where("published")),
    Index("ix_problems_inbox", "site_id", "status", "created_at", "number"),
    Index("ix_problems_awaits", "site_id", "awaits", "created_at", "number", **_where("awaits IS NOT NULL")),
    Index("ix_problems_near", "site_id", "category", "lat", "lng", **_where("published AND lat IS NOT NULL")),
    Index("ix_problems_cell", "site_id", "cell", **_where("published AND cell IS NOT NULL")),
    Index("ix_problems_supporters", "site_id", "supporters", "number", **_where("published")),
    Index("ix_problems_kind", "site_id", "category", "status", "created_at", "number", **_where("published")),
    Index("ix_problems_due", "site_id", "answer_due", "number", **_where(_OPEN)),
)

# What was sent in with a report, a clarification or an answer. The pictures lie in the storage, under the id.
photos = Table(
    "photos",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    _to("problem_id", "problems.id", nullable=True),  # null = uploaded and not attached yet
    Column("event_id", Text),  # the event that brought it
    Column("role", Text),  # report | clarification | answer
    _count("place"),
    Column("alt", Text),  # what it shows, in the sender's words
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("ticket", Text),  # of the upload: caps how many one may bring
    _time("created_at"),
    _time("removed_at", nullable=True),  # its pictures are to be deleted from the storage, then the row
    Index(None, "problem_id"),
    Index("ix_photos_loose", "created_at", **_where("problem_id IS NULL")),
    Index("ix_photos_removed", "removed_at", **_where("removed_at IS NOT NULL")),
)

# Files of an answer: they lie in the storage, under the id.
documents = Table(
    "documents",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    _to("problem_id", "problems.id"),
    Column("event_id", Text, nullable=False),  # the event that brought it; empty = waits for its answer
    Column("name", Text, nullable=False),  # as the agency called it
    Column("media_type", Text, nullable=False),
    _count("bytes"),
    _time("created_at"),
    _time("removed_at", nullable=True),  # to be deleted from the storage, then the row
    Index(None, "problem_id"),
    Index("ix_documents_loose", "created_at", **_where("event_id = ''")),
    Index("ix_documents_removed", "removed_at", **_where("removed_at IS NOT NULL")),
)

# What people say of a problem where the site lets them; who they are stands in commenters.
comments = Table(
    "comments",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    _to("problem_id", "problems.id"),
    Column("state", Text, nullable=False),  # unconfirmed | moderation | published | rejected
    Column("name", Text),  # as the writer wants to be called; null = the agency
    Column("body", Text, nullable=False),
    _flag("official"),
    Column("user_id", Text),  # whose decision or whose words
    _time("created_at"),
    _time("decided_at", nullable=True),
    Column("reason", Text),  # of a rejection
    Index("ix_comments_problem", "problem_id", "state", "decided_at", "id"),
    Index("ix_comments_queue", "site_id", "created_at", **_where("state = 'moderation'")),
)

# «У меня тоже»: one row a supporter, whose id the browser made up.
supports = Table(
    "supports",
    metadata,
    _to("problem_id", "problems.id", primary_key=True),
    Column("supporter", Text, primary_key=True),
    _to("site_id", "sites.id"),
    _time("at"),
)

# What an event refers to but must be able to forget: answers, reasons, clarifications.
texts = Table(
    "texts",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    _to("problem_id", "problems.id"),
    Column("body", Text, nullable=False),
    Index(None, "problem_id"),
)

events = Table(
    "events",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    Column("id", Text, primary_key=True),  # the birth id: the same on every instance
    Column("position", Integer, nullable=False),
    _to("problem_id", "problems.id"),
    Column("kind", Text, nullable=False),
    Column("status", Text),  # set on the events that carry one
    _time("at"),  # when it happened, at its birthplace
    Column("actor", Text, nullable=False),  # resident | agent | operator | platform | system
    Column("user_id", Text),
    Column("source", Text),  # the platform or token it was imported from; null = born here
    Column("text_id", Text),
    Column("data", Text, nullable=False, server_default="{}"),  # JSON: codes, dates and references only
    UniqueConstraint("site_id", "position"),
    Index("ix_events_timeline", "problem_id", "at", "id"),
    Index("ix_events_at", "site_id", "at"),  # GeoReport's updates are asked for by time
)

submissions = Table(
    "submissions",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    _to("problem_id", "problems.id"),
    Column("response", Text, nullable=False),
    Index(None, "problem_id"),
)

# --- personal data: public queries never name these ----------------------------------------------------------------

contacts = Table(
    "contacts",
    metadata,
    _to("problem_id", "problems.id", primary_key=True),
    _to("site_id", "sites.id"),
    Column("email", Text),
    Column("email_hash", Text),  # of the normalised address: finds a person's reports without reading them all
    Column("name", Text),
    Column("phone", Text),
    _flag("publish_name"),
    Column("language", Text, nullable=False),
    _time("confirmed_at", nullable=True),
    _time("stopped_at", nullable=True),  # the resident wants no more mail
    Index(None, "email_hash"),
)

consents = Table(
    "consents",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    _to("problem_id", "problems.id"),
    Column("version", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("purpose", Text, nullable=False),  # processing | publish_name
    _time("at"),
    Column("ip", Text),
    _time("withdrawn_at", nullable=True),
    Index(None, "problem_id"),
)

# Whoever stopped following is forgotten but for what they agreed to, and when.
followers = Table(
    "followers",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    _to("problem_id", "problems.id"),
    Column("email", Text),
    Column("email_hash", Text),
    Column("language", Text, nullable=False),
    Column("consent_version", Text, nullable=False),
    Column("consent_hash", Text, nullable=False),
    Column("ip", Text),
    _time("created_at"),
    _time("confirmed_at", nullable=True),
    _time("stopped_at", nullable=True),
    UniqueConstraint("problem_id", "email_hash"),
    Index(None, "email_hash"),
)

commenters = Table(
    "commenters",
    metadata,
    _to("comment_id", "comments.id", primary_key=True),
    _to("site_id", "sites.id"),
    _to("problem_id", "problems.id"),
    Column("email", Text, nullable=False),
    Column("email_hash", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("consent_version", Text, nullable=False),
    Column("consent_hash", Text, nullable=False),
    Column("ip", Text),
    _time("confirmed_at", nullable=True),
    Index(None, "email_hash"),
    Index(None, "problem_id"),
)

# Outlives what it speaks of, so that a restored backup forgets again what was forgotten.
erasures = Table(
    "erasures",
    metadata,
    Column("problem_id", Text, primary_key=True),
    Column("site_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    _time("at"),
)

# The same of followers and comments that were taken back: identifiers alone.
forgotten = Table(
    "forgotten",
    metadata,
    _id(),
    Column("site_id", Text, nullable=False),
    _time("at"),
)

# --- what follows from the problems, and is made anew from them at any time (problems/projections) --------------------

site_cells = Table(
    "site_cells",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("category", Text, primary_key=True),  # empty = all of them
    Column("cell", BigInteger, primary_key=True),  # problems.cell without its last digits
    *(_count(status) for status in PUBLIC_STATUSES),
    Column("lat_sum", Float, nullable=False, server_default=text("0")),  # over the count: where the middle is
    Column("lng_sum", Float, nullable=False, server_default=text("0")),
    Column("number_sum", BigInteger, nullable=False, server_default=text("0")),  # of a single problem: its number
)

site_figures = Table(
    "site_figures",
    metadata,
    _to("site_id", "sites.id", primary_key=True),
    Column("measure", Text, primary_key=True),  # received | answered | days | due
    Column("period", Text, primary_key=True),  # «2026-11»; of `days` how many, «0007»; of `due` the day
    Column("category", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    _count("count"),
)

# What lists tell of each published problem, ready to be sent (problems/projections/items.py).
problem_items = Table(
    "problem_items",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=False),  # sites.ordinal and problems.number in one
    Column("item", LargeBinary, nullable=False),  # JSON without its end
    Column("due", Text),  # when an answer is due; null = none is any more
)

projections = Table(
    "projections",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # of the code that made it last
)

# --- what has to be delivered --------------------------------------------------------------------------------------

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    _to("problem_id", "problems.id"),
    Column("event_id", Text, nullable=False),
    Column("position", Integer, nullable=False),  # of the event: the order per problem
    Column("sink", Text, nullable=False),  # resident | agency | platform:<id>
    _flag("opens"),  # nothing of the problem may go to this sink before it
    Column("state", Text, nullable=False),  # pending | leased | delivered | dead | dropped
    _count("attempts"),  # with a recorded outcome, since it was owed or replayed
    _count("leases"),  # taken since the last recorded outcome: more than one means that its worker ended
    _time("next_at"),
    _time("lease_until", nullable=True),
    Column("lease_holder", Text),
    Column("last_error", Text),
    Column("reason", Text),  # why somebody dropped it
    _time("created_at"),
    _time("delivered_at", nullable=True),
    UniqueConstraint("site_id", "event_id", "sink"),
    Index("ix_deliveries_due", "next_at", **_where("state IN ('pending', 'leased')")),
    Index("ix_deliveries_order", "problem_id", "sink", "position"),
    Index(None, "state"),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    _id(),
    _to("delivery_id", "deliveries.id"),
    _time("at"),
    Column("outcome", Text, nullable=False),  # delivered | retry | dead
    Column("error", Text),
    Index(None, "delivery_id"),
)

# At most three confirmation letters an address and day, over all sites; the hash does not say whose address it is.
confirmation_letters = Table(
    "confirmation_letters",
    metadata,
    _id(),
    Column("email_hash", Text, nullable=False),
    _time("at"),
    Index(None, "email_hash", "at"),
)

# --- the central platform ------------------------------------------------------------------------------------------

platforms = Table(
    "platforms",
    metadata,
    _id(),  # `default` is the one of the settings
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("protocol", Text, nullable=False),  # georeport | webhook
    Column("jurisdiction", Text),  # null = the site's own
    Column("contacts", Text, nullable=False, server_default="none"),  # none | email | all
    _to("site_id", "sites.id", nullable=True),  # null = every site
    _time("created_at"),
    _time("disabled_at", nullable=True),
)

platform_cursors = Table(
    "platform_cursors",
    metadata,
    _to("platform_id", "platforms.id", primary_key=True),
    _to("site_id", "sites.id", primary_key=True),
    Column("cursor", Text),
    _time("polled_at", nullable=True),
    Column("last_error", Text),
)

platform_links = Table(
    "platform_links",
    metadata,
    _to("problem_id", "problems.id", primary_key=True),
    _to("platform_id", "platforms.id", primary_key=True),
    _to("site_id", "sites.id"),
    Column("remote_id", Text),
    Column("remote_token", Text),
    Column("remote_url", Text),
    _time("linked_at"),
    Index(None, "platform_id", "site_id", "remote_id"),
)

# --- people and programs that may come in --------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    _id(),
    Column("email", Text, nullable=False, unique=True),
    _to("agency_id", "agencies.id", nullable=True),  # null = the operator, who sees every agency
    Column("role", Text, nullable=False),  # operator | admin | agent | viewer
    Column("password_hash", Text, nullable=False),
    Column("language", Text, nullable=False, server_default="ru"),
    _time("created_at"),
    _time("disabled_at", nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    _to("user_id", "users.id"),
    _time("created_at"),
    _time("expires_at"),
    Index(None, "user_id"),
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    _to("site_id", "sites.id"),
    Column("scope", Text, nullable=False),  # georeport | platform
    Column("token_hash", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),  # its first characters, to tell it from others
    _time("created_at"),
    _time("expires_at", nullable=True),
    _time("revoked_at", nullable=True),
)

# Challenges and tickets are good once: whoever inserts the id first has spent it.
spent = Table(
    "spent",
    metadata,
    _id(),
    _time("expires_at"),
    Index(None, "expires_at"),
)
