"""Declare the request bodies of residents: a report, a supporter, a follower.

The same declaration parses a body and describes it in /api/v1/openapi.json. Validators that need the site take it from
the context (`ValidationContext`). Each field gets at most one error.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import WithJsonSchema
from pydantic_core import PydanticCustomError

from widget_api import i18n, validation
from widget_api.attachments import links
from widget_api.attachments.photos.model import MAX_ALT_LENGTH
from widget_api.problems import intake, model
from widget_api.problems.model import join_entry
from widget_api.signing import Signer
from widget_api.sites import collection
from widget_api.sites.model import MAX_DESCRIPTION, MAX_TITLE, Category, Site
from widget_api.sites.service import OtherSite
from widget_api.sites.settings import MAX_PHOTOS
from widget_api.validation import Body, Text, is_email, several, wrong

_LONGEST_LINK = 500  # characters of what a link of an organisation is signed as
_LONGEST_UUID = 64  # characters, in any notation
_ALT = Text(MAX_ALT_LENGTH, line=True)
_SPACE = r"\s\x00-\x1f\x7f\x85"  # and characters that are removed; U+0085 is not white space in ECMA-262
_CONTACTS = ("email", "name", "phone")
_EXPECTED = {"string": "wrong_type", "text": "wrong_type", "number": "number", "datetime": "date"}  # by datatype


@dataclass(frozen=True, kw_only=True)
class ValidationContext:
    """The site a body was sent to. `other` is the site to which a point outside this one's territory belongs."""

    site: Site
    signer: Signer | None = None
    other: OtherSite | None = None
    publish_name: bool = False
    handed_on: Site | None = None  # the site that gets it, since it lies outside the territory of `site`
    entered: bool = False  # by an official, for somebody who may have neither e-mail nor photos
    photos_paused: bool = False  # none can be received now, so that none is demanded


def visible_character(hidden: str = "") -> str:
    """Return a JSON Schema pattern of a character that remains after stripping white space and invisible characters."""
    return f"[^{_SPACE}{hidden}]"


def three_visible(hidden: str = "") -> Mapping[str, str]:
    inside = rf"[\x00-\x1f\x7f{hidden}]*[^\x00-\x1f\x7f{hidden}]"
    return {"pattern": rf"{visible_character(hidden)}{inside}[\s\S]*{visible_character(hidden)}"}


def email_text(shortest: int) -> Text:
    return Text(
        intake.EMAIL,
        shortest,
        line=True,
        check=lambda text: None if is_email(text) else "email",
        schema={"format": "email"},
    )


def _string(code: str) -> PlainValidator:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong(code)
        return value

    return PlainValidator(read, json_schema_input_type=str)


def _true(value: Any) -> bool:
    if value is not True:
        raise wrong("required")
    return True


def _uuid(value: Any) -> uuid.UUID:
    try:
        return uuid.UUID(value if isinstance(value, str) and len(value) <= _LONGEST_UUID else "")
    except ValueError:
        raise wrong("uuid") from None


def _degrees(bound: int) -> PlainValidator:
    """Parse a number or its text. NaN if it is invalid: the error is reported for the location as a whole."""

    def read(value: Any) -> float | None:
        number = intake.parse_coordinate(value, bound)
        return number if number is not None else None if value == "" else math.nan

    return PlainValidator(read, json_schema_input_type=Annotated[float, Field(ge=-bound, le=bound)] | None)


Ticket = Annotated[Any, WithJsonSchema({"type": ["string", "null"]})]
Language = Annotated[Any, Field(description="The language of letters: `ru` or `en`; anything else is as good as none.")]


class Consent(Body):
    processing: Annotated[bool, PlainValidator(_true), WithJsonSchema({"const": True})]
    version: Annotated[str, _string("required"), WithJsonSchema({"type": "string", "minLength": 1})] = Field(
        description="Of the configuration."
    )
    publish_name: Any = Field(None, description="True publishes the name; anything else does not.")
    name_version: Annotated[str | None, _string("consent_version"), WithJsonSchema({"type": ["string", "null"]})] = (
        Field(
            None,
            description="Of the document about publishing the name, as the configuration names it;"
            " null: the current one.",
        )
    )


class Follow(Body):
    email: Annotated[str, email_text(1)]
    consent: Consent
    ticket: Ticket = None
    lang: Language = None


class Support(Body):
    supporter: Annotated[uuid.UUID, PlainValidator(_uuid, json_schema_input_type=uuid.UUID)] = Field(
        description="Made up by the browser, once for each site."
    )
    ticket: Ticket = None


