"""Check the servers and tools behind the service: mail, storage, photo decoder, limits, tiles, central platforms."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from widget_api import clock
from widget_api.database import Database
from widget_api.errors import Invalid, Unavailable
from widget_api.ops import platform_status
from widget_api.ops.platform_status import ACKNOWLEDGE_WITHIN, PlatformStatus
from widget_api.outbound import Failed, Outbound, is_loopback, is_unencrypted
from widget_api.platform import signature
from widget_api.settings import PlatformSettings, Settings, SettingsError, platform_address

TIMEOUT = 10.0  # seconds a check may take
_ZOOM = 13  # a zoom level that every map has
NAME = "inbound"


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    ok: bool
    detail: str


def error_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


async def check_mail(loaded: Settings) -> Finding:
    if loaded.smtp_url is None:
        if loaded.production:
            return Finding("mail", False, "WIDGET_SMTP_URL is not set: no mail is sent")
        return Finding("mail", True, f"no server configured, letters are written to {loaded.data_directory / 'mail'}")
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
    except sender.NoEncryption as error:
        return Finding("mail", False, str(error))
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return Finding("mail", False, f"{target}: {error_line(error)}")
    finally:
        server.close()
    return Finding("mail", True, f"{target} answers")


async def check_storage(loaded: Settings) -> Finding:
    """Write, read and delete a small file: in a bucket each of the three is a separate permission."""
    from widget_api.attachments.storage import Storage

    storage = Storage(loaded.media_url, loaded.s3_credentials)
    target = str(storage.folder or loaded.media_url)
    try:
        await asyncio.wait_for(storage.examine(), TIMEOUT)
    except Unavailable as error:
        return Finding("storage", False, f"{target}: {error_line(error.__cause__ or error)}")
    except Exception as error:  # for instance an invalid bucket name
        return Finding("storage", False, f"{target}: {error_line(error)}")
    if not await storage.has_space(loaded.min_free_space):
        return Finding(
            "storage", False, f"{target}: photos are refused, the disk is nearly full (WIDGET_MIN_FREE_SPACE)"
        )
    return Finding("storage", True, f"{target} can be written and read")


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
        return Finding("decoder", False, "neither seccomp nor Landlock: photos are refused, see WIDGET_SANDBOX")
    except Invalid:
        return Finding("decoder", False, "a valid photo cannot be decoded: is its process out of memory or time?")
    if not picture.sandbox:
        return Finding("decoder", not loaded.production, "neither seccomp nor Landlock: photos are decoded unconfined")
    return Finding("decoder", True, f"confined by {' and '.join(picture.sandbox)}")


async def check_limits(loaded: Settings) -> list[Finding]:
    if loaded.redis_url is None:
        return []
    from limits.errors import StorageError

    from widget_api.web.limits import check_connection

    try:
        await check_connection(loaded.redis_url)
    except SettingsError as error:
        return [Finding("limits", False, str(error))]
    except StorageError as error:
        return [Finding("limits", False, f"each process counts separately: {error_line(error.__cause__ or error)}")]
    readable = urlsplit(loaded.redis_url).password and is_unencrypted(loaded.redis_url)
    note = "; its password goes there in clear text, rediss:// would not" if readable else ""
    return [Finding("limits", True, f"shared by all processes{note}")]


async def check_tiles(loaded: Settings, database: Database | None) -> Finding:
    """Request a tile in the centre of the first site that has a territory, as its map does."""
    if loaded.tiles is None:
        return Finding("tiles", True, "not configured: the map has no base map")
    from widget_api.sites import service as sites
    from widget_api.tiles.model import tile_at
    from widget_api.tiles.service import Tiles

    territories = [site.territory for site in await sites.list_sites(database) if site.territory] if database else []
    if database is None or not territories:
        return Finding("tiles", True, "not checked: no site has a territory, see site set --area")
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
            return Finding("tiles", False, tiles.fault)
        reason = "is not there" if result.status == 404 else "could not be fetched, see the log"
        return Finding("tiles", False, f"{name} {reason}")
    note = "" if loaded.tiles_attribution else "; WIDGET_TILES_ATTRIBUTION is not set: its authors are not credited"
    return Finding("tiles", True, f"{name} is {result.tile.media_type}, {len(result.tile.body)} bytes{note}")


async def check_inbound(loaded: Settings) -> Finding:
    if loaded.inbound is None:
        return Finding(NAME, True, "not configured: agencies answer in the cabinet")
    if loaded.smtp_url is None and loaded.production:
        return Finding(NAME, False, "WIDGET_INBOUND is set, but no mail is sent that could be answered")
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
        return Finding(NAME, False, f"{target}: {error_line(error)}: is serve or work running?")
    if not greeting.startswith("220"):
        return Finding(NAME, False, f"{target} answers {greeting[:100] or 'nothing'}")
    return Finding(NAME, True, f"{target} answers{_exposure_note(parts.hostname)}")


def _exposure_note(host: str | None) -> str:
    """Return a warning if other machines can connect: the sender that an LMTP client names is trusted."""
    return "" if is_loopback(host) else "; only your mail server may reach it: whoever does is believed"


async def _check_imap(url: str) -> Finding:
    from widget_api.mailbox import imap

    account = imap.parse_account(url)
    target = f"{account.host}:{account.port}"
    try:
        unread = await asyncio.wait_for(asyncio.to_thread(imap.count_unread, account), 3 * TIMEOUT)
    except Exception as error:
        return Finding(NAME, False, f"{target}: {error_line(error)}")
    return Finding(NAME, True, f"{target}: {account.folder} can be read, {unread} unread")


async def check_bounces(database: Database) -> list[Finding]:
    rows = await database.rows(
        "SELECT name, email_failure, email_failed_at FROM agencies WHERE email_failed_at IS NOT NULL ORDER BY name"
    )
    return [
        Finding(
            "mailbox",
            False,
            f"{row['name']} sent a letter back at {clock.rfc3339(row['email_failed_at'])}: {row['email_failure']}",
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
    return findings or [Finding("platform", True, "not configured")]


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
    ok, detail = await _try_platform(loaded, platform)
    if platform.protocol == "webhook" and not signature.is_strong(platform.key):
        ok, detail = False, f"{detail}; its key is too short: whoever guesses it can sign updates"
    if is_unencrypted(platform.url):
        ok = ok and not loaded.production
        detail += "; what is sent there can be read on its way: use https://"
    if known is None:
        return Finding("platform", ok, detail)
    ok = ok and known.paused_until is None and not _is_late(known)
    return Finding("platform", ok, "; ".join([f"{known.name}: {detail}", *_describe(known)]))


def _disabled_finding(status: PlatformStatus) -> Finding:
    """Report a disabled platform that has not acknowledged all erasures."""
    return Finding("platform", not _is_late(status), "; ".join([f"{status.name} is disabled", *_describe(status)]))


def _is_late(status: PlatformStatus) -> bool:
    return status.unacknowledged_since is not None and clock.now() - status.unacknowledged_since > ACKNOWLEDGE_WITHIN


def _describe(status: PlatformStatus) -> list[str]:
    """Describe what is wrong with the exchange, one note for each fault."""
    notes = []
    if status.paused_until is not None:
        notes.append(f"left alone until {clock.rfc3339(status.paused_until)}: {status.pause_reason}")
    if status.waiting_since is not None:
        notes.append(f"{status.waiting} wait for it, the oldest since {clock.rfc3339(status.waiting_since)}")
    if status.dead:
        notes.append(f"{status.dead} dead, see deliveries list --state dead --platform {status.id}")
    if status.unread:
        notes.append(f"news of {status.unread} sites cannot be read: {status.unread_reason}")
    if status.undecided:
        notes.append(
            "it may publish reports before they are accepted, with what the agency takes out of them: choose"
            f" platform set {status.id} --when accepted, or --when confirmed to keep it"
        )
    if status.unacknowledged_since is not None:
        since = clock.rfc3339(status.unacknowledged_since)
        notes.append(f"{status.unacknowledged} erasures or corrections are not acknowledged, the first of {since}")
    return notes


async def _try_platform(loaded: Settings, platform: PlatformSettings) -> tuple[bool, str]:
    """Try to reach a platform: a GeoReport root by GET services; of a webhook receiver any response is enough."""
    client = Outbound(production=loaded.production)
    suffixes = ("/services.json", "/services.xml") if platform.protocol == "georeport" else ("",)
    jurisdiction = f"?jurisdiction_id={platform.jurisdiction}" if platform.jurisdiction else ""
    detail = ""
    try:
        for suffix in suffixes:
            answer = await client.request("GET", platform.url + suffix + jurisdiction, operator=True)
            if answer.status == 200 or platform.protocol == "webhook":
                return True, f"{platform.url} answers"
            if answer.status == 400 and not platform.jurisdiction:  # it has several; each site sends its own
                return True, f"{platform.url} answers and asks for a jurisdiction"
            detail = f"{platform.url} answers {answer.status}"
    except Failed as error:
        detail = f"{platform.url}: {error_line(error)}"
    finally:
        await client.close()
    return False, detail
