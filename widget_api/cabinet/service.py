"""What can be done in the cabinet: sign in and out, read the inbox, decide about a report."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from widget_api import clock, i18n, journal, timing
from widget_api.cabinet import inbox, passwords, store
from widget_api.cabinet.model import Cursor, Role, Selection, Tab, User, VisibleSite, moderates, transitions
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.problems import dialogue
from widget_api.problems import service as problems
from widget_api.problems.model import OPEN, Change, has_author_here
from widget_api.signing import Purpose, Signer

SESSION_SECONDS = 12 * 3600  # a working day; then one signs in again
_LONGEST_TOKEN = 128
_LONGEST_USER_AGENT = 300
_STEP = 0.05  # seconds: longer than a row takes to be written


def normalised_email(text: str) -> str:
    """Addresses are told apart without case; NUL is no character for PostgreSQL."""
    return text.replace("\0", "").strip().lower()


async def add_user(
    database: Database,
    *,
    email: str,
    role: Role,
    agency_id: str | None,
    language: str = i18n.DEFAULT_LANGUAGE,
    password: str | None = None,
    name: str | None = None,
    post: str | None = None,
) -> tuple[str, str]:
    """A new user; returns identifier and password, which is not stored and cannot be shown again.

    Raises Invalid (the address), NotFound (the agency), Conflict (somebody has this address).
    """
    email = normalised_email(email)
    if not 3 <= len(email) <= 254 or email.count("@") != 1 or any(character.isspace() for character in email):
        raise Invalid((FieldError("email", "email"),))
    if (role == "operator") != (agency_id is None):
        raise Invalid((FieldError("agency", "invalid"),))
    password = password or passwords.new_password()
    hashed = await passwords.hash_password(password)
    user_id, now = clock.new_id(), clock.now()

    async def work(tx: Transaction) -> None:
        if agency_id is not None and await tx.row("SELECT id FROM agencies WHERE id = :id", id=agency_id) is None:
            raise NotFound("agency_not_found")
        inserted = await store.insert_user(
            tx,
            user_id=user_id,
            email=email,
            agency_id=agency_id,
            role=role,
            password_hash=hashed,
            language=language,
            name=name,
            post=post,
            now=now,
        )
        if not inserted:
            raise Conflict("user_exists", email=email)
        await journal.record(tx, "user_added", journal.COMMAND_LINE, subject=user_id, details={"role": role})

    await database.write(work)
    return user_id, password


# --- coming and going ----------------------------------------------------------------------------------------------


async def sign_in(
    database: Database,
    email: str,
    password: str,
    failures: journal.Repeats,
    language: str | None = None,
    *,
    ip: str | None = None,
    user_agent: str = "",
) -> str | None:
    """A new session's token, or None. An unknown address takes as long and says as little as a wrong password.

    `language` is what was chosen before signing in; it becomes the user's own.
    """
    found = await store.find_user(database, normalised_email(email))
    if not await passwords.verify_password(found[1] if found else None, password) or found is None:
        about = found[0].id if found else None  # what was typed may be a password
        async with timing.at_full_steps(_STEP):  # whether it is written down differs between users and strangers
            await _note_failure(database, failures, about, ip)
        return None
    token, now = secrets.token_urlsafe(32), clock.now()
    user, password_hash = found

    async def work(tx: Transaction) -> bool:
        if not await store.note_sign_in(tx, user.id, password_hash, now):
            return False
        end, agent = now + SESSION_SECONDS, user_agent[:_LONGEST_USER_AGENT]
        await store.insert_session(tx, stored_token(token), user.id, now, end, ip=ip, user_agent=agent)
        if language is not None:
            await store.set_language(tx, user.id, language)
        who = journal.Who(role=user.role, user_id=user.id, agency_id=user.agency_id, ip=ip)
        await journal.record(tx, "signed_in", who, subject=user.id)
        return True

    if await database.write(work):
        return token
    await _note_failure(database, failures, user.id, ip)
    return None


async def _note_failure(database: Database, failures: journal.Repeats, about: str | None, ip: str | None) -> None:
    times = failures.count(about)
    if times is not None:
        who, details = journal.visitor(ip), {"times": times}
        await journal.note(database, "sign_in_failed", who, subject=about, details=details)


async def session_user(database: Database, token: str | None) -> User | None:
    """Who this session's token belongs to, while both are good."""
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    return await store.session_user(database, stored_token(token), clock.now())


