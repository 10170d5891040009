"""The street of an address, in the spellings that residents, geocoders and officials use."""

from __future__ import annotations

from widget_api.geo.address import LONGEST_STREET, find_street, normalise_address


def test_a_street_is_found_and_bounded() -> None:
    for address, street in (
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
    ):
        assert find_street(address) == street
    assert len(find_street("улица " + "Ы" * 500 + ", 1") or "") == LONGEST_STREET


def test_spellings_of_one_house_are_equal_and_other_houses_are_not() -> None:
    for same in ("ул. Мира, 5", "улица Мира, дом 5", "г. Заречье, ул.Мира, д.5", "ул. мира 5", "УЛ. МИРА, 5, кв. 12"):
        assert normalise_address(same) == "улица мира 5"
    assert normalise_address("ул. Мира, д 5") == "улица мира 5"
    for other in ("ул. Мира, 6", "ул. Мира, 5а", "пер. Мира, 5", "ул. Мира", "Мира", "", None):
        assert normalise_address(other) != "улица мира 5", other
