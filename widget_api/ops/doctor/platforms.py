"""Each central platform: whether it answers, and how the exchange with it stands."""

from __future__ import annotations

from widget_api import clock, network
from widget_api.database import Database
from widget_api.ops import platform_status
from widget_api.ops.doctor.finding import Finding, error_line
from widget_api.ops.platform_status import ACKNOWLEDGE_WITHIN, PlatformStatus
from widget_api.platform import signature
from widget_api.settings import PlatformSettings, Settings, platform_address


async def check_platforms(loaded: Settings, database: Database | None) -> list[Finding]:
    known = (
        {one.id: one for one in await platform_status.read_platform_statuses(database, clock.now())} if database else {}
    )
    everyone = ([("default", loaded.platform)] if loaded.platform else []) + (
        await _check_others(database) if database else []
    )
    findings = [await _check_platform(loaded, settings, known.pop(name, None)) for name, settings in everyone]
    findings += [_unacknowledged_only(one) for one in known.values() if one.unacknowledged]
    return findings or [Finding("platform", True, "none set")]


async def _check_others(database: Database) -> list[tuple[str, PlatformSettings]]:
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
    if network.is_readable_underway(platform.url):
        ok = ok and not loaded.production
        detail += "; what is sent there can be read on its way: use https://"
    if known is None:
        return Finding("platform", ok, detail)
    well = ok and known.paused_until is None and not _is_late(known)
    return Finding("platform", well, "; ".join([f"{known.name}: {detail}", *_describe(known)]))


def _unacknowledged_only(one: PlatformStatus) -> Finding:
    """Switched off, and still owing word that it has forgotten somebody."""
    return Finding("platform", not _is_late(one), "; ".join([f"{one.name} is switched off", *_describe(one)]))


def _is_late(one: PlatformStatus) -> bool:
    return one.unacknowledged_since is not None and clock.now() - one.unacknowledged_since > ACKNOWLEDGE_WITHIN


def _describe(one: PlatformStatus) -> list[str]:
    """What is worth a word; nothing of what is as it should be."""
    told = []
    if one.paused_until is not None:
        told.append(f"left alone until {clock.rfc3339(one.paused_until)}: {one.pause_reason}")
    if one.waiting_since is not None:
        told.append(f"{one.waiting} wait for it, the oldest since {clock.rfc3339(one.waiting_since)}")
    if one.dead:
        told.append(f"{one.dead} given up, see deliveries list --state dead --platform {one.id}")
    if one.unread:
        told.append(f"news of {one.unread} sites cannot be read: {one.unread_reason}")
    if one.unacknowledged_since is not None:
        since = clock.rfc3339(one.unacknowledged_since)
        told.append(f"{one.unacknowledged} erasures are not acknowledged, the first of {since}")
    return told


async def _try_platform(loaded: Settings, platform: PlatformSettings) -> tuple[bool, str]:
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
                return True, f"{platform.url} answers"
            if answer.status == 400 and not platform.jurisdiction:  # it serves several: each site sends its own
                return True, f"{platform.url} answers and asks for a jurisdiction"
            detail = f"{platform.url} answers {answer.status}"
    except Failed as error:
        detail = f"{platform.url}: {error_line(error)}"
    finally:
        await client.close()
    return False, detail