class ReportLocation(Body):
    """Coordinates, or an address, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["lat", "lng"], "properties": {name: {"type": "number"} for name in ("lat", "lng")}},
                {
                    "required": ["address"],
                    "properties": {
                        "address": {"type": "string", "pattern": visible_character()},
                        "lat": {"type": "null"},
                        "lng": {"type": "null"},
                    },
                },
            ]
        }
    )

    lat: Annotated[float | None, _degrees(90)] = None
    lng: Annotated[float | None, _degrees(180)] = None
    address: Annotated[str | None, Text(intake.ADDRESS, line=True)] = None

    @model_validator(mode="after")
    def _is_a_place(self, info: ValidationInfo) -> ReportLocation:
        lat, lng, context = self.lat, self.lng, info.context
        if lat is None and lng is None:
            if self.address is None:
                raise wrong("required")
        elif lat is None or lng is None or math.isnan(lat + lng):
            raise wrong("coordinates")
        elif context is not None and context.handed_on is None and not context.site.covers(lat, lng):
            other_site = {"other": context.other.name, "url": context.other.url} if context.other else {}
            raise wrong("outside", site=context.site.name, **other_site)
        return self


class Upload(BaseModel):
    """A form with a photo."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": {"type": "string"}, "maxProperties": 5})

    file: Annotated[Any, WithJsonSchema({"type": "string", "contentMediaType": "application/octet-stream"})] = Field(
        description="JPEG, PNG, WebP or HEIC, up to 10 MB."
    )
    ticket: str = ""


class AttachedPhoto(Body):
    photo: str
    alt: Annotated[str | None, _ALT] = Field(None, description="What it shows.")


class Report(Body):
    """Null is the same as absent. What a site demands beyond this (its categories, their questions, an e-mail, its
    territory) stands in its configuration."""

    category: Annotated[str, Text(100, 1)] = Field(description="A code of the site's configuration.")
    description: Annotated[str, Text(intake.DESCRIPTION[1], intake.DESCRIPTION[0], schema=three_visible())]
    location: ReportLocation
    email: Annotated[str | None, email_text(0)] = Field(None, validate_default=True)
    name: Annotated[str | None, Text(intake.NAME, line=True)] = None
    phone: Annotated[
        str | None,
        Text(
            intake.PHONE,
            line=True,
            check=lambda text: None if intake.is_phone(text) else "phone",
            schema={"pattern": "^[+0-9]( ?[0-9().-]){4,}$"},
        ),
    ] = None
    answers: Annotated[dict[str, Any], WithJsonSchema({"type": ["object", "null"]})] = Field(
        {}, validate_default=True, description="By the code of the question."
    )
    consent: Consent | None = Field(
        None,
        validate_default=True,
        description="Left out by a report without e-mail, name and phone, where the site's configuration says"
        " `consent.required` = `contacts`. Such a report keeps none, nor the sender's network address.",
    )
    photos: tuple[model.Photo, ...] = Field((), validate_default=True)
    ticket: Ticket = None
    lang: Language = None
    page_url: Annotated[str | None, PlainValidator(intake.strip_page_url, json_schema_input_type=Any)] = Field(
        None, description="Kept without query and fragment; what is no web address is as good as none."
    )

    @field_validator("category", mode="after")
    @classmethod
    def _is_the_sites(cls, code: str, info: ValidationInfo) -> str:
        if info.context is not None and info.context.site.category(code) is None:
            raise wrong("unknown", [category.code for category in info.context.site.categories])
        return code

    @field_validator("email", mode="after")
    @classmethod
    def _is_demanded(cls, email: str | None, info: ValidationInfo) -> str | None:
        context = info.context
        if context is None or email is not None or context.entered:
            return email
        if any(one and one.contact == "required" for one in (context.site, context.handed_on)):
            raise wrong("required")
        return email

    @field_validator("name", mode="after")
    @classmethod
    def _may_be_published(cls, name: str | None, info: ValidationInfo) -> str | None:
        context = info.context
        if (
            name is not None
            and context is not None
            and context.publish_name
            and (code := intake.find_name_refusal(context.site, name))
        ):
            raise wrong(code)
        return name

    @field_validator("consent", mode="before")
    @classmethod
    def _is_needed(cls, given: Any, info: ValidationInfo) -> Any:
        """Drop the consent where the site needs it for contacts alone and there are none. A wrong contact is one."""
        context = info.context
        spares = context is not None and (context.entered or context.site.consent == "contacts")
        if spares and not any(info.data.get(name, True) for name in _CONTACTS):
            return None
        return {} if given is None else given  # so that errors name its fields

    @field_validator("answers", mode="plain")
    @classmethod
    def _answer_the_questions(cls, given: Any, info: ValidationInfo) -> dict[str, str | list[str]]:
        category, context = _category(info), info.context
        if category is None or context is None:
            return {}
        if not isinstance(given, Mapping):
            raise wrong("wrong_type")
        answers: dict[str, str | list[str]] = {}
        errors: dict[tuple[str | int, ...], PydanticCustomError] = {}
        for question in category.questions:
            value = given.get(question.code)
            if value in (None, "", []):
                if question.required:
                    errors[question.code,] = wrong("required", question=question.description)
                continue
            answer = intake.parse_answer(question, value)
            if answer is None:
                code = _EXPECTED.get(question.datatype, "unknown")
                allowed = [key for key, _ in question.values]
                errors[question.code,] = wrong(code, allowed, question=question.description)
            elif question.datatype == "datetime":
                answers[question.code] = intake.parse_moment(answer, context.site)
            else:
                answers[question.code] = answer
        if errors:
            raise several(errors)
        return answers

    @field_validator(
        "photos",
        mode="plain",
        json_schema_input_type=Annotated[
            list[Annotated[str, Field(description="A token of `POST …/photos`.")] | AttachedPhoto],
            Field(max_length=MAX_PHOTOS),
        ]
        | None,
    )
    @classmethod
    def _are_this_sites(cls, given: Any, info: ValidationInfo) -> tuple[model.Photo, ...]:
        """Accept tokens or {photo, alt}, in their order."""
        category, context = _category(info), info.context
        waived = context is not None and (context.entered or context.photos_paused)
        if not given and category is not None and category.photo_required and not waived:
            raise wrong("required")
        if given in ("", ()) or context is None:
            return ()
        if not isinstance(given, list):
            raise wrong("wrong_type")
        if len(given) > context.site.photos:
            raise wrong("too_many_photos", max=context.site.photos)
        chosen: dict[str, model.Photo] = {}
        errors: dict[tuple[str | int, ...], PydanticCustomError] = {}
        for place, item in enumerate(given):
            named = item if isinstance(item, Mapping) else {"photo": item}
            photo_id = links.read_photo_token(context.signer, context.site.id, named.get("photo"))
            if photo_id is None or photo_id in chosen:
                errors[place,] = wrong("unknown")
                continue
            try:
                chosen[photo_id] = model.Photo(photo_id, _ALT.read(named.get("alt")))
            except PydanticCustomError as error:
                errors[place, "alt"] = error
        if errors:
            raise several(errors)
        return tuple(chosen.values())


