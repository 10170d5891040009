"""Who works in the cabinet, what each may see and do, and which slice of the inbox is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from widget_api.errors import FieldError, Invalid
from widget_api.problems.model import NEEDS, OPEN, STATUSES, Actor, ActorKind, Change, allowed

# A head does what an agent does, an administrator what a head does and the sites' settings besides.
Role = Literal["operator", "admin", "head", "agent", "viewer"]

Tab = Literal["all", "moderation", "replied", "work", "overdue", "closed", "spam"]
TABS: tuple[Tab, ...] = get_args(Tab)
# Each tab: the statuses it holds, whether spam is in it, and what has ended, erased reports with it (None = both).
_TABS: dict[Tab, tuple[frozenset[str], bool | None, bool | None]] = {
    "all": (frozenset(STATUSES), None, None),
    "moderation": (frozenset({"moderation"}), False, False),
    "replied": (OPEN, False, False),
    "work": (OPEN - {"moderation"}, None, False),
    "overdue": (OPEN, False, False),
    "closed": (frozenset(STATUSES), None, True),
    "spam": (frozenset({"moderation"}), True, False),  # nothing but a report in moderation can be spam
}
LONGEST_QUERY = 100


@dataclass(frozen=True, kw_only=True)
class User:
    """Somebody signed in. `agency_id` None is the operator, who sees every agency."""

    id: str
    email: str
    role: Role
    agency_id: str | None
    agency_name: str | None
    language: str
    name: str | None = None
    post: str | None = None

    @property
    def kind(self) -> ActorKind:
        return "operator" if self.role == "operator" else "agent"

    @property
    def actor(self) -> Actor:
        return Actor(kind=self.kind, user_id=self.id)

    @property
    def sees_contacts(self) -> bool:
        """Personal data is for those who answer the resident."""
        return self.role in ("admin", "head", "agent")

    @property
    def sees_deliveries(self) -> bool:
        """And may send them again: an administrator those of the agency's own sites."""
        return self.role in ("admin", "operator")

    @property
    def drops_deliveries(self) -> bool:
        """What is owed to a platform or a resident is the operator's promise, so nobody else takes it back."""
        return self.role == "operator"


@dataclass(frozen=True, kw_only=True)
class VisibleSite:
    """A site whose reports the user may read."""

    id: str
    name: str
    time_zone: str
    moderator: Literal["agent", "operator"]
    discussion: Literal["off", "moderated"] = "off"
    language: str = "ru"


def moderates(user: User, site: VisibleSite) -> bool:
    """Of agency and operator the site's settings name one who decides about what is not public yet."""
    return user.role != "viewer" and user.kind == site.moderator


def transitions(user: User, site: VisibleSite, status: str) -> list[str]:
    """The statuses this user may give now, in the order of a report's life."""
    if user.role == "viewer" or (status == "moderation" and not moderates(user, site)):
        return []
    possible = allowed(user.kind, status)
    return [candidate for candidate in STATUSES if candidate in possible]


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The last problem of a page: the next one begins after it."""

    created_at: int
    number: int
    site_id: str

    def __str__(self) -> str:
        return f"{self.created_at}.{self.number}.{self.site_id}"

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """None where the text is none; a cursor from another list is harmless, since it only compares."""
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 18 for part in parts[:2]):
            return None
        moment, number = int(parts[0]), int(parts[1])
        return cls(created_at=moment, number=number, site_id=parts[2]) if number < 2**31 else None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What of the inbox is on the screen."""

    tab: Tab = "all"
    query: str = ""
    site_id: str | None = None
    after: Cursor | None = None

    @property
    def statuses(self) -> frozenset[str]:
        return _TABS[self.tab][0]

    @property
    def spam(self) -> bool | None:
        return _TABS[self.tab][1]

    @property
    def ended(self) -> bool | None:
        return _TABS[self.tab][2]

    @property
    def number(self) -> int | None:
        """The number, where the search is for one: «12», «№ 12», «#12»."""
        digits = self.query.lstrip("№# \u202f\u00a0")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Selection:
        """From a query string; what it does not understand is as good as absent."""
        tab = parameters.get("tab", "")
        query = " ".join(parameters.get("q", "").replace("\0", "").split())
        return cls(
            tab=tab if tab in TABS else "all",
            query=query[:LONGEST_QUERY],
            site_id=parameters.get("site", "").replace("\0", "") or None,
            after=Cursor.read(parameters.get("after", "").replace("\0", "")),
        )

    def parameters(self) -> dict[str, str]:
        """The query string that leads here again, without what is the default."""
        tab, after = "" if self.tab == "all" else self.tab, str(self.after or "")
        values = {"tab": tab, "q": self.query, "site": self.site_id or "", "after": after}
        return {name: value for name, value in values.items() if value}


# --- a decision, as a form sends it --------------------------------------------------------------------------------

DECISION_FIELDS = ("to", "text", "responsible", "expected_on", "duplicate_of")


def read_change(given: Mapping[str, str]) -> Change:
    """What the form asks for. Only the fields the chosen status needs are looked at, and the text, which each may have.

    Raises Invalid with everything that is missing or cannot be read.
    """
    to, text = given.get("to", ""), given.get("text", "").strip()
    if to not in STATUSES:
        raise Invalid((FieldError("to", "unknown" if to else "required"),))
    needs = {name: given.get(name, "").strip() for name in NEEDS.get(to, ())}
    wrong = [FieldError(name, "required") for name, value in needs.items() if not value]
    expected_on, duplicate_of = needs.get("expected_on", ""), needs.get("duplicate_of", "").lstrip("№# ")
    if expected_on and not _is_date(expected_on):
        wrong.append(FieldError("expected_on", "date"))
    if duplicate_of and not (duplicate_of.isascii() and duplicate_of.isdigit() and len(duplicate_of) <= 9):
        wrong.append(FieldError("duplicate_of", "number"))
    if wrong:
        raise Invalid(tuple(wrong))
    return Change(
        to=to,
        text=text or None,
        expected_on=expected_on or None,
        responsible=needs.get("responsible") or None,
        duplicate_of=int(duplicate_of) if duplicate_of else None,
    )


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
