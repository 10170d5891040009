"""Attacks on the doors of synchronisation: what a token, a platform's key or a platform's answer must not be able to."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.api.test_georeport_server import ROOT, accept, post, send
from tests.factories import AGENT, make_site
from widget_api.context import Context
from widget_api.database import Database
from widget_api.problems import service as problems
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites.model import Site


@pytest.fixture
def context(app: Any) -> Context:
    found: Context = app.state.context
    return found


@pytest.fixture
def database(context: Context) -> Database:
    return context.database


@pytest.fixture
async def site(database: Database) -> Site:
    return await make_site(database, jurisdiction="gorod.test", agency={"mode": "email"})


@pytest.fixture
async def key(database: Database, site: Site) -> str:
    return await changes.add_token(database, site.id, "georeport")


async def problem_of(database: Database, number: str) -> Any:
    return await database.row("SELECT * FROM problems WHERE number = :number", number=int(number))


# --- a token of scope «georeport» -----------------------------------------------------------------------------------


@pytest.mark.parametrize("later", ["IN_PROGRESS", "FIXED", "OPEN", "INTERNAL_REFERRAL"])
async def test_who_sent_a_request_cannot_publish_what_the_moderator_rejected(
    client: httpx2.AsyncClient, database: Database, site: Site, key: str, later: str
) -> None:
    number = await send(client, key)
    row = await problem_of(database, number)
    await problems.change(database, AGENT, site.id, row["id"], Change(to="rejected", text="Данные соседа"))
    told = {"api_key": key, "service_request_id": number}
    for status in (later, "REOPEN", later):
        await post(client, "servicerequestupdates.json", told | {"status": status, "description": status})
        assert (await client.get(f"{ROOT}/requests/{number}.json")).status_code == 404, status
    assert not (await problem_of(database, number))["published"]
    assert (await problem_of(database, number))["status"] in ("rejected", "reopened")  # its author may ask again


async def test_what_is_taken_back_before_anybody_saw_it_leaves_for_nobody(
    client: httpx2.AsyncClient, database: Database, site: Site, key: str
) -> None:
    """Taken back and begun anew it would reach the agency's mailbox past its moderator, a spam mark gone on the way."""
    number = await send(client, key)
    row = await problem_of(database, number)
    await problems.mark_spam(database, AGENT, site.id, row["id"], True)
    told = {"api_key": key, "service_request_id": number}
    assert (await post(client, "servicerequestupdates.json", told | {"status": "CANCELLED"})).status_code == 200
    assert (await post(client, "servicerequestupdates.json", told | {"status": "REOPEN"})).status_code == 400
    row = await problem_of(database, number)
    assert (row["status"], row["released_at"], row["published"]) == ("withdrawn", None, False)
    assert await database.row("SELECT * FROM deliveries WHERE sink = 'agency' AND state <> 'dropped'") is None


async def test_a_token_does_not_decide_what_another_platform_decides(
    client: httpx2.AsyncClient, database: Database, site: Site, key: str
) -> None:
    number = await send(client, await changes.add_token(database, site.id, "georeport"))
    problem_id = await accept(database, site, number)

    async def mirrored(tx: Any) -> None:
        await tx.run("UPDATE problems SET mirror_of = 'elsewhere', source = 'platform' WHERE id = :id", id=problem_id)

    await database.write(mirrored, site.id)
    told = {"api_key": key, "service_request_id": number, "status": "FIXED", "description": "Сделано"}
    assert (await post(client, "servicerequestupdates.json", told)).status_code == 400
    assert (await problem_of(database, number))["status"] == "accepted"
