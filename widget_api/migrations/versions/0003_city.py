"""What the city's readers ask: cells, figures, words; files of answers, followers, comments."""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATUSES = (
    "accepted",
    "forwarded",
    "in_progress",
    "planned",
    "resolved",
    "answered",
    "redirected",
    "duplicate",
    "rejected",
    "confirmed",
    "reopened",
)
OPEN = "published AND status IN ('accepted', 'forwarded', 'in_progress', 'planned', 'reopened')"


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _count(name: str, kind: Any = None) -> sa.Column[Any]:
    return sa.Column(name, kind or sa.Integer(), server_default=sa.text("0"), nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _keys(table: str, primary: list[str], **foreign: str) -> list[Any]:
    return [
        sa.PrimaryKeyConstraint(*primary, name=f"pk_{table}"),
        *(
            sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}")
            for column, target in foreign.items()
        ),
    ]


def upgrade() -> None:
    _sites()
    op.add_column("problems", sa.Column("cell", sa.BigInteger(), nullable=True))
    op.add_column("problems", sa.Column("answered_at", sa.BigInteger(), nullable=True))
    op.add_column("problems", _count("comments"))
    op.add_column("deliveries", _count("leases"))
    op.execute(
        "UPDATE problems SET answered_at = (SELECT MIN(e.at) FROM events e WHERE e.problem_id = problems.id"
        " AND e.status IN ('resolved', 'answered') AND e.text_id IS NOT NULL) WHERE has_answer"
    )
    for name, columns, condition in (
        ("cell", ["cell"], "published AND cell IS NOT NULL"),
        ("supporters", ["supporters", "number"], "published"),
        ("kind", ["category", "status", "created_at", "number"], "published"),
        ("due", ["answer_due", "number"], OPEN),
    ):
        op.create_index(f"ix_problems_{name}", "problems", ["site_id", *columns], **_where(condition))
    _derived()
    _words()
    _documents()
    _comments()
    _followers()


def _sites() -> None:
    op.add_column("sites", sa.Column("discussion", sa.Text(), server_default="off", nullable=False))
    op.add_column("sites", sa.Column("license", sa.Text(), server_default="CC-BY-4.0", nullable=False))
    op.add_column("sites", sa.Column("ordinal", sa.Integer(), nullable=True))
    op.execute("UPDATE sites SET ordinal = (SELECT COUNT(*) FROM sites other WHERE other.id <= sites.id)")
    op.create_index("ix_sites_ordinal", "sites", ["ordinal"], unique=True)


def _derived() -> None:
    op.create_table(
        "site_cells",
        _text("site_id"),
        sa.Column("level", sa.Integer(), nullable=False),
        _text("category"),
        sa.Column("cell", sa.BigInteger(), nullable=False),
        *(_count(status) for status in STATUSES),
        _count("lat_sum", sa.Float()),
        _count("lng_sum", sa.Float()),
        _count("number_sum", sa.BigInteger()),
        *_keys("site_cells", ["site_id", "level", "category", "cell"], site_id="sites.id"),
    )
    op.create_table(
        "site_figures",
        *(_text(name) for name in ("site_id", "measure", "period", "category", "status")),
        _count("count"),
        *_keys("site_figures", ["site_id", "measure", "period", "category", "status"], site_id="sites.id"),
    )
    op.create_table(
        "projections",
        _text("name"),
        sa.Column("version", sa.Integer(), nullable=False),
        *_keys("projections", ["name"]),
    )


# Punctuation that PostgreSQL's parser would make addresses, files, signed and broken numbers of; «ё» is «е».
_AS = "ёЁ" + "-_.,:;/@#&+~<>=|!?*()[]{}" + "«»–—№"
_PLAIN = "translate(COALESCE(description, '') || ' ' || COALESCE(address, ''), '{}', '{}')".format(
    _AS, "еЕ".ljust(len(_AS))
)


