"""Photos that a category asks for after the work, and a report's number in the agency's document system."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "site_categories", sa.Column("photo_after", sa.Boolean(), server_default=sa.text("(FALSE)"), nullable=False)
    )
    op.add_column("problems", sa.Column("document_number", sa.Text()))
    op.add_column("problems", sa.Column("document_date", sa.Text()))
    noted = sa.text("document_number IS NOT NULL")
    op.create_index(
        "ix_problems_document",
        "problems",
        ["site_id", "document_number"],
        postgresql_where=noted,
        sqlite_where=noted,
    )
