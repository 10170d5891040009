"""Synchronisation: platforms with sites and states of their own, mirrored problems, media by address, letters in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _text(name: str, default: str | None = None, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def _flag(name: str, default: str = "FALSE") -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text(default), nullable=False)


def _keys(table: str, primary: list[str], **foreign: str) -> list[Any]:
    return [
        sa.PrimaryKeyConstraint(*primary, name=f"pk_{table}"),
        *(
            sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}")
            for column, target in foreign.items()
        ),
    ]


def _both() -> list[sa.Column[Any]]:
    return [_text("platform_id", nullable=False), _text("site_id", nullable=False)]


PLATFORM = {"platform_id": "platforms.id", "site_id": "sites.id"}
ADDED: dict[str, list[sa.Column[Any]]] = {
    "platforms": [
        _text("contact"),
        _flag("exact"),
        _count("failures"),
        _text("failing"),
        _time("paused_until"),
        _text("pause_reason"),
        _time("services_at"),
    ],
    "platform_links": [_text("born", "here", nullable=False), _text("remote_state")],
    "problems": [_text("source_url"), _text("mirror_of")],
    "agencies": [
        _text("senders", "[]", nullable=False),
        _flag("digest"),
        _time("email_failed_at"),
        _text("email_failure"),
    ],
    "sites": [_text("mail_answers", "publish", nullable=False)],
    "contacts": [_time("failed_at"), _text("failure")],
    "deliveries": [_text("decided_by"), _time("decided_at")],
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        for column in columns:
            op.add_column(table, column)
    _platforms()
    _letters()
    op.create_table(
        "media_sources",
        _text("id", nullable=False),
        _text("site_id", nullable=False),
        _text("problem_id", nullable=False),
        _text("event_id", nullable=False),
        _count("place"),
        _text("url", nullable=False),
        _text("outcome"),
        _time("created_at", nullable=False),
        *_keys("media_sources", ["id"], site_id="sites.id", problem_id="problems.id"),
    )
    op.create_index("ix_media_sources_event", "media_sources", ["problem_id", "event_id", "place"])
    sent = _where("NOT published AND source IN ('georeport', 'platform')")
    op.create_index("ix_problems_sent", "problems", ["site_id", "created_at", "number"], **sent)
    op.create_table(
        "chores",
        _text("name", nullable=False),
        _time("next_at", nullable=False),
        _time("done_at"),
        _text("outcome"),
        *_keys("chores", ["name"]),
    )
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    due = ["lane", "next_at", "position", "sink"]
    op.create_index("ix_deliveries_due", "deliveries", due, **_where("state IN ('pending', 'leased')"))


def _platforms() -> None:
    op.create_table(
        "platform_sites",
        *_both(),
        _flag("serves"),
        _time("since", nullable=False),
        *_keys("platform_sites", ["platform_id", "site_id"], **PLATFORM),
    )
    op.create_table(
        "platform_services",
        *_both(),
        _text("code", nullable=False),
        _text("name", nullable=False),
        _text("description"),
        _text("group_name"),
        _text("questions", "[]", nullable=False),
        _time("seen_at", nullable=False),
        _time("gone_at"),
        *_keys("platform_services", ["platform_id", "site_id", "code"], **PLATFORM),
    )
    op.create_table(
        "platform_mappings",
        *_both(),
        _text("category", nullable=False),
        _text("service_code", nullable=False),
        *_keys("platform_mappings", ["platform_id", "site_id", "category"], **PLATFORM),
    )
    op.create_table(
        "platform_erasures",
        _text("problem_id", nullable=False),
        *_both(),
        _text("event_id", nullable=False),
        _text("way", nullable=False),
        _time("owed_at", nullable=False),
        _time("told_at"),
        _time("acknowledged_at"),
        _text("note"),
        *_keys("platform_erasures", ["problem_id", "platform_id"], problem_id="problems.id", **PLATFORM),
    )
    op.create_index("ix_platform_erasures_open", "platform_erasures", ["owed_at"], **_where("acknowledged_at IS NULL"))


def _letters() -> None:
    op.create_table(
        "mailbox_messages",
        _text("id", nullable=False),
        _text("message_id", nullable=False),
        _text("site_id"),
        _text("problem_id"),
        _text("kind", nullable=False),
        _text("state", nullable=False),
        _text("reason"),
        _text("sender"),
        _text("subject"),
        _text("text"),
        _text("status"),
        _text("expected_on"),
        _text("details", "{}", nullable=False),
        _text("event_id"),
        _text("stored"),
        _time("received_at", nullable=False),
        _time("decided_at"),
        _text("user_id"),
        *_keys("mailbox_messages", ["id"], site_id="sites.id", problem_id="problems.id"),
        sa.UniqueConstraint("message_id", name="uq_mailbox_messages_message_id"),
    )
    op.create_index(
        "ix_mailbox_messages_held", "mailbox_messages", ["site_id", "received_at"], **_where("state = 'held'")
    )
    op.create_index("ix_mailbox_messages_problem_id", "mailbox_messages", ["problem_id"])
