"""Hand out signed links that open the form of a collection for one organisation, whose name the entry then carries.

A volunteer centre gives its link to its people; whoever has it is taken for one of them. A register of members kept
elsewhere is another `Register`: it finds the organisation by what its own page sent the visitor with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from widget_api import clock, journal
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.signing import Purpose, Signer
from widget_api.sites.model import ORGANISATION, Site
from widget_api.validation import check_length

MAX_NAME = 150  # characters
MAX_LINKS = 500  # of a collection


class Register(Protocol):
    """Who knows which organisation a visitor comes from."""

    async def find_organisation(self, database: Database, signer: Signer, site: Site, token: str) -> str | None:
        """The name that the entry carries; None where nobody vouches for the visitor."""


class SignedLinks:
    """The links that the agency hands out itself."""

    async def find_organisation(self, database: Database, signer: Signer, site: Site, token: str) -> str | None:
        link_id = signer.read(Purpose.ENTRY_LINK, token)
        if not isinstance(link_id, str):
            return None
        row = await database.row(
            "SELECT name FROM entry_links WHERE id = :id AND site_id = :site_id AND revoked_at IS NULL",
            id=link_id,
            site_id=site.id,
        )
        return None if row is None else str(row["name"])


REGISTER: Register = SignedLinks()


async def open_for(database: Database, signer: Signer, site: Site, token: str) -> tuple[Site, str | None]:
    """A collection as the bearer of a link finds it, and the organisation that the link is of. Its period still counts.

    An agency's own takes no link; whatever else has none stays as it is.
    """
    own = site.collection
    organisation = await REGISTER.find_organisation(database, signer, site, token) if own and token else None
    if own is not None and organisation is not None and own.who == "invited":
        site = replace(site, collection=replace(own, who="residents"))
    return site, organisation


def asks_organisation(site: Site) -> bool:
    return any(one.code == ORGANISATION and one.datatype == "string" for one in site.fields)


def name_organisation(site: Site, data: dict[str, Any], organisation: str | None) -> None:
    """Put the organisation of a link into an entry, where the collection asks for it."""
    if organisation is not None and asks_organisation(site):
        given = data.get("answers")
        data["answers"] = {**(given if isinstance(given, dict) else {}), ORGANISATION: organisation}


def link_url(signer: Signer, public_url: str, site: Site, link_id: str) -> str:
    token = signer.sign(Purpose.ENTRY_LINK, link_id)
    return f"{public_url}/s/{site.key}/report?by={token}"


async def list_links(database: Database, site_id: str) -> Sequence[Row]:
    """A collection's links, those that were revoked last: id, name, created_at, revoked_at."""
    return await database.rows(
        "SELECT id, name, created_at, revoked_at FROM entry_links WHERE site_id = :site_id"
        " ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, name, id",
        site_id=site_id,
    )


async def add_link(database: Database, site: Site, name: str, who: journal.Who = journal.COMMAND_LINE) -> str:
    """Add a link for an organisation. Returns its id. Raises Invalid («organisation»)."""
    name, link_id = " ".join(name.split()), clock.new_id()
    check_length("organisation", name, MAX_NAME)

    async def work(tx: Transaction) -> None:
        if len(await tx.matching("entry_links", site_id=site.id)) >= MAX_LINKS:
            raise Invalid((FieldError("organisation", "too_many", (("max", MAX_LINKS),)),))
        await tx.insert("entry_links", id=link_id, site_id=site.id, name=name, created_at=clock.now())
        await journal.record(tx, "entry_link_added", who, subject=link_id, site_id=site.id)

    await database.write(work, site.id)
    return link_id


async def revoke_link(database: Database, site: Site, link_id: str, who: journal.Who = journal.COMMAND_LINE) -> None:
    """Revoke a link: it opens nothing from now on, what was sent with it stays. Idempotent. Raises NotFound."""

    async def work(tx: Transaction) -> None:
        values = {"id": link_id, "site_id": site.id}
        if await tx.row("SELECT 1 FROM entry_links WHERE id = :id AND site_id = :site_id", **values) is None:
            raise NotFound
        sql = "UPDATE entry_links SET revoked_at = :now WHERE id = :id AND site_id = :site_id AND revoked_at IS NULL"
        if await tx.run(sql, now=clock.now(), **values):
            await journal.record(tx, "entry_link_revoked", who, subject=link_id, site_id=site.id)

    await database.write(work, site.id)
