"""Photos, support, the site's territory and colour, and what the install check counts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def upgrade() -> None:
    op.add_column("sites", sa.Column("area", sa.Text(), nullable=True))
    op.add_column("sites", sa.Column("accent", sa.Text(), nullable=True))
    op.add_column("sites", sa.Column("photos", sa.Integer(), server_default=sa.text("3"), nullable=False))
    op.add_column("problems", sa.Column("rating", sa.Integer(), nullable=True))
    op.add_column("problems", sa.Column("awaits", sa.Text(), nullable=True))
    op.create_index(
        "ix_problems_awaits", "problems", ["site_id", "awaits", "created_at", "number"], **_where("awaits IS NOT NULL")
    )
    op.create_index(
        "ix_problems_near",
        "problems",
        ["site_id", "category", "lat", "lng"],
        **_where("published AND lat IS NOT NULL"),
    )
    op.create_table(
        "photos",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("place", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("alt", sa.Text(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_photos_problem_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_photos_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_photos"),
    )
    op.create_index("ix_photos_problem_id", "photos", ["problem_id"])
    op.create_index("ix_photos_loose", "photos", ["created_at"], **_where("problem_id IS NULL"))
    op.create_index("ix_photos_removed", "photos", ["removed_at"], **_where("removed_at IS NOT NULL"))
    op.create_table(
        "supports",
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("supporter", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_supports_problem_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_supports_site_id"),
        sa.PrimaryKeyConstraint("problem_id", "supporter", name="pk_supports"),
    )
    op.create_table(
        "site_sightings",
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_site_sightings_site_id"),
        sa.PrimaryKeyConstraint("site_id", "day", "origin", "version", "kind", name="pk_site_sightings"),
    )
