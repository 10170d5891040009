"""Models of the API's responses, for the OpenAPI document only: responses are built from rows without them.

tests/api/test_openapi.py validates every recorded response against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model
from pydantic.json_schema import WithJsonSchema

from widget_api.browse.figures import ALL, API, FIGURES, OF_SITE, PART, Unit, name_at
from widget_api.problems.model import STATUSES, ActorKind, Source
from widget_api.sites import presets
from widget_api.sites.model import Action, Datatype, Who
from widget_api.sites.settings import ConsentRule, Contact, Discussion, SiteType
from widget_api.status_table import PUBLIC_STATUSES

Uri = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Count = Annotated[int, Field(ge=0)]
Number = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Point = tuple[float, float]  # longitude first, as in GeoJSON
ABSENT: Any = None  # default of a member that may be absent; one that may be null has a type that says so
Box = tuple[float, float, float, float]  # west, south, east, north


class Status(RootModel[str]):
    """Where a problem stands."""

    model_config = ConfigDict(json_schema_extra={"enum": list(STATUSES)})


class PublicStatus(RootModel[str]):
    """Where a published problem stands."""

    model_config = ConfigDict(json_schema_extra={"enum": list(PUBLIC_STATUSES)})


Preset = Annotated[str, WithJsonSchema({"type": "string", "enum": list(presets.NAMES)})]


class Location(BaseModel):
    lat: float = Field(ge=-90, le=90, description="Degrees, WGS 84.")
    lng: float = Field(ge=-180, le=180, description="Degrees, WGS 84.")


class Photo(BaseModel):
    url: Uri
    thumb: Uri = Field(description="At most 480 pixels.")
    small: Uri = Field(ABSENT, description="At most 240 pixels; absent of photos from before release 1.1.")
    width: int
    height: int
    alt: str | None = Field(description="What it shows, in the sender's words.")


class Document(BaseModel):
    name: str
    url: Uri
    bytes: Count = Field(description="Its size.")
    type: str = Field(description="Its media type.")


class Problem(BaseModel):
    """A published problem as lists tell it."""

    number: Number = Field(description="Of the site.")
    url: Uri = Field(description="Its page.")
    category: str = Field(description="A code of the site's configuration, or one it had.")
    category_name: str = Field(description="As the site calls it; in lists in the site's language.")
    description: str
    address: str | None
    location: Location | None
    status: PublicStatus
    created_at: Moment
    updated_at: Moment
    answer_due: Day | None = Field(
        description="By when an answer is due, in the site's time zone: the category's day, or the planned one the"
        " resident was told since. Null where another system answers and promised no day."
    )
    overdue: bool = Field(description="Open, and the day has passed. What a platform answers never is.")
    photos: list[Photo]
    supporters: Count = Field(description="«Me too».")
    has_answer: bool
    source: Source = Field(description="The door it came through.")
    answered_at: Moment | None = Field(None, description="The first official answer.")
    comments: Count = Field(ABSENT, description="Published ones.")


class Problems(BaseModel):
    items: list[Problem]
    next: str | None = Field(description="The `cursor` of the next page.")


class Entry(BaseModel):
    """One step of a problem."""

    at: Moment
    kind: Literal["received", "status", "note", "corrected"]
    status: Status | None
    actor: ActorKind
    sender: str | None = None
    text: str | None
    expected_on: Day | None
    responsible: str | None
    duplicate_of: int | None
    photos: list[Photo]
    documents: list[Document]
    label: str = Field(description="What happened, in the reader's language.")


class EntryItem(Problem):
    """A published entry of a collection as lists tell it."""

    title: str
    answers: dict[str, str | list[str]] = Field(description="By the code of the question.")
    participants: Count = Field(description="Who take part, where visitors can.")


class Entries(BaseModel):
    items: list[EntryItem]
    next: str | None = Field(description="The `cursor` of the next page.")


class Answer(BaseModel):
    """The newest official answer."""

    text: str
    at: Moment
    agency: str
    disputed: bool = Field(description="The author did not agree, and there is no other answer yet.")
    photos: list[Photo]
    documents: list[Document]


class Detail(Problem):
    """One published problem with all that is public."""

    answered_at: Moment | None = Field(description="The first official answer.")
    comments: Count = Field(description="Published ones.")
    author: str | None = Field(
        description="The author's name, where they agreed to publish it (`consent.publish_name`) and have not taken"
        " that back."
    )
    kept: bool | None = Field(
        description="Whether each answer came by its day, those before a reopening too; null while there is nothing to"
        " say."
    )
    expected_on: Day | None = Field(description="The promised day of a planned work.")
    responsible: str | None
    duplicate_of: int | None = Field(description="The number of the problem it was merged into.")
    discussion: Discussion = Field(description="Whether people may comment.")
    source_name: str | None = Field(description="Of a problem that came by another system: what that is called.")
    source_url: Uri | None = Field(description="Of a problem that is a platform's own: where it lives.")
    timeline: list[Entry]
    answer: Answer | None


class EntryDetail(Detail):
    """One published entry with all that is public."""

    title: str
    answers: dict[str, str | list[str]]
    participants: Count


class Near(Problem):
    distance: Count = Field(description="Metres.")


class Similar(BaseModel):
    items: list[Near] = Field(max_length=5)


class Address(BaseModel):
    text: str = Field(description="Street and house, or a street alone.")
    lat: float
    lng: float


class Addresses(BaseModel):
    items: list[Address] = Field(max_length=7)


class Choice(BaseModel):
    key: str
    name: str


class Question(BaseModel):
    """An attribute of an Open311 service definition: one of the extra questions of a category."""

    code: str
    datatype: Datatype
    required: bool
    description: str
    hint: str | None
    order: int
    values: list[Choice]


class Voting(BaseModel):
    """When voices are counted: when they are confirmed."""

    opens_at: Moment | None
    closes_at: Moment | None
    per_person: Annotated[int, Field(ge=1)] = Field(description="Voices of a person in the collection, one an entry.")
    min_age: int | None = Field(description="Declared by who votes; null: any.")
    threshold: int | None = Field(description="Voices that an entry needs to be considered; null: any number will do.")


class Collection(BaseModel):
    """A list of a site's beside its problems."""

    slug: str
    preset: Preset
    icon: str = Field(description="An SVG path for 24 pixels.")
    language: str = Field(description="Of title, description and fields.")
    title: str
    description: str
    url: Uri = Field(description="Its page.")
    fields: list[Question]
    answered: bool = Field(description="By the agency; entries of a directory are only checked.")
    roles: str | None = Field(description="The question whose answer names the roles to join an entry in.")
    action: Action = Field(description="What a visitor can do with an entry.")
    opens_at: Moment | None = Field(description="When it begins to take entries.")
    closes_at: Moment | None = Field(description="When it ends to take entries.")
    voting: Voting | None = Field(description="Where the action is `vote`.")
    who: Who = Field(description="Who may add an entry; `POST …/entries` is for residents.")
    count: Count = Field(description="Published entries.")


