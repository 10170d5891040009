"""Letters with the code of a site to its webmaster."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webmaster_letters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("failed_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_webmaster_letters_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webmaster_letters"),
        sa.UniqueConstraint("site_id", "email", name="uq_webmaster_letters_site_id_email"),
    )
    op.create_index("ix_webmaster_letters_next_at", "webmaster_letters", ["next_at"])
