"""Define sites with their agencies, categories and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from widget_api import i18n
from widget_api.geo.model import Area, rectangle
from widget_api.sites.deadlines import Calendar
from widget_api.sites.kinds import Kind
from widget_api.sites.settings import SiteSettings

Action = Literal["none", "support", "vote", "join", "contact"]
Who = Literal["residents", "invited", "agency"]

AGES = (0, 14, 16, 18)  # of who votes; 0 = any
MAX_VOTES = 100  # of a person in a collection

MAX_DESCRIPTION = 4000  # characters of a problem, as in GeoReport v2
MAX_TITLE = 150  # characters of an entry's title
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

BEGINS, ENDS = "begins", "ends"  # the questions whose answers are the days of a dated entry
COST, OWN_SHARE, PRICE = "cost", "own_share", "price"  # amounts in roubles
PEOPLE = "people"  # how many an initiative needs
ORGANISATION = "organisation"  # the question that a link of an organisation answers
REGION, SUPPORT, HELP = "region", "support", "help"  # entries are counted by region, and kind of support or of help
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
    removed_questions: tuple[Question, ...] = ()  # also those of which options were removed; answers may refer to them

    @property
    def working_days(self) -> int:
        return self.deadline_days or DEFAULT_DEADLINE_DAYS

    def describe_answer(self, code: str, answer: str | list[str]) -> tuple[str, str]:
        """A question and its answer in words, also where the question or the option is no longer offered."""
        known = [one for one in (*self.removed_questions, *self.questions) if one.code == code]
        names = {key: name for one in known for key, name in one.values}
        parts = answer if isinstance(answer, list) else [answer]
        return known[-1].description if known else code, ", ".join(names.get(part, part) for part in parts)


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
    digest_hour: int | None = None  # local; None = as usual, each kind of letter at its own


@dataclass(frozen=True, kw_only=True)
class District:
    """A named part of a site's territory."""

    id: str
    name: str
    area: Area = field(repr=False)


COLLECTION = "/c/"  # in the key of a collection, between that of its site and the slug


_SLUG = re.compile("[a-z0-9][a-z0-9-]{0,63}")


def is_slug(text: str) -> bool:
    return _SLUG.fullmatch(text) is not None


def collection_key(key: str, slug: str) -> str:
    """The key of a collection: what its pages have after /s/. No site has a key with a slash."""
    return f"{key}{COLLECTION}{slug}"


@dataclass(frozen=True, kw_only=True)
class Voting:
    """When voices for entries of a collection are counted, how many a person has in it, and who may vote."""

    opens_at: int | None  # None = no limit
    closes_at: int | None
    per_person: int
    min_age: int
    threshold: int = 0  # voices that an entry needs to be considered; 0 = none

    def find_refusal(self, now: int) -> Literal["early", "closed"] | None:
        """Why no voice is counted now."""
        return "closed" if self.is_over(now) else "early" if now < (self.opens_at or 0) else None

    def is_over(self, at: int) -> bool:
        return self.closes_at is not None and at >= self.closes_at


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A child site that is no test mode: a list of a site's, with a title (the name) and questions of its own."""

    slug: str
    preset: str
    summary: str  # what it is for
    principles: str  # how it works, in the site's own words
    action: Action  # what a visitor can do with an entry
    who: Who  # may add one
    opens_at: int | None  # when it begins and ends to take entries; None = no limit
    closes_at: int | None
    voting: Voting
    icon: str  # an SVG path for 24 pixels
    entry: Mapping[str, str]  # what the title of an entry is called, by language
    add: Mapping[str, str]  # the label of the button that leads to the form, by language
    visits: bool  # agencies invite the authors of its entries to visits (visits/)
    is_answered: bool  # by the agency, as problems are; entries of a directory are only checked
    is_due: bool  # an answer of the agency by a day

    def entry_label(self, language: str) -> str:
        return self.entry.get(language, self.entry[i18n.DEFAULT_LANGUAGE])

    def add_label(self, language: str) -> str:
        return self.add.get(language, self.add[i18n.DEFAULT_LANGUAGE])

    @property
    def counts_participants(self) -> bool:
        """Whether an entry has a public number of those who take part."""
        return self.action in ("vote", "join")

    def takes_entries(self, now: int) -> bool:
        """Whether residents may add an entry now."""
        return (
            self.who == "residents" and (self.opens_at or 0) <= now and (self.closes_at is None or now < self.closes_at)
        )


