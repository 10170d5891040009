"""A canary value in every non-public column must not appear in any public response or file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Text
from starlette.routing import Route

from tests.conftest import ONE_DATABASE, Client, running
from tests.factories import AGENT, RESIDENT, make_site, run_statement, submit_report
from tests.fake_platform import FakePlatform
from tests.support.event_loop_thread import run_in_thread
from tests.support.exchange import wait_until_nothing_due
from tests.support.mail import MailSink
from tests.support.processes import Service
from widget_api.app import ROUTES
from widget_api.comments import service as discussion
from widget_api.comments.model import Comment
from widget_api.database import Database
from widget_api.database.schema import metadata
from widget_api.followers import service as following
from widget_api.ops import retention
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.problems.persons import Person
from widget_api.settings import Settings
from widget_api.sites.model import Site

# Tables that are not public, and the non-public columns of the others.
WHOLLY_PERSONAL = (
    "contacts", "consents", "followers", "commenters", "participants", "submissions", "supports", "users",
    "invitations", "webmaster_letters", "sessions", "tokens", "confirmation_letters", "media_sources", "notes",
    "notices", "answer_templates",
)  # fmt: skip
PERSONAL: dict[str, tuple[str, ...]] = dict.fromkeys(WHOLLY_PERSONAL, ()) | {
    "problems": ("code_hash", "device", "page_url", "source_name", "channel", "document_number"),
    "platforms": ("key",),
}
# Query strings for public reads, besides none.
QUERIES: dict[str, tuple[str, ...]] = {
    "problems": ("", "?q=canary", "?q=канарейка", "?sort=updated", "?status=new", "?bbox=38,54,40,56", "?limit=1"),
    "clusters": ("?zoom=9&bbox=38,54,40,56", "?zoom=18&bbox=38,54,40,56", "?zoom=9&bbox=38,54,40,56&q=canary"),
    "requests.json": ("?extensions=true", "?updated_after=2020-01-01T00:00:00Z", "?service_request_id=1,2"),
    "servicerequestupdates.json": ("", "?service_request_id=1,2"),
    "similar": ("?lat=55.0794&lng=38.7783&category=roads",),
}


async def planted(database: Database) -> tuple[Site, int, int, Site]:
    """A site with a published and an unpublished problem, full of canaries, and another site."""
    site, other = await make_site(database, discussion="moderated"), await make_site(database)
    contact = Contact(email="canary-mail@example.test", name="canary-name", phone="+7canary", publish_name=False)
    shown = await submit_report(database, site, contact=contact)
    hidden = await submit_report(
        database, site, contact=contact, description="canary канарейка", address="canary", lat=55.08, lng=38.78
    )
    foreign = await submit_report(database, other, contact=contact, description="canary-foreign")
    for one, to in ((site, shown), (other, foreign)):
        await lifecycle.change(database, AGENT, one.id, to.problem_id, Change(to="accepted"))
    await lifecycle.change(database, AGENT, site.id, shown.problem_id, Change(to="resolved", text="Сделано"))

    async def plant(tx: Any) -> None:
        for name in ("followers", "comments", "commenters", "participants", "media_sources"):
            await insert(tx, name, site.id, shown.problem_id)
        await insert_internal(tx, site, shown.problem_id)
        await insert_template(tx, site)
        for name, columns in PERSONAL.items():
            table = metadata.tables[name]
            for column in table.columns:
                whole = not columns and isinstance(column.type, Text) and not column.foreign_keys
                if (whole and not column.primary_key) or column.name in columns:
                    await tx.run(f"UPDATE {name} SET {column.name} = :canary", canary=f"canary-{name}-{column.name}")

    await database.write(plant, site.id)
    return site, shown.number, hidden.number, other


async def insert(tx: Any, name: str, site_id: str, problem_id: str) -> None:
    """A row with canaries in every column that allows it."""
    table = metadata.tables[name]
    values: dict[str, Any] = {}
    for column in table.columns:
        if isinstance(column.type, Boolean):
            values[column.name] = False
        else:
            values[column.name] = f"canary-{name}" if isinstance(column.type, Text) else 1
    await tx.insert(name, **(values | {"site_id": site_id, "problem_id": problem_id, **EXTRA.get(name, {})}))


async def insert_internal(tx: Any, site: Site, problem_id: str) -> None:
    """What an agency writes in the cabinet for internal use."""
    user = {"id": "u1", "email": "boris@gorod.test", "role": "agent", "password_hash": "x", "created_at": 1}
    await tx.insert("users", agency_id=site.agency.id, **user)
    await tx.insert("notes", id="n1", problem_id=problem_id, user_id="u1", text="canary-note", at=1)


async def insert_template(tx: Any, site: Site) -> None:
    template = {"id": "a1", "title": "canary-title", "text": "canary-template", "changed_at": 1}
    await tx.insert("answer_templates", agency_id=site.agency.id, **template)


async def test_internal_notes_are_in_no_letter_and_no_delivery(
    make_settings: Callable[..., Settings], database_url: str, fake: FakePlatform, mail_sink: MailSink
) -> None:
    settings = make_settings(database_url=database_url, platform_url=fake.url, platform_key="secret")
    async with running(settings) as app:
        database = app.state.context.database
        site = await make_site(
            database, agency={"mode": "email", "email": "priem@gorod.test"}, jurisdiction="gorod.test"
        )
        report = await submit_report(database, site)
        await database.write(lambda tx: insert_internal(tx, site, report.problem_id), site.id)
        await lifecycle.confirm(database, site.id, report.problem_id)
        for change in (Change(to="planned", expected_on="2099-12-12"), Change(to="resolved", text="Засыпали")):
            await lifecycle.change(database, AGENT, site.id, report.problem_id, change)
        await lifecycle.change(
            database, RESIDENT, site.id, report.problem_id, Change(to="reopened", text="Не засыпали")
        )
        await wait_until_nothing_due(database)
    assert len(mail_sink.to("priem@gorod.test")) >= 2
    assert "Засыпали" in str([letter.text for letter in mail_sink.letters])
    assert "Засыпали" in str(fake.updates)
    assert "canary" not in str([str(letter.message) + letter.text for letter in mail_sink.letters])
    assert "canary" not in str([fake.calls, fake.requests, fake.updates])


EXTRA: dict[str, dict[str, Any]] = {"comments": {"id": "c1", "state": "moderation"}, "commenters": {"comment_id": "c1"}}


def public_routes(site: Site, numbers: tuple[int, ...], slug: str = "{slug}") -> list[str]:
    """Every GET route that needs neither a token nor a sign-in, from the route table itself; of a collection too."""
    found = []
    for route in ROUTES:
        if not isinstance(route, Route) or "GET" not in (route.methods or ()):
            continue
        if not route.path.startswith(("/api/v1/sites/", "/s/", "/open311/", "/api/v1/tickets")):
            continue
        path = route.path.replace("{key}", site.key).replace("{form}", "json").replace("{code}", "roads")
        path = path.replace("{slug}", slug)
        for number in numbers if "{number" in path or "{id" in path else (0,):
            whole = path
            for name in ("{number}", "{number:int}", "{id}"):
                whole = whole.replace(name, str(number))
            name = whole.rsplit("/", 1)[-1]
            found += [whole + query for query in QUERIES.get(name, ("",))]
    return [path for path in found if "{" not in path]


async def test_no_public_route_leaks_personal_unpublished_or_other_sites_data(client: Client, app: Any) -> None:
    database = app.state.context.database
    site, shown, hidden, other = await planted(database)
    await database.write(lambda tx: tx.run("UPDATE site_counters SET version = version + 1"))
    asked = public_routes(site, (shown, hidden, 999))
    for needed in (
        "/v2/requests.json", "/problems", "/clusters", "/stats", ".geojson", ".csv", "/feed.atom",
        f"/problems/{shown}",
    ):  # fmt: skip
        assert any(needed in path for path in asked), f"{needed} is not a public route"
    for path in asked:
        if path.startswith("/open311/"):  # two sites share it
            path += f"{'&' if '?' in path else '?'}jurisdiction_id={site.jurisdiction}"
        answer = await client.get(path, headers={"Accept-Language": "ru"})
        assert answer.status_code < 500, path
        assert "canary" not in answer.text, path
        assert other.key not in answer.text, path
    for rest in ("", "/comments"):
        unknown = await client.get(f"/api/v1/sites/{site.key}/problems/999{rest}")
        unpublished = await client.get(f"/api/v1/sites/{site.key}/problems/{hidden}{rest}")
        assert (unpublished.status_code, unpublished.json()) == (404, unknown.json())


# --- what the disk still says after somebody was forgotten ---

ADDRESS, WORDS = "canary-mail@example.test", "канарейка ксилофон"


async def leave_traces(service_url: str) -> None:
    """A published report with an answer, a follower and a comment, all by one person."""
    database = Database(service_url, readers=1)
    await database.connect()
    try:
        site = await make_site(database, discussion="moderated")
        contact = Contact(email=ADDRESS, name="canary-name", phone="+7canary")
        receipt = await submit_report(database, site, contact=contact, description=WORDS, address="canary-street, 1")
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
        await lifecycle.change(database, RESIDENT, site.id, receipt.problem_id, Change(to="withdrawn"))
        other = await submit_report(database, site)
        await lifecycle.change(database, AGENT, site.id, other.problem_id, Change(to="accepted"))
        person = Person(email=ADDRESS, language="ru", consent_version="1", consent_hash="0", ip="203.0.113.99")
        await following.follow_problem(database, site.id, other.number, person, None)
        await database.write(lambda tx: insert_internal(tx, site, receipt.problem_id), site.id)
        await discussion.post_comment(database, site, other.number, Comment(name="canary-name", text=WORDS), person)
    finally:
        await database.disconnect()


def files_with_canaries(folder: Path) -> set[str]:
    """Files of a service that still contain a canary: database, logs, media, backups and their contents."""
    found = set()
    canaries = [text.encode() for text in ("canary", "канарейк", "ксилофон", "203.0.113.99")]
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        contents = [path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                contents += [archive.read(name) for name in archive.namelist()]
        if any(canary in content.lower() for content in contents for canary in canaries):
            found.add(path.name)
    return found


@ONE_DATABASE
@pytest.mark.parametrize("forgetting", ["erase", "purge"])
def test_erased_data_is_in_no_file(
    serve: Callable[..., Service], mail_sink: MailSink, forgetting: str, dialect: str
) -> None:
    """Next to a running service, whose connections keep the write-ahead log with old pages until it is truncated."""
    service = serve(smtp_url=mail_sink.url)
    run_in_thread(leave_traces(service.settings["WIDGET_DATABASE_URL"]))
    assert files_with_canaries(service.directory) & {"widget.db", "widget.db-wal"}
    if forgetting == "erase":
        service.cli("erase", "--email", ADDRESS)
        assert files_with_canaries(service.directory) == set()
    else:
        run_in_thread(grow_old(service.settings["WIDGET_DATABASE_URL"]))
    service.cli("purge")
    service.cli("backup", str(service.directory / "copy.zip"))
    assert (service.directory / "widget.db-wal").exists(), "the service still runs"
    assert files_with_canaries(service.directory) == set()
    service.kill()
    assert files_with_canaries(service.directory) == set()


@ONE_DATABASE
async def test_a_long_running_process_truncates_its_log_after_an_erasure(
    database: Database, database_url: str, tmp_path: Path, dialect: str
) -> None:
    """A command truncates it at its end; a service that erases on request runs for months."""
    await leave_traces(database_url)
    assert files_with_canaries(tmp_path)
    await retention.erase_person(database, ADDRESS)
    await retention.erase_words(database, ADDRESS)
    assert list(tmp_path.glob("*.db-wal")), "the process has the database open"  # noqa: ASYNC240 - one look at a folder
    assert files_with_canaries(tmp_path) == set()


async def grow_old(service_url: str) -> None:
    database = Database(service_url, readers=1)
    await database.connect()
    try:
        for table, column in (("problems", "updated_at"), ("followers", "created_at"), ("comments", "created_at")):
            await run_statement(database, f"UPDATE {table} SET {column} = 1")
        await database.write(lambda tx: tx.run("UPDATE confirmation_letters SET at = 1"))
    finally:
        await database.disconnect()
