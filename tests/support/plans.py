"""How a database means to answer: the statements a piece of code asks, and the way each is looked up."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any

import pytest

from widget_api.database import Database, Transaction


async def plan(database: Database, sql: str, values: dict[str, Any]) -> str:
    """As one line, the parameters by their numbers."""
    ask = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    rows = await database.rows(f"{ask} {sql}", **values)
    return re.sub(r"\s+", " ", " ".join(row[3 if database.dialect == "sqlite" else 0] for row in rows))


async def asked(what: Awaitable[Any]) -> list[tuple[str, dict[str, Any]]]:
    """The statements, with their values, that are read or run while something is done."""
    found: list[tuple[str, dict[str, Any]]] = []
    rows, run = Database.rows, Transaction.run

    async def reading(self: Database, sql: str, **values: Any) -> Any:
        found.append((sql, values))
        return await rows(self, sql, **values)

    async def running(self: Transaction, sql: str, **values: Any) -> Any:
        found.append((sql, values))
        return await run(self, sql, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "rows", reading)
        patch.setattr(Transaction, "run", running)
        await what
    return found
