"""Visits to which agencies invite the authors of a collection's entries, and agencies named for that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collection_agencies",
        sa.Column("site_id", sa.Text(), sa.ForeignKey("sites.id"), nullable=False),
        sa.Column("agency_id", sa.Text(), sa.ForeignKey("agencies.id"), nullable=False),
        sa.Column("may", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "agency_id"),
    )
    op.create_table(
        "visits",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("site_id", sa.Text(), sa.ForeignKey("sites.id"), nullable=False),
        sa.Column("agency_id", sa.Text(), sa.ForeignKey("agencies.id"), nullable=False),
        sa.Column("user_id", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("result", sa.Text()),
        sa.Column("result_at", sa.BigInteger()),
        sa.Column("called_off_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_visits_site_id_at", "visits", ["site_id", "at"])
    op.create_table(
        "visit_invitations",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("site_id", sa.Text(), sa.ForeignKey("sites.id"), nullable=False),
        sa.Column("visit_id", sa.Text(), sa.ForeignKey("visits.id"), nullable=False),
        sa.Column("problem_id", sa.Text(), sa.ForeignKey("problems.id"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("invited_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger()),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("failed_at", sa.BigInteger()),
        sa.UniqueConstraint("visit_id", "problem_id"),
    )
    op.create_index("ix_visit_invitations_next_at", "visit_invitations", ["next_at"])
