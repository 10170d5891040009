"""Declare a report that an official enters for a caller, a visitor, or the sender of a letter.

It is checked as the author's own would be, except that nobody has to leave a contact or photos. The consent to process
personal data is needed with a contact only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from widget_api import validation
from widget_api.problems import bodies, model
from widget_api.signing import Signer
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import MAX_TITLE, Site
from widget_api.sites.service import OtherSite
from widget_api.validation import Text, wrong

CHANNELS: tuple[model.Channel, ...] = get_args(model.Channel)
MAX_AGE = 30  # days between the receipt and the entry


@dataclass(frozen=True, kw_only=True)
class EnteringContext(bodies.ValidationContext):
    today: date
    entered: bool = True


def _channel(value: Any) -> Any:
    if value not in CHANNELS:
        raise wrong("required")
    return value


class EnteredReport(bodies.Report):
    channel: Annotated[Any, PlainValidator(_channel)]
    received_on: date
    title: Annotated[str | None, Text(MAX_TITLE, line=True)] = Field(None, validate_default=True)

    @field_validator("title", mode="after")
    @classmethod
    def _is_an_entrys(cls, title: str | None, info: ValidationInfo) -> str | None:
        assert isinstance(info.context, EnteringContext), "no other caller"
        if title is None and info.context.site.collection is not None:
            raise wrong("required")
        return title

    @field_validator("received_on", mode="plain")
    @classmethod
    def _is_recent(cls, given: Any, info: ValidationInfo) -> date:
        try:
            day = date.fromisoformat(given)
        except (TypeError, ValueError):
            raise wrong("date") from None
        assert isinstance(info.context, EnteringContext), "no other caller"
        if day > info.context.today:
            raise wrong("date_future")
        if day < info.context.today - timedelta(days=MAX_AGE):
            raise wrong("date_early", max=MAX_AGE)
        return day


def read_report(
    site: Site, data: Mapping[str, Any], *, signer: Signer, now: int, other: OtherSite | None = None
) -> tuple[model.Report, bodies.Consent | None]:
    """Validate an entered report; return it and the consent, which the caller records. Raises Invalid.

    One received on an earlier day counts from that day's noon.
    """
    today = local_date(now, site.time_zone)
    context = EnteringContext(site=site, signer=signer, other=other, today=today)
    body = validation.parse(EnteredReport, data, context)
    noon = datetime.combine(body.received_on, time(12), ZoneInfo(site.time_zone))
    received_at = now if body.received_on == today else int(noon.timestamp())
    report = bodies.to_report(body, site.language, "form")
    return replace(report, channel=body.channel, received_at=received_at), body.consent
