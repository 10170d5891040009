"""Define the tables of the houses of a town, by which addresses are suggested and points are named."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, Table, Text

from widget_api.database.schema.columns import metadata, reference

address_streets = Table(
    "address_streets",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("street", Integer, primary_key=True, autoincrement=False),  # counted within the site
    Column("name", Text, nullable=False),
    Column("lat", Float, nullable=False),  # of the house in the middle
    Column("lng", Float, nullable=False),
)

# Groups of three letters of the name (addresses/spelling.py): a street is found by those it shares with a text.
address_trigrams = Table(
    "address_trigrams",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("trigram", Text, primary_key=True),
    Column("street", Integer, primary_key=True, autoincrement=False),
)

address_houses = Table(
    "address_houses",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("street", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # what the number of the house begins with
    Column("house", Text, primary_key=True),  # the number of the house in one spelling, «12ак2»
    Column("text", Text, nullable=False),  # as it was loaded, «12А к2»
    Column("lat", Float, nullable=False),
    Column("lng", Float, nullable=False),
    Index("ix_address_houses_lat", "site_id", "lat", "lng"),
)
