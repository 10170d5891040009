"""OpenID Connect providers by which an agency's users sign in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.Text(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("replaces_factor", sa.Boolean(), nullable=False, server_default=sa.text("FALSE")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_identity_providers_agency_id"),
        sa.PrimaryKeyConstraint("agency_id", name="pk_identity_providers"),
    )
    op.add_column("sessions", sa.Column("by_provider", sa.Boolean(), nullable=False, server_default=sa.text("FALSE")))
    op.add_column("users", sa.Column("provider_subject", sa.Text(), nullable=True))
    op.create_index("uq_users_agency_id_provider_subject", "users", ["agency_id", "provider_subject"], unique=True)
