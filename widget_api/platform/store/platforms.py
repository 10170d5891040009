"""Store the platforms, their settings, and the sites they serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from widget_api import clock, journal
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import UNPUBLISHED
from widget_api.platform.model import DEFAULT, Platform
from widget_api.problems import routing
from widget_api.problems.store import history
from widget_api.problems.store.history import SERVES
from widget_api.settings import Settings, platform_address
from widget_api.sites.model import Site

_CHOSEN = ("protocol", "contacts", "sends_when")  # what the journal says of a new platform
# What polling found out about a platform. Reset when its address changes, together with the cursors.
_UNKNOWN = {
    "exact": False,
    "discovered": False,
    "failures": 0,
    "failing": None,
    "paused_until": None,
    "pause_reason": None,
    "services_at": None,
}


async def sync_default(database: Database, settings: Settings) -> None:
    """Write the platform of the settings to the row `default`, or disable that row if the settings have none."""
    wanted = settings.platform
    values: dict[str, str | None] | None = (
        None
        if wanted is None
        else {
            "name": wanted.name or urlsplit(wanted.url).hostname or wanted.url,  # as the consent document names it
            "url": wanted.url,
            "key": wanted.key,
            "protocol": wanted.protocol,
            "jurisdiction": wanted.jurisdiction,
            "contacts": wanted.contacts,
        }
    )
    row = await database.row("SELECT * FROM platforms WHERE id = :id", id=DEFAULT)
    if values is None:
        if row is not None and row["disabled_at"] is None:
            await disable(database, DEFAULT)
        return
    if row is not None and row["disabled_at"] is None and all(row[name] == value for name, value in values.items()):
        return
    moved = row is not None and row["url"] != values["url"]
    if row is None:  # where it exists `platform set default --when` chooses
        values["sends_when"] = "accepted"
    await _save(database, DEFAULT, values, journal.SETTINGS, moved=moved)


async def insert_platform(database: Database, platform: Platform) -> None:
    """Insert a platform beside the default one. `platform.id` is new."""
    values = {
        name: getattr(platform, name)
        for name in ("name", "url", "key", "protocol", "jurisdiction", "contacts", "site_id", "contact", "sends_when")
    }
    await _save(database, platform.id, values, journal.COMMAND_LINE)


async def _save(
    database: Database,
    platform_id: str,
    values: Mapping[str, str | None],
    who: journal.Who,
    *,
    moved: bool = False,
) -> None:
    columns = ", ".join(values)
    placeholders = ", ".join(f":{name}" for name in values)
    changes = ", ".join(f"{name} = :{name}" for name in values)

    async def work(tx: Transaction) -> None:
        former = await _find(tx, platform_id)
        await tx.run(
            f"INSERT INTO platforms (id, created_at, {columns}) VALUES (:id, :now, {placeholders})"
            f" ON CONFLICT (id) DO UPDATE SET {changes}, disabled_at = NULL",
            id=platform_id,
            now=clock.now(),
            **values,
        )
        if moved:
            await _reset_capabilities(tx, platform_id)
        kind: journal.Kind = "platform_added" if former is None else "platform_changed"
        changed = values if former is None else {one: values[one] for one in values if former[one] != values[one]}
        if former is not None and former["disabled_at"] is not None:
            changed = {**changed, "disabled_at": None}
        details = journal.describe_change(former, changed)
        if former is None:
            details |= {name: value for name in _CHOSEN if (value := values.get(name))}
        await journal.record(tx, kind, who, subject=platform_id, details=details)

    await database.write(work)


async def _reset_capabilities(tx: Transaction, platform_id: str) -> None:
    await _update(tx, platform_id, _UNKNOWN)
    await tx.run("UPDATE platform_cursors SET cursor = NULL WHERE platform_id = :id", id=platform_id)


async def _find(tx: Transaction, platform_id: str) -> Row | None:
    return await tx.row("SELECT * FROM platforms WHERE id = :id", id=platform_id)


async def _update(tx: Transaction, platform_id: str, values: Mapping[str, Any]) -> None:
    changes = ", ".join(f"{name} = :{name}" for name in values)
    await tx.run(f"UPDATE platforms SET {changes} WHERE id = :id", **values, id=platform_id)


async def disable(database: Database, platform_id: str) -> None:
    async def work(tx: Transaction) -> None:
        former, columns = await _find(tx, platform_id), {"disabled_at": clock.now()}
        await _update(tx, platform_id, columns)
        details = journal.describe_change(former, columns)
        await journal.record(tx, "platform_changed", journal.SETTINGS, subject=platform_id, details=details)

    await database.write(work)


async def list_enabled(database: Database) -> list[Platform]:
    rows = await database.rows_at_once("SELECT * FROM platforms WHERE disabled_at IS NULL ORDER BY id")
    return [_platform(row) for row in rows]


async def find_platform(database: Database, platform_id: str) -> Platform | None:
    """Return a platform, disabled or not."""
    row = await database.row_at_once("SELECT * FROM platforms WHERE id = :id", id=platform_id)
    return None if row is None else _platform(row)


def _platform(row: Row) -> Platform:
    return Platform(
        id=row["id"],
        name=row["name"],
        url=platform_address(row["url"], row["protocol"]),
        key=row["key"],
        protocol=row["protocol"],
        jurisdiction=row["jurisdiction"],
        contacts=row["contacts"],
        site_id=row["site_id"],
        contact=row["contact"],
        sends_when=row["sends_when"],
        exact=bool(row["exact"]),
        discovered=bool(row["discovered"]),
        failures=row["failures"],
        disabled=row["disabled_at"] is not None,
    )


async def change_platform(database: Database, platform_id: str, values: Mapping[str, Any]) -> None:
    """Update a platform. A new address resets what is known about it; a contact makes waiting letters due, and what is
    sent earlier from now on what was withheld."""

    async def work(tx: Transaction) -> None:
        former = await _find(tx, platform_id)
        if "url" in values:
            await _reset_capabilities(tx, platform_id)
        await _update(tx, platform_id, values)
        if values.get("contact"):
            await _reset_unsent_letters(tx, platform_id, clock.now())
        if values.get("sends_when") == "confirmed":
            await enqueue.restore_for_sink(tx, sinks.PLATFORM + platform_id, UNPUBLISHED, clock.now())
        details = journal.describe_change(former, values)
        await journal.record(tx, "platform_changed", journal.COMMAND_LINE, subject=platform_id, details=details)

    await database.write(work)


async def _reset_unsent_letters(tx: Transaction, platform_id: str, now: int) -> None:
    """Make the erasures due again whose letter lacked an address."""
    await tx.run(
        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, delivered_at = NULL"
        " WHERE sink = :sink AND state IN ('delivered', 'dead') AND (site_id, event_id) IN ("
        "SELECT site_id, event_id FROM platform_erasures WHERE platform_id = :id AND way = 'letter'"
        " AND told_at IS NULL AND acknowledged_at IS NULL)",
        sink=sinks.PLATFORM + platform_id,
        id=platform_id,
        now=now,
    )


async def list_overview(database: Database) -> list[dict[str, Any]]:
    """List all platforms without their keys, with their last poll and the state of their circuit breaker."""
    rows = await database.rows(
        """
        SELECT p.id, p.name, p.url, p.protocol, p.jurisdiction, p.contacts, p.contact, p.site_id, p.exact, p.sends_when,
               p.failures, p.paused_until, p.pause_reason, p.disabled_at,
               (SELECT MAX(c.polled_at) FROM platform_cursors c WHERE c.platform_id = p.id) AS polled_at,
               (SELECT MAX(c.last_error) FROM platform_cursors c WHERE c.platform_id = p.id) AS last_error
        FROM platforms p ORDER BY p.created_at, p.id
        """
    )
    overview = [{name: row[name] for name in row.keys()} for row in rows]  # noqa: SIM118 - rows yield values
    return [platform | {"exact": bool(platform["exact"])} for platform in overview]


async def mark_discovered(database: Database, platform_id: str, *, exact: bool) -> None:
    """Record what a platform's discovery says: whether it is another instance of this service, which also gets what is
    not published yet."""

    async def work(tx: Transaction) -> None:
        await _update(tx, platform_id, {"discovered": True} | ({"exact": True} if exact else {}))
        if exact:
            await enqueue.restore_for_sink(tx, sinks.PLATFORM + platform_id, UNPUBLISHED, clock.now())

    await database.write(work)


# --- sites ---------------------------------------------------------------------------------------------------------


async def sites_of(database: Database, platform_id: str) -> Sequence[str]:
    """Return the ids of the sites whose reports the platform receives now."""
    rows = await database.rows(
        f"SELECT s.id FROM sites s JOIN platforms p ON p.id = :id WHERE {SERVES} AND s.disabled_at IS NULL"
        " ORDER BY s.id",
        id=platform_id,
    )
    return [row["id"] for row in rows]


async def platforms_of_site(database: Database, site_id: str) -> Sequence[str]:
    """Return the ids of the platforms that receive this site's reports now."""
    rows = await database.rows_at_once(
        f"SELECT p.id FROM platforms p JOIN sites s ON s.id = :id WHERE {SERVES} AND p.disabled_at IS NULL"
        " ORDER BY p.id",
        id=site_id,
    )
    return [row["id"] for row in rows]


