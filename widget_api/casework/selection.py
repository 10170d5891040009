"""Parse which reports a page of the cabinet shows: a tab, the filters of the public list, an order and a position."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, get_args

from widget_api.browse import queries
from widget_api.database.word_forms import parse_query
from widget_api.problems.model import OPEN, STATUSES
from widget_api.problems.store import contacts

Tab = Literal["moderation", "mine", "work", "overdue", "returned", "all"]
TABS: tuple[Tab, ...] = get_args(Tab)
Due = Literal["", "overdue", "soon"]
Decided = Literal["", "approval", "remark"]
Sort = Literal["new", "old", "due"]
SORTS: tuple[Sort, ...] = get_args(Sort)
Responder = Literal["", "agency", "platform"]
NONE = "none"  # in an address: without a district, a service, or somebody who looks after it
RESPONDERS: tuple[Responder, ...] = get_args(Responder)
MAX_QUERY_LENGTH = 100
MAX_AUTHOR_LENGTH = 1_000  # characters of an encrypted search


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of all reports. `spam` and `ended` (closed or erased): None = both kinds."""

    statuses: frozenset[str] = frozenset(STATUSES)
    spam: bool | None = None
    ended: bool | None = None
    due: Due = ""
    returned: bool = False  # by the author (reopened, or a reply that nobody has read) or by a service
    mine: bool = False  # those the user looks after
    draft: Decided = ""  # with a decision that waits for a head, or one of the user's own that a head returned
    own: bool | None = None  # False: mirrored from a platform, which answers them


