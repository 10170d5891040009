"""Subordinate services: assignment of reports to them and to people, and the rules that assign on acceptance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agencies", sa.Column("delegated", sa.Boolean(), server_default=sa.text("FALSE"), nullable=False))
    for name in ("assigned_agency", "assigned_user", "assigned_due", "service_outcome"):
        op.add_column("problems", sa.Column(name, sa.Text(), nullable=True))
    for name in ("assigned_agency", "assigned_user"):
        assigned = sa.text(f"{name} IS NOT NULL")
        columns = ["site_id", name, "status", "created_at", "number"]
        op.create_index(f"ix_problems_{name}", "problems", columns, postgresql_where=assigned, sqlite_where=assigned)
    waiting = sa.text("service_outcome IS NOT NULL")
    columns = ["site_id", "service_outcome", "created_at", "number"]
    op.create_index("ix_problems_outcome", "problems", columns, postgresql_where=waiting, sqlite_where=waiting)
    op.create_table(
        "routing_rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("area_name", sa.Text(), nullable=True),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_routing_rules_agency_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_routing_rules_site_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_routing_rules_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_rules")),
    )
    op.create_index("ix_routing_rules_site_id", "routing_rules", ["site_id"])
