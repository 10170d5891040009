"""Define the tables of problems, their attachments and comments, the log of their events, and what is derived of them.

The derived tables, at the end, can be rebuilt at any time (problems/projections).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from widget_api.database.schema.columns import count, flag, identifier, metadata, reference, time, where
from widget_api.status_table import OPEN_PUBLIC_STATUSES, PUBLIC_STATUSES

_STATUSES = ", ".join(f"'{status}'" for status in OPEN_PUBLIC_STATUSES)
_OPEN = f"published AND status IN ({_STATUSES})"

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
    Column("cell", BigInteger),  # the position on a space-filling curve (geo/cells.py)
    Column("answers", Text, nullable=False, server_default="{}"),  # JSON, by question code
    Column("status", Text, nullable=False),
    time("status_at"),  # with status_event: the greatest (time, id) among the status events
    Column("status_event", Text, nullable=False),
    flag("published"),
    flag("spam"),
    time("created_at"),
    time("updated_at"),
    time("released_at", nullable=True),  # since then the platform and the agency get deliveries
    Column("answer_due", Text, nullable=False),  # the date shown: first_due, or the planned date that replaced it
    # By the category's working days, since receipt or the last reopening.
    Column("first_due", Text, nullable=False, server_default=""),
    Column("expected_on", Text),  # planned: the promised date
    Column("responsible", Text),  # forwarded or redirected to
    Column("duplicate_of", Integer),
    Column("rejection", Text),  # rejected: the code of the reason (model.REASONS); null = unstated
    # Since then a decision is possible: receipt, or the confirmation. Null = its author was asked to confirm the
    # address and has not. Erasing a person does not change it.
    time("decidable_at", nullable=True),
    flag("has_answer"),
    time("answered_at", nullable=True),  # the first official answer
    Column("answered_in_time", Boolean),  # see problems/deadline.py; null = not known yet, or not applicable
    count("supporters"),
    count("comments"),  # published ones
    count("participants"),  # of an entry: voices, or who joined
    Column("photos", Text, nullable=False, server_default="[]"),  # JSON: the photos in public lists
    Column("source", Text, nullable=False),  # widget | form | georeport | platform
    Column("channel", Text),  # phone | visit | letter | other: how it reached the official who entered it
    Column("source_name", Text),
    Column("source_url", Text),  # its page at the source
    Column("mirror_of", Text),  # the platform it was read from: it is shown here, not changed or sent on
    Column("page_url", Text),
    Column("language", Text, nullable=False),
    Column("code_hash", Text),  # of the code for residents without e-mail
    Column("link_id", Text),  # part of the private link; null = the link was never changed
    Column("device", Text),  # GeoReport device_id
    Column("rating", Integer),  # 1 to 5: the author's rating of the answer
    time("rated_at", nullable=True),
    # For statistics (projections/figures.py). Erasing a person changes none of them.
    flag("counted"),  # published, or was when it was erased
    time("reacted_at", nullable=True),  # the agency's first decision
    flag("answered_outside"),  # the first official answer was given on paper, outside the service
    Column("returns", Text, nullable=False, server_default="[]"),  # JSON: times at which its author reopened it
    Column("district", Text),  # districts.id
    Column("street", Text),  # of the address, without the house
    Column("document_number", Text),  # in the agency's own document system; never public
    Column("document_date", Text),
    Column("awaits", Text),  # who has to reply: author | agency; null = nobody
    Column("assigned_agency", Text),  # the subordinate service that works on it
    Column("assigned_user", Text),  # who looks after it
    Column("assigned_due", Text),  # the date the service was given
    Column("service_outcome", Text),  # what the service did last, until the agency acts: returned | reported
    Column("begins_on", Text),  # the days of an entry of a dated collection (projections/answers.py)
    Column("ends_on", Text),
    time("erased_at", nullable=True),
    UniqueConstraint("site_id", "number"),
    Index("ix_problems_public", "site_id", "created_at", "number", **where("published")),
    Index("ix_problems_updated", "site_id", "updated_at", "number", **where("published")),
    # Unpublished reports that came by GeoReport: their senders may list them.
    Index(
        "ix_problems_sent",
        "site_id",
        "created_at",
        "number",
        **where("NOT published AND source IN ('georeport', 'platform')"),
    ),
    # Those the cabinet lists; GeoReport, which asks otherwise, is led to ix_problems_sent.
    Index("ix_problems_unpublished", "site_id", "created_at", "number", **where("NOT published AND mirror_of IS NULL")),
    # Those a platform answers, which the cabinet lists by themselves.
    Index("ix_problems_mirrored", "site_id", "created_at", "number", **where("published AND mirror_of IS NOT NULL")),
    Index("ix_problems_inbox", "site_id", "status", "created_at", "number"),
    Index("ix_problems_document", "site_id", "document_number", **where("document_number IS NOT NULL")),
    Index("ix_problems_awaits", "site_id", "awaits", "created_at", "number", **where("awaits IS NOT NULL")),
    Index("ix_problems_near", "site_id", "category", "lat", "lng", **where("published AND lat IS NOT NULL")),
    Index("ix_problems_cell", "site_id", "cell", **where("published AND cell IS NOT NULL")),
    Index("ix_problems_supporters", "site_id", "supporters", "number", **where("published")),
    Index("ix_problems_kind", "site_id", "category", "status", "created_at", "number", **where("published")),
    Index("ix_problems_merged", "site_id", "duplicate_of", **where("duplicate_of IS NOT NULL")),
    Index("ix_problems_erased", "site_id", "status", "created_at", "number", **where("erased_at IS NOT NULL")),
    Index(
        "ix_problems_assigned_agency",
        "site_id",
        "assigned_agency",
        "status",
        "created_at",
        "number",
        **where("assigned_agency IS NOT NULL"),
    ),
    Index(
        "ix_problems_assigned_user",
        "site_id",
        "assigned_user",
        "status",
        "created_at",
        "number",
        **where("assigned_user IS NOT NULL"),
    ),
    Index(
        "ix_problems_outcome",
        "site_id",
        "service_outcome",
        "created_at",
        "number",
        **where("service_outcome IS NOT NULL"),
    ),
    Index("ix_problems_begins", "site_id", "begins_on", "number", **where("published AND begins_on IS NOT NULL")),
    Index("ix_problems_ends", "site_id", "ends_on", "number", **where("published AND begins_on IS NOT NULL")),
    Index("ix_problems_due", "site_id", "answer_due", "number", **where(_OPEN)),
    Index(
        "ix_problems_district",
        "site_id",
        "district",
        "created_at",
        "number",
        **where("published AND district IS NOT NULL"),
    ),
    Index(  # has all that counting the houses of a street reads
        "ix_problems_street",
        *("site_id", "street", "created_at", "address", "status", "mirror_of"),
        **where("counted AND street IS NOT NULL"),
    ),
)

# Photos of a report, a clarification or an answer. The files are in the storage, named by the id.
photos = Table(
    "photos",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id", nullable=True),  # null = uploaded and not attached yet
    Column("event_id", Text),  # the event that brought it
    Column("role", Text),  # report | clarification | answer | work | hidden
    count("place"),
    Column("alt", Text),  # the sender's description
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("ticket", Text),  # no longer written: `spent` counts the uploads of a ticket
    time("created_at"),
    time("removed_at", nullable=True),  # set: its files, then the row, are to be deleted
    Index(None, "problem_id"),
    Index("ix_photos_loose", "created_at", **where("problem_id IS NULL")),
    Index("ix_photos_removed", "removed_at", **where("removed_at IS NOT NULL")),
)

# URLs of pictures (GeoReport's media_url), fetched by a delivery after the response.
media_sources = Table(
    "media_sources",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("event_id", Text, nullable=False),  # the event that brought them
    count("place"),
    Column("url", Text, nullable=False),
    Column("outcome", Text),  # null = not fetched yet | taken | hidden: its source no longer shows it | why not
    Column("photo_id", Text),  # what was fetched; null: the photo of this event and place
    time("created_at"),
    Index("ix_media_sources_event", "problem_id", "event_id", "place"),
)

# Files of an answer. The content is in the storage, named by the id.
documents = Table(
    "documents",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("event_id", Text, nullable=False),  # the event that brought it; empty = uploaded, not attached yet
    Column("name", Text, nullable=False),  # the agency's file name
    Column("media_type", Text, nullable=False),
    count("bytes"),
    flag("internal"),  # for the agency alone
    time("created_at"),
    time("removed_at", nullable=True),  # set: the file, then the row, is to be deleted
    Index(None, "problem_id"),
    Index("ix_documents_loose", "created_at", **where("event_id = ''")),
    Index("ix_documents_removed", "removed_at", **where("removed_at IS NOT NULL")),
)

# Comments under problems, on sites that allow them. Personal data of their authors are in commenters.
comments = Table(
    "comments",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    reference("problem_id", "problems.id"),
    Column("state", Text, nullable=False),  # unconfirmed | moderation | published | rejected
    Column("name", Text),  # the author's display name; null = the agency
    flag("publish_name"),  # its author's consent to publish it is valid; the agency's name is always shown
    Column("body", Text, nullable=False),
    flag("official"),
    Column("user_id", Text),  # who decided, or wrote for the agency
    time("created_at"),
    time("decided_at", nullable=True),
    Column("reason", Text),  # of a rejection
    Index("ix_comments_problem", "problem_id", "state", "decided_at", "id"),
    Index("ix_comments_queue", "site_id", "created_at", **where("state = 'moderation'")),
)

# Supporters («У меня тоже»): one row each, by an id made by the browser.
supports = Table(
    "supports",
    metadata,
    reference("problem_id", "problems.id", primary_key=True),
    Column("supporter", Text, primary_key=True),
    reference("site_id", "sites.id"),
    time("at"),
)

# Texts that events refer to and that can be erased: answers, reasons, clarifications.
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
    Column("id", Text, primary_key=True),  # the same on every instance
    Column("position", Integer, nullable=False),
    reference("problem_id", "problems.id"),
    Column("kind", Text, nullable=False),
    Column("status", Text),  # set on the events that carry one
    time("at"),  # when it happened, by the clock of its origin
    Column("actor", Text, nullable=False),  # resident | agent | operator | platform | system
    Column("user_id", Text),
    Column("source", Text),  # the platform or token it was imported from; null = it happened here
    Column("text_id", Text),
    Column("data", Text, nullable=False, server_default="{}"),  # JSON: codes, dates and references only
    UniqueConstraint("site_id", "position"),
    Index("ix_events_timeline", "problem_id", "at", "id"),
    Index("ix_events_at", "site_id", "at"),  # GeoReport clients query updates by time
    Index("ix_events_reopened", "site_id", "at", **where("status = 'reopened'")),
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


site_cells = Table(
    "site_cells",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("category", Text, primary_key=True),  # empty = all of them
    Column("cell", BigInteger, primary_key=True),  # problems.cell without its last digits
    *(count(status) for status in PUBLIC_STATUSES),
    Column("lat_sum", Float, nullable=False, server_default=text("0")),  # divided by the count: the mean position
    Column("lng_sum", Float, nullable=False, server_default=text("0")),
    Column("number_sum", BigInteger, nullable=False, server_default=text("0")),  # of one problem: its number
)

# Counts of reports by local day, month or week (projections/figures.py explains each measure). No row has a count of 0.
site_figures = Table(
    "site_figures",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("grain", Text, primary_key=True),  # d | m | t | w | a
    Column("measure", Text, primary_key=True),
    Column("period", Text, primary_key=True),  # «2026-11-28», «2026-11», «2026-W48»; empty for a
    Column("category", Text, primary_key=True),
    Column("service", Text, primary_key=True),  # the assigned subordinate agency; empty = none
    Column("district", Text, primary_key=True),  # empty = none
    Column("value", Text, primary_key=True),
    count("count"),
    sqlite_with_rowid=False,
)

# List items of published problems, ready to be sent (problems/projections/items.py).
problem_items = Table(
    "problem_items",
    metadata,
    # Combines sites.ordinal and problems.number. Only a column of type INTEGER can be SQLite's row id.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("item", LargeBinary, nullable=False),  # JSON without its end
    Column("due", Text),  # when an answer is due; null = none is outstanding
)

# What the published entries of collections are found by: the keys of choices and the stems of short texts.
entry_answers = Table(
    "entry_answers",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("code", Text, primary_key=True),  # of the question
    Column("value", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Index(None, "site_id", "number"),
    sqlite_with_rowid=False,
)

projections = Table(
    "projections",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # of the code that built it last
)
