"""From 1.1.0 to 1.2.0: when a report needs consent, the addresses of a town, and one table of letters.

Until 1.2.0 is released every change of the schema is made in this file: CONTRIBUTING.md says how.
"""

from __future__ import annotations

import json
import uuid

import sqlalchemy as sa
from alembic import op

revision = "1.2.0"
down_revision = "1.1.0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("consent", sa.Text(), server_default="always", nullable=False))
    _make_addresses()
    _join_letters()
    _move_digests()


def _make_addresses() -> None:
    op.create_table(
        "address_streets",
        _site(),
        sa.Column("street", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *_point(),
        sa.PrimaryKeyConstraint("site_id", "street", name="pk_address_streets"),
    )
    op.create_table(
        "address_trigrams",
        _site(),
        sa.Column("trigram", sa.Text(), nullable=False),
        sa.Column("street", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "trigram", "street", name="pk_address_trigrams"),
    )
    op.create_table(
        "address_houses",
        _site(),
        sa.Column("street", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("house", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        *_point(),
        sa.PrimaryKeyConstraint("site_id", "street", "number", "house", name="pk_address_houses"),
    )
    op.create_index("ix_address_houses_lat", "address_houses", ["site_id", "lat", "lng"])


def _site() -> sa.Column[str]:
    return sa.Column("site_id", sa.Text(), sa.ForeignKey("sites.id"), nullable=False)


def _point() -> tuple[sa.Column[float], sa.Column[float]]:
    return sa.Column("lat", sa.Float(), nullable=False), sa.Column("lng", sa.Float(), nullable=False)


def _join_letters() -> None:
    """Carry over what waits in eight queues, some of them columns of other tables."""
    op.create_table(
        "letters",
        sa.Column("id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "subject", "parameters")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "next_at")),
        sa.PrimaryKeyConstraint("id", name="pk_letters"),
        sa.UniqueConstraint("kind", "subject", "parameters", name="uq_letters_kind_subject_parameters"),
    )
    op.create_index("ix_letters_next_at", "letters", ["next_at"])
    connection = op.get_bind()
    waiting = [dict(row) for sql in _WAITING for row in connection.execute(sa.text(sql)).mappings()]
    names = ("letter", "application_id", "site_id", "origin", "user_id")
    for row in waiting:
        parameters = {name: row[name] for name in names if row.get(name) is not None}
        connection.execute(
            sa.text(_INSERT),
            {
                "id": str(uuid.uuid4()),
                "parameters": json.dumps(parameters, sort_keys=True),
                **{name: row[name] for name in ("kind", "subject", "created_at", "next_at")},
            },
        )
    for table in ("password_letters", "registration_letters"):
        op.drop_table(table)
    for table, columns in _QUEUES.items():
        for column in columns:
            if column != "letter":
                op.drop_index(f"ix_{table}_{column}", table)
            op.drop_column(table, column)


_INSERT = (
    "INSERT INTO letters (id, kind, subject, parameters, created_at, next_at)"
    " VALUES (:id, :kind, :subject, :parameters, :created_at, :next_at) ON CONFLICT DO NOTHING"
)
_QUEUES = {
    "users": ("factor_letter_at", "provider_letter_at"),
    "invitations": ("next_at",),
    "webmaster_letters": ("next_at",),
    "visit_invitations": ("next_at", "letter"),
    "renewals": ("next_at", "letter"),
}
_WAITING = (
    "SELECT 'password_reset' AS kind, user_id AS subject, asked_at AS created_at, next_at FROM password_letters",
    "SELECT 'factor_removed' AS kind, id AS subject, factor_letter_at AS created_at, factor_letter_at AS next_at"
    " FROM users WHERE factor_letter_at IS NOT NULL",
    "SELECT 'provider_changed' AS kind, id AS subject, provider_letter_at AS created_at, provider_letter_at AS next_at"
    " FROM users WHERE provider_letter_at IS NOT NULL",
    "SELECT 'invitation' AS kind, id AS subject, next_at AS created_at, next_at FROM invitations"
    " WHERE next_at IS NOT NULL",
    "SELECT 'site_code' AS kind, id AS subject, asked_at AS created_at, next_at FROM webmaster_letters"
    " WHERE next_at IS NOT NULL",
    "SELECT 'visit' AS kind, id AS subject, invited_at AS created_at, next_at, letter FROM visit_invitations"
    " WHERE next_at IS NOT NULL",
    "SELECT 'renewal' AS kind, problem_id AS subject, next_at AS created_at, next_at, letter FROM renewals"
    " WHERE next_at IS NOT NULL",
    "SELECT 'registration' AS kind, COALESCE(l.application_id, l.site_id) AS subject, l.created_at, l.next_at,"
    " l.kind AS letter, l.application_id, l.site_id, l.origin,"
    " CASE WHEN l.site_id IS NOT NULL THEN (SELECT id FROM users u WHERE u.email = l.email) END AS user_id"
    " FROM registration_letters l",
)


def _move_digests() -> None:
    """Make letters of the digests that were deliveries of some event. What was sent is no delivery any more."""
    op.add_column("agencies", sa.Column("digested_on", sa.Text(), nullable=False, server_default=""))
    op.execute(
        "UPDATE agencies SET digested_on = COALESCE((SELECT MAX(SUBSTR(sink, LENGTH(agencies.id) + 9))"
        " FROM deliveries WHERE sink LIKE 'digest:' || agencies.id || ':%'), '')"
    )
    connection = op.get_bind()
    waiting = (
        f"SELECT id, sink, created_at, next_at FROM deliveries WHERE {_DIGESTS} AND state IN ('pending', 'leased')"
    )
    for row in connection.execute(sa.text(waiting)).mappings().all():
        sink, subject, *rest = row["sink"].split(":")
        kind, names = _KINDS[sink]
        parameters = json.dumps(dict(zip(names, rest[-len(names) :], strict=True)), sort_keys=True)
        times = {name: row[name] for name in ("created_at", "next_at")}
        letter = {"id": row["id"], "kind": kind, "subject": subject, "parameters": parameters} | times
        connection.execute(sa.text(_INSERT), letter)
    op.execute(f"DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE {_DIGESTS})")
    op.execute(f"DELETE FROM deliveries WHERE {_DIGESTS}")


_DIGESTS = "(sink LIKE 'digest:%' OR sink LIKE 'operator:%' OR sink LIKE 'report:%' OR sink LIKE 'user:%:digest:%')"
_KINDS = {
    "digest": ("agency_digest", ("day",)),
    "operator": ("undecided", ("day",)),
    "report": ("period_report", ("first", "last")),
    "user": ("notices", ("day",)),
}
