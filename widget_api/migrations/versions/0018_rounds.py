"""Whether each round of a report was answered in time; a count that ends the password links sent before it moved."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("reset_epoch", sa.Integer(), server_default="0", nullable=False))
    op.add_column("problems", sa.Column("answered_in_time", sa.Boolean(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        op.get_bind().connection.create_function("local_day", 2, _local_day)
        day = "local_day(answered.at, s.time_zone)"
    else:
        day = "to_char(to_timestamp(answered.at) AT TIME ZONE s.time_zone, 'YYYY-MM-DD')"
    op.execute(_in_time("problems.answered_at", day, "answered_at IS NOT NULL"))
    # Of what was sent back only the last answer can be judged: the day of the rounds before is not on record.
    first_since = (
        "(SELECT MIN(e.at) FROM events e WHERE e.problem_id = problems.id AND e.status IN ('resolved', 'answered')"
        " AND e.text_id IS NOT NULL AND e.data NOT LIKE '%\"unofficial\"%' AND (e.at, e.id) >"
        " (SELECT r.at, r.id FROM events r WHERE r.problem_id = problems.id AND r.status = 'reopened'"
        " ORDER BY r.at DESC, r.id DESC LIMIT 1))"
    )
    op.execute(_in_time(first_since, day, "id IN (SELECT problem_id FROM events WHERE status = 'reopened')"))


def _in_time(answered_at: str, day: str, which: str) -> str:
    return (
        f"UPDATE problems SET answered_in_time = (SELECT {day} <= problems.answer_due"
        f" FROM (SELECT {answered_at} AS at) answered, sites s"
        " WHERE s.id = problems.site_id AND answered.at IS NOT NULL)"
        f" WHERE mirror_of IS NULL AND answer_due <> '9999-12-31' AND {which}"
    )


def _local_day(seconds: int, time_zone: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(time_zone)).date().isoformat()
