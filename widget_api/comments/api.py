"""Serve GET and POST …/comments: list the published comments of a problem, and post one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import validation, web
from widget_api.comments import service
from widget_api.comments.model import INVISIBLE, NAME_LENGTH, TEXT_LENGTH, Comment, remove_invisible
from widget_api.problems import bodies, intake, persons
from widget_api.problems.bodies import Consent, Language, Ticket, email_text, three_visible, visible_character
from widget_api.problems.model import parse_number
from widget_api.problems.store.contacts import email_hash
from widget_api.sites import origins, tickets
from widget_api.sites import service as sites
from widget_api.sites.http import in_collection
from widget_api.validation import Body, Text, clean, wrong


async def list_comments(request: Request) -> Response:
    """GET /sites/{key}/problems/{number}/comments?cursor"""
    context = web.context(request)
    site, version = await sites.by_key_with_version(context.database, request.path_params["key"])
    service.require_discussion(site)
    number = parse_number(request.path_params["number"])
    cursor = request.query_params.get("cursor", "")
    tag = web.make_etag(site.id, version, "comments", number, cursor)
    if web.is_not_modified(request, tag, exists=False):
        return web.cacheable_response(b"", tag, 304)
    found = await service.read_page(context.database, site, number, cursor)
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    return web.cacheable_response(found, tag, headers=web.next_page_header(request, found["next"]))


async def post_comment(request: Request) -> Response:
    """POST /sites/{key}/problems/{number}/comments.

    Errors are checked in the contract's order: 404, 403, 413/415, 400, 404, 409, 429, 403 (ticket), 422.
    """
    context = web.context(request)
    site = await sites.by_key(context.database, request.path_params["key"])
    service.require_discussion(site)
    origin = origins.admit_origin(site, request.headers.get("origin"), context.settings.public_url)
    data = await web.read_json_object(request)
    number, address = parse_number(request.path_params["number"]), web.client_address(request)
    await service.find_open_problem(context.database, site, number)
    await context.limits.hit("comments", address, site.id)
    ticket = tickets.read_ticket(context.signer, data.get("ticket"), site, origin, required=context.settings.challenge)
    body = validation.parse(NewComment, data, bodies.ValidationContext(site=site))
    language = web.negotiate_language(request, site.language)
    person = await persons.read_person(context.database, site, context.settings, body, language, address)
    purchase = f"{number} {email_hash(person.email)} {body.name}\n{body.text}"
    once = partial(tickets.spend_once, ticket_id=ticket, purchase=purchase) if ticket else None
    await service.post_comment(context.database, site, number, body.comment, person, once)
    return web.json_response({}, 202)


_ENTRY = "/api/v1/sites/{key}/collections/{slug}/entries/{number}"
routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems/{number}/comments", list_comments, methods=["GET"]),
    Route("/api/v1/sites/{key}/problems/{number}/comments", post_comment, methods=["POST"]),
    Route(f"{_ENTRY}/comments", in_collection(list_comments), methods=["GET"]),
    Route(f"{_ENTRY}/comments", in_collection(post_comment), methods=["POST"]),
]


def _comment_text(bounds: tuple[int, int], line: bool, schema: Mapping[str, str]) -> Text:
    return Text(bounds[1], bounds[0], line=line, clean=lambda text: remove_invisible(clean(text)), schema=schema)


class NewComment(Body):
    name: Annotated[str, _comment_text(NAME_LENGTH, True, {"pattern": visible_character(INVISIBLE)})] = Field(
        description="Published with `consent.publish_name` alone. The letters of a word are of one alphabet, and it is"
        " not the agency's name: else 422."
    )
    text: Annotated[str, _comment_text(TEXT_LENGTH, False, three_visible(INVISIBLE))]
    email: Annotated[str, email_text(1)]
    consent: Consent
    ticket: Ticket = None
    lang: Language = None

    @property
    def comment(self) -> Comment:
        return Comment(name=self.name, text=self.text)

    @field_validator("name", mode="after")
    @classmethod
    def _is_nobody_elses(cls, name: str, info: ValidationInfo) -> str:
        if info.context is not None and (code := intake.find_name_refusal(info.context.site, name)):
            raise wrong(code)
        return name
