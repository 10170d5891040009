"""Store the services of each platform, and the mapping of categories to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from widget_api import journal
from widget_api.database import Database, Row, Transaction
from widget_api.platform.model import PlatformService, ServiceQuestion


async def service_code(database: Database, platform_id: str, site_id: str, category: str) -> str:
    """Return the service code that a category maps to, by default its own code."""
    row = await database.row_at_once(
        "SELECT service_code FROM platform_mappings"
        " WHERE platform_id = :platform_id AND site_id = :site_id AND category = :category",
        platform_id=platform_id,
        site_id=site_id,
        category=category,
    )
    return row["service_code"] if row is not None else category


async def read_mapping(database: Database, platform_id: str, site_id: str) -> Mapping[str, str]:
    """Return the service codes by category, for the mapped categories only."""
    rows = await database.rows(
        "SELECT category, service_code FROM platform_mappings"
        " WHERE platform_id = :platform_id AND site_id = :site_id ORDER BY category",
        platform_id=platform_id,
        site_id=site_id,
    )
    return {row["category"]: row["service_code"] for row in rows}


async def write_mapping(
    database: Database,
    platform_id: str,
    site_id: str,
    mapping: Mapping[str, str],
    who: journal.Who = journal.COMMAND_LINE,
) -> None:
    """Replace the mapping of a site. A category that it does not contain maps to its own code."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "DELETE FROM platform_mappings WHERE platform_id = :platform_id AND site_id = :site_id",
            platform_id=platform_id,
            site_id=site_id,
        )
        for category, code in mapping.items():
            await tx.insert(
                "platform_mappings", platform_id=platform_id, site_id=site_id, category=category, service_code=code
            )
        await journal.record(tx, "platform_mapping_changed", who, subject=platform_id, site_id=site_id)

    await database.write(work)


async def list_services(database: Database, platform_id: str, site_id: str) -> list[PlatformService]:
    """List the services of a platform, including those it no longer offers."""
    rows = await database.rows(
        "SELECT * FROM platform_services WHERE platform_id = :platform_id AND site_id = :site_id ORDER BY name, code",
        platform_id=platform_id,
        site_id=site_id,
    )
    return [_service(row) for row in rows]


async def write_services(
    database: Database, platform_id: str, site_id: str, services: Sequence[PlatformService], now: int
) -> None:
    """Store the services that a platform offers now. Those it no longer lists are kept and marked as gone."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE platform_services SET gone_at = COALESCE(gone_at, :now)"
            " WHERE platform_id = :platform_id AND site_id = :site_id",
            platform_id=platform_id,
            site_id=site_id,
            now=now,
        )
        for service in services:
            await tx.run(
                "INSERT INTO platform_services"
                " (platform_id, site_id, code, name, description, group_name, questions, seen_at)"
                " VALUES (:platform_id, :site_id, :code, :name, :description, :group_name, :questions, :now)"
                " ON CONFLICT (platform_id, site_id, code) DO UPDATE SET name = :name, description = :description,"
                " group_name = :group_name, questions = :questions, seen_at = :now, gone_at = NULL",
                platform_id=platform_id,
                site_id=site_id,
                code=service.code,
                name=service.name,
                description=service.description,
                group_name=service.group,
                questions=orjson.dumps(
                    [
                        {"code": question.code, "name": question.name, "required": question.required}
                        for question in service.questions
                    ]
                ).decode(),
                now=now,
            )
        await tx.run("UPDATE platforms SET services_at = :now WHERE id = :id", id=platform_id, now=now)

    await database.write(work)


def _service(row: Row) -> PlatformService:
    questions = tuple(ServiceQuestion(**question) for question in orjson.loads(row["questions"]))
    return PlatformService(
        code=row["code"],
        name=row["name"],
        description=row["description"],
        group=row["group_name"],
        questions=questions,
        gone=row["gone_at"] is not None,
    )
