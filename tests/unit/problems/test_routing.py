"""Routing rules, one test per rule; the actual deliveries are tested from outside in tests/api."""

from __future__ import annotations

from dataclasses import replace

from widget_api.events import Event
from widget_api.problems.routing import Situation, on_release, sinks

SITUATION = Situation(
    source="widget",
    released=False,
    spam=False,
    has_email=True,
    confirmed=False,
    stopped=False,
    agency_by_mail=True,
    platforms=("default", "region"),
)
RELEASED = replace(SITUATION, released=True, confirmed=True)


def event(kind: str = "status", **changes: str | None) -> Event:
    values = {
        "id": "e",
        "site_id": "s",
        "position": 1,
        "problem_id": "p",
        "kind": kind,
        "at": 1,
        "actor": "agent",
        "status": "accepted",
    }
    return Event(**(values | changes))  # type: ignore[arg-type]


def test_before_release_only_the_confirmation_letter_is_sent() -> None:
    assert sinks(event("received", actor="resident", status="moderation"), SITUATION) == ["resident"]
    assert sinks(event("received", actor="resident"), replace(SITUATION, has_email=False)) == []
    assert sinks(event("confirmed_email", actor="resident", status=None), SITUATION) == []


def test_a_released_report_goes_to_platforms_and_agencies_and_so_does_its_erasure() -> None:
    received = event("received", actor="resident")
    assert on_release(received, SITUATION) == ["platform:default", "platform:region", "agency"]
    assert on_release(received, replace(SITUATION, agency_by_mail=False)) == ["platform:default", "platform:region"]
    assert sinks(event("erased", actor="resident", status=None), RELEASED) == [
        "platform:default",
        "platform:region",
        "agency",
    ]
    assert sinks(event("erased", actor="resident", status=None), SITUATION) == []


def test_letters_go_to_confirmed_addresses_only_and_never_to_residents_of_other_systems() -> None:
    for kind in ("status", "note"):
        assert "resident" in sinks(event(kind), RELEASED), kind
        assert "resident" not in sinks(event(kind), replace(RELEASED, confirmed=False))
        assert "resident" not in sinks(event(kind), replace(RELEASED, stopped=True))
    for source in ("georeport", "platform"):
        foreign = replace(RELEASED, source=source)
        assert "resident" not in sinks(event("received"), replace(foreign, confirmed=False)), source
        assert "resident" not in sinks(event(), foreign)


def test_questions_go_to_the_author_and_replies_to_the_agency_only() -> None:
    assert sinks(event("asked", status=None), RELEASED) == ["resident"]
    assert sinks(event("asked", status=None), replace(RELEASED, confirmed=False)) == []
    assert sinks(event("asked", status=None), replace(RELEASED, stopped=True)) == []
    for kind in ("clarified", "rated"):
        assert sinks(event(kind, actor="resident", status=None), RELEASED) == ["agency"]
        assert sinks(event(kind, actor="resident", status=None), replace(RELEASED, agency_by_mail=False)) == []
        assert sinks(event(kind, actor="resident", status=None), replace(RELEASED, released=False)) == []


def test_nobody_hears_of_their_own_actions_or_events() -> None:
    assert "resident" not in sinks(event(actor="resident", status="reopened"), RELEASED)
    assert "agency" not in sinks(event(actor="agent"), RELEASED)
    assert "agency" in sinks(event(actor="resident", status="reopened"), RELEASED)
    assert "agency" in sinks(event(actor="platform", status="in_progress"), RELEASED)
    assert "agency" in sinks(event(actor="agent", source="default"), RELEASED), "the platform's agent is another's"
    for kind in ("received", "status", "spam", "erased", "note"):
        assert "platform:default" not in sinks(event(kind, source="default"), RELEASED), kind
        assert "platform:default" not in on_release(event("received", source="default"), RELEASED)


def test_spam_is_announced_only_where_the_report_was_delivered() -> None:
    assert sinks(event("received", actor="resident"), replace(SITUATION, spam=True)) == []
    assert sinks(event("spam", status=None), replace(SITUATION, spam=True)) == []
    assert sinks(event("spam", status=None), replace(RELEASED, spam=True)) == ["platform:default", "platform:region"]
