"""The street of an address, in the spellings that residents, geocoders and officials use."""

from __future__ import annotations

import pytest

from widget_api.geo.address import LONGEST_STREET, find_street, normalise_address


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ("улица Ленина, 5", "улица Ленина"),
        ("ул. Ленина, д. 5, кв. 3", "улица Ленина"),
        ("Московская область, г. Зареченск, ул.Ленина, 5А", "улица Ленина"),
        ("ул  Ленина 5", "улица Ленина"),
        ("Мира пр-т, 12/2", "Мира проспект"),
        ("Северный пер., 7 корп. 1", "Северный переулок"),
        ("Ленина, 5", "Ленина"),
        ("Ленина 5", "Ленина"),
        ("Зареченск, 3-й микрорайон, 14", "3-й микрорайон"),
        ("Пулковское шоссе", "Пулковское шоссе"),
        ("5", None),
        ("у школы", None),
        ("сквер за кинотеатром «Октябрь»", None),
        ("Улан-Удэ", None),  # no kind of street, although it begins like one
        (",, ,", None),
        ("", None),
        (None, None),
    ],
)
def test_find_street(address: str | None, street: str | None) -> None:
    assert find_street(address) == street


def test_a_street_is_bounded() -> None:
    assert len(find_street("улица " + "Ы" * 500 + ", 1") or "") == LONGEST_STREET


@pytest.mark.parametrize(
    "other", ["улица Мира, дом 5", "г. Заречье, ул.Мира, д.5", "ул. мира 5", "УЛ. МИРА, 5, кв. 12", "ул. Мира, д 5"]
)
def test_spellings_of_one_house_are_equal(other: str) -> None:
    assert normalise_address("ул. Мира, 5") == normalise_address(other) == "улица мира 5"


@pytest.mark.parametrize("other", ["ул. Мира, 6", "ул. Мира, 5а", "пер. Мира, 5", "ул. Мира", "Мира", "", None])
def test_other_houses_are_not(other: str | None) -> None:
    assert normalise_address(other) != "улица мира 5"