class NewEntry(Report):
    """A report to a collection, which has a title."""

    title: Annotated[str, Text(MAX_TITLE, intake.DESCRIPTION[0], line=True, schema=three_visible())]
    description: Annotated[str, Text(MAX_DESCRIPTION - MAX_TITLE - 2, intake.DESCRIPTION[0], schema=three_visible())]
    by: Annotated[str | None, Text(_LONGEST_LINK, line=True)] = Field(
        None, description="The `by` of an organisation's link, where entries are added by invitation."
    )


def _category(info: ValidationInfo) -> Category | None:
    """Return the category of the report, None if the site has no such category."""
    category: Category | None = info.context and info.context.site.category(info.data.get("category", ""))
    return category


def report(
    site: Site,
    data: Mapping[str, Any],
    *,
    language: str,
    source: Literal["widget", "form"],
    signer: Signer,
    other: OtherSite | None = None,
    handed_on: Site | None = None,
    photos_paused: bool = False,
) -> tuple[model.Report, Consent | None]:
    """Validate a report; return it and the consent that the caller has to record. Raises Invalid, Conflict (a
    collection takes no entries now).

    `handed_on` is the site that gets it, where it may lie outside the territory. That site's required e-mail is
    asked for as the site's own, since it could not answer otherwise.
    """
    collection.require_open(site)
    consent = data.get("consent")
    publish = isinstance(consent, Mapping) and consent.get("publish_name") is True
    context = ValidationContext(
        site=site,
        signer=signer,
        other=other,
        publish_name=publish,
        handed_on=handed_on,
        photos_paused=photos_paused,
    )
    body = validation.parse(NewEntry if site.collection else Report, data, context)
    return to_report(body, language, source, publish_name=publish), body.consent


def to_report(body: Report, language: str, source: model.Source, *, publish_name: bool = False) -> model.Report:
    """Return the report of a parsed body, without the consent."""
    title: str | None = getattr(body, "title", None)  # of an entry
    return model.Report(
        category=body.category,
        description=join_entry(title, body.description) if title else body.description,
        address=body.location.address,
        lat=body.location.lat,
        lng=body.location.lng,
        answers=body.answers,
        contact=model.Contact(
            email=body.email, name=body.name, phone=body.phone, publish_name=publish_name and body.name is not None
        ),
        language=i18n.requested_language(body.lang, language),
        source=source,
        page_url=body.page_url,
        photos=body.photos,
    )