class Collections(BaseModel):
    items: list[Collection]


class Category(BaseModel):
    code: str
    name: str
    words: str = Field(description="What people call things of it.")
    notice: str | None = Field(description="To be read before sending.")
    notice_parts: list[Annotated[list[str], Field(min_length=1, max_length=2)]] | None = Field(
        description="The same as texts, each with the link for it where it is a number to call."
    )
    deadline_days: int = Field(description="Working days.")
    answer_due: Day | None = Field(description="If reported today; null where no answer by a day is promised.")
    icon: str = Field(description="An SVG path for 24 pixels.")
    track: str
    photo_required: bool
    questions: list[Question]


class Agency(BaseModel):
    name: str
    email: str | None


class Map(BaseModel):
    """Where a map begins."""

    center: Annotated[list[float], Field(min_length=2, max_length=2)]
    zoom: int
    bbox: Box
    tiles: str | None
    max_zoom: int | None
    attribution: str | None
    outlined: bool = Field(description="There is a border to be drawn: /area.")


class ConsentDocument(BaseModel):
    version: str
    url: Uri


class ConsentDocuments(ConsentDocument):
    required: ConsentRule = Field(
        description="Which reports need consent: all, or those with an email address, a name or a phone number."
    )
    publish_name: ConsentDocument = Field(description="The document under which a name may be published.")


