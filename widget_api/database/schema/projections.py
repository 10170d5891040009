"""What follows from the problems, and is made anew from them at any time (problems/projections)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table, Text, text

from widget_api.database.schema.columns import PUBLIC_STATUSES, count, metadata, reference

site_cells = Table(
    "site_cells",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("category", Text, primary_key=True),  # empty = all of them
    Column("cell", BigInteger, primary_key=True),  # problems.cell without its last digits
    *(count(status) for status in PUBLIC_STATUSES),
    Column("lat_sum", Float, nullable=False, server_default=text("0")),  # over the count: where the middle is
    Column("lng_sum", Float, nullable=False, server_default=text("0")),
    Column("number_sum", BigInteger, nullable=False, server_default=text("0")),  # of a single problem: its number
)

site_figures = Table(
    "site_figures",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("measure", Text, primary_key=True),  # received | answered | days | due
    Column("period", Text, primary_key=True),  # «2026-11»; of `days` how many, «0007»; of `due` the day
    Column("category", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    count("count"),
)

# What lists tell of each published problem, ready to be sent (problems/projections/items.py).
problem_items = Table(
    "problem_items",
    metadata,
    # sites.ordinal and problems.number in one. SQLite's own number of a row is an INTEGER and nothing else.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("item", LargeBinary, nullable=False),  # JSON without its end
    Column("due", Text),  # when an answer is due; null = none is any more
)

projections = Table(
    "projections",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # of the code that made it last
)
