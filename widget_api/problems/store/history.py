"""Query a problem's events, the texts they refer to, and the settings and links a new event depends on.

Events are appended by `problems/record.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.enqueue import MAY_BE_KNOWN
from widget_api.events import COUNTED, UPDATES_PATH, Event, from_row
from widget_api.sites.deadlines import Calendar
from widget_api.sites.kinds import IS_COLLECTION, IS_SITE
from widget_api.sites.rights import MODERATED

# The name of the platform or the token that an event `e` came from, and the joins for it.
SENDER = "COALESCE(f.name, k.name) AS sender"
# Who caused an event or decided a comment, a user `u` on a site `s`: people of another agency with its name, and only
# that name where the reader's agency (`:agency_id`) moderates a collection for the other.
ACTOR = (
    f"CASE WHEN s.id IN ({MODERATED}) AND COALESCE(u.agency_id, '') <> :agency_id THEN ua.name"
    f" WHEN {IS_COLLECTION} AND u.agency_id <> s.agency_id THEN u.email || ' (' || ua.name || ')'"
    " ELSE u.email END AS user_email"
)
ACTORS = "LEFT JOIN agencies ua ON ua.id = u.agency_id"
# Whether the reports of a site `s` go to a platform `p`. None of a test mode goes anywhere.
SERVES = f"""
    ({IS_SITE} OR {IS_COLLECTION} AND p.protocol = 'webhook') AND
    COALESCE((SELECT o.serves FROM platform_sites o
              WHERE o.platform_id = p.id AND o.site_id = COALESCE(s.parent_id, s.id)),
             p.site_id IS NULL OR p.site_id = COALESCE(s.parent_id, s.id))"""
SENDERS = "LEFT JOIN platforms f ON f.id = e.source LEFT JOIN tokens k ON k.id = e.source"


async def timeline(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """List the events of a problem in the order (time, id), each with its `text`, if any, and the name of its `sender`,
    if it came from another system."""
    return await reader.rows(
        f"""
        SELECT e.*, t.body AS text, {SENDER}
        FROM events e
        LEFT JOIN texts t ON t.id = e.text_id
        {SENDERS}
        WHERE e.problem_id = :id AND e.kind <> :counted ORDER BY e.at, e.id
        """,
        id=problem_id,
        counted=COUNTED,
    )


async def sender(reader: Database | Transaction, source: str | None) -> str | None:
    """Return the name of the platform or the token that an event came from."""
    row = source and await reader.row(
        "SELECT name FROM platforms WHERE id = :id UNION ALL SELECT name FROM tokens WHERE id = :id", id=source
    )
    return row["name"] if row else None


async def find_received(tx: Transaction, problem_id: str) -> Event:
    """Return the first event of a problem."""
    return from_row(await received_event(tx, problem_id))


async def received_event(tx: Transaction, problem_id: str) -> Row:
    row = await tx.row("SELECT * FROM events WHERE problem_id = :id AND kind = 'received'", id=problem_id)
    assert row is not None, "a problem without its first event"
    return row


async def find_user(tx: Transaction, site_id: str, event_id: str) -> str | None:
    """Return the user of the cabinet who caused an event."""
    sql = "SELECT user_id FROM events WHERE site_id = :site_id AND id = :id"
    row = await tx.row(sql, site_id=site_id, id=event_id)
    return row["user_id"] if row is not None else None


async def newest_text(tx: Transaction, problem_id: str, kind: str) -> str | None:
    """Return the text of the newest event of a kind."""
    row = await tx.row(
        "SELECT t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id AND e.kind = :kind ORDER BY e.at DESC, e.id DESC LIMIT 1",
        id=problem_id,
        kind=kind,
    )
    return None if row is None else row["body"]


async def has_event(reader: Database | Transaction, problem_id: str, event_id: str, text: str, photos: int) -> bool:
    """Whether the problem has this event, with the same text and number of photos."""
    row = await reader.row(
        "SELECT e.data, t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id AND e.id = :event_id",
        id=problem_id,
        event_id=event_id,
    )
    return row is not None and (row["body"] or "") == text and orjson.loads(row["data"]).get("photos", 0) == photos


async def count_since(reader: Database | Transaction, problem_id: str, kind: str, since: int) -> int:
    """Count a problem's events of a kind after `since` (Unix time)."""
    row = await reader.row(
        "SELECT COUNT(*) AS count FROM events WHERE problem_id = :id AND kind = :kind AND at > :since",
        id=problem_id,
        kind=kind,
        since=since,
    )
    return int(row["count"]) if row else 0


