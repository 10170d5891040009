"""Timing steps of answers, read at import, before the tests shorten them (conftest.py)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_api.people import sign_in
from widget_api.web import brute_force

STEP, WRITE_TIME = brute_force.TIMING_STEP, sign_in._WRITE_TIME


def test_steps_are_longer_than_the_hidden_work() -> None:
    """Whether a letter is enqueued or a row is written; measured also on a busy disk."""
    assert STEP >= 0.2
    assert 0.05 <= WRITE_TIME < STEP


@given(st.floats(0, 60))
def test_answers_are_sent_at_whole_steps(elapsed: float) -> None:
    whole = elapsed + brute_force.until_step(elapsed, STEP)
    assert whole >= STEP
    assert abs(whole / STEP - round(whole / STEP)) < 1e-6
    assert whole - elapsed <= STEP + 1e-9


@pytest.mark.parametrize("fails", [False, True])
async def test_a_failing_block_is_extended_too(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = []

    async def note(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    try:
        async with brute_force.at_full_steps(STEP):
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert [0 < seconds <= STEP for seconds in slept] == [True]
