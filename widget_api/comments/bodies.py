"""A comment as residents send it, declared once for reading it and for describing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from widget_api.comments.model import NAME, TEXT, UNSEEN, Comment, visible
from widget_api.problems import names
from widget_api.problems.bodies import Consent, Language, Ticket, email_text, three_visible, visible_character
from widget_api.validation import Body, Text, clean, wrong


def _comment(bounds: tuple[int, int], line: bool, schema: Mapping[str, str]) -> Text:
    return Text(bounds[1], bounds[0], line=line, clean=lambda text: visible(clean(text)), schema=schema)


class NewComment(Body):
    name: Annotated[str, _comment(NAME, True, {"pattern": visible_character(UNSEEN)})] = Field(
        description="Published with `consent.publish_name` alone. The letters of a word are of one alphabet, and it is"
        " not the agency's name: else 422."
    )
    text: Annotated[str, _comment(TEXT, False, three_visible(UNSEEN))]
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
        if info.context is not None and (code := names.find_refusal(info.context.site, name)):
            raise wrong(code)
        return name
