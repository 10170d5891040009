"""Define the roles of the cabinet's users and what each may do. Routes, pages, letters and SQL ask this one table.

A permission is granted to roles. Some hold only for reports of certain sites: those that the user's agency, or one
below it, answers for (`own`), or those that it moderates (`moderated`). A new role is a member of Role, with the
permissions that name it here; a new permission is a line of PERMISSIONS.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, get_args


class Role(StrEnum):
    """Of a user of the cabinet. An agency's roles are in the order of their power, the greatest first."""

    ADMIN = "admin"
    HEAD = "head"
    AGENT = "agent"
    VIEWER = "viewer"
    OPERATOR = "operator"  # keeps the service, has no agency


AgencyRole = Literal["admin", "head", "agent", "viewer"]  # a command offers these
AGENCY_ROLES: tuple[AgencyRole, ...] = get_args(AgencyRole)

_OPERATORS = frozenset({Role.OPERATOR})
_ADMINS = frozenset({Role.ADMIN})
_SETTERS = _ADMINS | _OPERATORS
_HEADS = _ADMINS | {Role.HEAD}
_ANSWERERS = _HEADS | {Role.AGENT}
_DECIDERS = _ANSWERERS | _OPERATORS
_OF_AGENCY = frozenset(Role(name) for name in AGENCY_ROLES)

Action = Literal[
    "contacts.read",
    "notes.read",
    "notes.write",
    "mail.handle",
    "problems.decide",
    "problems.moderate",
    "problems.answer",
    "problems.export",
    "drafts.submit",
    "drafts.approve",
    "comments.write",
    "templates.change",
    "visits.invite",
    "statistics.read",
    "statistics.publish",
    "journal.read",
    "deliveries.read",
    "sites.change",
    "organisation.manage",
    "service.operate",
]


class Site(Protocol):
    """What a permission asks of a site (`people.model.VisibleSite`)."""

    @property
    def is_own(self) -> bool: ...

    @property
    def assigned_to(self) -> str | None: ...

    @property
    def moderator(self) -> str: ...


@dataclass(frozen=True)
class Permission:
    roles: frozenset[Role]
    of: Literal["any", "own", "moderated"] = "any"  # sites


PERMISSIONS: dict[Action, Permission] = {
    "contacts.read": Permission(_ANSWERERS, of="own"),  # personal data, also what was hidden or taken out
    "notes.read": Permission(_OF_AGENCY, of="own"),
    "notes.write": Permission(_ANSWERERS, of="own"),  # services and operators have none: notes may be about people
    "mail.handle": Permission(_DECIDERS),  # letters that wait for a person; they hold personal data
    "problems.decide": Permission(_DECIDERS),
    "problems.moderate": Permission(_DECIDERS, of="moderated"),
    "problems.answer": Permission(_ANSWERERS, of="own"),  # enter, correct, register, hide photos: for the agency
    "problems.export": Permission(_HEADS),
    "drafts.submit": Permission(_ANSWERERS - _HEADS),  # instead of answering, where the agency wants approval
    "drafts.approve": Permission(_HEADS),
    "comments.write": Permission(_ANSWERERS),  # public speech of the agency
    "templates.change": Permission(_HEADS),
    "visits.invite": Permission(_ANSWERERS),
    "statistics.read": Permission(_HEADS),
    "statistics.publish": Permission(_HEADS),  # the report of a period
    "journal.read": Permission(_SETTERS),
    "deliveries.read": Permission(_SETTERS),  # and retry
    "sites.change": Permission(_SETTERS),
    "organisation.manage": Permission(_ADMINS),  # people, departments, routing, details, tokens, handovers
    "service.operate": Permission(_OPERATORS),  # agencies, applications, the state of the service
}


def may(role: str, action: Action, site: Site | None = None) -> bool:
    """Whether a role has a permission, of a site's reports where one is given, else of some site's."""
    permission = PERMISSIONS[action]
    if role not in permission.roles:
        return False
    if site is None or permission.of == "any":
        return True
    if permission.of == "own":
        return site.is_own
    operates = site.moderator == "operator"
    return site.assigned_to is None and operates == (role == Role.OPERATOR)


def roles_of(action: Action) -> Collection[str]:
    """The roles that have a permission, in the order of Role."""
    return [role.value for role in Role if role in PERMISSIONS[action].roles]


def sql_roles(action: Action) -> str:
    """The roles that have a permission as a list of SQL: 'admin', 'head'."""
    return ", ".join(f"'{role}'" for role in roles_of(action))