class Length(BaseModel):
    min: int
    max: int


class Limits(BaseModel):
    description: Length
    photos: int
    photo_bytes: int


class Track(BaseModel):
    kind: str
    text: str


class Links(BaseModel):
    report: str
    track: str
    site: str


class District(BaseModel):
    id: str
    name: str


class Configuration(BaseModel):
    """What a form needs to know of a site."""

    name: str
    type: SiteType
    jurisdiction: str
    agency: Agency
    time_zone: str
    language: str
    languages: list[str]
    categories: list[Category]
    districts: list[District] = Field(ABSENT, description="Only where the site has districts.")
    accent: str | None
    colours: str | None
    statuses: dict[str, str]
    map: Map | None
    consent: ConsentDocuments
    limits: Limits
    contact: Contact
    test: str = Field(ABSENT, description="What to call the test mode, of a test key only.")
    entry: str = Field(ABSENT, description="What the title of an entry is called, of a collection only.")
    submit: str
    track: Track
    appeals_url: str | None
    links: Links


class Outline(BaseModel):
    """GeoJSON, longitude first."""

    type: Literal["MultiLineString"]
    coordinates: list[Annotated[list[Point], Field(min_length=4)]]


class OtherSite(BaseModel):
    name: str
    agency: str
    url: Uri


class Place(BaseModel):
    inside: bool
    detail: str | None = Field(description="What to do.")
    other: OtherSite | None
    receiver: str = Field(ABSENT, description="Who gets a report of this place that is sent here all the same.")
    track: str = Field(ABSENT, description="What is said of it before sending, in place of the category's text.")


class Challenge(BaseModel):
    """A proof of work (altcha)."""

    algorithm: str
    challenge: str
    maxnumber: int = ABSENT
    salt: str
    signature: str


class Ticket(BaseModel):
    ticket: str
    expires_at: Moment


class Uploaded(BaseModel):
    photo: str = Field(description="Attaches the photo to one report within a day.")
    thumb: Uri = Field(description="Good for an hour.")
    location: Location | None


class Receipt(BaseModel):
    number: Number
    status: Status
    received_at: Moment
    answer_due: Day
    track_url: Uri = Field(description="The author's private page.")
    code: str | None = Field(None, description="To be written down where no e-mail was given.")
    receiver: str = Field(ABSENT, description="Who gets the report, where the site handed it on.")


class EntryReceipt(Receipt):
    answer_due: Day | None = Field(description="Null where the agency checks entries and answers none.")  # type: ignore[assignment]


class Supporters(BaseModel):
    supporters: Count


class Rating(BaseModel):
    mean: float = Field(ge=1, le=5)
    count: int


_TYPES: dict[Unit, Any] = {"count": Count, "share": Share | None, "rating": Rating | None}


def _figures(name: str, place: Literal["api", "all"], figures: Sequence[str]) -> Any:
    """The model of some figures, as `figures.measure` writes them."""
    fields: dict[str, Any] = {
        name_at(place, one): (
            _TYPES.get(FIGURES[one].unit, float | None),
            Field(description=FIGURES[one].description or None),
        )
        for one in figures
    }
    return create_model(name, **fields)


class OfPart(_figures("FiguresOfPart", "api", PART)):  # type: ignore[misc]
    """A part of the reports by its main counts."""


class OfCategory(OfPart):
    code: str
    name: str


class OfMonth(BaseModel):
    month: str = Field(pattern=r"^\d{4}-\d{2}$", description="In the site's time zone.")
    received: int
    answered: int


class OfDistrict(OfPart):
    id: str
    name: str


