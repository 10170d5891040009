"""What visitors do with entries: voices, participants, requests; and the rules of a vote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

COUNTED = sa.text("confirmed_at IS NOT NULL AND stopped_at IS NULL AND action <> 'contact'")


def upgrade() -> None:
    op.create_table(
        "participants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("email", "email_hash", "person", "name", "role", "text", "ip")),
        sa.Column("show_email", sa.Boolean(), server_default=sa.text("FALSE"), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("language", "consent_version", "consent_hash")),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger()),
        sa.Column("stopped_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_participants_site_id_sites"),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_participants_problem_id_problems"),
        sa.PrimaryKeyConstraint("id", name="pk_participants"),
    )
    op.create_index("ix_participants_email_hash", "participants", ["email_hash"])
    op.create_index("ix_participants_person_site_id", "participants", ["person", "site_id"])
    op.create_index("ix_participants_problem_id", "participants", ["problem_id"])
    op.create_index(
        "ix_participants_counted",
        "participants",
        ["problem_id", "action", "person"],
        unique=True,
        sqlite_where=COUNTED,
        postgresql_where=COUNTED,
    )
    op.add_column("problems", sa.Column("participants", sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in ("votes_open_at", "votes_close_at"):
        op.add_column("sites", sa.Column(name, sa.BigInteger()))
    for name, value in (("votes_per_person", "3"), ("min_age", "16")):
        op.add_column("sites", sa.Column(name, sa.Integer(), server_default=sa.text(value), nullable=False))
