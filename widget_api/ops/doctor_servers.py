"""Check the servers and tools behind the service: mail, storage, photo decoder, limits, tiles, central platforms."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import unquote, urlsplit

from widget_api import clock
from widget_api.database import Database
from widget_api.errors import Invalid, Unavailable
from widget_api.ops import platform_status
from widget_api.ops.findings import Finding, Note, caution, failed, note, passed, quote
from widget_api.ops.platform_status import ACKNOWLEDGE_WITHIN, PlatformStatus
from widget_api.outbound import Failed, Outbound, is_loopback, is_unencrypted
from widget_api.platform import signature
from widget_api.settings import PlatformSettings, Settings, SettingsError, platform_address

TIMEOUT = 10.0  # seconds a check may take
_ZOOM = 13  # a zoom level that every map has
NAME = "inbound"


def error_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


async def check_mail(loaded: Settings) -> Finding:
    if loaded.smtp_url is None:
        if loaded.production:
            return failed("mail", note("mail.none"))
        return passed("mail", note("mail.folder", folder=str(loaded.data_directory / "mail")))
    import aiosmtplib

    from widget_api.mail import sender

    server = sender.create_client(loaded.smtp_url)
    target = f"{server.hostname}:{server.port}"
    try:
        async with asyncio.timeout(TIMEOUT):
            await sender.connect(server, loaded.smtp_url)
            await server.noop()
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await server.quit()
    except sender.NoEncryption:
        return failed("mail", note("mail.unencrypted", target=target))
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return failed("mail", quote(f"{target}: {error_line(error)}"))
    finally:
        server.close()
    return passed("mail", note("answers", target=target))


async def check_storage(loaded: Settings) -> Finding:
    """Write, read and delete a small file: in a bucket each of the three is a separate permission."""
    from widget_api.attachments.storage import Storage

    storage = Storage(loaded.media_url, loaded.s3_credentials)
    target = str(storage.folder or loaded.media_url)
    try:
        await asyncio.wait_for(storage.examine(), TIMEOUT)
    except Unavailable as error:
        return failed("storage", quote(f"{target}: {error_line(error.__cause__ or error)}"))
    except Exception as error:  # for instance an invalid bucket name
        return failed("storage", quote(f"{target}: {error_line(error)}"))
    if not await storage.has_space(loaded.min_free_space):
        return failed("storage", note("storage.full", target=target))
    return passed("storage", note("storage.ready", target=target))


async def check_decoder(loaded: Settings) -> Finding:
    """Check whether a photo can be decoded, and which sandbox the decoding process has."""
    import io

    from PIL import Image

    from widget_api.attachments.photos.intake import Intake

    photo = io.BytesIO()
    Image.new("RGB", (8, 8)).save(photo, "JPEG")
    try:
        picture = await Intake(sandbox_required=loaded.sandbox_required).convert(photo.getvalue())
    except Unavailable:
        return failed("decoder", note("decoder.refuses"))
    except Invalid:
        return failed("decoder", note("decoder.broken"))
    if not picture.sandbox:
        return Finding("decoder", not loaded.production, [caution("decoder.unconfined")])
    first, *others = picture.sandbox
    by = note("decoder.confined_twice", first=first, second=others[0]) if others else note("decoder.confined", by=first)
    return passed("decoder", by)


async def check_limits(loaded: Settings) -> list[Finding]:
    if loaded.redis_url is None:
        return []
    from limits.errors import StorageError

    from widget_api.web.limits import check_connection

    try:
        await check_connection(loaded.redis_url)
    except SettingsError as error:
        return [failed("limits", quote(error))]
    except StorageError as error:
        return [failed("limits", note("limits.separate", error=error_line(error.__cause__ or error)))]
    readable = urlsplit(loaded.redis_url).password and is_unencrypted(loaded.redis_url)
    return [passed("limits", note("limits.shared"), *([caution("limits.clear_text")] if readable else []))]


async def check_tiles(loaded: Settings, database: Database | None) -> Finding:
    """Request a tile in the centre of the first site that has a territory, as its map does."""
    if loaded.tiles is None:
        return passed("tiles", note("tiles.none"))
    from widget_api.sites import service as sites
    from widget_api.tiles.model import tile_at
    from widget_api.tiles.service import Tiles

    territories = [site.territory for site in await sites.list_sites(database) if site.territory] if database else []
    if database is None or not territories:
        return passed("tiles", note("tiles.unchecked"))
    west, south, east, north = territories[0].main.box
    outbound = Outbound(production=loaded.production)
    tiles = Tiles(loaded, outbound)
    try:
        address = tile_at((south + north) / 2, (west + east) / 2, _ZOOM)
        result = await tiles.get(database, address)
    finally:
        tiles.close()
        await outbound.close()
    name = f"{address.z}/{address.x}/{address.y}"
    if result.tile is None:
        if tiles.fault:
            return failed("tiles", quote(tiles.fault))
        return failed("tiles", note("tiles.missing" if result.status == 404 else "tiles.unreachable", name=name))
    size = note("tiles.ready", name=name, type=result.tile.media_type, bytes=len(result.tile.body))
    return passed("tiles", size, *([] if loaded.tiles_attribution else [caution("tiles.uncredited")]))


async def check_inbound(loaded: Settings) -> Finding:
    if loaded.inbound is None:
        return passed(NAME, note("inbound.none"))
    if loaded.smtp_url is None and loaded.production:
        return failed(NAME, note("inbound.no_mail"))
    return await (_check_lmtp(loaded.inbound) if loaded.inbound.startswith("lmtp") else _check_imap(loaded.inbound))


async def _check_lmtp(url: str) -> Finding:
    """Check whether the running service listens on the LMTP socket: without it no mail is accepted."""
    parts = urlsplit(url)
    target = f"{parts.hostname}:{parts.port}" if parts.hostname else unquote(parts.path)
    opening = (
        asyncio.open_connection(parts.hostname, parts.port)
        if parts.hostname
        else asyncio.open_unix_connection(unquote(parts.path))
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await opening
            try:
                greeting = (await reader.readline()).decode("ascii", "replace").strip()
                writer.write(b"QUIT\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        return failed(NAME, note("inbound.down", target=target, error=error_line(error)))
    if not greeting:
        return failed(NAME, note("inbound.silent", target=target))
    if not greeting.startswith("220"):
        return failed(NAME, note("answers_with", target=target, answer=greeting[:100]))
    # The sender that an LMTP client names is trusted.
    exposed = [] if is_loopback(parts.hostname) else [caution("inbound.exposed")]
    return passed(NAME, note("answers", target=target), *exposed)


async def _check_imap(url: str) -> Finding:
    from widget_api.mailbox import imap

    account = imap.parse_account(url)
    target = f"{account.host}:{account.port}"
    try:
        unread = await asyncio.wait_for(asyncio.to_thread(imap.count_unread, account), 3 * TIMEOUT)
    except Exception as error:
        return failed(NAME, quote(f"{target}: {error_line(error)}"))
    return passed(NAME, note("inbound.readable", target=target, folder=account.folder, unread=unread))


async def check_bounces(database: Database) -> list[Finding]:
    rows = await database.rows(
        "SELECT name, email_failure, email_failed_at FROM agencies WHERE email_failed_at IS NOT NULL ORDER BY name"
    )
    return [
        failed(
            "mailbox",
            note(
                "mailbox.bounced",
                name=row["name"],
                failed_at=row["email_failed_at"],
                failure=str(row["email_failure"]),
            ),
        )
        for row in rows
    ]


async def check_platforms(loaded: Settings, database: Database | None) -> list[Finding]:
    statuses = await platform_status.read_platform_statuses(database, clock.now()) if database else []
    known = {status.id: status for status in statuses}
    configured = ([("default", loaded.platform)] if loaded.platform else []) + (
        await _list_others(database) if database else []
    )
    findings = [await _check_platform(loaded, settings, known.pop(name, None)) for name, settings in configured]
    findings += [_disabled_finding(status) for status in known.values() if status.unacknowledged]
    return findings or [passed("platform", note("platform.none"))]


async def _list_others(database: Database) -> list[tuple[str, PlatformSettings]]:
    rows = await database.rows(
        "SELECT id, url, key, protocol, jurisdiction FROM platforms WHERE disabled_at IS NULL AND id <> 'default'"
        " ORDER BY created_at, id"
    )
    return [
        (
            row["id"],
            PlatformSettings(
                url=platform_address(row["url"], row["protocol"]),
                key=row["key"],
                protocol=row["protocol"],
                jurisdiction=row["jurisdiction"],
            ),
        )
        for row in rows
    ]


async def _check_platform(loaded: Settings, platform: PlatformSettings, known: PlatformStatus | None) -> Finding:
    ok, notes = await _try_platform(loaded, platform)
    if platform.protocol == "webhook" and not signature.is_strong(platform.key):
        ok, notes = False, [*notes, note("platform.weak_key")]
    if is_unencrypted(platform.url):
        ok = ok and not loaded.production
        notes = [*notes, caution("platform.unencrypted")]
    if known is None:
        return Finding("platform", ok, notes)
    ok = ok and known.paused_until is None and not _is_late(known)
    return Finding("platform", ok, [*notes, *_describe(known)], subject=known.name)


def _disabled_finding(status: PlatformStatus) -> Finding:
    """Report a disabled platform that has not acknowledged all erasures."""
    notes = [note("platform.disabled", name=status.name), *_describe(status)]
    return Finding("platform", not _is_late(status), notes)


def _is_late(status: PlatformStatus) -> bool:
    return status.unacknowledged_since is not None and clock.now() - status.unacknowledged_since > ACKNOWLEDGE_WITHIN


def _describe(status: PlatformStatus) -> list[Note]:
    """Describe what is wrong with the exchange, one note for each fault."""
    notes = list[Note]()
    if status.paused_until is not None:
        notes.append(note("platform.paused", until_at=status.paused_until, reason=status.pause_reason))
    if status.waiting_since is not None:
        notes.append(note("platform.waiting", number=status.waiting, since_at=status.waiting_since))
    if status.dead:
        notes.append(note("platform.dead", number=status.dead, id=status.id))
    if status.unread:
        notes.append(note("platform.unread", number=status.unread, reason=status.unread_reason))
    if status.undecided:
        notes.append(caution("platform.undecided", id=status.id))
    if status.unacknowledged_since is not None:
        since = status.unacknowledged_since
        notes.append(caution("platform.unacknowledged", number=status.unacknowledged, since_at=since))
    return notes


async def _try_platform(loaded: Settings, platform: PlatformSettings) -> tuple[bool, list[Note]]:
    """Try to reach a platform: a GeoReport root by GET services; of a webhook receiver any response is enough."""
    client = Outbound(production=loaded.production)
    suffixes = ("/services.json", "/services.xml") if platform.protocol == "georeport" else ("",)
    jurisdiction = f"?jurisdiction_id={platform.jurisdiction}" if platform.jurisdiction else ""
    found = list[Note]()
    try:
        for suffix in suffixes:
            answer = await client.request("GET", platform.url + suffix + jurisdiction, operator=True)
            if answer.status == 200 or platform.protocol == "webhook":
                return True, [note("answers", target=platform.url)]
            if answer.status == 400 and not platform.jurisdiction:  # it has several; each site sends its own
                return True, [note("platform.asks", url=platform.url)]
            found = [note("answers_with", target=platform.url, answer=answer.status)]
    except Failed as error:
        found = [quote(f"{platform.url}: {error_line(error)}")]
    finally:
        await client.close()
    return False, found
