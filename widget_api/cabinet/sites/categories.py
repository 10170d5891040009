"""Serve /cabinet/sites/{site_id}/categories, and those of a collection: categories, their questions, the form.

An editor without script: each button sends the whole form, which comes back changed and is stored by «save» alone. The
preview is the page that residents get without scripts, made of what the form holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.cabinet.http import (
    Fields,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.cabinet.problems.inbox_rows import category_name
from widget_api.cabinet.sites.settings import PATH, desk_path, find_settable_site
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.people.model import User
from widget_api.problems import forms
from widget_api.problems.forms import Form
from widget_api.sites import changes, consent, questions, routing_rules
from widget_api.sites.model import DEFAULT_CATEGORIES, DEFAULT_DEADLINE_DAYS, Category, Datatype, Question, Site
from widget_api.web import pages

PARTS = ("description", "datatype", "required", "hint", "options", "code")  # fields of a question
_TEXTS = ("name", "deadline_days", "responsible", "notice")
_FLAGS = ("enabled", "photo_required", "photo_after")
_MAX_FIELDS = 2500  # of the form: with far too many questions it still says so, and keeps what was typed
_DESCRIPTION = re.compile(r"q(\d{1,4})\.description")
_OPERATION = re.compile(r"(up|down|remove)\.(\d{1,4})")

Row = dict[str, str]  # the texts of a question in the form


@dataclass(frozen=True)
class Draft:
    """What the form of a category holds."""

    texts: Row  # and flags: «yes» or empty
    rows: list[Row]

    def parse(self, category: Category) -> tuple[dict[str, Any], list[Question]]:
        """The columns, and the questions with text. A number that is none becomes 0, which is refused."""
        days = self.texts["deadline_days"]
        columns: dict[str, Any] = {name: self.texts[name] or None for name in ("name", "responsible", "notice")}
        columns["deadline_days"] = (int(days) if re.fullmatch(r"[0-9]{1,3}", days) else 0) if days else None
        columns |= {name: self.texts[name] == "yes" for name in _FLAGS}
        return columns, _parse_questions(self.rows, category)

    def change(self, operation: str) -> str:
        """Apply a button's operation to the questions. Returns the key of the sentence that says what was done."""
        if operation == "add" and len(self.rows) < questions.MAX_QUESTIONS:
            self.rows.append(dict.fromkeys(PARTS, "") | {"datatype": "string"})
            return "added"
        if (found := _OPERATION.fullmatch(operation)) and 0 <= (place := int(found[2]) - 1) < len(self.rows):
            row = self.rows.pop(place)
            if found[1] == "remove":
                return "removed"
            self.rows.insert(max(0, place + (-1 if found[1] == "up" else 1)), row)
            return "moved"
        return "shown"


def _parse_questions(rows: Sequence[Row], category: Category) -> list[Question]:
    """Questions with their codes: a new one gets a free code, an option keeps its key as long as its text stays."""
    known = (*category.removed_questions, *category.questions)
    taken = {one.code for one in known} | {row["code"] for row in rows}
    parsed = []
    filled = [row for row in rows if row["description"] or row["hint"] or row["options"]]
    for place, row in enumerate(filled, start=1):
        code = row["code"] or next(code for number in range(1, 10_000) if (code := f"q{number}") not in taken)
        taken.add(code)
        keys = {name: key for one in known if one.code == code for key, name in one.values}
        names = [line.strip() for line in row["options"].split("\n") if line.strip()]
        parsed.append(
            Question(
                code=code,
                datatype=cast(Datatype, row["datatype"]),
                required=row["required"] == "yes",
                description=row["description"],
                hint=row["hint"],
                order=place,
                values=tuple((keys.get(name, name), name) for name in names)
                if row["datatype"] in questions.LISTS
                else (),
            )
        )
    return parsed


def _read_draft(fields: Fields) -> Draft:
    numbers = sorted(int(found[1]) for name in fields if (found := _DESCRIPTION.fullmatch(name)))
    rows = [{part: fields.get(f"q{number}.{part}", "").strip() for part in PARTS} for number in numbers]
    return Draft({name: fields.get(name, "").strip() for name in (*_TEXTS, *_FLAGS)}, rows)