async def sign_out(database: Database, token: str, who: journal.Who) -> None:
    async def work(tx: Transaction) -> None:
        await store.delete_session(tx, stored_token(token))
        await journal.record(tx, "signed_out", who, subject=who.user_id)

    await database.write(work)


async def set_language(database: Database, user: User, language: str) -> None:
    async def work(tx: Transaction) -> None:
        await store.set_language(tx, user.id, language)

    await database.write(work)


def stored_token(token: str) -> str:
    """Whoever reads the database must not be able to sign in with what stands there."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def form_token(signer: Signer, token: str, user_id: str) -> str:
    """What each form of a session carries: it follows from the cookie's token, which no other site can read.

    The seal says that we gave the form to this user, after the session has ended too.
    """
    of_session = hmac.new(token.encode("utf-8", "replace"), b"widget-api/cabinet/form", hashlib.sha256).hexdigest()
    named = f"{user_id}.{of_session}"
    return f"{named}.{signer.seal(Purpose.CABINET_FORM, named)}"


def is_form_token(signer: Signer, token: str, user_id: str, given: str) -> bool:
    return hmac.compare_digest(form_token(signer, token, user_id).encode(), given.encode("utf-8", "replace"))


def form_user_id(signer: Signer, given: str) -> str | None:
    """Whose form it was, of whatever session; None where we did not make the token."""
    named, _, seal = given.rpartition(".")
    if len(named) > 2 * _LONGEST_TOKEN or not signer.sealed(Purpose.CABINET_FORM, named, seal):
        return None
    return named.partition(".")[0]


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """A page of the list. `counts` only for the tabs where somebody waits."""

    sites: list[VisibleSite]
    selection: Selection
    rows: list[Row]
    next: Cursor | None
    counts: dict[Tab, int]
    version: str
    now: int


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """One report with everything the cabinet shows of it."""

    site: VisibleSite
    row: Row
    timeline: list[Row]
    texts: dict[str, str]
    deliveries: list[Row]
    links: list[Row]
    transitions: list[str]
    may_mark_spam: bool
    may_ask: bool
    duplicate_id: str | None
    now: int


def chosen(sites: list[VisibleSite], selection: Selection) -> list[VisibleSite]:
    """The sites a selection speaks of; another agency's is as unknown as one that never was. Raises NotFound."""
    if selection.site_id is None:
        return sites
    found = [site for site in sites if site.id == selection.site_id]
    if not found:
        raise NotFound("site_not_found")
    return found


async def read_inbox(database: Database, user: User, selection: Selection) -> Inbox:
    sites = await store.visible_sites(database, user)
    of = chosen(sites, selection)
    now = clock.now()
    # Read before the rows: a change in between then shows as a newer version at the next look, never as none.
    at = await _version(database, of, now)
    rows, following = await inbox.page(database, of, selection, now)
    waiting: tuple[Tab, ...] = ("moderation", "replied", "overdue")
    counts = {tab: await inbox.count(database, of, Selection(tab=tab), now) for tab in waiting}
    return Inbox(sites=sites, selection=selection, rows=rows, next=following, counts=counts, version=at, now=now)


async def inbox_version(database: Database, user: User, selection: Selection) -> str:
    """Changes whenever the list may look different: cheap enough to be asked for every second."""
    return await _version(database, chosen(await store.visible_sites(database, user), selection), clock.now())


