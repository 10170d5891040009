"""Problems, what hangs on them, and the log of their events."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text, UniqueConstraint

from widget_api.database.schema.columns import count, flag, identifier, metadata, reference, time, where

_OPEN = "published AND status IN ('accepted', 'forwarded', 'in_progress', 'planned', 'reopened')"

problems = Table(
    "problems",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    Column("number", Integer, nullable=False),
    Column("category", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("address", Text),
    Column("lat", Float),
    Column("lng", Float),
    Column("cell", BigInteger),  # where that is on a curve through the map (geo/cells.py)
    Column("answers", Text, nullable=False, server_default="{}"),  # JSON, by question code
    Column("status", Text, nullable=False),
    time("status_at"),  # with status_event: the greatest (time, id) among the status events
    Column("status_event", Text, nullable=False),
    flag("published"),
    flag("spam"),
    time("created_at"),
    time("updated_at"),
    time("released_at", nullable=True),  # deliveries to platform and agency may leave since
    Column("answer_due", Text, nullable=False),  # the date shown: first_due, or the planned date that replaced it
    Column(
        "first_due", Text, nullable=False, server_default=""
    ),  # by the category's working days, since receipt or the last reopening
    Column("expected_on", Text),  # planned: the promised date
    Column("responsible", Text),  # forwarded or redirected to
    Column("duplicate_of", Integer),
    flag("has_answer"),
    time("answered_at", nullable=True),  # the first official answer
    Column("answered_in_time", Boolean),  # the answer of every round, see recording.py; null = nothing to say
    count("supporters"),
    count("comments"),  # published ones
    Column("photos", Text, nullable=False, server_default="[]"),  # JSON, what public lists show
    Column("source", Text, nullable=False),  # widget | form | georeport | platform
    Column("source_name", Text),
    Column("source_url", Text),  # where its source shows it
    Column("mirror_of", Text),  # the platform it was read from: ours to show, not to change or to send on
    Column("page_url", Text),
    Column("language", Text, nullable=False),
    Column("code_hash", Text),  # of the code a resident without e-mail writes down
    Column("link_id", Text),  # what the private link names beside the problem; null = it was never changed
    Column("device", Text),  # GeoReport device_id
    Column("rating", Integer),  # 1 to 5: what the author thinks of the answer
    Column("awaits", Text),  # whose word is waited for: author | agency; null = nobody's
    time("erased_at", nullable=True),
    UniqueConstraint("site_id", "number"),
    Index("ix_problems_public", "site_id", "created_at", "number", **where("published")),
    Index("ix_problems_updated", "site_id", "updated_at", "number", **where("published")),
    # What came by GeoReport and is not public: whoever sent it reads it among the rest.
    Index(
        "ix_problems_sent",
        "site_id",
        "created_at",
        "number",
        **where("NOT published AND source IN ('georeport', 'platform')"),
    ),
    Index("ix_problems_inbox", "site_id", "status", "created_at", "number"),
    Index("ix_problems_awaits", "site_id", "awaits", "created_at", "number", **where("awaits IS NOT NULL")),
    Index("ix_problems_near", "site_id", "category", "lat", "lng", **where("published AND lat IS NOT NULL")),
    Index("ix_problems_cell", "site_id", "cell", **where("published AND cell IS NOT NULL")),
    Index("ix_problems_supporters", "site_id", "supporters", "number", **where("published")),
    Index("ix_problems_kind", "site_id", "category", "status", "created_at", "number", **where("published")),
    Index("ix_problems_merged", "site_id", "duplicate_of", **where("duplicate_of IS NOT NULL")),
    Index("ix_problems_erased", "site_id", "status", "created_at", "number", **where("erased_at IS NOT NULL")),
    Index("ix_problems_due", "site_id", "answer_due", "number", **where(_OPEN)),
)

# What was sent in with a report, a clarification or an answer. The pictures lie in the storage, under the id.
photos = Table(
    "photos",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id", nullable=True),  # null = uploaded and not attached yet
    Column("event_id", Text),  # the event that brought it
    Column("role", Text),  # report | clarification | answer
    count("place"),
    Column("alt", Text),  # what it shows, in the sender's words
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("ticket", Text),  # of the upload: caps how many one may bring
    time("created_at"),
    time("removed_at", nullable=True),  # its pictures are to be deleted from the storage, then the row
    Index(None, "problem_id"),
    Index("ix_photos_loose", "created_at", **where("problem_id IS NULL")),
    Index("ix_photos_removed", "removed_at", **where("removed_at IS NOT NULL")),
)

# Pictures that came by their addresses (GeoReport's media_url): fetched after the answer, by a delivery.
media_sources = Table(
    "media_sources",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("event_id", Text, nullable=False),  # the event that brought them
    count("place"),
    Column("url", Text, nullable=False),
    Column("outcome", Text),  # null = not fetched yet | taken | why not
    time("created_at"),
    Index("ix_media_sources_event", "problem_id", "event_id", "place"),
)

# Files of an answer: they lie in the storage, under the id.
documents = Table(
    "documents",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("event_id", Text, nullable=False),  # the event that brought it; empty = waits for its answer
    Column("name", Text, nullable=False),  # as the agency called it
    Column("media_type", Text, nullable=False),
    count("bytes"),
    time("created_at"),
    time("removed_at", nullable=True),  # to be deleted from the storage, then the row
    Index(None, "problem_id"),
    Index("ix_documents_loose", "created_at", **where("event_id = ''")),
    Index("ix_documents_removed", "removed_at", **where("removed_at IS NOT NULL")),
)

# What people say of a problem where the site lets them; who they are stands in commenters.
comments = Table(
    "comments",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("state", Text, nullable=False),  # unconfirmed | moderation | published | rejected
    Column("name", Text),  # as the writer wants to be called; null = the agency
    flag("publish_name"),  # its author agreed to show it, and has not taken that back; the agency's is shown anyway
    Column("body", Text, nullable=False),
    flag("official"),
    Column("user_id", Text),  # whose decision or whose words
    time("created_at"),
    time("decided_at", nullable=True),
    Column("reason", Text),  # of a rejection
    Index("ix_comments_problem", "problem_id", "state", "decided_at", "id"),
    Index("ix_comments_queue", "site_id", "created_at", **where("state = 'moderation'")),
)

# «У меня тоже»: one row a supporter, whose id the browser made up.
supports = Table(
    "supports",
    metadata,
    reference("problem_id", "problems.id", primary_key=True),
    Column("supporter", Text, primary_key=True),
    reference("site_id", "sites.id"),
    time("at"),
)

# What an event refers to but must be able to forget: answers, reasons, clarifications.
texts = Table(
    "texts",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("body", Text, nullable=False),
    Index(None, "problem_id"),
)

events = Table(
    "events",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("id", Text, primary_key=True),  # the birth id: the same on every instance
    Column("position", Integer, nullable=False),
    reference("problem_id", "problems.id"),
    Column("kind", Text, nullable=False),
    Column("status", Text),  # set on the events that carry one
    time("at"),  # when it happened, at its birthplace
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
    reference("site_id", "sites.id", primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    reference("problem_id", "problems.id"),
    Column("response", Text, nullable=False),
    Index(None, "problem_id"),
)