async def add_text(tx: Transaction, site_id: str, problem_id: str, body: str) -> str:
    """Store a text that an event refers to, outside the log so that it can be erased. Returns its id."""
    text_id = new_id()
    await tx.insert("texts", id=text_id, site_id=site_id, problem_id=problem_id, body=body)
    return text_id


async def text(tx: Transaction, text_id: str) -> str | None:
    """Return the text an event refers to, None if it was erased."""
    row = await tx.row("SELECT body FROM texts WHERE id = :id", id=text_id)
    return (row["body"] or None) if row is not None else None


async def texts_of(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    return await reader.rows("SELECT id, body FROM texts WHERE problem_id = :id", id=problem_id)


async def links(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """List the problem's counterparts on platforms: name, remote_id, remote_url."""
    return await reader.rows(
        "SELECT l.*, f.name FROM platform_links l JOIN platforms f ON f.id = l.platform_id WHERE l.problem_id = :id",
        id=problem_id,
    )


async def list_platforms(tx: Transaction, site_id: str, *, instances: bool = False) -> list[str]:
    """List the ids of the platforms that get the site's reports.

    By default those are the platforms of all sites and of this one; `platform_sites` overrides it. Entries of a
    collection go to those of its site whose protocol has a word for them; reports of a test mode to none. `instances`
    are those webhook platforms that are instances of this service.
    """
    rows = await tx.rows(
        f"""
        SELECT p.id FROM sites s CROSS JOIN platforms p
        WHERE s.id = :site_id AND p.disabled_at IS NULL AND {SERVES} AND p.url LIKE :url ORDER BY p.id
        """,
        site_id=site_id,
        url=f"%{UPDATES_PATH}" if instances else "%",
    )
    return [row["id"] for row in rows]


async def speaks_for_agency(tx: Transaction, site_id: str, source: str) -> bool:
    """Whether events of a platform or a token are official, as if the site's agency had made them.

    The site decides (agency_voices). By default the platform of the settings is official, a platform assigned to this
    site, and a token of scope `platform`, which belongs to one site. A token of scope `georeport` never is. Of the
    entries of a collection they say what they say of its site's problems.
    """
    own = await tx.row("SELECT COALESCE(parent_id, id) AS id FROM sites WHERE id = :site_id", site_id=site_id)
    row = await tx.row(
        """
        SELECT COALESCE(
            (SELECT v.speaks FROM agency_voices v WHERE v.site_id = :site_id AND v.source = c.id), c.speaks
        ) AS speaks
        FROM (
            SELECT p.id,
                p.id = 'default' OR COALESCE(o.serves, p.site_id IS NOT NULL AND p.site_id = :site_id) AS speaks
            FROM platforms p LEFT JOIN platform_sites o ON o.platform_id = p.id AND o.site_id = :site_id
            WHERE p.id = :source
            UNION ALL
            SELECT t.id, TRUE FROM tokens t WHERE t.id = :source AND t.site_id = :site_id AND t.scope = 'platform'
        ) c
        """,
        site_id=own["id"] if own else site_id,
        source=source,
    )
    return row is not None and bool(row["speaks"])


async def list_informed_platforms(tx: Database | Transaction, problem_id: str) -> list[str]:
    """List the platforms that have the report, or may have it, even if they no longer get its news."""
    rows = await tx.rows(
        f"SELECT DISTINCT sink FROM deliveries WHERE problem_id = :id AND {MAY_BE_KNOWN} ORDER BY sink",
        id=problem_id,
    )
    return [row["sink"].removeprefix("platform:") for row in rows]


async def find_site(tx: Transaction, site_id: str) -> Row:
    """Read what an event depends on: the site's agency_id, its settings, and `mode`, that of its agency.

    `sites.kinds.kind_of` reads its `slug`.
    """
    row = await tx.row(
        "SELECT s.agency_id, a.mode, s.moderation, s.moderator, s.discussion, s.time_zone, s.calendar, s.slug"
        " FROM sites s JOIN agencies a ON a.id = s.agency_id WHERE s.id = :id",
        id=site_id,
    )
    assert row is not None, "a problem without its site"
    return row


async def calendar(tx: Transaction, site_id: str) -> Calendar:
    """Return the site's time zone and working days."""
    site = await find_site(tx, site_id)
    return Calendar.load(site["time_zone"], site["calendar"])


async def find_category(tx: Transaction, site_id: str, code: str) -> Row | None:
    """Read deadline_days (None: it has none of its own) and photo_after (`resolved` needs a photo) of a category."""
    return await tx.row(
        "SELECT deadline_days, photo_after FROM site_categories WHERE site_id = :site_id AND code = :code",
        site_id=site_id,
        code=code,
    )
