"""Commands `erase`, `purge`, `backup`, `restore`, `load-demo` and `journal`."""

from __future__ import annotations

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
from widget_api.ops import backup_records as records
from widget_api.ops import schema
from widget_api.people import journal_sentences, journal_store
from widget_api.people.journal_store import Selection
from widget_api.settings import Settings

_LANGUAGE = "en"


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
    path: Annotated[
        str | None, typer.Argument(help="File to write, or a folder to put one into. Without it: WIDGET_BACKUPS.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Afterwards delete all but so many of the newest in the folder.")
    ] = None,
    copy_to: Annotated[
        str | None,
        typer.Option(help="file:///folder or s3://bucket/prefix. Without PATH, by default WIDGET_BACKUPS_COPY."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a consistent copy of everything while the service runs."""
    from widget_api.ops import backup as copies
    from widget_api.ops import backup_folder

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        target, folder = _backup_target(path, settings)
        if keep is not None and folder is None:
            raise Failure("--keep: name a folder, the copies in it are named by time")
        copy_url = copy_to or (settings.backups_copy if path is None else None)
        async with records.recorded(database, records.BACKUP) as outcome:
            done = await copies.write_backup(settings, target, schema.latest_revision())
            await journal.note(database, "exported", journal.COMMAND_LINE, details={"what": "backup"})
            written = Path(done["backup"])
            if keep is not None and folder is not None:
                done["deleted"] = backup_folder.delete_oldest(folder, keep)
            if copy_url is not None:
                done["copy"] = await backup_folder.copy(written, copy_url, keep, settings.s3_credentials)
            outcome.append(written.name)
        return done

    copy = run_command(command)
    lines = [f"{copy['backup']}: {copy['tables']['problems']} problems, {copy['media'] or 0} files"]
    lines += [f"deleted: {name}" for name in copy.get("deleted", ())]
    lines += [f"copied to {copy['copy']}"] if "copy" in copy else []
    print_result(copy, lines, as_json)


def _backup_target(path: str | None, settings: Settings) -> tuple[Path, Path | None]:
    """Return where to write a backup, and the folder if that is one, which is created."""
    if path is None and settings.backups is None:
        raise Failure("name a file or a folder, or set WIDGET_BACKUPS")
    target = settings.backups if path is None else Path(path)
    assert target is not None, "checked above"
    if path is None or path.endswith(os.sep):  # lost by Path
        target.mkdir(parents=True, exist_ok=True)
    return target, target if target.is_dir() else None


def restore(
    path: Annotated[Path | None, typer.Argument(help="A file that backup wrote.")] = None,
    rehearse: Annotated[
        bool,
        typer.Option(
            "--rehearse",
            help="Change nothing: restore it (without PATH the newest in WIDGET_BACKUPS) into a scratch database"
            " and compare.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Replace everything by a copy, and forget again what was erased since it was made."""
    if rehearse:
        _rehearse(path, as_json)
    elif path is None:
        raise Failure("name the copy that is to replace everything")
    else:
        _restore(path, as_json)


def _rehearse(path: Path | None, as_json: bool) -> None:
    from widget_api.ops import backup_folder, rehearsal

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        async with records.recorded(database, records.REHEARSAL) as outcome:
            copy = path or (backup_folder.newest(settings.backups) if settings.backups else None)
            if copy is None:
                raise Failure(f"there is no backup in {settings.backups or 'WIDGET_BACKUPS'}")
            done = await rehearsal.rehearse(settings, copy, schema.latest_revision())
            outcome.append(copy.name)
        return done

    done = run_command(command)
    rows = sum(done["tables"].values())
    lines = [f"{done['rehearsed']}: {rows} rows, {done['media'] or 0} files, all as they were at {done['created_at']}"]
    print_result(done, lines, as_json)


def _restore(path: Path, as_json: bool) -> None:
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
        since = clock.now() - days * clock.DAY
        selection = Selection(agency_id=None, kind=kind or "", email=(email or "").strip().lower(), since=since)
        rows = await journal_store.list_entries(database, selection, limit)
        names = await journal_store.find_names(database, rows)
        return [
            journal_store.describe_entry(row)
            | {"sentence": journal_sentences.write_sentence(_LANGUAGE, row, names), "at": clock.rfc3339(row["at"])}
            for row in rows
        ]

    rows = run_command(command)
    lines = [entry | {"who": entry["email"] or entry["user_id"] or entry["role"]} for entry in rows]
    print_result(rows, print_table(lines, ("at", "kind", "who", "ip", "sentence")), as_json)
