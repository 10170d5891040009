"""What an agency adds to the consent document, and who changed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("consent_text", sa.Text()))
    op.add_column("consent_documents", sa.Column("user_id", sa.Text()))
