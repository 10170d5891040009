"""Search the list by its author's contacts: a name, a telephone or an e-mail address; for who may see contacts.

What is typed is personal data, and addresses of pages end in logs, bookmarks and other people's chats. So the form is
posted, noted in the journal as a reading of contacts, and leads to a list whose address holds the search encrypted.
Only the same user can use it, on that day and the next.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, encryption, journal, web
from widget_api.cabinet.http import journal_user, require_user, session_fields
from widget_api.cabinet.problems.inbox_rows import selection_url
from widget_api.casework.selection import MAX_QUERY_LENGTH, Selection
from widget_api.errors import Refused
from widget_api.people import store
from widget_api.people.model import User, VisibleSite
from widget_api.problems.store.contacts import Search
from widget_api.sites.deadlines import local_date

PATH = "/cabinet/problems/by-author"


def may_search(user: User, sites: list[VisibleSite]) -> bool:
    """Whether the user sees contacts on any of the sites."""
    return any(user.may("contacts.read", site) for site in sites)


def read_selection(request: Request, user: User) -> Selection:
    """The selection of the request's address, with the search by contacts where it is this user's and not too old."""
    selection = Selection.read(request.query_params)
    if not selection.author or not user.may("contacts.read"):
        return selection
    keys = web.context(request).settings.secret_keys
    found = (encryption.decrypt(keys, about, selection.author) for about in _purposes(user))
    text = next((text for text in found if text is not None), None)
    return selection if text is None else replace(selection, contact=Search(text=text))


async def search(request: Request, user: User) -> Response:
    """POST /cabinet/problems/by-author?{selection}. Raises Refused."""
    context, fields = web.context(request), await session_fields(request, "author")
    if not may_search(user, await store.list_report_sites(context.database, user)):
        raise Refused
    chosen = replace(Selection.read(request.query_params), after=None, author="")
    wanted = Search(text=" ".join(fields.get("author", "").replace("\0", "").split())[:MAX_QUERY_LENGTH])
    if not wanted.by:
        return web.see_other(selection_url(chosen, done="nobody"))
    who, details = journal_user(request, user), {"by": f"by_{wanted.by}"}
    await journal.note(context.database, "contacts_searched", who, site_id=chosen.site_id, details=details)
    author = encryption.encrypt(context.settings.secret_keys, _purposes(user)[0], wanted.text)
    return web.see_other(selection_url(replace(chosen, author=author)))


def _purposes(user: User) -> list[str]:
    """What the key of a search is derived from, today and yesterday."""
    today = local_date(clock.now(), "UTC")
    return [f"author search/{user.id}/{day}" for day in (today, today - timedelta(days=1))]


routes: list[BaseRoute] = [Route(PATH, require_user(search, keeps=False), methods=["POST"])]
