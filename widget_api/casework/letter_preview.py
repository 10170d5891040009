"""Show the letter that an author will get about a decision before it is made, by the renderer of the real one."""

from __future__ import annotations

from dataclasses import dataclass

from widget_api import clock, i18n
from widget_api.casework import service as casework
from widget_api.casework.answer_files import AnswerFiles
from widget_api.context import Context
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.people.model import User
from widget_api.problems import merges, resident_mail
from widget_api.problems.model import Change, Extension, is_official
from widget_api.problems.store import contacts
from widget_api.sites import service as sites
from widget_api.web import pages


@dataclass(frozen=True, kw_only=True)
class LetterPreview:
    subject: str
    text: str
    language: str


async def preview_letter(
    context: Context, user: User, problem_id: str, wish: Change | Extension, files: AnswerFiles
) -> LetterPreview:
    """Compose the letter. The author's private links are left out: they open what belongs to the author alone.

    Raises NotFound (also another agency's report), Refused, Invalid for an unknown number of the main report.
    """
    visible, problem = await casework.find_problem(context.database, user, problem_id)
    casework.require_decidable(user, visible, problem)
    site = await sites.by_id(context.database, visible.id)
    contact = await contacts.find(context.database, problem_id)
    language = contact["language"] if contact else site.language
    change = wish if isinstance(wish, Change) else None
    status, duplicate_of = (change.to, change.duplicate_of) if change else (None, None)
    into = None
    if duplicate_of is not None:
        try:
            into = (await merges.find_target(context.database, site.id, duplicate_of))["number"]
        except NotFound:
            raise Invalid((FieldError("duplicate_of", "unknown_number"),)) from None
    entry = {
        "at": clock.now(),
        "kind": "status" if status else "note",
        "status": status,
        "actor": user.kind,
        "sender": None,
        "text": wish.text,
        "official": is_official(status, wish.text, {}),
        "unofficial": False,
        "expected_on": wish.day if isinstance(wish, Extension) else wish.expected_on,
        "responsible": change.responsible if change else None,
        "duplicate_of": duplicate_of,
        "apart_from": None,
        "in_place": visible.undecided_before is not None,
        "reason": change.reason if change else None,
        "mark": None,
        "photos": len(files.photos),
    }
    link = i18n.text(language, "answering.preview.link")
    photos = [i18n.text(language, "common.photo", number=place) for place, _ in enumerate(files.photos, 1)]
    letter = resident_mail.Letter(
        language=language,
        attached=[(name, link) for name in (*photos, *(one.name for one in files.documents))],
        into=into,
        track_url=link,
        stop_url=link,
    )
    changed = {name: problem[name] for name in problem.keys()} | ({"status": status} if status else {})  # noqa: SIM118 - rows yield values
    values = resident_mail.news_values(context, site, changed, entry, letter)
    return LetterPreview(
        subject=pages.render("mail/status/subject.txt", language, **values).strip(),
        text=pages.render("mail/status/body.txt", language, **values).strip(),
        language=language,
    )
