"""Keep what a user types about a report until it is sent. A submitted draft waits for the approval of a head.

One draft a user and report. It outlives the session and the window; colleagues see that somebody is writing, and what
is submitted. A draft reaches no letter, feed or export, and is erased with the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from widget_api import clock, errors, journal
from widget_api.attachments.documents import store as document_store
from widget_api.attachments.links import make_document_token, make_photo_token
from widget_api.attachments.photos import store as photo_store
from widget_api.attachments.photos.model import UNATTACHED_LIFETIME
from widget_api.casework import answer_files
from widget_api.casework.answer_files import AnswerFiles
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.people.model import DECISION_FIELDS, User
from widget_api.problems.record import find_existing, record
from widget_api.problems.store import history

LIFETIME = 30 * clock.DAY  # seconds after the last change
TYPING = 300  # seconds after the last change for which its author counts as writing
MAX_SIZE = 65_536  # bytes of the fields
MAX_REMARK = 2000  # characters
FIELDS = frozenset({*DECISION_FIELDS, "approves", "question", "comment", "note", "work_text", "return_reason"})


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A user's draft. `remark` is what a head wrote who returned it."""

    user_id: str
    name: str
    fields: dict[str, str]
    photos: list[str]  # identifiers of received files
    documents: list[str]
    changed_at: int
    submitted_at: int | None
    remark: str | None

    @property
    def version(self) -> str:
        """Names this draft as it is: whoever approves it sends the name back."""
        return f"{self.user_id}.{self.changed_at}"

    @property
    def is_typing(self) -> bool:
        return self.submitted_at is None and self.changed_at > clock.now() - TYPING


async def list_drafts(database: Database, user: User, problem_id: str) -> tuple[Draft | None, list[Draft]]:
    """The user's own draft of a report, and those of colleagues of the same agency, the newest first."""
    rows = await database.rows(
        """
        SELECT d.*, COALESCE(u.name, u.email) AS name
        FROM drafts d JOIN users u ON u.id = d.user_id
        WHERE d.problem_id = :problem_id AND (u.id = :user_id OR u.agency_id = :agency_id)
          AND u.disabled_at IS NULL AND d.changed_at > :since
        ORDER BY d.changed_at DESC, d.user_id
        """,
        problem_id=problem_id,
        user_id=user.id,
        agency_id=user.agency_id,
        since=clock.now() - LIFETIME,
    )
    drafts = [_draft(row) for row in rows]
    return next((one for one in drafts if one.user_id == user.id), None), [
        one for one in drafts if one.user_id != user.id
    ]


def _draft(row: Row) -> Draft:
    content = orjson.loads(row["content"])
    names = ("user_id", "name", "changed_at", "submitted_at", "remark")
    return Draft(
        **{name: row[name] for name in names},
        fields=content["fields"],
        photos=content["photo"],
        documents=content["document"],
    )


async def save_draft(
    database: Database,
    user: User,
    site_id: str,
    problem_id: str,
    given: Mapping[str, str],
    files: AnswerFiles,
    *,
    submitted_by: journal.Who | None = None,
) -> None:
    """Store the fields of the page's forms with the received files, which are kept as long as the draft.

    `submitted_by` asks the heads of the user's agency to approve it; a draft that was submitted stays so. Without any
    text it is deleted. Raises Conflict for an erased report, TooLarge, NotFound.
    """
    fields = {name: value for name, value in given.items() if name in FIELDS and value.strip()}
    photos, documents = [one.id for one in files.photos], [one.id for one in files.documents]
    if not fields.keys() - {"to", "approves"} and not photos and not documents:
        await delete_draft(database, user, problem_id)
        return
    stored, now = orjson.dumps({"fields": fields, "photo": photos, "document": documents}).decode(), clock.now()
    if len(stored.encode()) > MAX_SIZE:
        raise errors.TooLarge

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site_id, problem_id)
        known = await tx.row(
            "SELECT changed_at FROM drafts WHERE problem_id = :problem_id AND user_id = :user_id",
            problem_id=problem_id,
            user_id=user.id,
        )
        if known is None or known["changed_at"] <= now - TYPING:
            await tx.advance(site_id, 0, 0)  # colleagues' open pages reload: somebody begins to write
        await tx.run(
            """
            INSERT INTO drafts (id, problem_id, user_id, content, changed_at, submitted_at)
            VALUES (:id, :problem_id, :user_id, :content, :now, :submitted_at)
            ON CONFLICT (problem_id, user_id) DO UPDATE SET
                content = excluded.content, changed_at = excluded.changed_at,
                submitted_at = COALESCE(excluded.submitted_at, drafts.submitted_at)
            """,
            id=clock.new_id(),
            problem_id=problem_id,
            user_id=user.id,
            content=stored,
            now=now,
            submitted_at=now if submitted_by else None,
        )
        await photo_store.keep_unattached(tx, photos, now + LIFETIME - UNATTACHED_LIFETIME)
        await document_store.keep_unattached(tx, documents, now + LIFETIME - UNATTACHED_LIFETIME)
        if submitted_by is not None:
            data = {"agency": user.agency_id}
            await record(tx, problem, user.actor, kind="approval_requested", data=data, now=now)
            await journal.record(tx, "approval_requested", submitted_by, subject=problem_id, site_id=site_id)

    await database.write(work, site_id)


async def list_files(context: Context, site_id: str, problem_id: str, draft: Draft) -> AnswerFiles:
    """The files of a draft, as received ones of its form."""
    tokens = [("photo", make_photo_token(context.signer, site_id, one)) for one in draft.photos]
    tokens += [("document", make_document_token(context.signer, problem_id, one)) for one in draft.documents]
    return await answer_files.list_received(context, site_id, problem_id, tokens)