async def list_recipients(database: Database, problem: Row) -> list[Platform]:
    """List the platforms that have a report, may have it, or get it now."""
    has = await history.list_informed_platforms(database, problem["id"])
    serving = await platforms_of_site(database, problem["site_id"])
    rows = await database.rows_at_once("SELECT * FROM platforms ORDER BY name, id")
    return [
        platform
        for platform in map(_platform, rows)
        if platform.id in has
        or (
            platform.id in serving
            and routing.find_obstacle(problem, foreign=platform.is_foreign, waits=platform.waits) is None
        )
    ]


async def relocate(tx: Transaction, old: str, new: str) -> None:
    """Change the address of platforms within a transaction, keeping what is known about them."""
    await tx.run("UPDATE platforms SET url = :new WHERE url = :old", old=old, new=new)


async def set_speaks(tx: Transaction, site_id: str, source: str, speaks: bool) -> None:
    """Set, within a transaction, whether statements of a platform or a token count as the site's agency's."""
    await tx.run(
        "INSERT INTO agency_voices (site_id, source, speaks) VALUES (:site_id, :source, :speaks)"
        " ON CONFLICT (site_id, source) DO UPDATE SET speaks = :speaks",
        site_id=site_id,
        source=source,
        speaks=speaks,
    )
    await journal.record(
        tx, "speaker_changed", journal.COMMAND_LINE, subject=source, site_id=site_id, details={"speaks": speaks}
    )


