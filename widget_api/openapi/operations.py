"""List the operations of the public API with their security, parameters and responses. A test compares it with the
routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from widget_api.addresses import api as addresses
from widget_api.browse import queries
from widget_api.comments import api
from widget_api.openapi import answers, georeport
from widget_api.participation import api as participation
from widget_api.platform.documents import AfterNumber, DocumentNumbers
from widget_api.platform.routes import Events
from widget_api.problems import bodies
from widget_api.sites import routes as of_sites
from widget_api.validation import Language, Point, Query

JSON, GEOJSON = "application/json", "application/geo+json"
Schema = type[BaseModel] | Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation. `answer` is the status, its description, and the schemas by media type; `refusals` are the statuses
    of errors."""

    method: str
    path: str
    id: str
    tag: str
    summary: str
    description: str
    answer: tuple[int, str, Mapping[str, Schema | None]]
    refusals: Sequence[int | str] = ()
    security: Sequence[Mapping[str, Sequence[str]]] = ()
    query: type[Query] | None = None
    headers: Sequence[Mapping[str, Any]] = ()
    body: Mapping[str, Schema] | None = None
    tagged: bool = False  # the response has an ETag, for conditional requests
    more: Mapping[str, str] | None = None  # descriptions of other responses by status
    links: Mapping[str, Any] | None = None


def _read(
    path: str,
    name: str,
    meaning: str,
    answer: Schema,
    summary: str,
    description: str,
    *refusals: int,
    tag: str = "reading",
    query: type[Query] | None = Language,
    media: str = JSON,
    links: Mapping[str, Any] | None = None,
    tagged: bool = True,
) -> Operation:
    return Operation(
        method="get",
        path=f"/api/v1{path}",
        id=name,
        tag=tag,
        summary=summary,
        description=description,
        answer=(200, meaning, {media: answer}),
        refusals=refusals,
        query=query,
        tagged=tagged,
        links=links,
    )


def _write(
    path: str,
    name: str,
    status: int,
    meaning: str,
    answer: Schema,
    body: type[BaseModel],
    summary: str,
    description: str,
    *refusals: int,
    media: str = JSON,
    headers: Sequence[Mapping[str, Any]] = (),
) -> Operation:
    return Operation(
        method="post",
        path=f"/api/v1{path}",
        id=name,
        tag="writing",
        summary=summary,
        description=description,
        answer=(status, meaning, {JSON: answer}),
        refusals=(400, 403, 404, 413, 415, *refusals, 429),
        body={media: body},
        headers=headers,
    )


def _georeport(
    path: str,
    name: str,
    meaning: str,
    answer: Schema,
    summary: str,
    description: str,
    query: type[Query] | None = None,
    body: type[BaseModel] | None = None,
    security: Sequence[Mapping[str, Sequence[str]]] = (),
) -> Operation:
    forms = ("application/x-www-form-urlencoded", "multipart/form-data")
    return Operation(
        method="get" if body is None else "post",
        path=f"/open311/{path}.{{format}}",
        id=name,
        tag="georeport",
        summary=summary,
        description=description,
        answer=(200, meaning, {JSON: answer, "text/xml": None}),
        refusals=("4XX",),
        security=security,
        query=query,
        body=None if body is None else dict.fromkeys(forms, body),
    )


def _many(one: type[BaseModel]) -> Any:
    return list[one]  # type: ignore[valid-type]


_SITE, _PROBLEM = "/sites/{key}", "/sites/{key}/problems/{number}"
_COLLECTION = "/sites/{key}/collections/{slug}"
_IDEMPOTENCY: Sequence[Mapping[str, Any]] = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Made by you, one for each report.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*[!-~][ -~]*$"},
    },
)
_DISCOVERY = "Service Discovery: the endpoint, its formats, whom to ask for a key, and the jurisdictions it has."
_FIRST = {"path.key": "$request.path.key", "path.number": "$response.body#/items/0/number"}
_KEY = {"api_key": list[str]()}
_MAY_KEY: Sequence[Mapping[str, Sequence[str]]] = ({}, _KEY)

