"""From 1.1.0 to 1.2.0: when a report needs consent, and the addresses of a town.

Until 1.2.0 is released every change of the schema is made in this file: CONTRIBUTING.md says how.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1.2.0"
down_revision = "1.1.0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("consent", sa.Text(), server_default="always", nullable=False))
    _make_addresses()


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