async def _version(database: Database, sites: list[VisibleSite], now: int) -> str:
    position, version = await store.versions(database, [site.id for site in sites])
    return f"{len(sites)}-{position}-{version}-{now // 3600}"  # a new hour may be a new day somewhere: due dates


async def read_problem(database: Database, user: User, problem_id: str) -> Dossier:
    """Raises NotFound where there is none, or it is another agency's."""
    sites = await store.visible_sites(database, user)
    site, row = await _problem(database, sites, problem_id)
    return Dossier(
        site=site,
        row=row,
        timeline=list(await inbox.timeline(database, site.id, problem_id)),
        texts=await inbox.texts(database, site.id, problem_id),
        deliveries=list(await inbox.deliveries(database, site.id, problem_id)),
        links=list(await inbox.links(database, site.id, problem_id)),
        transitions=_transitions(user, site, row),
        may_ask=_may_ask(user, site, row),
        may_mark_spam=row["status"] == "moderation"
        and not row["mirror_of"]
        and not row["erased_at"]
        and moderates(user, site),
        duplicate_id=await inbox.id_of(database, site.id, row["duplicate_of"]),
        now=clock.now(),
    )


async def _problem(database: Database, sites: list[VisibleSite], problem_id: str) -> tuple[VisibleSite, Row]:
    row = await inbox.problem(database, sites, problem_id)
    if row is None:
        raise NotFound("problem_not_found")
    return next(site for site in sites if site.id == row["site_id"]), row


# --- deciding ------------------------------------------------------------------------------------------------------


async def answers_for(database: Database, user: User, problem_id: str) -> str:
    """The site of a report this user may decide about. Raises NotFound for another agency's, Refused."""
    site, row = await _problem(database, await store.visible_sites(database, user), problem_id)
    if not _transitions(user, site, row):
        raise Refused("transition")
    return site.id


async def decide(database: Database, user: User, problem_id: str, wish: Change, *, seen: str) -> None:
    """Move a report to another status. Raises what problems.service.change does, NotFound for another agency's."""
    site, row = await _problem(database, await store.visible_sites(database, user), problem_id)
    if row["status_event"] != seen:
        raise Conflict("problem_changed")
    if wish.to not in _transitions(user, site, row):
        raise Refused("transition")
    await problems.change(database, user.actor, site.id, problem_id, wish, seen=seen)


def _transitions(user: User, site: VisibleSite, row: Row) -> list[str]:
    """What this user may make of this report: nothing where it is erased, spam, or a platform's own."""
    if row["erased_at"] or row["spam"] or row["mirror_of"]:
        return []
    return transitions(user, site, row["status"])


def _may_ask(user: User, site: VisibleSite, row: Row) -> bool:
    """Whoever may decide about an open report may ask its author, where the author is here."""
    if row["status"] not in OPEN or row["spam"] or row["erased_at"] or not has_author_here(row["source"]):
        return False
    return bool(_transitions(user, site, row))


async def ask(database: Database, user: User, problem_id: str, text: str) -> None:
    """Put a question to the author. Raises what problems.dialogue.ask does, NotFound for another agency's."""
    site, row = await _problem(database, await store.visible_sites(database, user), problem_id)
    if not _may_ask(user, site, row):
        raise Refused("nobody_to_ask")
    await dialogue.ask(database, user.actor, site.id, problem_id, text)


async def read_reply(database: Database, user: User, problem_id: str) -> None:
    """What the author added is read and needs no word of the agency's."""
    site, row = await _problem(database, await store.visible_sites(database, user), problem_id)
    if not _transitions(user, site, row):
        raise Refused
    await dialogue.read(database, site.id, problem_id)


async def mark_spam(database: Database, user: User, problem_id: str, spam: bool) -> None:
    site, _ = await _problem(database, await store.visible_sites(database, user), problem_id)
    if not moderates(user, site):
        raise Refused
    await problems.mark_spam(database, user.actor, site.id, problem_id, spam)
