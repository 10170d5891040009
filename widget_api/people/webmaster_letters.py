"""Send the code of a site to its webmaster, at an address that somebody of the agency types.

A row is one site's newest letter to one address. It waits there for the mail server, tells the page what became of it,
and is deleted after KEPT_DAYS.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import parse_qsl

from widget_api import clock, i18n, journal
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.deliveries.model import GiveUp
from widget_api.errors import FieldError, Invalid
from widget_api.mail import outbox
from widget_api.mail.outbox import MAX_LETTERS_PER_DAY, Letter, Outcome
from widget_api.people import accounts_store
from widget_api.people.accounts import normalise_email
from widget_api.problems.store.contacts import mailbox_hash
from widget_api.sites import service as sites
from widget_api.sites.install import service as install
from widget_api.sites.install.options import Options, make_code
from widget_api.sites.model import Site
from widget_api.validation import is_email

KEPT_DAYS = 30
MAX_LETTERS_OF_SITE = 10  # a day
PAUSE = 600  # seconds; the same letter sooner is a form that was sent twice


async def send(database: Database, site: Site, email: str, options: str, who: journal.Who) -> None:
    """Enqueue a letter with the code for the choices of a query string; within PAUSE the same one leaves once.

    Raises Invalid.
    """
    email, now = normalise_email(email), clock.now()
    if not is_email(email):
        raise Invalid((FieldError("email", "email" if email else "required"),))

    async def work(tx: Transaction) -> None:
        letter = {"site_id": site.id, "email": email, "options": options, "asked_at": now}
        row = await tx.row(
            """
            INSERT INTO webmaster_letters (id, site_id, email, options, asked_at)
            VALUES (:id, :site_id, :email, :options, :asked_at)
            ON CONFLICT (site_id, email) DO UPDATE SET
              options = excluded.options, asked_at = excluded.asked_at, failed_at = NULL
            WHERE webmaster_letters.asked_at <= :before OR webmaster_letters.options <> excluded.options
            RETURNING id
            """,
            **letter,
            id=clock.new_id(),
            before=now - PAUSE,
        )
        if row is None:
            return
        for counter, most, code in (
            (f"code:{site.id} {mailbox_hash(email)}", MAX_LETTERS_PER_DAY, "enough_letters"),
            (f"code:{site.id}", MAX_LETTERS_OF_SITE, "enough_letters_of_site"),
        ):
            if await accounts_store.count_letters(tx, counter, now - clock.DAY) >= most:
                raise Invalid((FieldError("email", code, (("max", most),)),))
            await accounts_store.count_letter(tx, counter, now)
        await outbox.enqueue(tx, LETTERS.kind, row["id"])
        await journal.record(tx, "site_code_sent", who, subject=str(row["id"]), site_id=site.id)

    await database.write(work, site.id)


async def list_letters(database: Database, site_id: str) -> Sequence[Row]:
    """The newest letters of a site: address, when it was asked for, whether it waits, when it failed."""
    return await database.rows(
        f"SELECT email, asked_at, {outbox.waits_sql(LETTERS.kind, 'webmaster_letters.id')} AS waits, failed_at"
        " FROM webmaster_letters WHERE site_id = :site_id"
        " ORDER BY asked_at DESC, id LIMIT 5",
        site_id=site_id,
    )


async def delete_old(database: Database, now: int) -> int:
    before = now - KEPT_DAYS * clock.DAY
    return await batched_delete.delete_in_batches(database, "webmaster_letters", "asked_at < :before", before=before)


async def erase(database: Database, email: str) -> None:
    """Delete the letters to an address."""

    async def work(tx: Transaction) -> None:
        await tx.run("DELETE FROM webmaster_letters WHERE email = :email", email=normalise_email(email))

    await database.write(work)


# --- the letter ----------------------------------------------------------------------------------------------------


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    row = await context.database.row("SELECT * FROM webmaster_letters WHERE id = :id", id=letter.subject)
    if row is None:
        return None
    site, public_url = await sites.by_id(context.database, row["site_id"]), context.settings.public_url
    enabled = "SELECT 1 FROM agencies WHERE id = :id AND disabled_at IS NULL"
    if await context.database.row(enabled, id=site.agency.id) is None:
        raise GiveUp("the agency is disabled")
    chosen = Options.read(dict(parse_qsl(row["options"])), site)
    words = i18n.text(chosen.lang or site.language, "sites.snippet_link")
    code = make_code(site, chosen, public_url, words)
    query = chosen.to_query(site)
    return outbox.compose(
        context,
        "site_code",
        site.language,
        row["email"],
        site.agency.name,
        (letter.kind, letter.id),
        site=site.name,
        origins=", ".join(sorted(site.origins)),
        snippet=code.snippet,
        policy=code.policy,
        check_url=install.make_check_url(context.settings, site),
        install_url=f"{public_url}/s/{site.key}/install" + (f"?{query}" if query else ""),
    )


async def _record(tx: Transaction, letter: Letter, outcome: Outcome) -> None:
    if outcome == "refused" and not await outbox.is_waiting(tx, letter.kind, letter.subject):
        sql = "UPDATE webmaster_letters SET failed_at = :now WHERE id = :id"
        await tx.run(sql, id=letter.subject, now=clock.now())


LETTERS = outbox.Handler("site_code", _write, _record, lifetime=2 * clock.DAY)
