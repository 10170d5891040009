"""Record the statements that a piece of code runs, and explain how a database looks each one up."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any

import pytest

from widget_api.database import Database, Transaction


async def plan(database: Database, sql: str, values: dict[str, Any]) -> str:
    """The query plan on one line."""
    ask = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    rows = await database.rows(f"{ask} {sql}", **values)
    return re.sub(r"\s+", " ", " ".join(row[3 if database.dialect == "sqlite" else 0] for row in rows))


async def record_statements(what: Awaitable[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Statements with values that this task reads, or that run in tasks of transactions, while `what` is awaited."""
    found: list[tuple[str, dict[str, Any]]] = []
    rows, run = Database.rows, Transaction.run

    task = asyncio.current_task()

    async def record_rows(self: Database, sql: str, **values: Any) -> Any:
        if asyncio.current_task() is task:
            found.append((sql, values))
        return await rows(self, sql, **values)

    async def record_run(self: Transaction, sql: str, **values: Any) -> Any:
        found.append((sql, values))
        return await run(self, sql, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "rows", record_rows)
        patch.setattr(Transaction, "run", record_run)
        await what
    return found
