"""From 1.1.0 to 1.2.0: when a report needs consent.

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
