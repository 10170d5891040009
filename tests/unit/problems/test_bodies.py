"""Bodies sent by residents: all errors are reported at once, with one reason per field."""

from __future__ import annotations

import uuid
from typing import Any

from widget_api import validation
from widget_api.problems import bodies

CONSENT = {"version": "1", "processing": True}
GOOD = {"category": "roads", "description": "Яма", "location": {"lat": "55.1", "lng": 38}, "consent": CONSENT}


def find_errors(body: type[validation.Body], **data: Any) -> list[tuple[str, str]]:
    return [(error.field, error.code) for error in validation.read(body, data)[1]]


def test_missing_fields_are_named_and_null_means_missing() -> None:
    absent = ["category", "description", "location", "consent.processing", "consent.version"]
    assert find_errors(bodies.Report) == [(field, "required") for field in absent]
    assert find_errors(bodies.Report, **dict.fromkeys(bodies.Report.model_fields)) == find_errors(bodies.Report)
    assert find_errors(bodies.Report, **GOOD, email="", name=" ", phone=None, photos=None, answers=None) == []


def test_one_reason_is_given_per_invalid_field() -> None:
    for field, value, error in (
        ("category", 5, ("category", "wrong_type")),
        ("description", "x" * 4001, ("description", "too_long")),
        ("description", "\x00 я\n", ("description", "too_short")),
        ("location", [], ("location", "wrong_type")),
        ("location", {"lat": 55}, ("location", "coordinates")),
        ("location", {"lat": "вот", "lng": 38}, ("location", "coordinates")),
        ("location", {"lat": "", "address": "\x00"}, ("location", "required")),
        ("location", {"lat": 55, "lng": 38, "address": 1}, ("location.address", "wrong_type")),
        ("email", "x" * 255, ("email", "too_long")),
        ("email", "дом", ("email", "email")),
        ("phone", "дом", ("phone", "phone")),
        ("consent", True, ("consent", "wrong_type")),
        ("consent", CONSENT | {"processing": 1}, ("consent.processing", "required")),
        ("consent", CONSENT | {"version": 1}, ("consent.version", "required")),
        ("consent", CONSENT | {"name_version": 1}, ("consent.name_version", "consent_version")),
    ):
        assert find_errors(bodies.Report, **{**GOOD, field: value}) == [error]


def test_all_errors_are_reported_at_once_in_field_order() -> None:
    data = {
        "consent": {"name_version": 1},
        "phone": "?",
        "email": "?",
        "location": 5,
        "description": "?",
        "category": "",
    }
    places = ["category", "description", "location", "email", "phone", "consent.processing", "consent.version"]
    assert [field for field, _ in find_errors(bodies.Report, **data)] == [*places, "consent.name_version"]


def test_deliverable_addresses_are_accepted() -> None:
    for email in ("a.@docomo.ne.jp", "a..b@mail.ru", "o'hara@x.ie", "иван@почта.рф", "a@xn--80a.xn--p1ai"):
        assert find_errors(bodies.Report, **GOOD, email=email) == [], email


def test_a_supporter_is_a_uuid_in_any_notation() -> None:
    known = uuid.uuid4()
    for written in (str(known), known.hex, known.urn, f"{{{known}}}".upper()):
        support, _ = validation.read(bodies.Support, {"supporter": written})
        assert support is not None
        assert support.supporter == known
    for other in ("", "x", 5, str(known) + " " * 64):
        assert find_errors(bodies.Support, supporter=other) == [("supporter", "uuid")]