async def return_draft(
    database: Database, user: User, who: journal.Who, site_id: str, problem_id: str, author_id: str, remark: str
) -> None:
    """Return a colleague's draft with a remark. Raises Invalid («remark»), Conflict if it is not submitted any more.

    The event keeps the decision as it was returned, since its author goes on writing in the draft.
    """
    remark = remark.strip()
    if not remark or len(remark) > MAX_REMARK:
        error = errors.FieldError("remark", "too_long" if remark else "required", (("max", MAX_REMARK),))
        raise errors.Invalid((error,))
    now = clock.now()

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site_id, problem_id)
        returned = await tx.run(
            "UPDATE drafts SET submitted_at = NULL, remark = :remark, changed_at = :now WHERE problem_id = :problem_id"
            " AND submitted_at IS NOT NULL AND user_id = :author_id"
            " AND user_id IN (SELECT id FROM users WHERE agency_id = :agency_id)",
            remark=remark,
            now=now,
            problem_id=problem_id,
            author_id=author_id,
            agency_id=user.agency_id,
        )
        if not returned:
            raise errors.Conflict("problem_changed")
        draft = await tx.row(
            "SELECT content FROM drafts WHERE problem_id = :problem_id AND user_id = :author_id",
            problem_id=problem_id,
            author_id=author_id,
        )
        assert draft is not None, "it was updated above"
        fields = orjson.loads(draft["content"])["fields"]
        data = {"agency": user.agency_id, "user": author_id, "to": fields.get("to", "")}
        if fields.get("text"):
            data["answer"] = await history.add_text(tx, site_id, problem_id, fields["text"])
        await record(tx, problem, user.actor, kind="approval_returned", text=remark, data=data, now=now)
        await journal.record(tx, "approval_returned", who, subject=problem_id, site_id=site_id)

    await database.write(work, site_id)


async def delete_draft(database: Database, user: User, problem_id: str, *sent: str) -> None:
    """Delete the user's draft of a report, or from it the fields that were `sent`."""
    row = await database.row(
        "SELECT d.id, d.content, p.site_id FROM drafts d JOIN problems p ON p.id = d.problem_id"
        " WHERE d.problem_id = :problem_id AND d.user_id = :user_id",
        problem_id=problem_id,
        user_id=user.id,
    )
    if row is None:
        return
    content = orjson.loads(row["content"])
    content["fields"] = {name: value for name, value in content["fields"].items() if sent and name not in sent}
    left = sent and (content["fields"].keys() - {"to", "approves"} or content["photo"] or content["document"])

    async def work(tx: Transaction) -> None:
        if left:
            await tx.run(
                "UPDATE drafts SET content = :content WHERE id = :id",
                id=row["id"],
                content=orjson.dumps(content).decode(),
            )
        else:
            await tx.run("DELETE FROM drafts WHERE id = :id", id=row["id"])
            await tx.advance(row["site_id"], 0, 0)  # nobody is told any more that the user writes

    await database.write(work, row["site_id"])


_APPROVED = """
    problem_id = :problem_id AND user_id = :author_id AND changed_at = :changed_at AND submitted_at IS NOT NULL
    AND user_id IN (SELECT id FROM users WHERE agency_id = :agency_id)
"""


def _name_approved(user: User, problem_id: str, approves: str) -> dict[str, str | int | None] | None:
    """Parameters of _APPROVED for the draft that a decision approves (`Draft.version`), if it approves one."""
    author_id, _, changed_at = approves.partition(".")
    if not (approves and user.may("drafts.approve")):
        return None
    at = int(changed_at) if changed_at.isascii() and changed_at.isdigit() and len(changed_at) < 17 else 0
    return {"problem_id": problem_id, "author_id": author_id, "changed_at": at, "agency_id": user.agency_id}


async def check_approved(database: Database, user: User, problem_id: str, approves: str) -> None:
    """Raise Invalid («text») where the draft that a decision approves was changed or returned meanwhile."""
    named = _name_approved(user, problem_id, approves)
    if named is not None and await database.row(f"SELECT id FROM drafts WHERE {_APPROVED}", **named) is None:
        raise errors.Invalid((errors.FieldError("text", "draft_changed"),))


async def end_drafts(tx: Transaction, user: User, site_id: str, problem_id: str, approves: str) -> bool:
    """Delete the user's own draft in the transaction of the decision, and the colleague's one that it `approves`.

    Records the approval. Returns whether it approved one. Raises Invalid («text») where that draft was changed or
    returned meanwhile.
    """
    await tx.run(
        "DELETE FROM drafts WHERE problem_id = :problem_id AND user_id = :user_id",
        problem_id=problem_id,
        user_id=user.id,
    )
    named = _name_approved(user, problem_id, approves)
    if named is None:
        return False
    approved = await tx.run(f"DELETE FROM drafts WHERE {_APPROVED}", **named)
    if not approved:
        raise errors.Invalid((errors.FieldError("text", "draft_changed"),))
    problem = await find_existing(tx, site_id, problem_id)
    await record(tx, problem, user.actor, kind="approved", data={"agency": user.agency_id}, now=clock.now())
    return True


async def purge(database: Database) -> int:
    """Delete drafts that nobody changed for LIFETIME. Returns their number."""
    return await batched_delete.delete_in_batches(
        database, "drafts", "changed_at <= :before", before=clock.now() - LIFETIME
    )