OPERATIONS: Sequence[Operation] = (
    _read(
        *(_SITE, "site", "The site's public configuration.", answers.Configuration),
        "What a form needs to know of a site",
        "Name, agency, categories with their questions, consent document, limits and texts, in the language asked for.",
        404,
        tag="sites",
    ),
    _read(
        f"{_SITE}/area",
        "area",
        "Its rings, simplified: whether a place lies inside is asked of /place. None where the site has no area.",
        answers.Outline,
        "The border of the site's territory, as a map draws it",
        "GeoJSON's MultiLineString, simplified to at most 1,000 points; no lines where the site has no area.",
        404,
        tag="sites",
        query=None,
    ),
    _read(
        *(f"{_SITE}/place", "place", "Inside, or whose it is.", answers.Place),
        "Whether a point lies in the site's territory",
        "If it does not lie there, `other` names the site that answers for the point.",
        *(400, 404),
        tag="sites",
        query=Point,
    ),
    Operation(
        method="get",
        path=f"/api/v1{_SITE}/challenge",
        id="challenge",
        tag="writing",
        summary="The gate: a proof of work for a registered origin",
        description="Solved, it gives a ticket. A refused origin is told how to register. Counts the widget's release"
        " for the install check.",
        answer=(200, "The work.", {JSON: answers.Challenge}),
        more={"204": "What the widget said was noted (`failed`, `seen`)."},
        refusals=(403, 404, 429),
        query=of_sites.Seen,
    ),
    _write(
        *(f"{_SITE}/tickets", "ticket", 201, "Good for two hours and one report.", answers.Ticket, of_sites.Solution),
        "A solved challenge for a ticket",
        "Good for two hours and one report, or one voice or letter. Each challenge is good once.",
    ),
    _write(
        *(f"{_SITE}/photos", "photo", 201, "It waits a day.", answers.Uploaded, bodies.Upload),
        "A photo, before its report",
        "Kept without what the camera said of itself; the token attaches it to one report within a day.",
        *(422, 503),
        media="multipart/form-data",
    ),
    _write(
        f"{_SITE}/problems",
        "report",
        201,
        "It is there. The same request again gets the same bytes.",
        answers.Receipt,
        bodies.Report,
        "Report a problem",
        "A repeat with the same `Idempotency-Key` gets the same answer; the same key with another body is refused.",
        422,
        headers=_IDEMPOTENCY,
    ),
    _read(
        *(f"{_SITE}/problems", "problems", "A page.", answers.Problems),
        "Published problems",
        "Newest first unless sorted otherwise. `Link` leads to the next page.",
        *(400, 404, 429),
        query=queries.Page,
        links={name: {"operationId": name, "parameters": _FIRST} for name in ("problem", "support")},
    ),
    _read(
        *(_PROBLEM, "problem", "With its timeline and the official answer.", answers.Detail),
        "One published problem",
        "With its timeline, and the official answer where there is one.",
        404,
    ),
    _write(
        *(f"{_PROBLEM}/support", "support", 200, "Counted, once for each supporter.", answers.Supporters),
        bodies.Support,
        "«Me too»",
        "A supporter counts once; a repeat spends no ticket.",
        *(409, 422),
    ),
    _write(
        *(f"{_PROBLEM}/follow", "follow", 202, "A letter asks to confirm.", answers.Nothing, bodies.Follow),
        "Follow a problem by e-mail",
        "Begins when the link in the letter is confirmed.",
        *(409, 422),
    ),
    _read(
        *(f"{_PROBLEM}/comments", "comments", "Published comments, oldest first.", answers.Comments),
        "What people say of it",
        "Published comments, oldest first.",
        *(400, 404, 429),
        query=queries.Comments,
    ),
    _write(
        *(f"{_PROBLEM}/comments", "comment", 202, "A letter asks to confirm; a moderator reads it.", answers.Nothing),
        api.NewComment,
        "Say something",
        "Appears when its writer confirmed the address and a moderator published it.",
        *(409, 422),
    ),
    _read(
        *(f"{_SITE}/similar", "similar", "The nearest first.", answers.Similar),
        "Open published problems within 250 m",
        "At most five of the category, nearest first.",
        *(400, 404, 429),
        query=queries.Near,
    ),
    _read(
        *(f"{_SITE}/addresses", "addresses", "The best or the nearest first.", answers.Addresses),
        "Addresses for a text or a point",
        "At most seven of the addresses that the operator has loaded: those that `q` can mean, with mistakes and"
        " abbreviations, or those beside a point. Streets where no house fits.",
        *(400, 404, 429),
        query=addresses.Wanted,
        tagged=False,
    ),
    _read(
        *(f"{_SITE}/clusters", "clusters", "Clusters and single problems.", answers.Clusters),
        "Points and clusters for a map",
        "GeoJSON: what a map of that box at that zoom shows.",
        *(400, 404, 429),
        query=queries.Viewport,
        media=GEOJSON,
    ),
    _read(
        *(f"{_SITE}/stats", "stats", "Of what is published.", answers.Stats),
        "Figures of a city",
        "Counts by status, category, month, source and district; how long answers take, how many were in time. Of all"
        " days, or of a period: received in it, answered in it.",
        *(400, 404, 429),
        query=queries.Figures,
    ),
    _read(
        *(f"{_SITE}/stats.csv", "statsTable", "A row for each month.", {"type": "string"}),
        "Figures of a city by month as CSV",
        "RFC 4180 with a header: received, answered, in time, late, returned, and those received by their status now.",
        *(400, 404, 429),
        query=queries.FiguresTable,
        media="text/csv",
    ),
    _read(
        *(f"{_SITE}/problems.geojson", "geojson", "Under the site's licence.", answers.FeatureCollection),
        "All published problems as GeoJSON",
        "Under the site's licence, sent as it is read. The filters of the list.",
        *(400, 404, 429),
        query=queries.Ordered,
        media=GEOJSON,
    ),
    _read(
        *(f"{_SITE}/problems.csv", "csv", "Under the site's licence.", {"type": "string"}),
        "All published problems as CSV",
        "RFC 4180 with a header, under the site's licence, sent as it is read. The filters of the list.",
        *(400, 404, 429),
        query=queries.Export,
        media="text/csv",
    ),
    _read(
        *(f"{_SITE}/numbers.csv", "numbers", "A row for each number.", {"type": "string"}),
        "What became of each number as CSV",
        "RFC 4180 with a header: number, month, state, reason, days. Every report, published or not, without text,"
        " place and author.",
        *(400, 404, 429),
        query=queries.Numbers,
        media="text/csv",
    ),
    _read(
        *(f"{_SITE}/collections", "collections", "Oldest first.", answers.Collections),
        "Collections of a site",
        "Lists that a site has beside its problems, on the same engine: an entry is what a problem is, with a title.",
        404,
    ),
    _read(
        *(_COLLECTION, "collection", "Its public configuration.", answers.Configuration),
        "What a form needs to know of a collection",
        "As of a site: categories with the questions of the collection, its consent document, limits and texts.",
        404,
        tag="sites",
    ),
    _write(
        *(f"{_COLLECTION}/photos", "entryPhoto", 201, "It waits a day.", answers.Uploaded, bodies.Upload),
        "A photo, before its entry",
        "As a report's. A ticket of the site is good for its collections.",
        *(422, 503),
        media="multipart/form-data",
    ),
    _read(
        *(f"{_COLLECTION}/entries", "entries", "A page.", answers.Entries),
        "Published entries of a collection",
        "The query language and paging of problems; `field.{code}` for answers; of a dated collection, `past=true`.",
        *(400, 404, 429),
        query=queries.Page,
    ),
    _write(
        f"{_COLLECTION}/entries",
        "addEntry",
        201,
        "It is there. The same request again gets the same bytes.",
        answers.EntryReceipt,
        bodies.NewEntry,
        "Add an entry",
        "As a problem is reported, with a title. 409: the collection takes no entries of residents, or not now.",
        *(409, 422),
        headers=_IDEMPOTENCY,
    ),
    _read(
        *(f"{_COLLECTION}/entries/{{number}}", "entry", "With its timeline and answer.", answers.EntryDetail),
        "One published entry",
        "With its timeline, and the official answer where there is one.",
        404,
    ),
    _write(
        *(f"{_COLLECTION}/entries/{{number}}/support", "supportEntry", 200, "Counted once.", answers.Supporters),
        bodies.Support,
        "«Me too», of an entry",
        "Where that is the collection's `action`; elsewhere 404.",
        *(409, 422),
    ),
    _write(
        *(f"{_COLLECTION}/entries/{{number}}/vote", "voteForEntry", 202, "A letter asks to confirm.", answers.Nothing),
        participation.Vote,
        "A vote for an entry",
        "Where that is the collection's `action`; elsewhere 404. It counts when the link in the letter is confirmed,"
        " once a person and entry, and can be withdrawn while the vote lasts. 409: it has not begun, or is over.",
        *(409, 422),
    ),
    _write(
        *(f"{_COLLECTION}/entries/{{number}}/join", "joinEntry", 202, "A letter asks to confirm.", answers.Nothing),
        participation.Join,
        "Join an entry",
        "Where that is the collection's `action`; elsewhere 404. Its author sees name, role and text, not the address.",
        *(409, 422),
    ),
    _write(
        *(f"{_COLLECTION}/entries/{{number}}/contact", "contactEntry", 202, "A letter asks to confirm."),
        *(answers.Nothing, participation.Contact),
        "Write to an entry's author",
        "Where that is the collection's `action`; elsewhere 404. Handed on by e-mail when the link is confirmed.",
        *(409, 422),
    ),
    _write(
        f"{_COLLECTION}/entries/{{number}}/follow",
        "followEntry",
        202,
        "A letter asks to confirm.",
        answers.Nothing,
        bodies.Follow,
        "Follow an entry by e-mail",
        "Begins when the link in the letter is confirmed.",
        *(409, 422),
    ),
    _read(
        *(f"{_COLLECTION}/entries/{{number}}/comments", "entryComments", "Oldest first.", answers.Comments),
        "What people say of an entry",
        "Published comments, oldest first.",
        *(400, 404, 429),
        query=queries.Comments,
    ),
    _write(
        f"{_COLLECTION}/entries/{{number}}/comments",
        "commentEntry",
        202,
        "A letter asks to confirm; a moderator reads it.",
        answers.Nothing,
        api.NewComment,
        "Say something of an entry",
        "Appears when its writer confirmed the address and a moderator published it.",
        *(409, 422),
    ),
    _read(
        *(f"{_COLLECTION}/similar", "similarEntries", "The nearest first.", answers.Similar),
        "Open published entries within 250 m",
        "At most five of the category, nearest first.",
        *(400, 404, 429),
        query=queries.Near,
    ),
    _read(
        *(f"{_COLLECTION}/clusters", "entryClusters", "Clusters and single entries.", answers.Clusters),
        "Points and clusters for a map of entries",
        "GeoJSON: what a map of that box at that zoom shows.",
        *(400, 404, 429),
        query=queries.Viewport,
        media=GEOJSON,
    ),
    _read(
        *(f"{_COLLECTION}/stats", "collectionStats", "Of what is published.", answers.Stats),
        "Figures of a collection",
        "As of a city.",
        *(400, 404, 429),
        query=queries.Figures,
    ),
    _read(
        *(f"{_COLLECTION}/coverage", "coverage", "Gaps are 0.", answers.Coverage),
        "Entries by region, district and kind",
        "How many entries have each kind; 404 where a collection does not ask for `region`, and `support` or `help`.",
        404,
        query=None,
    ),
    _read(
        *(f"{_COLLECTION}/place", "entryPlace", "Inside, or whose it is.", answers.Place),
        "Whether a point lies in the territory of the collection's site",
        "As of the site.",
        *(400, 404),
        tag="sites",
        query=Point,
    ),
    _read(
        *(f"{_COLLECTION}/addresses", "entryAddresses", "The best or the nearest first.", answers.Addresses),
        "Addresses for a text or a point",
        "As of the site.",
        *(400, 404, 429),
        query=addresses.Wanted,
        tagged=False,
    ),
    _read(
        f"{_COLLECTION}/area",
        "collectionArea",
        "As of the site.",
        answers.Outline,
        "The border of the territory of the collection's site",
        "As of the site.",
        404,
        tag="sites",
        query=None,
    ),
    _read(
        *(f"{_COLLECTION}/entries.geojson", "entriesGeojson", "Under the site's licence.", answers.FeatureCollection),
        "All published entries as GeoJSON",
        "Under the site's licence, sent as it is read. The filters of the list.",
        *(400, 404, 429),
        query=queries.Ordered,
        media=GEOJSON,
    ),
    _read(
        *(f"{_COLLECTION}/entries.csv", "entriesCsv", "Under the site's licence.", {"type": "string"}),
        "All published entries as CSV",
        "The columns of problems, then the title and a column for each question.",
        *(400, 404, 429),
        query=queries.Export,
        media="text/csv",
    ),
    Operation(
        method="post",
        path="/api/v1/platform/updates",
        id="platformUpdates",
        tag="platform",
        summary="What a platform did, signed",
        description="Signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp`, `webhook-signature`.",
        answer=(202, "Taken in; known ones are not counted again.", {JSON: answers.Taken}),
        refusals=(400, 401, 403, 404, 409, 413, 415, 422),
        security=({"signature": []},),
        body={
            "application/cloudevents+json": answers.CloudEvent,
            "application/cloudevents-batch+json": _many(answers.CloudEvent),
        },
    ),
    Operation(
        method="get",
        path="/api/v1/platform/events",
        id="platformEvents",
        tag="platform",
        summary="What happened, in commit order",
        description="Past a position, for the site of the token; personal data are never in it. Events of a collection"
        " have positions of their own and name it (`collection`).",
        answer=(200, "Past a position.", {JSON: answers.Feed}),
        refusals=(400, 401, 404, 422),
        security=({"token": []},),
        query=Events,
    ),
    Operation(
        method="get",
        path="/api/v1/platform/documents",
        id="platformDocuments",
        tag="platform",
        summary="Numbers of reports in the agency's document system",
        description="For the site of the token, beyond a report's number; nothing else of the API has them.",
        answer=(200, "Beyond a report's number.", {JSON: answers.RegisteredDocuments}),
        refusals=(401, 422),
        security=({"token": []},),
        query=AfterNumber,
    ),
    Operation(
        method="put",
        path="/api/v1/platform/documents",
        id="putPlatformDocuments",
        tag="platform",
        summary="Record numbers of reports in the agency's document system",
        description="All of the list or, where a field is wrong, none. A report that is another site's is unknown.",
        answer=(200, "Recorded.", {JSON: answers.Registered}),
        refusals=(400, 401, 413, 415, 422),
        security=({"token": []},),
        body={JSON: DocumentNumbers},
    ),
    Operation(
        method="get",
        path="/api/v1/platform/stats",
        id="platformStats",
        tag="platform",
        summary="Figures of the token's sites",
        description="Those of a city, over all sites of the token together, and the main ones of each.",
        answer=(200, "Of what is published.", {JSON: answers.PlatformStats}),
        refusals=(400, 401),
        security=({"token": []},),
        query=queries.Period,
    ),
    _read(
        *("/stats", "allStats", "Of what is published.", answers.InstanceStats),
        "Figures of all sites of the service",
        "Reports, and how many are resolved; sites, settlements and confirmed authors.",
        *(400, 429),
        tag="service",
    ),
    _read(
        *("/openapi.json", "openapi", "OpenAPI 3.1.", {"type": "object"}),
        "This description",
        "OpenAPI 3.1 with the address of this service.",
        405,
        tag="service",
        query=None,
    ),
    Operation(
        method="get",
        path="/api/v1/docs",
        id="docs",
        tag="service",
        summary="This description, to be read",
        description="A page without scripts, with the changes of the API at its end.",
        answer=(200, "The page.", {"text/html": {"type": "string"}}),
        refusals=(405,),
        query=Language,
    ),
    *(
        _georeport(path, name, "What is spoken here.", answers.GeoReportDiscovery, "Discovery", _DISCOVERY)
        for path, name in (
            ("discovery", "georeportDiscovery"),
            ("v2/discovery", "georeportDiscoveryOfVersion"),
        )
    ),
    _georeport(
        *("v2/services", "georeportServices", "The categories.", _many(answers.GeoReportService)),
        "Services",
        "GET Service List: the categories of a site.",
        georeport.Jurisdiction,
    ),
    _georeport(
        *("v2/services/{code}", "georeportDefinition", "The questions.", answers.GeoReportDefinition),
        "The questions of a service",
        "GET Service Definition; a service without questions has an empty list.",
        georeport.Jurisdiction,
    ),
    _georeport(
        *("v2/requests", "georeportRequests", "The requests.", _many(answers.GeoReportRequest)),
        "Requests",
        "GET Service Requests: published problems, and those the key sent.",
        georeport.Requests,
        security=_MAY_KEY,
    ),
    _georeport(
        *("v2/requests", "georeportSend", "Its number.", _many(answers.GeoReportReceipt)),
        "Send a request",
        "POST Service Request. It waits for its moderator, readable with the key that sent it.",
        body=georeport.GeoReportReport,
        security=(_KEY,),
    ),
    _georeport(
        *("v2/requests/{id}", "georeportRequest", "The request, in a list of one.", _many(answers.GeoReportRequest)),
        "One request",
        "GET Service Request.",
        georeport.OneRequest,
        security=_MAY_KEY,
    ),
    _georeport(
        *("v2/tokens/{id}", "georeportToken", "The number.", _many(answers.GeoReportReceipt)),
        "The number behind a token",
        "GET service_request_id from a token: here the token is the number.",
        georeport.Jurisdiction,
        security=_MAY_KEY,
    ),
    _georeport(
        *("v2/servicerequestupdates", "georeportUpdates", "The updates.", _many(answers.GeoReportUpdate)),
        "Updates",
        "What happened to published problems, in the order it was recorded (FixMyStreet's extension).",
        georeport.Updates,
        security=_MAY_KEY,
    ),
    _georeport(
        *("v2/servicerequestupdates", "georeportUpdate", "What it is called here.", _many(answers.GeoReportTaken)),
        "Send an update",
        "Scope `georeport`: of requests the key sent, under its own name. Scope `platform`: of all. `update_id` makes"
        " repeats harmless.",
        body=georeport.GeoReportChange,
        security=(_KEY,),
    ),
)
