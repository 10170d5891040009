"""Define sites with their agencies, categories and settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from widget_api.geo.model import Area, rectangle
from widget_api.sites.deadlines import Calendar

SiteType = Literal["basic", "extended"]
Moderation = Literal["before", "after"]
Contact = Literal["optional", "required"]
Discussion = Literal["off", "moderated"]
MailAnswers = Literal["publish", "hold"]

DEFAULT_LICENSE = "CC-BY-4.0"  # of the open data
DEFAULT_PHOTOS, MAX_PHOTOS = 3, 10  # photos of a report
DEFAULT_DEADLINE_DAYS = 10  # working days from receipt
DEFAULT_CATEGORIES = (
    "roads",
    "yards",
    "housing",
    "garbage",
    "lighting",
    "transport",
    "snow",
    "greenery",
    "water",
    "playgrounds",
    "safety",
    "other",
)

Datatype = Literal["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """An attribute of a GeoReport service definition; it drives the form on both sides."""

    code: str
    datatype: Datatype
    required: bool = False
    description: str
    hint: str = ""  # GeoReport's datatype_description
    order: int = 0
    values: tuple[tuple[str, str], ...] = ()  # (key, name)


@dataclass(frozen=True, kw_only=True)
class Category:
    """A category. `name` is None where a default category's name comes from the dictionaries."""

    code: str
    name: str | None = None
    deadline_days: int | None = None
    responsible: str | None = None
    notice: str | None = None
    photo_required: bool = False
    photo_after: bool = False  # `resolved` needs a photo
    questions: tuple[Question, ...] = ()

    @property
    def working_days(self) -> int:
        return self.deadline_days or DEFAULT_DEADLINE_DAYS


@dataclass(frozen=True, kw_only=True)
class Agency:
    id: str
    name: str
    email: str
    mode: Literal["cabinet", "email"]
    parent_id: str | None = None
    inn: str | None = None
    postal_address: str | None = None
    registry_number: str | None = None  # in Roskomnadzor's register of operators
    senders: tuple[str, ...] = ()  # who may answer by mail beside `email`; «@gorod.ru» is a whole domain
    digest: bool = False  # a letter each working morning


@dataclass(frozen=True, kw_only=True)
class District:
    """A named part of a site's territory."""

    id: str
    name: str
    area: Area = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site with everything that frequent requests need, cached until `settings` of its counter changes."""

    id: str
    ordinal: int  # a short name, by which rows of its problems are found
    key: str  # the newest valid one, for links
    name: str
    agency: Agency
    type: SiteType
    moderation: Moderation
    moderator: Literal["agent", "operator"]
    jurisdiction: str
    time_zone: str
    calendar: Calendar  # its time zone again, and its working days
    language: str
    contact: Contact
    appeals: Literal["off", "handoff"]
    appeals_url: str | None
    bbox: tuple[float, float, float, float] | None  # where a map begins; that of the area where none was given
    area: Area | None  # the border of the territory; None = the bbox
    accent: str | None  # #rrggbb, of the buttons
    photos: int  # a report may have
    license: str  # of the open data: an SPDX name or an address
    discussion: Discussion  # whether people may comment on problems
    mail_answers: MailAnswers = "publish"  # an answer by mail is published at once, or held until somebody looked
    retention_days: int
    origins: frozenset[str]
    categories: tuple[Category, ...] = field(repr=False)  # the enabled ones, in their order
    districts: tuple[District, ...] = field(default=(), repr=False)  # by name

    @cached_property
    def territory(self) -> Area | None:
        """Where reports may lie; None = anywhere."""
        return self.area or (rectangle(self.bbox) if self.bbox else None)

    def covers(self, lat: float, lng: float) -> bool:
        return self.territory is None or self.territory.covers(lat, lng)

    def find_district(self, lat: float | None, lng: float | None) -> str | None:
        """The id of the first district that contains a point, by name where several overlap."""
        if lat is None or lng is None:
            return None
        return next((district.id for district in self.districts if district.area.covers(lat, lng)), None)

    def category(self, code: str) -> Category | None:
        return next((category for category in self.categories if category.code == code), None)