class Outcomes(BaseModel):
    """What has become of all reports received in the period, published or not: the parts add up to `received`."""

    received: Count = Field(description="Without `unconfirmed`.")
    published: Count = Field(description="And not erased since.")
    rejected: Count = Field(description="Before they were published, marked as spam included.")
    merged: Count = Field(description="Before they were published.")
    withdrawn: Count
    erased: Count = Field(description="Published or undecided ones.")
    waiting: Count = Field(description="For a decision of the agency.")
    rejected_by_reason: dict[str, Count] = Field(
        description="Codes: `abuse`, `personal_data`, `not_a_problem`, `no_place`, `spam`, `other`, `unstated`."
    )
    waiting_long: Count = Field(description="Of those that wait: longer than three working days.")
    unconfirmed: Count = Field(description="Their authors were asked to confirm the e-mail address and have not.")
    share_resolved: Share | None = Field(description="Of all received.")


class Stats(_figures("Figures", "api", API)):  # type: ignore[misc]
    """docs/figures.md defines each number."""

    by_status: dict[str, int]
    by_category: list[OfCategory]
    by_month: list[OfMonth] = Field(
        max_length=12, description="The twelve whole months up to the end of the period, the oldest first."
    )
    from_: Day | None = Field(alias="from")
    to: Day | None
    district: str | None
    by_source: dict[str, Count] = Field(description="The channel, or the interface a report came through.")
    outcomes: Outcomes
    by_district: list[OfDistrict] = Field(ABSENT, description="Only where the site has districts.")


class OfRegion(BaseModel):
    name: str
    total: Count
    counts: dict[str, Count] = Field(description="Entries by kind of support or help. An entry may have several kinds.")


class OfCoveredDistrict(OfRegion):
    id: str


class Kind(BaseModel):
    key: str = Field(description="Of the filter `field.support` or `field.help`.")
    name: str


class Coverage(BaseModel):
    """How many entries there are where, by kind."""

    kinds: list[Kind]
    missing: list[str] = Field(description="Kinds that no entry has.")
    regions: list[OfRegion] = Field(max_length=100, description="Answers to `region`, by name.")
    more: Count = Field(description="Regions that are left out.")
    districts: list[OfCoveredDistrict] = Field(ABSENT, description="All of the site's; absent where it has none.")
    elsewhere: Count = Field(ABSENT, description="Entries without a place, or outside of all districts.")


class OfSite(_figures("FiguresOfSite", "api", OF_SITE)):  # type: ignore[misc]
    key: str
    jurisdiction: str
    name: str


class PlatformStats(Stats):
    sites: list[OfSite]


class InstanceStats(_figures("FiguresOfAll", "all", ALL)):  # type: ignore[misc]
    """All enabled sites of the service together, of what is published."""

    sites: Count
    settlements: Count = Field(description="Agencies without a parent that have a site, by themselves or below them.")
    confirmed_authors: Count = Field(description="Addresses that confirmed a report, once a site.")
    outcomes: Outcomes


class GeoPoint(BaseModel):
    type: Literal["Point"]
    coordinates: Point


class Mark(BaseModel):
    """One problem has its `number`, several have their `statuses` and the `bbox` that shows them apart."""

    count: Number
    number: Number = ABSENT
    status: PublicStatus = ABSENT
    overdue: bool = ABSENT
    category: str = ABSENT
    title: str = ABSENT
    statuses: dict[str, Number] = ABSENT
    bbox: Box = ABSENT


class Marked(BaseModel):
    type: Literal["Feature"]
    geometry: GeoPoint
    properties: Mark


class Clusters(BaseModel):
    """GeoJSON (RFC 7946) with two members more: how many problems these are, and whether that is not all."""

    type: Literal["FeatureCollection"]
    features: list[Marked]
    total: Count
    partial: bool


class Feature(BaseModel):
    """A published problem as lists tell it, with `status_name`; its location is the geometry."""

    type: Literal["Feature"]
    id: Number
    geometry: GeoPoint | None
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """GeoJSON (RFC 7946)."""

    type: Literal["FeatureCollection"]
    license: Uri
    attribution: str
    generated_at: Moment
    features: list[Feature]


