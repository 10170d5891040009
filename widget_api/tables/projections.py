"""What follows from the problems, and is made anew from them at any time (problems/projections)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, Table, Text, text

from widget_api.tables.columns import PUBLIC_STATUSES, count, metadata, reference

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

projections = Table(
    "projections",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # of the code that made it last
)