async def jurisdiction(database: Database, platform: Platform, site: Site) -> str:
    """Return the jurisdiction id of a site at a platform.

    The platform's `jurisdiction` applies to one site: its own or, if the platform has all sites, the oldest. Any other
    site uses its own jurisdiction, or the one of `platform serve --jurisdiction`: two sites that share one would show
    each other's problems.
    """
    row = await database.row_at_once(
        """
        SELECT (SELECT o.jurisdiction FROM platform_sites o WHERE o.platform_id = :id AND o.site_id = :site) AS given,
               (SELECT MIN(ordinal) FROM sites) AS oldest
        """,
        id=platform.id,
        site=site.id,
    )
    assert row is not None, "a SELECT without FROM"
    if row["given"]:
        return str(row["given"])
    is_named_site = site.id == platform.site_id if platform.site_id else site.ordinal == row["oldest"]
    return (platform.jurisdiction if is_named_site else None) or site.jurisdiction


async def set_jurisdiction(tx: Transaction, platform_id: str, site_id: str, jurisdiction: str) -> None:
    """Set a site's jurisdiction at a platform within a transaction. Another jurisdiction has another log, so the cursor
    is reset."""
    await tx.run(
        "UPDATE platform_sites SET jurisdiction = :jurisdiction"
        " WHERE platform_id = :platform_id AND site_id = :site_id",
        platform_id=platform_id,
        site_id=site_id,
        jurisdiction=jurisdiction,
    )
    await tx.run(
        "UPDATE platform_cursors SET cursor = NULL WHERE platform_id = :platform_id AND site_id = :site_id",
        platform_id=platform_id,
        site_id=site_id,
    )


async def set_serves(tx: Transaction, platform_id: str, site_id: str, serves: bool) -> None:
    """Set, within a transaction, whether a platform serves a site."""
    await tx.run(
        "INSERT INTO platform_sites (platform_id, site_id, serves, since)"
        " VALUES (:platform_id, :site_id, :serves, :now)"
        " ON CONFLICT (platform_id, site_id) DO UPDATE SET serves = :serves, since = :now",
        platform_id=platform_id,
        site_id=site_id,
        serves=serves,
        now=clock.now(),
    )
    await journal.record(
        tx,
        "platform_site_changed",
        journal.COMMAND_LINE,
        subject=platform_id,
        site_id=site_id,
        details={"serves": serves},
    )