def _saved_draft(category: Category, enabled: bool) -> Draft:
    rows = [
        {
            "description": one.description,
            "datatype": one.datatype,
            "required": "yes" if one.required else "",
            "hint": one.hint,
            "options": "\n".join(name for _, name in one.values),
            "code": one.code,
        }
        for one in sorted(category.questions, key=lambda one: one.order)
    ]
    texts = {name: str(getattr(category, name) or "") for name in _TEXTS}
    flags = {"enabled": enabled, "photo_required": category.photo_required, "photo_after": category.photo_after}
    return Draft(texts | {name: "yes" if on else "" for name, on in flags.items()}, rows)


async def list_categories(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/categories"""
    return await _render_list(request, user, await find_settable_site(request, user))


async def change_list(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/categories: move one (`do` = «up.code», «down.code»), or add one."""
    fields = await session_fields(request)
    site = await find_settable_site(request, user)
    database, who = web.context(request).database, journal_user(request, user)
    direction, _, code = fields.get("do", "").partition(".")
    if direction in ("up", "down"):
        await changes.move_category(database, site.id, code, direction == "up", who)
        return web.see_other(f"{desk_path(site)}/categories")
    given = {name: fields.get(name, "").strip() for name in ("name", "code")}
    taken = {one.code for one in (*site.categories, *site.former_categories)}
    code = given["code"] or next(code for number in range(1, 10_000) if (code := f"own{number}") not in taken)
    try:
        if not given["name"]:
            raise Invalid((FieldError("name", "required"),))
        await changes.set_category(database, site.id, code, {"name": given["name"]}, who, new=True)
    except Invalid as error:
        return await _render_list(request, user, site, 422, given, error)
    return web.see_other(f"{desk_path(site)}/categories/{code}?done=added")


async def show_category(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/categories/{code}"""
    site, category, enabled = await _find_category(request, user)
    return await _render_category(request, user, site, category, _saved_draft(category, enabled))


async def change_category(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/categories/{code}: `do` is save, preview, add, up.N, down.N or remove.N."""
    fields = await session_fields(request, most=_MAX_FIELDS)
    site, category, enabled = await _find_category(request, user)
    draft = _read_draft(fields)
    if (operation := fields.get("do", "save")) != "save":
        return await _render_category(request, user, site, category, draft, note=draft.change(operation))
    columns, asked = draft.parse(category)
    try:
        _check(category, columns, asked)
        if fields.get("seen") != _fingerprint(category, enabled):
            raise Invalid((FieldError("questions", "category_changed"),))
        before, former = _saved_draft(category, enabled).parse(category)
        changed: dict[str, Any] = {name: value for name, value in columns.items() if value != before[name]}
        if asked != former:
            changed["questions"] = questions.dump_questions(asked)
        if changed:
            database, who = web.context(request).database, journal_user(request, user)
            await changes.set_category(database, site.id, category.code, changed, who)
    except Invalid as error:
        return await _render_category(request, user, site, category, draft, 422, wrong=error)
    return web.see_other(f"{desk_path(site)}/categories?done=saved")


def _check(category: Category, columns: Mapping[str, Any], asked: Sequence[Question]) -> None:
    """Raises Invalid with the errors of the whole form, in its order."""
    wrong: list[FieldError] = []
    if columns["name"] is None and category.code not in DEFAULT_CATEGORIES:
        wrong.append(FieldError("name", "required"))
    for check in (partial(changes.check_category, category.code, columns), partial(questions.check_questions, asked)):
        try:
            check()
        except Invalid as error:
            wrong += error.fields
    if wrong:
        raise Invalid(tuple(wrong))


def _fingerprint(category: Category, enabled: bool) -> str:
    """Changes with the stored category, so that nobody overwrites what a colleague has saved meanwhile."""
    return hashlib.sha256(f"{category!r} {enabled}".encode()).hexdigest()


async def _find_category(request: Request, user: User) -> tuple[Site, Category, bool]:
    """A category and whether it is enabled. Raises NotFound."""
    site, code = await find_settable_site(request, user), path_identifier(request, "code")
    found = site.known_category(code)
    if found is None:
        raise NotFound
    return site, found, site.category(code) is not None


async def _render_list(
    request: Request,
    user: User,
    site: Site,
    status: int = 200,
    given: Mapping[str, str] | None = None,
    wrong: Invalid | None = None,
) -> Response:
    language = language_of(request, user)
    rows = await changes.list_categories(web.context(request).database, site.id)
    for one in rows:
        one["title"] = category_name(language, site, one["code"])
    return render_page(
        request,
        user,
        "site_categories.html",
        status,
        site=site,
        rows=rows,
        default_days=DEFAULT_DEADLINE_DAYS,
        given=given or {"name": "", "code": ""},
        errors=wrong,
        section="sites",
        here=f"{desk_path(site)}/categories",
    )


async def _render_category(
    request: Request,
    user: User,
    site: Site,
    category: Category,
    draft: Draft,
    status: int = 200,
    *,
    note: str = "",
    wrong: Invalid | None = None,
) -> Response:
    database, language = web.context(request).database, language_of(request, user)
    enabled = site.category(category.code) is not None
    rules = [one for one in await routing_rules.list_rules(database, site.id) if one.category == category.code]
    datatypes = [(one, i18n.text(language, f"site_forms.question.types.{one}")) for one in get_args(Datatype)]
    return render_page(
        request,
        user,
        "site_category.html",
        status,
        site=site,
        category=category,
        title=category_name(language, site, category.code),
        default_name=i18n.category_name(language, category.code) if category.code in DEFAULT_CATEGORIES else "",
        default_days=DEFAULT_DEADLINE_DAYS,
        given=draft.texts,
        rows=draft.rows,
        datatypes=datatypes,
        most=questions.MAX_QUESTIONS,
        limits=changes.CATEGORY_TEXTS | {"description": questions.MAX_TEXT, "hint": questions.MAX_HINT},
        services=sorted({one.service.name for one in rules}),
        preview=await _render_preview(request, site, category, draft),
        seen=_fingerprint(category, enabled),
        note=note,
        errors=wrong,
        section="sites",
        here=f"{desk_path(site)}/categories/{category.code}",
    )


async def _render_preview(request: Request, site: Site, category: Category, draft: Draft) -> str:
    """The resident's form as it would be with the draft, in the site's language."""
    context, language = web.context(request), site.language
    columns, asked = draft.parse(category)
    enabled, form = columns.pop("enabled"), Form({"category": [category.code]})
    if not 0 < (columns["deadline_days"] or 1) <= changes.MAX_DEADLINE:
        columns["deadline_days"] = category.deadline_days
    changed = replace(category, **columns, questions=tuple(asked))
    listed = [changed if one.code == category.code else one for one in site.categories]
    if enabled and changed not in listed:
        listed.append(changed)
    shown = replace(site, categories=tuple(one for one in listed if enabled or one.code != category.code))
    document = await consent.current_document(context.database, site, context.settings, language)
    of_name = await consent.current_document(context.database, site, context.settings, language, "publish_name")
    return pages.render(
        "report/preview.html",
        language,
        request=request,
        errors={},
        taken=(),
        lost=False,
        elsewhere={},
        notice=None,
        token="",
        receiver="",
        consent_version=document.version,
        name_version=of_name.version,
        publishing=False,
        agreed=False,
        theme=web.cookie(request, "theme"),
        **forms.page_values(shown, form, language, context.settings.public_url, clock.now()),
    )


_HANDLERS = (
    ("", "GET", list_categories),
    ("", "POST", change_list),
    ("/{code}", "GET", show_category),
    ("/{code}", "POST", change_category),
)
routes: list[BaseRoute] = [
    Route(f"{PATH}/{{site_id}}{of}/categories{path}", require_user(handler), methods=[method])
    for of in ("", "/collections/{slug}")
    for path, method, handler in _HANDLERS
]
