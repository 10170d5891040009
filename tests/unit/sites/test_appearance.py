"""Icons for every category, and readable colours for any accent."""

from __future__ import annotations

import re

import pytest

from widget_api.sites.appearance import (
    BACKGROUNDS,
    DEFAULT_ICON,
    MIN_CONTRAST,
    TEXT_COLOURS,
    accent_properties,
    category_icon,
    contrast_ratio,
)
from widget_api.sites.model import DEFAULT_CATEGORIES
from widget_api.sites.view import notice_parts


def test_every_default_category_but_the_last_has_an_icon_of_its_own() -> None:
    paths = [category_icon(code) for code in DEFAULT_CATEGORIES]
    assert len(set(paths)) == len(DEFAULT_CATEGORIES)
    assert category_icon("other") == category_icon("potholes") == DEFAULT_ICON
    for path in paths:
        assert re.fullmatch(r"[MmLlHhVvAaCcSsZz\d .-]+", path), path


@pytest.mark.parametrize("accent", ["#0a58a6", "#ffd400", "#ffffff", "#000000", "#c8102e", "#12171d", "#7ab8ff"])
def test_colours_are_readable_in_both_themes(accent: str) -> None:
    made = accent_properties(accent)
    for name, ground, ink in zip(("--igw-accent", "--igw-accent-dark"), BACKGROUNDS, TEXT_COLOURS, strict=True):
        assert contrast_ratio(made[name], ground) >= MIN_CONTRAST, name
        assert contrast_ratio(made[name], ink) >= MIN_CONTRAST, name


def test_colours_and_contrast_are_computed_as_in_wcag_and_readable_ones_kept() -> None:
    assert contrast_ratio("#ffffff", "#000000") == pytest.approx(21)
    assert contrast_ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert accent_properties("#0a58a6")["--igw-accent"] == "#0a58a6"
    assert accent_properties(None) == {}


def test_telephone_numbers_in_a_notice_are_links() -> None:
    for notice, parts in (
        (None, []),
        ("Сейчас не чистим.", [["Сейчас не чистим."]]),
        ("Звоните 112!", [["Звоните "], ["112", "tel:112"], ["!"]]),
        ("tel:+7 (496) 000-00-00", [["+7 (496) 000-00-00", "tel:+74960000000"]]),
        ("112 или 8 800 000 00 00", [["112", "tel:112"], [" или "], ["8 800 000 00 00", "tel:88000000000"]]),
        ("Дом 12, квартира 5", [["Дом 12, квартира 5"]]),
    ):
        assert notice_parts(notice) == parts
