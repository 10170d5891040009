"""Keep an audit trail of security and residents' data: sign-ins, roles, settings, exports, contacts read.

An entry is written in the transaction of the action itself, so neither exists without the other. Rows are never changed
(the database refuses it, migration 0016), and are purged at the end of their retention. They have identifiers and
codes, never entered texts, passwords, tokens or residents' data.

Each row is also a line of the log, for central log monitoring. The line is written before the commit, so if that fails,
there is a line without a row: the table is authoritative.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import orjson

from widget_api import clock
from widget_api.database import Database, Row, Transaction

Kind = Literal[
    # access; the subject is a user
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "signed_out_everywhere",
    "password_changed",
    "password_letter_asked",
    "password_reset",
    "factor_set",
    "factor_removed",
    "factor_reset",
    "recovery_codes_made",
    "recovery_code_used",
    "account_linked",
    "user_added",
    "user_changed",
    "user_disabled",
    "user_enabled",
    # the subject is an invitation, of the accepted one the new user
    "invited",
    "invitation_sent_again",
    "invitation_withdrawn",
    "invitation_accepted",
    # settings; the subject is what was changed
    "agency_added",
    "agency_changed",
    "agency_disabled",
    "agency_enabled",
    "provider_set",
    "provider_removed",
    "site_added",
    "site_changed",
    "site_disabled",
    "site_enabled",
    "site_key_rotated",
    "site_code_sent",
    "category_changed",
    "districts_changed",
    "addresses_loaded",
    "routing_rule_added",
    "routing_rule_removed",
    "platform_added",
    "platform_changed",
    "platform_site_changed",
    "platform_mapping_changed",
    "entry_link_added",
    "entry_link_revoked",
    "collection_agency_named",
    "collection_agency_removed",
    "token_added",
    "token_rotated",
    "token_revoked",
    "speaker_changed",
    "template_added",
    "template_changed",
    "template_deleted",
    # the subject is a published report of a period
    "report_published",
    "report_withdrawn",
    # the subject is a visit
    "inspectors_invited",
    # the subject is an application for a site; of an origin that was removed, the site
    "application_approved",
    "application_refused",
    "handover_agreed",
    "handover_refused",
    "proof_lost",
    # answers and extensions; the subject is a report
    "approval_requested",
    "approval_returned",
    "approved",
    # an operator's decision in an agency's place; the subject is a report
    "decided_in_place",
    # what the public sees; the subject is a report
    "photo_hidden",
    "photo_shown",
    "photo_covered",
    "corrected",
    # residents' data; the subject is a report, if there is one
    "contact_read",
    "contacts_searched",
    "person_erased",
    "exported",
    "entries_imported",
    "bulk",
    "restored",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
DEFAULT_RETENTION = 1095  # days, if there is no site to take it from
_CODE = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")
# Settings that are a code, a number, a switch, an identifier or an address: an entry has what they were and are. Of
# other columns it has the name alone.
_VALUED = frozenset(
    {
        *("away_until", "contacts", "disabled_at", "jurisdiction", "parent_id", "protocol", "sends_when", "service_id"),
        *("stand_in", "url"),
        *("approval", "delegated", "digest", "digest_hour", "enabled", "mode", "photo_after", "photo_required", "role"),
        *("deadline_days", "language"),
    }
)
_log = logging.getLogger(__name__)

Detail = str | int | bool | Sequence[str]
_NONE: Mapping[str, Detail] = {}


@dataclass(frozen=True, kw_only=True)
class Who:
    """Who acts. Visitors who are not signed in have neither user nor agency."""

    role: str
    user_id: str | None = None
    agency_id: str | None = None
    ip: str | None = None


COMMAND_LINE = Who(role="command_line")
SETTINGS = Who(role="settings")  # changes by the environment at the start of the service


def visitor(ip: str | None) -> Who:
    return Who(role="visitor", ip=ip)


class Repeats:
    """Counts events that strangers can cause without limit, so that they do not fill the journal.

    For each subject the first event within an hour is recorded, then the second, fourth, eighth and so on. One instance
    a process; a restart resets the counts, which no stranger can cause.
    """

    def __init__(self) -> None:
        self._hour = 0
        self._counts = Counter[str | None]()

    def count(self, subject: str | None) -> int | None:
        """Count an event; return its number within this hour, None if it is not to be recorded."""
        hour = clock.now() // clock.HOUR
        if hour != self._hour:
            self._hour, self._counts = hour, Counter()
        self._counts[subject] += 1
        times = self._counts[subject]
        return times if times & (times - 1) == 0 else None


def describe_change(
    before: Row | None, columns: Mapping[str, Any], valued: Collection[str] = _VALUED
) -> dict[str, Detail]:
    """Details of a change: the names of columns, and what the `valued` ones were and are («name:before:after»)."""
    values = list[str]()
    if before is None:
        return {"columns": sorted(columns)}
    for name in sorted(columns.keys() & set(valued)):
        former, value = (_name_value(name, one, columns[name]) for one in (before[name], columns[name]))
        if former != value and _CODE.fullmatch(f"{former}{value}") and ":" not in f"{former}{value}":
            values.append(f"{name}:{former}:{value}")
    return {"columns": sorted(columns), **({"values": values} if values else {})}


def describe_origins(**changes: Iterable[str]) -> dict[str, Detail]:
    """Details of a change of a site's origins («added», «removed», «proven»): their hosts, except very long ones."""
    hosts = {name: sorted(one.partition("://")[2] for one in origins) for name, origins in changes.items()}
    named = {f"origins_{name}": [one for one in found if _CODE.fullmatch(one)] for name, found in hosts.items()}
    return {name: found for name, found in named.items() if found}


