"""Publishing a name is a consent of its own, with a document of its own; names shown without one are shown no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    purpose = sa.Column("purpose", sa.Text(), server_default="processing", nullable=False)
    op.add_column("consent_documents", purpose)
    op.add_column("comments", sa.Column("publish_name", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("commenters", sa.Column("name_version", sa.Text(), nullable=True))
    op.add_column("commenters", sa.Column("name_hash", sa.Text(), nullable=True))
    op.add_column("commenters", sa.Column("name_withdrawn_at", sa.BigInteger(), nullable=True))
