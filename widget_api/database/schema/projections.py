"""Define the tables derived from problems, which can be rebuilt at any time (problems/projections)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table, Text, text

from widget_api.database.schema.columns import count, metadata, reference
from widget_api.status_table import PUBLIC_STATUSES

site_cells = Table(
    "site_cells",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("category", Text, primary_key=True),  # empty = all of them
    Column("cell", BigInteger, primary_key=True),  # problems.cell without its last digits
    *(count(status) for status in PUBLIC_STATUSES),
    Column("lat_sum", Float, nullable=False, server_default=text("0")),  # divided by the count: the mean position
    Column("lng_sum", Float, nullable=False, server_default=text("0")),
    Column("number_sum", BigInteger, nullable=False, server_default=text("0")),  # of one problem: its number
)

site_figures = Table(
    "site_figures",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("measure", Text, primary_key=True),  # received | answered | days | due
    Column("period", Text, primary_key=True),  # «2026-11»; for `days` their number, «0007»; for `due` the date
    Column("category", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    count("count"),
)

# List items of published problems, ready to be sent (problems/projections/items.py).
problem_items = Table(
    "problem_items",
    metadata,
    # Combines sites.ordinal and problems.number. Only a column of type INTEGER can be SQLite's row id.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("item", LargeBinary, nullable=False),  # JSON without its end
    Column("due", Text),  # when an answer is due; null = none is outstanding
)

projections = Table(
    "projections",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # of the code that built it last
)
