"""Know which agencies may do what with a collection beside its own: all SQL of `collection_agencies`.

A right is asked for whenever it is used, so that removing one takes effect at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from widget_api import clock, journal
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid
from widget_api.mail import outbox
from widget_api.sites import origins, store
from widget_api.sites.model import Site

May = Literal["invite", "moderate"]  # who moderates a collection with visits also invites to its own

# The collections of others that an agency was named to moderate.
MODERATED = (
    "SELECT n.site_id FROM collection_agencies n JOIN sites c ON c.id = n.site_id"
    " WHERE n.agency_id = :agency_id AND n.may = 'moderate' AND c.disabled_at IS NULL"
)


async def list_moderators(reader: Database | Transaction, site_id: str) -> Sequence[Row]:
    """The agencies that moderate a collection beside its own: agency_id, name."""
    return await reader.rows(
        "SELECT n.agency_id, a.name FROM collection_agencies n JOIN agencies a ON a.id = n.agency_id"
        " WHERE n.site_id = :site_id AND n.may = 'moderate' AND a.disabled_at IS NULL ORDER BY a.name, a.id",
        site_id=site_id,
    )


async def list_named_agencies(database: Database, site_id: str) -> Sequence[Row]:
    """The agencies that may invite or moderate beside a collection's own: agency_id, name, may."""
    return await database.rows(
        "SELECT n.agency_id, n.may, a.name FROM collection_agencies n JOIN agencies a ON a.id = n.agency_id"
        " WHERE n.site_id = :site_id ORDER BY a.name, a.id",
        site_id=site_id,
    )


async def list_named_collections(database: Database, agency_id: str) -> list[str]:
    """The ids of collections to which an agency may invite because their agency named it."""
    rows = await database.rows(
        "SELECT n.site_id FROM collection_agencies n JOIN sites s ON s.id = n.site_id"
        " WHERE n.agency_id = :agency_id AND n.may IN ('invite', 'moderate') AND s.disabled_at IS NULL"
        " ORDER BY n.site_id",
        agency_id=agency_id,
    )
    return [row["site_id"] for row in rows]


def list_rights(site: Site) -> list[May]:
    """What another agency may be let do in a collection."""
    return ["invite", "moderate"] if site.collection is not None and site.collection.visits else ["moderate"]


async def find_agency_by_host(database: Database, site: Site, host: str) -> str:
    """The other agency that has a site on a host, or at an address of it: a proven one, or the operator's, since an
    agency may claim any. Raises Invalid («host»).
    """
    host = host.strip()
    try:
        origin = origins.origin_of_address(host) if host else ""
    except origins.InvalidOrigin:
        origin = ""
    holders = await store.list_holders(database, origin) if origin else []
    agencies = {row["agency_id"] for row in holders if row["claimed_at"] is None} - {site.agency.id}
    if len(agencies) != 1:
        raise Invalid((FieldError("host", "no_agency" if host else "required"),))
    return str(agencies.pop())


async def name_agency(database: Database, site: Site, agency_id: str, may: str | None, who: journal.Who) -> None:
    """Let another agency invite or moderate, or (None) no longer do either. Idempotent. Raises Invalid («may»).

    Who does not moderate any more looks after nothing. What else it had, such as letters that have not left, asks for
    the right when it is used.
    """
    if may is not None and may not in list_rights(site):
        raise Invalid((FieldError("may", "unknown"),))

    async def work(tx: Transaction) -> None:
        place = {"site_id": site.id, "agency_id": agency_id}
        await tx.run("DELETE FROM collection_agencies WHERE site_id = :site_id AND agency_id = :agency_id", **place)
        if may is None:
            invitations = (
                "SELECT i.id FROM visit_invitations i JOIN visits v ON v.id = i.visit_id"
                " WHERE v.site_id = :site_id AND v.agency_id = :agency_id AND v.called_off_at IS NULL"
            )
            await outbox.cancel_all(tx, "visit", invitations, **place)
        if may != "moderate":
            await tx.run(
                "UPDATE problems SET assigned_user = NULL WHERE site_id = :site_id"
                " AND assigned_user IN (SELECT id FROM users WHERE agency_id = :agency_id)",
                **place,
            )
        if may is not None:
            await tx.insert("collection_agencies", may=may, created_at=clock.now(), **place)
        kind: journal.Kind = "collection_agency_named" if may else "collection_agency_removed"
        await journal.record(tx, kind, who, subject=agency_id, site_id=site.id, details={"may": may} if may else {})
        await store.bump_version(tx, site.id)

    await database.write(work, site.id)
