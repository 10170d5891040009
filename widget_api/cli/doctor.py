"""Examines the service from outside: is everything it needs reachable, or why not."""

from __future__ import annotations

import asyncio
import contextlib
import os

from widget_api import clock, settings
from widget_api.cli import mailbox, schema
from widget_api.cli.findings import Finding
from widget_api.cli.findings import line as _line
from widget_api.database import Database
from widget_api.deliveries import operating
from widget_api.errors import Unavailable
from widget_api.settings import PlatformSettings, Settings, SettingsError

_WAIT = 10.0
_ZOOM = 13  # at which every map has tiles


async def examine() -> list[Finding]:
    """All findings, in the order in which one is likely to explain the next."""
    try:
        loaded = settings.load(os.environ)
    except SettingsError as error:
        return [Finding("settings", False, str(error))]
    strange = settings.unknown(os.environ)
    findings = [Finding("settings", not strange, "; ".join(strange) or f"{loaded.environment}, {loaded.public_url}")]
    database = Database(loaded.database_url, readers=1)
    try:
        await asyncio.wait_for(database.connect(), _WAIT)
    except Exception as error:
        findings.append(Finding("database", False, _line(error)))
        findings += [await _mail(loaded), *await _platforms(loaded, [])]
        return [*findings, await _storage(loaded), Finding("queue", False, "the database cannot be reached")]
    try:
        findings.append(await _database(database))
        findings.append(await _mail(loaded))
        findings.append(await mailbox.inbound(loaded))
        findings += await mailbox.returned(database) if findings[1].ok else []
        findings += await _platforms(loaded, await _further(database) if findings[1].ok else [])
        findings.append(await _storage(loaded))
        findings.append(await _tiles(loaded, database if findings[1].ok else None))
        findings.append(
            await _queue(database) if findings[1].ok else Finding("queue", False, "the schema is not ready")
        )
        findings += await _consent(database) if findings[1].ok else []
        return findings
    finally:
        await database.disconnect()


async def _database(database: Database) -> Finding:
    wanted = schema.newest()
    try:
        present = await schema.revision(database)
    except Exception as error:
        return Finding("database", False, _line(error))
    if present == wanted:
        return Finding("database", True, f"{database.dialect}, schema {present}")
    return Finding(
        "database", False, f"schema {present or 'missing'}, this release needs {wanted}: run widget-api migrate"
    )


async def _mail(loaded: Settings) -> Finding:
    if loaded.smtp_url is None:
        if loaded.production:
            return Finding("mail", False, "WIDGET_SMTP_URL is not set: no letter leaves")
        return Finding("mail", True, f"no server set, letters are kept in {loaded.data_directory / 'mail'}")
    import aiosmtplib

    from widget_api.mail.sender import connect

    server = connect(loaded.smtp_url)
    where = f"{server.hostname}:{server.port}"
    try:
        async with asyncio.timeout(_WAIT):
            await server.connect()
            await server.noop()
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await server.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return Finding("mail", False, f"{where}: {_line(error)}")
    finally:
        server.close()
    return Finding("mail", True, f"{where} answers")


async def _further(database: Database) -> list[PlatformSettings]:
    rows = await database.rows(
        "SELECT url, key, protocol FROM platforms WHERE disabled_at IS NULL AND id <> 'default' ORDER BY created_at"
    )
    return [PlatformSettings(url=row["url"], key=row["key"], protocol=row["protocol"]) for row in rows]


async def _platforms(loaded: Settings, further: list[PlatformSettings]) -> list[Finding]:
    everyone = ([loaded.platform] if loaded.platform else []) + further
    if not everyone:
        return [Finding("platform", True, "none set")]
    return [await _platform(loaded, one) for one in everyone]


