"""How often words are said: what a search on PostgreSQL chooses its way by."""

from __future__ import annotations

import pytest

from widget_api.problems.listing.frequencies import estimate

SAMPLES = {"улиц": 0.6, "ул": 0.2, "ям": 0.1, "снег": 0.01, "@site": 1.0}


@pytest.mark.parametrize(
    ("words", "share"),
    [
        (["ямами"], 0.1),
        (["ямами*"], 0.1),
        (["ули*"], 0.8),  # the stem of «ули» is «ул»
        (["яма", "снег"], 0.001),
        (["неслыханное"], 0.01),
        (["неслыханное*"], 0.01),
    ],
)
def test_words_are_as_frequent_as_their_samples(words: list[str], share: float) -> None:
    assert estimate(SAMPLES, words) == pytest.approx(share)


def test_without_samples_nothing_is_frequent() -> None:
    assert estimate({}, ["яма"]) == 0