class Comment(BaseModel):
    name: str | None
    text: str
    at: Moment
    official: bool
    agency: str | None


class Comments(BaseModel):
    items: list[Comment]
    next: str | None


class Taken(BaseModel):
    taken: Count


class Nothing(BaseModel):
    """An empty object."""


class CloudEvent(BaseModel):
    """CloudEvents 1.0."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: Moment = ABSENT
    data: dict[str, Any] = ABSENT


class Feed(BaseModel):
    events: list[CloudEvent]
    next: int = Field(description="The `after` of the next call.")


class RegisteredDocument(BaseModel):
    number: Number = Field(description="The report's number on the site.")
    document_number: str = Field(description="In the agency's document system; never public.")
    document_date: Day | None


class RegisteredDocuments(BaseModel):
    items: list[RegisteredDocument]
    next: Number | None = Field(description="The `after` of the next call; null at the end.")


class Registered(BaseModel):
    registered: Count = Field(description="Reports whose numbers are recorded now.")


class WrongField(BaseModel):
    field: str = Field(description="Where, «photos.0».")
    code: str
    detail: str
    url: Uri = ABSENT
    allowed: list[str] = ABSENT


class Error(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What is wrong and what to do, in the reader's language.")
    code: str = Field(description="For programs.")
    parameter: str = Field(ABSENT, description="The parameter at fault.")
    allowed: list[str] = Field(
        ABSENT, description="What the parameter takes, where that is one of a few values (at most 50 are named)."
    )
    errors: list[WrongField] = ABSENT
    origin: str = Field(ABSENT, description="The origin that is not one of the site's.")
    register_url: Uri = Field(ABSENT, description="Where the site's owner adds it.")
    retry_after: int = Field(ABSENT, description="Seconds.")


class GeoReportError(BaseModel):
    code: int
    description: str


class GeoReportEndpoint(BaseModel):
    specification: str
    url: Uri
    changeset: str
    type: str
    formats: list[str]
    jurisdictions: list[str] = ABSENT


class GeoReportDiscovery(BaseModel):
    changeset: str
    contact: str
    key_service: str
    endpoints: list[GeoReportEndpoint]
    software: str = ABSENT


class GeoReportService(BaseModel):
    service_code: str
    service_name: str
    description: str | None = None
    metadata: bool
    type: str
    keywords: str | None = None
    group: str | None = None


class GeoReportAttribute(BaseModel):
    variable: bool = ABSENT
    code: str
    datatype: str
    required: bool
    datatype_description: str | None = None
    order: int = ABSENT
    description: str = ABSENT
    values: list[Choice] = ABSENT


class GeoReportDefinition(BaseModel):
    service_code: str
    attributes: list[GeoReportAttribute]


class GeoReportRequest(BaseModel):
    """A request as GeoReport v2 tells it, JSON."""

    service_request_id: str
    status: str = Field(pattern="^(open|closed)$")
    status_notes: str | None = Field(None, description="The agency's words about the status it gave.")
    service_name: str
    service_code: str
    description: str | None = None
    agency_responsible: str | None = None
    service_notice: str | None = None
    requested_datetime: Moment
    updated_datetime: Moment
    expected_datetime: str | None = None
    address: str | None = None
    address_id: str | None = None
    zipcode: str | None = None
    lat: float | None = None
    long: float | None = None
    media_url: str | None = None
    extended_attributes: dict[str, Any] = ABSENT
    notes: list[dict[str, Any]] = ABSENT


class GeoReportReceipt(BaseModel):
    service_request_id: str
    token: str = ABSENT
    service_notice: str | None = None
    account_id: str | None = None
    extended_attributes: dict[str, Any] = ABSENT


class GeoReportUpdate(BaseModel):
    update_id: str
    service_request_id: str
    status: str = Field(description="FixMyStreet's name.")
    updated_datetime: Moment
    description: str | None = None
    media_url: str | None = None
    extended_attributes: dict[str, Any] = ABSENT


class GeoReportTaken(BaseModel):
    update_id: str