async def _platform(loaded: Settings, platform: PlatformSettings) -> Finding:
    """A GeoReport root answers GET services; a webhook receiver promises no GET, so being there is enough."""
    from widget_api.outbound import Failed, Outbound

    client = Outbound(production=loaded.production)
    suffixes = ("/services.json", "/services.xml") if platform.protocol == "georeport" else ("",)
    jurisdiction = f"?jurisdiction_id={platform.jurisdiction}" if platform.jurisdiction else ""
    detail = ""
    try:
        for suffix in suffixes:
            answer = await client.request("GET", platform.url + suffix + jurisdiction, operator=True)
            if answer.status == 200 or platform.protocol == "webhook":
                return Finding("platform", True, f"{platform.url} answers")
            if answer.status == 400 and not platform.jurisdiction:  # it serves several: each site sends its own
                return Finding("platform", True, f"{platform.url} answers and asks for a jurisdiction")
            detail = f"{platform.url} answers {answer.status}"
    except Failed as error:
        detail = f"{platform.url}: {_line(error)}"
    finally:
        await client.close()
    return Finding("platform", False, detail)


async def _storage(loaded: Settings) -> Finding:
    """A small file is written, read and deleted again: in a bucket each of the three is a right of its own."""
    from widget_api.photos.storage import Storage

    storage = Storage(loaded.media_url)
    where = str(storage.folder or loaded.media_url)
    try:
        await asyncio.wait_for(storage.examine(), _WAIT)
    except Unavailable as error:
        return Finding("storage", False, f"{where}: {_line(error.__cause__ or error)}")
    except Exception as error:  # a bucket that cannot even be addressed
        return Finding("storage", False, f"{where}: {_line(error)}")
    return Finding("storage", True, f"{where} can be written and read")


async def _tiles(loaded: Settings, database: Database | None) -> Finding:
    """Whether a tile can be had where the first site with a territory lies, as its map would ask for it."""
    if loaded.tiles is None:
        return Finding("tiles", True, "none set: the ground of the map stays empty")
    from widget_api.outbound import Outbound
    from widget_api.sites import service as sites
    from widget_api.tiles.model import at
    from widget_api.tiles.service import Tiles

    shown = [site.territory for site in await sites.all_sites(database) if site.territory] if database else []
    if database is None or not shown:
        return Finding("tiles", True, "not examined: no site has a territory, see site set --area")
    west, south, east, north = shown[0].main.box
    outbound = Outbound(production=loaded.production)
    tiles = Tiles(loaded, outbound)
    try:
        address = at((south + north) / 2, (west + east) / 2, _ZOOM)
        held = await tiles.get(database, address)
    finally:
        tiles.close()
        await outbound.close()
    where = f"{address.z}/{address.x}/{address.y}"
    if held.tile is None:
        if tiles.fault:
            return Finding("tiles", False, tiles.fault)
        reason = "is not there" if held.status == 404 else "could not be had, the log says why"
        return Finding("tiles", False, f"{where} {reason}")
    told = "" if loaded.tiles_attribution else "; WIDGET_TILES_ATTRIBUTION is not set: whose map is it?"
    return Finding("tiles", True, f"{where} is {held.tile.media_type}, {len(held.tile.body)} bytes{told}")


async def _queue(database: Database) -> Finding:
    standing = await operating.stalled(database, clock.now())
    counts = await operating.counts(database)
    text = ", ".join(f"{counts[state]} {state}" for state in ("pending", "leased", "dead") if counts.get(state))
    if standing:
        return Finding("queue", False, f"stands still for {standing} s: is serve or work running? {text}")
    return Finding("queue", True, text or "empty")


async def _consent(database: Database) -> list[Finding]:
    """152-FZ, article 9, part 4: the document names the operator with its address."""
    rows = await database.rows(
        """
        SELECT DISTINCT a.name FROM agencies a JOIN sites s ON s.agency_id = a.id
        WHERE s.disabled_at IS NULL AND (a.inn IS NULL OR a.postal_address IS NULL) ORDER BY a.name
        """
    )
    names = ", ".join(row["name"] for row in rows)
    return [Finding("consent", True, f"INN or postal address is missing: {names}")] if names else []
