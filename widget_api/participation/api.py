"""Serve POST …/entries/{number}/vote, join and contact. Whoever asks gets the same answer."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, get_args

from pydantic import Field, PlainValidator
from pydantic.json_schema import WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import validation, web
from widget_api.comments.model import INVISIBLE, remove_invisible
from widget_api.errors import FieldError, Invalid
from widget_api.participation import service
from widget_api.participation.model import MAX_NAME_LENGTH, MAX_ROLE_LENGTH, TEXT_LENGTH, Act, Words
from widget_api.problems import bodies, persons
from widget_api.problems.model import parse_number
from widget_api.sites import origins, tickets
from widget_api.sites import service as sites
from widget_api.sites.http import Handler, in_collection
from widget_api.validation import Text, clean, wrong


def _clean(text: str) -> str:
    return remove_invisible(clean(text))


def _declared(value: Any) -> bool:
    if value is not True:
        raise wrong("required")
    return True


_LINE = partial(Text, line=True, clean=_clean)


class Vote(bodies.Follow):
    declared: Annotated[bool, PlainValidator(_declared), WithJsonSchema({"const": True})] = Field(
        description="Of the age that the collection asks for, and a resident."
    )


class Join(bodies.Follow):
    name: Annotated[str | None, _LINE(MAX_NAME_LENGTH)] = Field(None, description="For the entry's author.")
    role: Annotated[str | None, _LINE(MAX_ROLE_LENGTH)] = Field(
        None, description="One of those that the entry names, where it names any."
    )
    text: Annotated[str | None, Text(TEXT_LENGTH[1], clean=_clean)] = Field(None, description="For the entry's author.")


class Contact(bodies.Follow):
    name: Annotated[str | None, _LINE(MAX_NAME_LENGTH)] = None
    text: Annotated[str, Text(TEXT_LENGTH[1], TEXT_LENGTH[0], clean=_clean, schema=bodies.three_visible(INVISIBLE))]
    show_email: bool = Field(False, description="True: the other side gets the address and can answer.")


_BODIES: dict[Act, type[bodies.Follow]] = {"vote": Vote, "join": Join, "contact": Contact}


def read_words(act: Act, data: dict[str, Any], roles: tuple[str, ...]) -> tuple[bodies.Follow, Words]:
    """The body of an action, and what the person says. Raises Invalid."""
    body = validation.parse(_BODIES[act], data)
    words = Words(**{name: getattr(body, name) for name in Words.__dataclass_fields__ if hasattr(body, name)})
    if words.role and roles and words.role not in roles:
        raise Invalid((FieldError("role", "unknown", (), roles),))
    return body, words


async def take_part(request: Request, act: Act) -> Response:
    """POST /sites/{key}/collections/{slug}/entries/{number}/{act}.

    Errors are checked in the contract's order: 404, 403, 413/415, 400, 404 and 409, 429, 403 (ticket), 422.
    """
    context = web.context(request)
    site = await sites.by_key(context.database, request.path_params["key"])
    service.require_action(site, act)
    origin = origins.admit_origin(site, request.headers.get("origin"), context.settings.public_url)
    data = await web.read_json_object(request)
    number = parse_number(request.path_params["number"])
    problem = await service.find_entry(context.database, site, number, act)
    await context.limits.hit("participants", web.client_address(request), site.id)
    ticket = tickets.read_ticket(context.signer, data.get("ticket"), site, origin, required=context.settings.challenge)
    spend = partial(tickets.spend_ticket, ticket_id=ticket) if ticket else None
    body, words = read_words(act, data, service.list_roles(site, problem))
    language = web.negotiate_language(request, site.language)
    person = await persons.read_person(
        context.database, site, context.settings, body, language, web.client_address(request)
    )
    await service.ask_to_confirm(context.database, site, number, act, person, words, spend)
    return web.json_response({}, 202)


def _route(act: Act) -> Handler:
    async def handle(request: Request) -> Response:
        return await take_part(request, act)

    return in_collection(handle)


routes: list[BaseRoute] = [
    Route(f"/api/v1/sites/{{key}}/collections/{{slug}}/entries/{{number}}/{act}", _route(act), methods=["POST"])
    for act in get_args(Act)
]
