"""Check whether each central platform responds, and the state of the exchange with it."""

from __future__ import annotations

from widget_api import clock, outbound
from widget_api.database import Database
from widget_api.ops import platform_status
from widget_api.ops.doctor.check_result import Finding, error_line
from widget_api.ops.platform_status import ACKNOWLEDGE_WITHIN, PlatformStatus
from widget_api.platform import signature
from widget_api.settings import PlatformSettings, Settings, platform_address


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
    if outbound.is_unencrypted(platform.url):
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
    if status.unacknowledged_since is not None:
        since = clock.rfc3339(status.unacknowledged_since)
        notes.append(f"{status.unacknowledged} erasures are not acknowledged, the first of {since}")
    return notes


async def _try_platform(loaded: Settings, platform: PlatformSettings) -> tuple[bool, str]:
    """Try to reach a platform: a GeoReport root by GET services; of a webhook receiver any response is enough."""
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
            if answer.status == 400 and not platform.jurisdiction:  # it has several; each site sends its own
                return True, f"{platform.url} answers and asks for a jurisdiction"
            detail = f"{platform.url} answers {answer.status}"
    except Failed as error:
        detail = f"{platform.url}: {error_line(error)}"
    finally:
        await client.close()
    return False, detail