def _words() -> None:
    """The index of words. SQLite: kept by problems/projections/words.py. PostgreSQL: an index on an expression.

    The configuration is `russian` without its stop words, which would make a search for «не» one for nothing. The
    site is a word of each problem, so that another town's words cost nothing.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE problem_words USING fts5(stems, detail=none, columnsize=0, tokenize='unicode61')"
        )
        if sqlite3.sqlite_version_info >= (3, 42):  # what is deleted is gone from the file's index as well
            op.execute("INSERT INTO problem_words (problem_words, rank) VALUES ('secure-delete', 1)")
        return
    op.execute("CREATE TEXT SEARCH CONFIGURATION widget_words (COPY = russian)")
    for name, language, kinds in (
        ("widget_russian", "russian", "word, hword, hword_part"),
        ("widget_english", "english", "asciiword, asciihword, hword_asciipart"),
    ):
        op.execute(f"CREATE TEXT SEARCH DICTIONARY {name} (TEMPLATE = snowball, LANGUAGE = {language})")
        op.execute(f"ALTER TEXT SEARCH CONFIGURATION widget_words ALTER MAPPING FOR {kinds} WITH {name}")
    op.execute(
        "CREATE FUNCTION words_of(site_id text, description text, address text) RETURNS tsvector"
        " LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN"
        f" array_to_tsvector(ARRAY['@' || site_id]) || to_tsvector('widget_words', {_PLAIN})"
    )
    op.execute(
        "CREATE INDEX ix_problems_words ON problems USING gin (words_of(site_id, description, address)) WHERE published"
    )


def _documents() -> None:
    op.create_table(
        "documents",
        *(_text(name) for name in ("id", "site_id", "problem_id", "event_id", "name", "media_type")),
        _count("bytes"),
        _time("created_at"),
        _time("removed_at", nullable=True),
        *_keys("documents", ["id"], site_id="sites.id", problem_id="problems.id"),
    )
    op.create_index("ix_documents_problem_id", "documents", ["problem_id"])
    op.create_index("ix_documents_loose", "documents", ["created_at"], **_where("event_id = ''"))
    op.create_index("ix_documents_removed", "documents", ["removed_at"], **_where("removed_at IS NOT NULL"))


def _comments() -> None:
    op.create_table(
        "comments",
        *(_text(name) for name in ("id", "site_id", "problem_id", "state")),
        _text("name", nullable=True),
        _text("body"),
        sa.Column("official", sa.Boolean(), server_default=sa.text("FALSE"), nullable=False),
        _text("user_id", nullable=True),
        _time("created_at"),
        _time("decided_at", nullable=True),
        _text("reason", nullable=True),
        *_keys("comments", ["id"], site_id="sites.id", problem_id="problems.id"),
    )
    op.create_index("ix_comments_problem", "comments", ["problem_id", "state", "decided_at", "id"])
    op.create_index("ix_comments_queue", "comments", ["site_id", "created_at"], **_where("state = 'moderation'"))
    op.create_table(
        "commenters",
        *(_text(name) for name in ("comment_id", "site_id", "problem_id", "email", "email_hash", "language")),
        *(_text(name) for name in ("consent_version", "consent_hash")),
        _text("ip", nullable=True),
        _time("confirmed_at", nullable=True),
        *_keys("commenters", ["comment_id"], comment_id="comments.id", site_id="sites.id", problem_id="problems.id"),
    )
    op.create_index("ix_commenters_email_hash", "commenters", ["email_hash"])
    op.create_index("ix_commenters_problem_id", "commenters", ["problem_id"])


def _followers() -> None:
    op.create_table(
        "followers",
        *(_text(name) for name in ("id", "site_id", "problem_id", "language", "consent_version", "consent_hash")),
        *(_text(name, nullable=True) for name in ("email", "email_hash", "ip")),
        _time("created_at"),
        _time("confirmed_at", nullable=True),
        _time("stopped_at", nullable=True),
        *_keys("followers", ["id"], site_id="sites.id", problem_id="problems.id"),
        sa.UniqueConstraint("problem_id", "email_hash", name="uq_followers_problem_id_email_hash"),
    )
    op.create_index("ix_followers_email_hash", "followers", ["email_hash"])
    op.create_table("forgotten", _text("id"), _text("site_id"), _time("at"), *_keys("forgotten", ["id"]))
