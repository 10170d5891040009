"""Models of the parameters of GeoReport calls, for the OpenAPI document only: `open311` parses the actual ones."""

from __future__ import annotations

from pydantic import BaseModel, Field

from widget_api.open311.intake import MAX_TEXT_LENGTH
from widget_api.openapi.answers import ABSENT
from widget_api.problems.intake import DESCRIPTION
from widget_api.validation import Query


class Jurisdiction(Query):
    jurisdiction_id: str = Field(
        ABSENT,
        description="Which site: `jurisdiction` of its configuration. Needed where several share the service; discovery"
        " names them.",
    )


class OneRequest(Jurisdiction):
    extensions: str = Field(ABSENT, description="`true`: `extended_attributes` and `notes`.")


class Paged(Jurisdiction):
    service_request_id: str = Field(ABSENT, description="Numbers between commas; overrides the other conditions.")
    start_date: str = Field(ABSENT, description="W3C date and time with an offset; by default 90 days ago.")
    end_date: str = ABSENT
    page: int = Field(ABSENT, ge=1)
    page_size: int = Field(ABSENT, ge=1, le=1000)


class Requests(Paged, OneRequest):
    service_code: str = Field(ABSENT, description="Codes between commas.")
    status: str = Field(ABSENT, description="`open`, `closed` or both.")
    detailed_status: str = Field(ABSENT, description="Our codes, FixMyStreet's or CitySDK's names, between commas.")
    updated_after: str = Field(
        ABSENT, description="The first moment of the last change; the oldest change comes first then."
    )
    updated_before: str = Field(ABSENT, description="The last moment of the last change.")
    bbox: str = Field(ABSENT, description="west,south,east,north in degrees.")
    lat: str = Field(ABSENT, description="With `long` and `radius`: a circle.")
    long: str = Field(ABSENT, description="Degrees.")
    radius: str = Field(ABSENT, description="Metres.")


class Updates(Paged):
    after: str = Field(ABSENT, description="A position of the feed: everything past it comes too.")


class Signed(BaseModel):
    jurisdiction_id: str = ABSENT
    api_key: str = ABSENT
    media_url: str = ABSENT


class GeoReportReport(Signed):
    service_code: str
    lat: str = ABSENT
    long: str = ABSENT
    address_string: str = ABSENT
    address_id: str = ABSENT
    description: str = Field(ABSENT, max_length=DESCRIPTION[1])
    device_id: str = ABSENT
    account_id: str = ABSENT


class GeoReportChange(Signed):
    service_request_id: str
    update_id: str = ABSENT
    status: str = ABSENT
    updated_datetime: str = ABSENT
    description: str = Field(ABSENT, max_length=MAX_TEXT_LENGTH)