@dataclass(frozen=True, kw_only=True)
class Site(SiteSettings):
    """A site with everything that frequent requests need, cached until `settings` of its counter changes."""

    id: str
    ordinal: int  # a short name, by which rows of its problems are found
    key: str  # the newest valid one, for links
    agency: Agency
    jurisdiction: str
    calendar: Calendar  # its time zone again, and its working days
    words_language: str | None = None  # of name, categories and questions, where it is another (presets.localize)
    bbox: tuple[float, float, float, float] | None  # where a map begins; that of the area where none was given
    area: Area | None  # the border of the territory; None = the bbox
    parent_id: str | None = None  # the site whose test mode or collection this is
    collection: Collection | None = None
    consent_text: str = ""  # what the agency adds to the consent document
    origins: frozenset[str]
    claimed_origins: frozenset[str] = frozenset()  # of them, those that the agency added and did not prove
    categories: tuple[Category, ...] = field(repr=False)  # the enabled ones, in their order
    former_categories: tuple[Category, ...] = field(default=(), repr=False)  # disabled, which older reports have
    districts: tuple[District, ...] = field(default=(), repr=False)  # by name

    @property
    def known_origins(self) -> frozenset[str]:
        """The origins that the agency has proven or the operator has given; the others may be anybody's."""
        return self.origins - self.claimed_origins

    @property
    def kind(self) -> Kind:
        return "site" if self.parent_id is None else "collection" if self.collection else "test"

    @property
    def is_test(self) -> bool:
        return self.kind == "test"

    @property
    def fields(self) -> tuple[Question, ...]:
        """The questions of a collection: each of its categories has the same."""
        return self.categories[0].questions if self.collection and self.categories else ()

    @property
    def is_dated(self) -> bool:
        """Whether its entries are on days: the list has those to come, and those that are past by themselves."""
        return any(one.code == BEGINS and one.datatype == "datetime" for one in self.fields)

    @property
    def longest_description(self) -> int:
        """In characters. That of an entry is stored with its title."""
        return MAX_DESCRIPTION - (MAX_TITLE + 2 if self.collection else 0)

    @property
    def is_answered(self) -> bool:
        """Whether its problems are answered."""
        return self.collection is None or self.collection.is_answered

    @property
    def is_due(self) -> bool:
        """Whether its problems are answered by a day."""
        return self.collection is None or self.collection.is_due

    @property
    def file_name(self) -> str:
        """What files of its data are called."""
        return f"{self.jurisdiction}-{self.collection.slug}" if self.collection else self.jurisdiction

    @property
    def city_key(self) -> str:
        """The key of the site that a collection is of."""
        return self.key.partition(COLLECTION)[0]

    @property
    def printed_path(self) -> str:
        """The path that leads to its page whatever its key is (`residents/printed.py`)."""
        return f"/to/{self.id}"

    @property
    def entries_path(self) -> str:
        """The path of its problems' pages, without the number. The key of a collection is that of its site and the slug
        (`collection_key`)."""
        return f"/s/{self.key}" if self.collection else f"/s/{self.key}/problems"

    @property
    def entries_api(self) -> str:
        """The path of its list of problems in the API."""
        own = self.collection
        return f"/api/v1/sites/{self.city_key}/" + (f"collections/{own.slug}/entries" if own else "problems")

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

    def known_category(self, code: str) -> Category | None:
        """A category, even if it is disabled: that of a report."""
        return self.category(code) or next((one for one in self.former_categories if one.code == code), None)

    def category_name(self, language: str, code: str) -> str:
        """The name of a category, even of one that the site does not have any more."""
        category = self.known_category(code)
        return i18n.category_name(language, code, category.name if category else None)