def _name_value(name: str, value: Any, like: Any) -> str:
    """A value as a code. SQLite returns switches as numbers, so `like` is one that was not read from it.

    Of an address the host: its path and its query may be a secret of the receiver.
    """
    if name == "disabled_at":
        return "on" if value is None else "off"
    if value is None or value == "":
        return "none"
    if name == "url":
        return urlsplit(value).hostname or "none"
    return ("yes" if value else "no") if isinstance(like, bool) else str(value)


async def record(
    tx: Transaction,
    kind: Kind,
    who: Who,
    *,
    subject: str | None = None,
    site_id: str | None = None,
    details: Mapping[str, Detail] = _NONE,
) -> None:
    """Add an entry in the transaction of the action. Raises ValueError if `details` has anything but codes."""
    for value in details.values():
        texts = [value] if isinstance(value, str) else value if isinstance(value, Sequence) else []
        if not all(_CODE.fullmatch(text) for text in texts):
            raise ValueError("details of the journal are codes, never text")
    content = orjson.dumps(dict(details), option=orjson.OPT_SORT_KEYS).decode()
    _log.info(
        "%s by %s %s of %s, subject %s, site %s: %s", kind, who.role, who.user_id, who.ip, subject, site_id, content
    )
    await tx.insert(
        "journal",
        id=clock.new_id(),
        at=clock.now(),
        kind=kind,
        user_id=who.user_id,
        role=who.role,
        agency_id=who.agency_id,
        ip=who.ip,
        subject=subject,
        site_id=site_id,
        details=content,
    )


async def note(
    database: Database,
    kind: Kind,
    who: Who,
    *,
    subject: str | None = None,
    site_id: str | None = None,
    details: Mapping[str, Detail] = _NONE,
) -> None:
    """Add an entry in a transaction of its own, for actions that change nothing, such as reading."""

    async def work(tx: Transaction) -> None:
        await record(tx, kind, who, subject=subject, site_id=site_id, details=details)

    await database.write(work)


async def find_last_backup(database: Database) -> int | None:
    """When `widget-api backup` was last run. Backups by the database's own tools are not known here."""
    row = await database.row(
        "SELECT MAX(at) AS at FROM journal WHERE kind = 'exported' AND details = :details",
        details=orjson.dumps({"what": "backup"}).decode(),
    )
    return None if row is None else row["at"]


# The retention of a row with a site is that of the site's reports, of any other row the longest one of all sites.
PAST_RETENTION = f"""
    at < CAST(:now AS BIGINT) - 86400 * COALESCE(
        (SELECT s.retention_days FROM sites s WHERE s.id = journal.site_id),
        (SELECT MAX(s.retention_days) FROM sites s),
        {DEFAULT_RETENTION}
    )
"""
