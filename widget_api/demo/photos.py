"""Gives some of the town's problems photos, and their answers too, as residents and the agency would have."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from widget_api import i18n
from widget_api.attachments.photos import model
from widget_api.attachments.storage import Storage
from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.demo import pictures
from widget_api.problems.store import records
from widget_api.sites.model import Site

MOST = 24  # problems: drawing one takes a tenth of a second


async def attach(database: Database, storage: Storage, site: Site) -> None:
    """To the newest problems of the categories that can be drawn: one before, and one after where it was resolved."""
    shown = sorted(pictures.drawable())
    names = {f"category{place}": code for place, code in enumerate(shown)}
    problems = await database.rows(
        "SELECT id, number, category, status, status_event, created_at, status_at FROM problems"
        f" WHERE site_id = :site_id AND published AND category IN ({', '.join(f':{name}' for name in names)})"
        " ORDER BY number DESC LIMIT :most",
        site_id=site.id,
        most=MOST,
        **names,
    )
    for problem in problems:
        await _attach(database, storage, site, problem)


async def _attach(database: Database, storage: Storage, site: Site, problem: Row) -> None:
    roles: Sequence[model.Role] = ("report", "answer") if problem["status"] == "resolved" else ("report",)
    photos = {role: new_id() for role in roles}
    for role, photo_id in photos.items():
        drawn = pictures.draw(problem["category"], problem["number"], after=role == "answer")
        for size, content in zip(model.SIZES, drawn, strict=True):
            await storage.put(photo_id, size, content)
    width, height = pictures.SIZE
    alt = {role: i18n.text(site.language, f"demo.photos.{role}") for role in roles}

    async def work(tx: Transaction) -> None:
        received = await tx.row(
            "SELECT id FROM events WHERE site_id = :site_id AND problem_id = :id AND kind = 'received'",
            site_id=site.id,
            id=problem["id"],
        )
        assert received is not None, "a problem without its first event"
        for role, photo_id in photos.items():
            await tx.insert(
                "photos",
                id=photo_id,
                site_id=site.id,
                problem_id=problem["id"],
                event_id=received["id"] if role == "report" else problem["status_event"],
                role=role,
                place=0,
                alt=alt[role],
                width=width,
                height=height,
                created_at=problem["created_at"] if role == "report" else problem["status_at"],
            )
        first = [model.photo_view(photos["report"], width, height, alt["report"])]
        await records.update(tx, problem["id"], {"photos": orjson.dumps(first).decode()})

    await database.write(work, site.id)
