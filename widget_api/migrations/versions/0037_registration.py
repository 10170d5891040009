"""Applications for sites, and proofs that a domain is an agency's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "applications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("inn", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="cabinet", nullable=False),
        sa.Column("registry_number", sa.Text()),
        sa.Column("area", sa.Text()),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("contact_post", sa.Text()),
        sa.Column("consent_at", sa.BigInteger(), nullable=False),
        sa.Column("consent_hash", sa.Text(), nullable=False),
        sa.Column("consent_ip", sa.Text(), nullable=False),
        sa.Column("proof_token", sa.Text(), nullable=False),
        sa.Column("proof_method", sa.Text()),
        sa.Column("proven_at", sa.BigInteger()),
        sa.Column("letter_id", sa.Text()),
        sa.Column("letter_name", sa.Text()),
        sa.Column("letter_type", sa.Text()),
        sa.Column("letter_bytes", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger()),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("reason", sa.Text()),
        sa.Column("site_id", sa.Text()),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_applications_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
        sa.UniqueConstraint("proof_token", name="uq_applications_proof_token"),
    )
    op.create_index("ix_applications_contact_email", "applications", ["contact_email"])
    op.create_index("ix_applications_host", "applications", ["host"])
    op.create_index("ix_applications_state_sent_at", "applications", ["state", "sent_at"])
    op.create_table(
        "handovers",
        sa.Column("application_id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("answered_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name="fk_handovers_application_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_handovers_site_id"),
        sa.PrimaryKeyConstraint("application_id", "site_id", name="pk_handovers"),
    )
    op.create_index("ix_handovers_site_id", "handovers", ["site_id"])
    op.create_table(
        "registration_letters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("application_id", sa.Text()),
        sa.Column("site_id", sa.Text()),
        sa.Column("origin", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name="fk_registration_letters_application_id"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_registration_letters_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_registration_letters"),
    )
    op.create_index("ix_registration_letters_application_id", "registration_letters", ["application_id"])
    op.create_index("ix_registration_letters_next_at", "registration_letters", ["next_at"])
    op.create_table(
        "site_proofs",
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("proven_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("failed_since", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("seen", sa.Text()),
        sa.Column("told_at", sa.BigInteger()),
        sa.Column("warned_at", sa.BigInteger()),
        sa.Column("stopped_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_site_proofs_site_id"),
        sa.PrimaryKeyConstraint("site_id", "origin", name="pk_site_proofs"),
    )
    op.create_index("ix_site_proofs_next_at", "site_proofs", ["next_at"])
    op.create_table(
        "register_names",
        sa.Column("inn", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("inn", name="pk_register_names"),
    )
