"""The street of an address, in the spellings that residents, geocoders and officials use."""

from __future__ import annotations

import pytest

from widget_api.geo.address import LONGEST_STREET, find_street


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
