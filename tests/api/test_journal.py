"""The security journal: who did what, written with the act itself, never changed, and without personal texts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.conftest import Client
from tests.factories import EMAIL as RESIDENT_EMAIL
from tests.factories import existing, make_site, submit_report
from tests.support.cabinet import PASSWORD, Cabinet, Enter
from tests.support.journal import read_journal
from tests.support.processes import CommandFailed
from widget_api import clock, journal
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.ops import backup, retention, schema
from widget_api.people import accounts, password_reset, passwords, sign_in
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems.model import Contact
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.model import Site

Cli = Callable[..., Any]
EMAIL = "anna@gorod.test"
CHOSEN = "тихая река у старой мельницы"
ACCOUNT = "/cabinet/account"
pytestmark = pytest.mark.settings(work="off")


async def entries(database: Database, *kinds: str) -> list[dict[str, Any]]:
    """All entries in order."""
    found = await read_journal(database)
    return [entry for entry in reversed(found) if not kinds or entry["kind"] in kinds]


async def kinds(database: Database) -> list[str]:
    return [entry["kind"] for entry in await entries(database)]


async def test_sign_in_and_sign_out_are_recorded_without_secrets(
    enter: Enter, site: Site, context: Context, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "widget_api.journal")
    anna = await enter("agent", site.agency.id, EMAIL)
    session = anna.client.cookies[next(iter(anna.client.cookies))]
    await anna.send("/cabinet/", "/cabinet/sign-out")
    for email, password in ((EMAIL, "guess-number-one"), ("typed-secret-by-mistake", "guess-number-two")):
        assert (await Cabinet(client).sign_in(email, password)).status_code == 403
    assert (await anna.sign_in(EMAIL, PASSWORD)).status_code == 303
    await anna.send(ACCOUNT, f"{ACCOUNT}/password", old_password=PASSWORD, new_password=CHOSEN)
    await anna.send(ACCOUNT, f"{ACCOUNT}/sessions")
    await client.post("/cabinet/forgot", data={"email": EMAIL})
    await client.post("/cabinet/forgot", data={"email": "nobody@gorod.test"})
    user = existing(await context.database.row("SELECT * FROM users"))
    link = password_reset.reset_url(context, user)
    assert (await client.post(link, data={"password": CHOSEN + "!"})).status_code == 303

    # after the agency's entry
    written = [entry for entry in await entries(context.database) if entry["site_id"] is None][1:]
    assert [(entry["kind"], entry["role"], entry["subject"] is not None) for entry in written] == [
        ("user_added", "command_line", True), ("signed_in", "agent", True), ("signed_out", "agent", True),
        ("sign_in_failed", "visitor", True), ("sign_in_failed", "visitor", False), ("signed_in", "agent", True),
        ("password_changed", "agent", True), ("signed_out_everywhere", "agent", True),
        ("password_letter_asked", "visitor", True), ("password_reset", "visitor", True),
    ]  # fmt: skip
    assert {entry["subject"] for entry in written} == {user["id"], None}
    assert {entry["ip"] for entry in written[1:]} == {"127.0.0.1"}
    assert {entry["user_id"] for entry in written if entry["role"] == "agent"} == {user["id"]}
    assert {entry["agency_id"] for entry in written if entry["role"] == "agent"} == {site.agency.id}
    raw = str([tuple(row) for row in await context.database.rows("SELECT * FROM journal")])
    lines = [record.getMessage() for record in caplog.records if record.name == "widget_api.journal"]
    assert [line.split()[0] for line in lines] == [entry["kind"] for entry in written]
    for secret in (
        PASSWORD, CHOSEN, "guess-number", "typed-secret", session, link.rpartition("/")[2], EMAIL, "nobody@",
    ):  # fmt: skip
        assert secret not in raw
        assert secret not in "\n".join(lines)

    await accounts.disable_user(context.database, EMAIL)
    assert (await Cabinet(client).sign_in(EMAIL, CHOSEN + "!")).status_code == 403
    *_, tried = await entries(context.database)
    assert (tried["kind"], tried["subject"]) == ("sign_in_failed", user["id"])
    assert tried["details"] == {"times": 2, "reason": "disabled"}


async def test_failed_sign_ins_are_bounded(
    enter: Enter, site: Site, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def differs(stored: str | None, password: str) -> bool:
        return False

    await enter("agent", site.agency.id, EMAIL)
    await enter("head", site.agency.id, "boris@gorod.test")
    monkeypatch.setattr(passwords, "verify_password", differs)

    async def guess(email: str, times: int) -> None:
        for _ in range(times):
            assert await sign_in.sign_in(context.database, email, "wrong", context.failures, ip="::1") is None

    with time_machine.travel(clock.now() // 3600 * 3600 + 3600, tick=False) as moment:
        await guess(EMAIL, 100)
        for number in range(50):
            await guess(f"nobody-{number}@gorod.test", 2)
        await guess("boris@gorod.test", 1)
        written = await entries(context.database, "sign_in_failed")
        subjects = list(dict.fromkeys(entry["subject"] for entry in written))
        assert [[entry["details"]["times"] for entry in written if entry["subject"] == one] for one in subjects] == [
            [1, 2, 4, 8, 16, 32, 64],
            [1, 2, 4, 8, 16, 32, 64],
            [1],
        ]
        assert subjects[1] is None
        moment.shift(3600)
        await guess(EMAIL, 1)
        (*_, last) = await entries(context.database, "sign_in_failed")
        assert (last["subject"], last["details"], last["ip"]) == (subjects[0], {"times": 1}, "::1")


async def test_changes_by_the_command_line_are_recorded(database: Database, cli: Cli, tmp_path: Path) -> None:
    borders = tmp_path / "districts.geojson"
    borders.write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "Центр"}, "geometry":'
        ' {"type": "Polygon", "coordinates": [[[38, 55], [39, 55], [39, 56], [38, 55]]]}}]}'
    )

    def work() -> str:
        agency = cli("agency", "add", "--name", "Город", "--email", "priem@gorod.test")["agency"]
        made = cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://www.gorod.test")
        one = ("--site", made["key"])
        cli("agency", "set", agency, "--email", "new@gorod.test")
        cli("site", "set", made["key"], "--discussion", "moderated", "--add-origin", "https://gorod.test")
        cli("category", "set", "roads", *one, "--deadline", "5")
        cli("site", "districts", made["key"], "--load", str(borders))
        token = cli("token", "add", *one, "--scope", "platform")["token"]
        cli("platform", "speak", cli("token", "list")[0]["id"], *one, "--off")
        cli("token", "revoke", token)
        cli("platform", "add", "--name", "Центр", "--url", "https://p.test", "--key", "a-long-secret-key-of-platform")
        cli("platform", "set", "Центр", "--contacts", "email", "--url", "https://q.test/a-secret-path")
        cli("platform", "map", "Центр", "roads=7", *one)
        cli("platform", "serve", "Центр", *one, "--off")
        new = cli("site", "rotate-key", made["key"])["key"]
        cli("site", "disable", new)
        cli("site", "enable", new)
        for name in ("disable", "enable"):
            cli("agency", name, agency)
        cli("user", "add", "--email", EMAIL, "--agency", agency, "--role", "agent")
        cli("user", "set", "--email", EMAIL, "--role", "head", "--name", "Анна")
        for name in ("disable", "enable", "reset-password"):
            cli("user", name, "--email", EMAIL)
        cli("erase", "--email", RESIDENT_EMAIL)
        cli("restore", cli("backup", "copy.zip")["backup"])
        return str(token)

    token = await asyncio.to_thread(work)
    written = {entry["kind"]: entry for entry in await entries(database)}
    assert {entry["role"] for entry in written.values()} == {"command_line"}
    # The first change of the site is its test mode; the details below are of the last one.
    assert list(written) == [
        "agency_added", "site_added", "site_changed", "agency_changed", "category_changed", "districts_changed",
        "token_added", "speaker_changed", "token_revoked", "platform_added", "platform_changed",
        "platform_mapping_changed", "platform_site_changed", "site_key_rotated", "site_disabled", "site_enabled",
        "agency_disabled", "agency_enabled", "user_added", "user_changed", "user_disabled", "user_enabled",
        "password_reset", "person_erased", "exported", "restored",
    ]  # fmt: skip
    assert written["site_changed"]["details"] == {
        "columns": ["discussion", "origins"],
        "values": ["discussion:off:moderated"],
        "origins_added": ["gorod.test"],
    }
    assert written["platform_added"]["details"] == {
        "columns": ["contact", "contacts", "jurisdiction", "key", "name", "protocol", "sends_when", "site_id", "url"],
        "protocol": "georeport",
        "contacts": "none",
        "sends_when": "accepted",
    }
    assert written["platform_changed"]["details"] == {
        "columns": ["contacts", "url"],
        "values": ["contacts:none:email", "url:p.test:q.test"],
    }
    assert written["user_changed"]["details"] == {"columns": ["name", "role"], "values": ["role:agent:head"]}
    assert written["districts_changed"]["details"] == {"added": 1, "changed": 0}
    assert written["category_changed"]["details"] == {
        "category": "roads",
        "columns": ["deadline_days"],
        "values": ["deadline_days:none:5"],
    }
    assert written["token_added"]["details"] == {"scope": "platform"}
    assert written["token_revoked"]["subject"] == written["token_added"]["subject"]
    everything = str(written)
    secrets = (token, "a-long-secret-key-of-platform", "a-secret-path")
    for word in (*secrets, "Анна", "new@gorod.test", RESIDENT_EMAIL, "https://"):
        assert word not in everything

    listed = {entry["kind"]: entry["sentence"] for entry in reversed(await asyncio.to_thread(cli, "journal"))}
    assert all(listed.values())
    assert listed["site_changed"] == (
        "Settings changed: site “Сайт”: added address: gorod.test; discussion: none → moderated"
    )
    assert listed["platform_changed"] == (
        "Settings of the platform “Центр” changed: authors’ contacts: not passed on → email; address: p.test → q.test"
    )
    assert listed["platform_added"].startswith(
        "Platform “Центр” added: authors’ contacts: not passed on; protocol: GeoReport"
    )
    assert listed["token_added"].endswith(": permitted: exchange with the platform")


async def test_changes_in_the_cabinet_are_recorded_with_the_user(enter: Enter, site: Site, context: Context) -> None:
    admin = await enter("admin", site.agency.id, EMAIL)
    platform = Platform(
        id="p1", name="Центр", url="https://p.test", key="a-long-secret-key-of-platform", protocol="georeport",
        jurisdiction=None, contacts="none", site_id=None,
    )  # fmt: skip
    await platforms.insert_platform(context.database, platform)
    path = f"/cabinet/sites/{site.id}"
    assert (await admin.send(f"{path}/settings", f"{path}/settings", photos="1")).status_code == 303
    assert (await admin.send(f"{path}/platforms", f"{path}/platforms/p1", **{"to-roads": "7"})).status_code == 303
    done = await entries(context.database, "site_changed", "platform_mapping_changed")
    assert [(entry["kind"], entry["role"], entry["email"], entry["ip"], entry["site_id"]) for entry in done] == [
        ("site_changed", "admin", EMAIL, "127.0.0.1", site.id),
        ("platform_mapping_changed", "admin", EMAIL, "127.0.0.1", site.id),
    ]
    assert done[0]["details"] == {"columns": ["photos"], "values": ["photos:3:1"]}
    await changes.update_site(context.database, site.id, {"moderation": "after", "name": "Город", "calendar": {}})
    shown = (await admin.read("/cabinet/organisation/journal")).text
    for sentence in (
        "фотографии: 3 → 1",
        "модерация: до публикации → после публикации",
        "праздники и рабочие дни, название",
    ):
        assert sentence in shown

    own = f"/cabinet/sites/{site.id}/collections"
    assert (
        await admin.send(f"{own}?preset=initiatives", own, preset="initiatives", title="Идеи", slug="ideas")
    ).status_code == 303
    assert "Добавлен раздел «Идеи» сайта «Город»" in (await admin.read("/cabinet/organisation/journal")).text


async def test_reading_a_residents_contact_is_recorded(enter: Enter, site: Site, context: Context) -> None:
    problem = (await submit_report(context.database, site)).problem_id
    silent = (await submit_report(context.database, site, contact=Contact())).problem_id
    users = {role: await enter(role, site.agency.id) for role in ("viewer", "agent", "head", "admin")}
    for cabinet in [*users.values(), *users.values()]:  # the second time it is the same visit
        for one in (problem, silent):
            await cabinet.read(f"/cabinet/problems/{one}")
        await cabinet.read("/cabinet/")
    read = await entries(context.database, "contact_read")
    assert [(entry["role"], entry["subject"], entry["site_id"]) for entry in read] == [
        (role, problem, site.id) for role in ("agent", "head", "admin")
    ]
    foreign = await enter("agent", (await make_site(context.database, agency={"name": "Соседи"})).agency.id)
    await foreign.read(f"/cabinet/problems/{problem}", 404)
    assert len(await entries(context.database, "contact_read")) == 3
    with time_machine.travel(clock.now() + 1):
        await users["agent"].send("/cabinet/", "/cabinet/sign-out")
        await users["agent"].sign_in("agent-1@gorod.test", PASSWORD)
        await users["agent"].read(f"/cabinet/problems/{problem}")
    assert len(await entries(context.database, "contact_read")) == 4, "another visit"


async def test_entries_consist_of_codes_are_never_changed_and_tell_of_no_failed_act(database: Database) -> None:
    for value in ("Анна Ильина", "anna@gorod.test", "two words", "", ["ok", "не код"], "x" * 101):
        with pytest.raises(ValueError, match="codes"):
            await journal.note(database, "user_changed", journal.COMMAND_LINE, details={"name": value})
        assert await entries(database) == []
    await journal.note(database, "signed_in", journal.visitor("203.0.113.1"))

    async def change(tx: Transaction) -> None:
        await tx.run("UPDATE journal SET ip = NULL")

    with pytest.raises(Exception, match="the journal is not changed"):
        await database.write(change)
    (entry,) = await entries(database)
    assert entry["ip"] == "203.0.113.1"
    site = await make_site(database)
    before = await kinds(database)

    async def work(tx: Transaction) -> None:
        await journal.record(tx, "site_changed", journal.COMMAND_LINE, subject=site.id)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(work)
    assert await kinds(database) == before


async def test_entries_are_kept_for_the_sites_retention_period(database: Database) -> None:
    short, long = await make_site(database, retention_days=30), await make_site(database, retention_days=400)
    now, day = clock.now(), 86_400
    ages = {short.id: (29, 31), long.id: (399, 401), None: (399, 401)}

    async def plant(tx: Transaction) -> None:
        await tx.run("DELETE FROM journal")
        for site_id, days in ages.items():
            for age in days:
                values = {"id": clock.new_id(), "at": now - age * day, "site_id": site_id, "subject": str(age)}
                await tx.insert("journal", kind="site_changed", role="command_line", details="{}", **values)

    await database.write(plant)
    assert (await retention.erase_expired(database))["journal"] == 3
    left = [(entry["site_id"], entry["subject"]) for entry in await entries(database)]
    assert sorted(left, key=str) == sorted([(short.id, "29"), (long.id, "399"), (None, "399")], key=str)


async def test_restoring_a_backup_keeps_newer_entries(database: Database, settings: Settings, tmp_path: Path) -> None:
    site = await make_site(database)
    made = await backup.write_backup(settings, tmp_path / "copy.zip", schema.latest_revision())
    copied = await kinds(database)
    await changes.disable_site(database, site.id)
    await backup.restore_backup(settings, Path(made["backup"]), schema.latest_revision())
    assert await kinds(database) == [*copied, "site_disabled"]


async def test_the_command_lists_entries(enter: Enter, site: Site, context: Context, cli: Cli) -> None:
    await enter("agent", site.agency.id, EMAIL)
    await enter("admin", site.agency.id)
    listed = await asyncio.to_thread(cli, "journal", "--email", EMAIL)
    assert [(entry["kind"], entry["email"]) for entry in listed] == [("signed_in", EMAIL), ("user_added", None)]
    assert set(listed[0]) == {
        "id", "at", "kind", "role", "user_id", "email", "agency_id", "ip", "subject", "site_id", "details", "sentence"
    }  # fmt: skip
    listed = await asyncio.to_thread(cli, "journal", "--kind", "signed_in", "--limit", "1")
    assert [entry["role"] for entry in listed] == ["admin"]
    with pytest.raises(CommandFailed, match="--kind: must be one of signed_in"):
        await asyncio.to_thread(cli, "journal", "--kind", "nothing")
