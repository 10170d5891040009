"""Define the cabinet's users, the sites whose reports they see, their decisions and sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from widget_api import clock, permissions
from widget_api.errors import FieldError, Invalid
from widget_api.permissions import Action
from widget_api.problems.model import ANSWERS, NEEDS, REASONS, STATUSES, Actor, ActorKind, Change, Extension, allowed
from widget_api.sites.kinds import Kind, kind_of


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of the cabinet. `agency_id` is None for operators, who keep the service and moderate some sites."""

    id: str
    email: str
    role: str  # permissions.Role
    agency_id: str | None
    agency_name: str | None
    language: str
    name: str | None = None
    post: str | None = None
    needs_approval: bool = False  # a head approves what the user says for the agency
    has_factor: bool = False  # a second factor for signing in
    factor_demanded: bool = False  # by the agency, of the user's role

    @property
    def kind(self) -> ActorKind:
        return "operator" if self.may("service.operate") else "agent"

    @property
    def actor(self) -> Actor:
        return Actor(kind=self.kind, user_id=self.id)

    @property
    def must_set_factor(self) -> bool:
        """Whether the user has to set up a second factor before anything else."""
        return self.factor_demanded and not self.has_factor

    def may(self, action: Action, site: VisibleSite | None = None) -> bool:
        """Whether the user has a permission, of a site's reports where one is given, else of some site's."""
        return permissions.may(self.role, action, site)


@dataclass(frozen=True, kw_only=True)
class VisibleSite:
    """A site whose reports the user may read."""

    id: str
    name: str
    time_zone: str
    moderator: Literal["agent", "operator"]
    short: str = ""  # its jurisdiction, usually the host, or the name of a collection: beside numbers
    discussion: Literal["off", "moderated"] = "off"
    language: str = "ru"
    ordinal: int = 0  # of its rows in the full-text index
    moderation: Literal["before", "after"] = "before"
    slug: str | None = None  # of a collection; empty = the test mode of a site
    statuses: frozenset[str] | None = None  # that entries of a collection may have; None = all
    assigned_to: str | None = None  # the user's agency, where it sees only the reports assigned to it
    delegated: bool = False  # it answers residents by itself
    # Where an operator sees only the reports that have waited for the agency's decision since before this moment.
    undecided_before: int | None = None
    named: str | None = None  # the user's agency, where it was named to moderate this collection of another one

    @property
    def kind(self) -> Kind:
        return kind_of(self.slug)

    @property
    def is_test(self) -> bool:
        return self.kind == "test"

    @property
    def is_own(self) -> bool:
        """Whether the user's agency, or one below it, answers for this site: contacts and notes are its own."""
        return self.assigned_to is None and self.named is None


# What a service may set on a report assigned to it, and what it may set where it answers by itself.
_SERVICE_STATUSES = frozenset({"in_progress"})
_DELEGATED_STATUSES = _SERVICE_STATUSES | ANSWERS | {"planned"}
# What an operator may set in the place of an agency that did not decide; the work stays the agency's.
_DECISIONS = frozenset({"accepted", "rejected"})


def choose_counted(sites: Iterable[VisibleSite]) -> list[VisibleSite]:
    """The sites whose reports statistics count together; a collection has figures of its own, by the site's filter."""
    cities = [site for site in sites if site.kind == "site"]
    return [site for site in cities if site.assigned_to is None] or cities


def allowed_transitions(user: User, site: VisibleSite, status: str) -> list[str]:
    """The statuses this user may set now, in the order of a report's life."""
    may_moderate = user.may("problems.moderate", site) or site.undecided_before is not None
    if not user.may("problems.decide") or (status == "moderation" and not may_moderate):
        return []
    possible = allowed(user.kind, status)
    if site.undecided_before is not None:
        possible &= _DECISIONS
    if site.assigned_to is not None:
        possible &= _DELEGATED_STATUSES if site.delegated else _SERVICE_STATUSES
    if site.named is not None:
        possible -= {"forwarded"}  # who works on it is decided by the agency that answers for the collection
    if site.statuses is not None:
        possible &= site.statuses
    return [candidate for candidate in STATUSES if candidate in possible]


# --- a decision, as a form sends it --------------------------------------------------------------------------------

DECISION_FIELDS = (
    *("to", "text", "service", "service_due", "responsible", "expected_on", "extended_to", "duplicate_of"),
    *("near", "work_photos", "reject_reason"),
)
EXTENDED = "extended"  # a choice beside the statuses: an extension
# After which nobody works on a report here: a head approves them where the agency wants it, and they can be undone.
FINAL_STATUSES = ANSWERS | {"rejected", "redirected", "duplicate"}


def read_decision(given: Mapping[str, str]) -> Change | Extension:
    """Parse a decision as `read_change` does, or the choice of an extension. A rejection needs one of REASONS."""
    if given.get("to") != EXTENDED:
        return read_change(given, needs_reason=True)
    day, text = given.get("extended_to", "").strip(), given.get("text", "").strip()
    wrong = [] if clock.is_date(day) else [FieldError("extended_to", "date" if day else "required")]
    wrong += [] if text else [FieldError("text", "required")]
    if wrong:
        raise Invalid(tuple(wrong))
    return Extension(day=day, text=text)


def read_change(given: Mapping[str, str], *, needs_reason: bool = False) -> Change:
    """Parse a decision: the status, the text, and the fields that the status requires. Other fields are ignored.

    Raises Invalid with every missing or malformed field.
    """
    to, text = given.get("to", ""), given.get("text", "").strip()
    if to not in STATUSES:
        raise Invalid((FieldError("to", "unknown" if to else "required"),))
    if near := given.get("near"):  # chosen among those that are offered, instead of a number
        given = {**given, "duplicate_of": near}
    needs = {name: given.get(name, "").strip() for name in NEEDS.get(to, ())}
    service = given.get("service", "").strip() if to == "forwarded" else ""
    service_due = given.get("service_due", "").strip() if service else ""
    if service:
        needs.pop("responsible", None)
    reason = given.get("reject_reason", "") if to == "rejected" else ""
    wrong = [FieldError(name, "required") for name, value in needs.items() if not value]
    if reason not in REASONS and (reason or (needs_reason and to == "rejected")):
        wrong.insert(0, FieldError("reject_reason", "unknown" if reason else "required"))
    expected_on, duplicate_of = needs.get("expected_on", ""), needs.get("duplicate_of", "").lstrip("№# ")
    if expected_on and not clock.is_date(expected_on):
        wrong.append(FieldError("expected_on", "date"))
    if service_due and not clock.is_date(service_due):
        wrong.append(FieldError("service_due", "date"))
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
        reason=reason or None,
        service=service or None,
        service_due=service_due or None,
        work_photos=given.get("work_photos") == "yes",
    )


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