_TABS: Mapping[Tab, Part] = {
    "all": Part(),
    "moderation": Part(statuses=frozenset({"moderation"}), spam=False, ended=False, own=True),
    "mine": Part(statuses=OPEN, spam=False, ended=False, mine=True, own=True),
    "returned": Part(statuses=OPEN, spam=False, ended=False, returned=True, own=True),
    "work": Part(statuses=OPEN - {"moderation"}, ended=False, own=True),
    "overdue": Part(statuses=OPEN, spam=False, ended=False, due="overdue", own=True),
}
# What the filter of statuses offers besides statuses. Only reports in moderation can be spam.
GROUPS: Mapping[str, Part] = {
    "soon": Part(statuses=OPEN, spam=False, ended=False, due="soon", own=True),
    "approval": Part(spam=False, ended=False, draft="approval", own=True),
    "remark": Part(spam=False, ended=False, draft="remark", own=True),
    "ended": Part(ended=True),
    "spam": Part(statuses=frozenset({"moderation"}), spam=True, ended=False, own=True),
}
# Tabs of earlier releases, which bookmarks and letters still name.
_FORMER = {"closed": ("all", "ended"), "spam": ("all", "spam"), "replied": ("returned", "")}


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The last report of a page: the next one begins after it. `key` is its value of the sort column."""

    key: int | str
    number: int
    site_id: str

    def __str__(self) -> str:
        return f"{self.key}.{self.number}.{self.site_id}"

    @classmethod
    def read(cls, text: str, sort: Sort) -> Cursor | None:
        """Parse a cursor; None where it is malformed. One of another list is harmless, since it is only compared."""
        parts = text.split(".")
        if len(parts) != 3 or not re.fullmatch("[0-9]{1,10}", parts[1], re.ASCII) or int(parts[1]) >= 2**31:
            return None
        key: int | str | None = _day(parts[0]) if sort == "due" else None
        if sort != "due" and re.fullmatch("[0-9]{1,17}", parts[0], re.ASCII):
            key = int(parts[0])
        return None if key is None else cls(key=key, number=int(parts[1]), site_id=parts[2])


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The reports that a page shows."""

    tab: Tab = "all"
    status: str = ""  # a status, a name of GROUPS, or statuses between commas
    query: str = ""
    categories: tuple[str, ...] = ()
    district: str = ""  # an id, or NONE
    service: str = ""  # the id of the assigned agency, or NONE
    counted: bool = False  # those of the statistics: published once, without collections unless one is chosen
    since: str = ""  # days «YYYY-MM-DD», in each site's own time zone
    until: str = ""
    bbox: queries.Bbox | None = None
    site_id: str | None = None
    responder: Responder = ""  # who answers
    person: str = ""  # the id of who looks after it, or NONE
    author: str = ""  # a search by contacts, encrypted (author_search.py), so that addresses hold no personal data
    contact: contacts.Search | None = None  # the same, for who may see contacts; not a parameter
    sort: Sort = "new"
    view: Literal["", "map"] = ""
    after: Cursor | None = None
    user_id: str = ""  # whose list it is, for the tab «mine»; not a parameter

    @property
    def part(self) -> Part:
        """The tab, narrowed by the filters of statuses and of who answers."""
        part, own = self._chosen_part, {"agency": True, "platform": False}.get(self.responder)
        if own is None:
            return part
        return replace(part, own=own, statuses=frozenset() if part.own not in (None, own) else part.statuses)

    @property
    def _chosen_part(self) -> Part:
        of, chosen = _TABS[self.tab], GROUPS.get(self.status)
        if chosen is None:
            named = queries.parse_statuses(self.status)
            return replace(of, statuses=of.statuses.intersection(named)) if named else of
        return Part(
            statuses=of.statuses & chosen.statuses,
            spam=of.spam if chosen.spam is None else chosen.spam,
            ended=of.ended if chosen.ended is None else chosen.ended,
            due=chosen.due or of.due,
            returned=of.returned,
            mine=of.mine,
            draft=chosen.draft,
            own=of.own if chosen.own is None else chosen.own,
        )

    @property
    def within(self) -> str:
        """The id of the district that all of them are in, if there is one."""
        return "" if self.district == NONE else self.district

    @property
    def words(self) -> str:
        """The search, where it has any word."""
        return self.query if parse_query(self.query) else ""

    @property
    def number(self) -> int | None:
        """The report's number where the search is one: «12», «№ 12», «#12»."""
        digits = self.query.lstrip("№# \u202f\u00a0")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None

    @property
    def filtered(self) -> bool:
        """Whether anything but the tab narrows the list."""
        return replace(self, tab="all", sort="new", view="", after=None, user_id="") != Selection()

    def of_tab(self, tab: Tab) -> Selection:
        """The first page of another tab. Filters stay, but for the status, which that tab may not have."""
        return replace(self, tab=tab, status="", after=None)

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Selection:
        """Parse a query string, ignoring unknown values: addresses of the cabinet are typed and kept for years."""
        given = {name: " ".join(value.replace("\0", "").split()) for name, value in parameters.items()}
        named = given.get("tab", "")
        tab, status = _FORMER.get(named, (named, given.get("status", "")))
        sort: Sort = next((one for one in SORTS if one == given.get("sort")), "new")
        return cls(
            tab=next((one for one in TABS if one == tab), "all"),
            status=status if status in GROUPS or queries.parse_statuses(status) else "",
            query=given.get("q", "")[:MAX_QUERY_LENGTH],
            categories=queries.parse_categories(given.get("category", "")) or (),
            district=given.get("district", "")[:36],
            counted=given.get("counted") == "yes",
            since=_day(given.get("since", "")) or "",
            until=_day(given.get("until", "")) or "",
            bbox=queries.bbox(given.get("bbox", "")),
            site_id=given.get("site") or None,
            service=given.get("service", "")[:36],
            person=given.get("person", "")[:36],
            author=given.get("author", "")[:MAX_AUTHOR_LENGTH],
            responder=next((one for one in RESPONDERS if one == given.get("responder")), ""),
            sort=sort,
            view="map" if given.get("view") == "map" else "",
            after=Cursor.read(given.get("after", ""), sort),
        )

    def parameters(self) -> dict[str, str]:
        """The parameters of the query string for this selection, without default values."""
        return {name: value for name, value in self.fields().items() if value}

    def fields(self) -> dict[str, str]:
        """The values of the form of filters; empty ones are the default."""
        return {
            "tab": "" if self.tab == "all" else self.tab,
            "status": self.status,
            "q": self.query,
            "category": ",".join(self.categories),
            "district": self.district,
            "counted": "yes" if self.counted else "",
            "since": self.since,
            "until": self.until,
            "bbox": ",".join(f"{corner:.6f}" for corner in self.bbox or ()),
            "site": self.site_id or "",
            "responder": self.responder,
            "service": self.service,
            "person": self.person,
            "author": self.author,
            "sort": "" if self.sort == "new" else self.sort,
            "view": self.view,
            "after": str(self.after or ""),
        }


def _day(text: str) -> str | None:
    """A day, within the years that every calculation with it stays in."""
    try:
        return date.fromisoformat(text).isoformat() if re.fullmatch(r"[12]\d{3}-\d\d-\d\d", text, re.ASCII) else None
    except ValueError:
        return None
