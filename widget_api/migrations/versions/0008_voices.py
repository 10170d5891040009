"""Whose word is the agency's: names of tokens, the sites' decisions; what tokens of scope georeport said is marked."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("name", sa.Text(), nullable=True))
    op.create_table(
        "agency_voices",
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("speaks", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_agency_voices_site_id"),
        sa.PrimaryKeyConstraint("site_id", "source", name="pk_agency_voices"),
    )
    mark()


def mark() -> None:
    """Take back what was shown as the agency's answer (problems.model.is_official); the projections follow."""
    connection = op.get_bind()
    said = connection.execute(
        sa.text(
            "SELECT e.site_id, e.id, e.problem_id, e.data FROM events e JOIN tokens t ON t.id = e.source"
            " WHERE t.scope = 'georeport' AND e.kind IN ('status', 'note')"
        )
    ).all()
    for site_id, event_id, _, data in said:
        connection.execute(
            sa.text("UPDATE events SET data = :data WHERE site_id = :site_id AND id = :id"),
            {"data": json.dumps(json.loads(data) | {"unofficial": True}), "site_id": site_id, "id": event_id},
        )
    for problem_id in {problem_id for _, _, problem_id, _ in said}:
        answers = connection.execute(
            sa.text(
                "SELECT e.at, e.data FROM events e JOIN texts t ON t.id = e.text_id"
                " WHERE e.problem_id = :id AND e.status IN ('resolved', 'answered')"
            ),
            {"id": problem_id},
        )
        official = [at for at, data in answers if not json.loads(data).get("unofficial")]
        connection.execute(
            sa.text("UPDATE problems SET has_answer = :answered, answered_at = :at WHERE id = :id"),
            {"answered": bool(official), "at": min(official, default=None), "id": problem_id},
        )
