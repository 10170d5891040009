"""Define the cabinet's users, their permissions and sessions, and the selections of the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from widget_api.errors import FieldError, Invalid
from widget_api.problems.model import NEEDS, OPEN, STATUSES, Actor, ActorKind, Change, allowed

# A head may do what an agent may; an administrator may also change the sites' settings.
Role = Literal["operator", "admin", "head", "agent", "viewer"]

Tab = Literal["all", "moderation", "replied", "work", "overdue", "closed", "spam"]
TABS: tuple[Tab, ...] = get_args(Tab)
# Of each tab: its statuses, whether it holds spam, and whether ended and erased reports (None = both).
_TABS: dict[Tab, tuple[frozenset[str], bool | None, bool | None]] = {
    "all": (frozenset(STATUSES), None, None),
    "moderation": (frozenset({"moderation"}), False, False),
    "replied": (OPEN, False, False),
    "work": (OPEN - {"moderation"}, None, False),
    "overdue": (OPEN, False, False),
    "closed": (frozenset(STATUSES), None, True),
    "spam": (frozenset({"moderation"}), True, False),  # only reports in moderation can be spam
}
MAX_QUERY_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of the cabinet. `agency_id` is None for operators, who see every agency."""

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
        """Whether the user sees personal data: those who answer residents do."""
        return self.role in ("admin", "head", "agent")

    @property
    def sees_deliveries(self) -> bool:
        """Whether the user sees and retries deliveries: an administrator those of the agency's own sites."""
        return self.role in ("admin", "operator")

    @property
    def drops_deliveries(self) -> bool:
        """Whether the user may drop deliveries, which the operator alone answers for."""
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


def is_moderator(user: User, site: VisibleSite) -> bool:
    """Whether the user moderates this site: its settings name either the agency or the operator."""
    return user.role != "viewer" and user.kind == site.moderator


def allowed_transitions(user: User, site: VisibleSite, status: str) -> list[str]:
    """The statuses this user may set now, in the order of a report's life."""
    if user.role == "viewer" or (status == "moderation" and not is_moderator(user, site)):
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
        """Parse a cursor; None where it is malformed. One of another list is harmless, since it is only compared."""
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 18 for part in parts[:2]):
            return None
        moment, number = int(parts[0]), int(parts[1])
        return cls(created_at=moment, number=number, site_id=parts[2]) if number < 2**31 else None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The part of the inbox that a page shows."""

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
        """The report's number where the search is one: «12», «№ 12», «#12»."""
        digits = self.query.lstrip("№# \u202f\u00a0")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Selection:
        """Parse a query string, ignoring unknown values."""
        tab = parameters.get("tab", "")
        query = " ".join(parameters.get("q", "").replace("\0", "").split())
        return cls(
            tab=tab if tab in TABS else "all",
            query=query[:MAX_QUERY_LENGTH],
            site_id=parameters.get("site", "").replace("\0", "") or None,
            after=Cursor.read(parameters.get("after", "").replace("\0", "")),
        )

    def parameters(self) -> dict[str, str]:
        """The parameters of the query string for this selection, without default values."""
        tab, after = "" if self.tab == "all" else self.tab, str(self.after or "")
        values = {"tab": tab, "q": self.query, "site": self.site_id or "", "after": after}
        return {name: value for name, value in values.items() if value}


# --- a decision, as a form sends it --------------------------------------------------------------------------------

DECISION_FIELDS = ("to", "text", "responsible", "expected_on", "duplicate_of")


def read_change(given: Mapping[str, str]) -> Change:
    """Parse a decision: the status, the text, and the fields that the status requires. Other fields are ignored.

    Raises Invalid with every missing or malformed field.
    """
    to, text = given.get("to", ""), given.get("text", "").strip()
    if to not in STATUSES:
        raise Invalid((FieldError("to", "unknown" if to else "required"),))
    needs = {name: given.get(name, "").strip() for name in NEEDS.get(to, ())}
    wrong = [FieldError(name, "required") for name, value in needs.items() if not value]
    expected_on, duplicate_of = needs.get("expected_on", ""), needs.get("duplicate_of", "").lstrip("№# ")
    if expected_on and not is_date(expected_on):
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


def is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# Substrings of the User-Agent header (RFC 9110, 10.1.5) and product names, for people to recognise their own devices.
# The first match wins, since every browser also names others.
_BROWSERS = (
    ("YaBrowser/", "Yandex Browser"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, kw_only=True)
class Session:
    created_at: int
    expires_at: int
    ip: str | None
    user_agent: str | None
    current: bool = False

    @property
    def device(self) -> tuple[str, ...]:
        """Browser and operating system, as far as the User-Agent header names known ones."""
        agent = self.user_agent or ""
        named = (next((name for part, name in known if part in agent), None) for known in (_BROWSERS, _SYSTEMS))
        return tuple(name for name in named if name)
