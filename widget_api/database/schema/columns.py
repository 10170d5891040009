"""Define the naming of constraints and the column types common to all tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, Text, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def identifier() -> Column[str]:
    return Column("id", Text, primary_key=True)


def reference(name: str, target: str, *, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, Text, ForeignKey(target), primary_key=primary_key, nullable=nullable and not primary_key)


def time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("FALSE"))


def count(name: str, start: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(start)))


def where(condition: str) -> dict[str, Any]:
    """Return the arguments that make an index partial in both databases."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}
