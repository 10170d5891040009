"""The transition table, compared with the documented meaning of each status."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from widget_api.problems.model import CLOSED, MAY_SEND, NEEDS, OPEN, STATUSES, TRANSITIONS, allowed, is_published_after


def test_every_status_is_open_or_closed_and_in_every_table() -> None:
    assert set(STATUSES) == OPEN | CLOSED
    assert not OPEN & CLOSED
    for table in TRANSITIONS.values():
        assert set(table) == set(STATUSES)
        assert all(to <= set(STATUSES) for to in table.values())
    assert set(NEEDS) <= set(STATUSES)


def test_nothing_returns_to_moderation_and_nobody_undoes_the_authors_last_word() -> None:
    for actor, table in TRANSITIONS.items():
        back = {status for status, to in table.items() if "moderation" in to}
        # A report merged before publication, whose main report was withdrawn.
        assert back == ({"duplicate"} if actor == "system" else set()), actor
        assert not table["withdrawn"], actor
    assert not allowed("agent", "confirmed")


def test_who_may_reopen_what() -> None:
    """The author answered reports and nothing else; the agency by setting a working status."""
    for status in ("resolved", "answered", "rejected"):
        assert "reopened" in allowed("resident", status), status
    for status in ("moderation", "accepted", "in_progress", "redirected", "duplicate", "confirmed"):
        assert "reopened" not in allowed("resident", status), status
    for status, onwards in (
        ("resolved", {"in_progress"}),
        ("answered", {"in_progress", "resolved"}),
        ("redirected", {"in_progress"}),
        ("duplicate", {"in_progress"}),
        ("rejected", {"accepted", "in_progress"}),
        ("confirmed", set()),
        ("withdrawn", set()),
    ):
        assert allowed("agent", status) == allowed("operator", status) == onwards, status


def test_who_may_confirm_reopen_withdraw_and_hide() -> None:
    """Only the author or the source of the report; the agency reaches no status that hides a public report."""
    for actor in ("agent", "operator", "system"):
        for onwards in TRANSITIONS[actor].values():
            assert not onwards & {"confirmed", "reopened", "withdrawn"}
    assert not MAY_SEND["platform"] & {"confirmed", "withdrawn", "moderation"}
    assert MAY_SEND["source"] == set(STATUSES)
    for before in STATUSES:
        for to in allowed("agent", before):
            if before != "moderation":
                assert is_published_after(True, before, to), (before, to)


@given(st.lists(st.sampled_from(STATUSES), max_size=12))
def test_public_reports_stay_public_until_withdrawn(path: list[str]) -> None:
    published, before = False, "moderation"
    for to in path:
        after = is_published_after(published, before, to)
        if published and to not in ("withdrawn", "moderation"):
            assert after
        published, before = after, to
