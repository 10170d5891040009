"""GeoReport v2 over HTTP: services, requests, tokens, updates and discovery, as XML or JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, http, i18n
from widget_api.open311 import georeport, presenting, service
from widget_api.open311.georeport import CONTENT_TYPE, Document, Format
from widget_api.open311.parameters import MOST, Parameters

LARGEST_FORM = 262_144  # bytes; 4,000 Cyrillic letters are 24,000 in a urlencoded form
LARGEST_MULTIPART = 32 * 1024 * 1024
FILES, FIELDS, LARGEST_FIELD = 20, 200, 32_768  # of a form in parts, which is read before its key is known
CHANGESET = "2026-11-24T00:00:00Z"  # of what this endpoint offers; move it when that changes
Answer = Callable[[Request, str], Awaitable[Document]]


async def services(request: Request, language: str) -> Document:
    site = await service.reading_site(http.context(request).database, _query(request))
    return georeport.services([presenting.service(category, language) for category in site.categories])


async def definition(request: Request, language: str) -> Document:
    site = await service.reading_site(http.context(request).database, _query(request))
    category = site.category(request.path_params["code"])
    if category is None:
        raise errors.NotFound("service_not_found")
    questions = sorted(category.questions, key=lambda question: question.order)
    return georeport.definition(category.code, [presenting.attribute(question) for question in questions])


async def listed(request: Request, language: str) -> Document:
    context, query = http.context(request), _query(request)
    site = await service.reading_site(context.database, query)
    asker = await service.sender(context.database, query.one("api_key"), site.id)
    if asker is None:
        await context.limits.hit("georeport_reads", http.client_address(request), site.id)
    rows = await service.requests(context.database, site, asker, query)
    extended, url = query.one("extensions") == "true", context.settings.public_url
    return georeport.requests([presenting.request(row, site, language, url, extended=extended) for row in rows])


async def single(request: Request, language: str) -> Document:
    context, query = http.context(request), _query(request)
    site = await service.reading_site(context.database, query)
    asker = await service.sender(context.database, query.one("api_key"), site.id)
    row = await service.request(context.database, site, asker, request.path_params["id"])
    extended, url = query.one("extensions") == "true", context.settings.public_url
    return georeport.requests([presenting.request(row, site, language, url, extended=extended)])


async def token(request: Request, language: str) -> Document:
    """Nothing waits here for its id, so a token is the id itself."""
    context, query = http.context(request), _query(request)
    site = await service.reading_site(context.database, query)
    asker = await service.sender(context.database, query.one("api_key"), site.id)
    row = await service.request(context.database, site, asker, request.path_params["id"])
    found = str(row["number"])
    return georeport.requests([{"service_request_id": found, "token": found}])


async def send_request(request: Request, language: str) -> Document:
    context, form = http.context(request), await _form(request)
    site, sender = await service.writing(context.database, form)
    if not sender.trusted:
        await context.limits.hit("georeport", sender.token_id)
    number = await service.take_request(
        context.database,
        site,
        sender,
        form,
        idempotency_key=request.headers.get("idempotency-key"),
        signer=context.signer,
        public_url=context.settings.public_url,
    )
    reply: dict[str, georeport.Value] = {
        "service_request_id": str(number),
        "service_notice": None,
        "account_id": form.one("account_id"),
    }
    if sender.trusted:
        reply["extended_attributes"] = {"url": presenting.problem_url(context.settings.public_url, site, number)}
    return georeport.requests([reply])


async def updates(request: Request, language: str) -> Document:
    context, query = http.context(request), _query(request)
    site = await service.reading_site(context.database, query)
    asker = await service.sender(context.database, query.one("api_key"), site.id)
    if asker is None:
        await context.limits.hit("georeport_reads", http.client_address(request), site.id)
    return georeport.updates(await service.updates(context.database, site, asker, query, context.settings.public_url))


async def send_update(request: Request, language: str) -> Document:
    context, form = http.context(request), await _form(request)
    site, sender = await service.writing(context.database, form)
    if not sender.trusted:
        await context.limits.hit("georeport", sender.token_id)
    return georeport.updates([{"update_id": await service.take_update(context.database, site, sender, form)}])


async def nothing(request: Request, language: str) -> Document:
    """Whatever else is asked for gets its refusal in the format it asked for."""
    raise errors.NotFound


async def discovery(request: Request, language: str) -> Document:
    settings = http.context(request).settings
    return georeport.discovery(
        changeset=CHANGESET,
        contact=settings.mail_from,
        key_service=i18n.text(language, "open311.key_service", contact=settings.mail_from),
        url=f"{settings.public_url}/open311/v2",
        test=not settings.production,
    )


def _query(request: Request) -> Parameters:
    return Parameters(request.query_params.multi_items())


async def _form(request: Request) -> Parameters:
    """Urlencoded or multipart; what stands in the query counts too, as some clients send it there.

    Raises TooLarge, WrongType, Malformed.
    """
    media_type = http.media_type(request)
    query = request.query_params.multi_items()
    if media_type == "multipart/form-data":
        texts, files = await http.multipart(request, LARGEST_MULTIPART, files=FILES, fields=FIELDS, part=LARGEST_FIELD)
        with http.closing(file for _, file in files):  # this endpoint takes none, whatever clients send along
            return Parameters([*texts, *query])
    if media_type not in ("application/x-www-form-urlencoded", ""):
        raise errors.WrongType
    body = await http.body(request, LARGEST_FORM)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST)
    except ValueError:
        raise errors.Malformed from None
    return Parameters([*pairs, *query])


# --- answers and errors in the format asked for --------------------------------------------------------------------


def _endpoint(*, get: Answer, post: Answer | None = None) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        asked = request.path_params.get("form") or request.url.path.rpartition(".")[2]
        form: Format = "json" if asked == "json" else "xml"
        language = http.language(request)
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "Content-Language": language}
        try:
            if asked not in CONTENT_TYPE:
                await nothing(request, language)
            if request.method != "POST":
                document, status = await get(request, language), 200
            else:
                assert post is not None
                document, status = await post(request, language), 200
        except errors.DomainError as error:
            document, status = _refusal(error, language)
            if isinstance(error, errors.TooMany):
                headers["Retry-After"] = str(error.retry_after)
        except HTTPException:  # a form Starlette cannot read
            document, status = _refusal(errors.Malformed(), language)
        return Response(georeport.render(document, form), status, headers, CONTENT_TYPE[form])

    return handle


def _refusal(error: errors.DomainError, language: str) -> tuple[Document, int]:
    """404 no such thing, 403 a missing or bad key, 400 everything else a client does wrong (GeoReport v2, «Errors»)."""
    status = 400
    if isinstance(error, errors.NotFound):
        status = 404
    elif isinstance(error, errors.Unauthenticated):
        status = 403
    elif isinstance(error, errors.TooMany):
        status = 429
    elif isinstance(error, errors.Unavailable):
        status = 503
    if isinstance(error, errors.Invalid) and error.fields:
        texts = [f"{one.field}: {_field_text(language, one)}" for one in error.fields]
    else:
        texts = [_text(language, error)]
    return georeport.errors([(status, text) for text in texts]), status


def _field_text(language: str, error: errors.FieldError) -> str:
    own = f"open311.fields.{error.code}"
    if i18n.has(own):
        return i18n.text(language, own)
    return i18n.field_error(language, error.field, error.code, error.values)


def _text(language: str, error: errors.DomainError) -> str:
    own = f"open311.errors.{error.code}"
    return i18n.text(language, own) if i18n.has(own) else http.detail(language, error)


def _route(path: str, get: Answer, post: Answer | None = None) -> Route:
    return Route(path, _endpoint(get=get, post=post), methods=["GET", "POST"] if post else ["GET"])


_EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_ROOT = "/open311/v2"
routes: list[BaseRoute] = [
    _route("/open311/discovery.{form}", discovery),
    _route(f"{_ROOT}/discovery.{{form}}", discovery),
    _route(f"{_ROOT}/services.{{form}}", services),
    _route(f"{_ROOT}/services/{{code}}.{{form}}", definition),
    _route(f"{_ROOT}/requests.{{form}}", listed, send_request),
    _route(f"{_ROOT}/requests/{{id}}.{{form}}", single),
    _route(f"{_ROOT}/tokens/{{id}}.{{form}}", token),
    _route(f"{_ROOT}/servicerequestupdates.{{form}}", updates, send_update),
    Route("/open311/{rest:path}", _endpoint(get=nothing, post=nothing), methods=_EVERY),
]
