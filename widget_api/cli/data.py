"""Commands `erase`, `purge`, `backup`, `restore`, `load-demo` and `journal`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from widget_api import clock, journal
from widget_api.cli.running import (
    Failure,
    Json,
    load_settings,
    print_result,
    print_table,
    refuse_production,
    run_command,
)
from widget_api.database import Database
from widget_api.ops import schema
from widget_api.settings import Settings

DAY_SECONDS = 86_400


def register(app: typer.Typer) -> None:
    for command in (erase, purge, backup, restore):
        app.command()(command)
    app.command("load-demo")(load_demo)
    app.command("journal")(read_journal)


def erase(
    email: Annotated[str, typer.Option(help="Of the person to be forgotten.")],
    as_json: Json = False,
) -> None:
    """Forget the person behind an e-mail address: here and, by an update, on the platforms."""

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        from widget_api.attachments.documents import service as documents
        from widget_api.attachments.photos.service import sweep
        from widget_api.attachments.storage import Storage
        from widget_api.ops.retention import erase_person, erase_words
        from widget_api.registration.service import erase_applications_of

        storage = Storage(settings.media_url, settings.s3_credentials)
        erased = await erase_person(database, email)
        words = await erase_words(database, email)
        words["applications"] = await erase_applications_of(database, storage, email)
        await journal.note(database, "person_erased", journal.COMMAND_LINE, details={"reports": len(erased), **words})
        await sweep(database, storage)
        await documents.sweep(database, storage)
        return {"erased": len(erased), "problems": erased, **words}

    done = run_command(command)
    summary = f"erased {done['erased']} reports, {done['comments']} comments, {done['follows']} follows"
    summary += f", {done['participations']} participations" if done["participations"] else ""
    summary += f", {done['applications']} applications" if done["applications"] else ""
    print_result(done, [summary], as_json)


def purge(as_json: Json = False) -> None:
    """Forget what is older than each site's retention, and what has expired or was left behind.

    A worker does it every night; whoever comes second waits for the first.
    """

    async def command(database: Database, settings: Settings) -> dict[str, int]:
        from widget_api.attachments.storage import Storage
        from widget_api.ops import retention

        storage = Storage(settings.media_url, settings.s3_credentials)
        return await retention.purge(database, storage, settings.secret_keys)

    done = run_command(command)
    print_result(done, [f"{name}: {count}" for name, count in done.items()], as_json)


def backup(
    path: Annotated[str, typer.Argument(help="File to write, or a folder to put one into.")], as_json: Json = False
) -> None:
    """Write a consistent copy of everything while the service runs."""
    from widget_api.ops import backup as copies

    loaded = load_settings()
    asyncio.run(schema.ensure_schema(loaded))
    if path.endswith(os.sep):  # lost by Path
        Path(path).mkdir(parents=True, exist_ok=True)
    copy = asyncio.run(copies.write_backup(loaded, Path(path), schema.latest_revision()))
    run_command(
        lambda database, _: journal.note(database, "exported", journal.COMMAND_LINE, details={"what": "backup"})
    )
    print_result(
        copy,
        [f"{copy['backup']}: {copy['tables']['problems']} problems, {copy['media'] or 0} files"],
        as_json,
    )


def restore(path: Annotated[Path, typer.Argument(help="A file that backup wrote.")], as_json: Json = False) -> None:
    """Replace everything by a copy, and forget again what was erased since it was made."""
    from widget_api.ops import backup as copies

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        from widget_api.attachments.documents import service as documents
        from widget_api.attachments.photos import service as photos
        from widget_api.attachments.storage import Storage
        from widget_api.mailbox import review
        from widget_api.ops.retention import replay_erasures

        done = await copies.restore_backup(settings, path, schema.latest_revision())
        again = await replay_erasures(database)
        await journal.note(database, "restored", journal.COMMAND_LINE)
        storage = Storage(settings.media_url, settings.s3_credentials)
        await photos.reconcile(database, storage)
        await documents.reconcile(database, storage)
        await review.reconcile_after_restore(database, storage)
        return done | {"erased_again": again}

    done = run_command(command, create="always")
    lines = [
        f"{done['restored']}: {done['tables']['problems']} problems, {done['media'] or 0} files",
        f"erased again: {done['erased_again']}",
    ]
    print_result(done, lines, as_json)


def load_demo(
    problems: Annotated[int, typer.Option(min=0, help="Published problems the site shall have.")],
    site: Annotated[
        str | None, typer.Option(help="Id, key or jurisdiction, or the id of a collection; default: the first site.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fill a site with made-up problems, for trials of size."""
    refuse_production(load_settings(), "load-demo")

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        from widget_api.demo import samples
        from widget_api.sites import changes, service, store

        if site is None:
            everyone = await service.list_sites(database)
            if not everyone:
                raise Failure("there is no site yet: widget-api site add")
            chosen = everyone[0]
        else:
            known = await store.is_collection(database, site)
            chosen = await service.by_id(database, site if known else await changes.find_site_id(database, site))
        added, present = await samples.add_problems(settings.database_url, chosen, problems)
        return {"site": chosen.id, "added": added, "published": present}

    done = run_command(command)
    print_result(done, [f"added {done['added']}, published {done['published']}"], as_json)


def read_journal(
    kind: Annotated[str | None, typer.Option(help="One kind of act, as `signed_in`.")] = None,
    email: Annotated[str | None, typer.Option(help="Of the user who acted, or whom it was about.")] = None,
    days: Annotated[int, typer.Option(min=1, help="How far back.")] = 30,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest first.")] = 200,
    as_json: Json = False,
) -> None:
    """Who did what: sign-ins, roles, settings, exports, contacts read. Nothing in it can be changed."""
    if kind is not None and kind not in journal.KINDS:
        raise Failure(f"--kind: must be one of {', '.join(journal.KINDS)}")

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        address = None if email is None else email.strip().lower()
        since = clock.now() - days * DAY_SECONDS
        return await journal.read(database, kind=kind, email=address, since=since, limit=limit)

    rows = [entry | {"at": clock.rfc3339(entry["at"])} for entry in run_command(command)]
    lines = [entry | {"who": entry["email"] or entry["user_id"] or entry["role"]} for entry in rows]
    print_result(rows, print_table(lines, ("at", "kind", "who", "ip", "subject", "site_id", "details")), as_json)
