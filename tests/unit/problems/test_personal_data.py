"""Personal data in texts that everybody will read: found as by the widget, and moved without leaving a loose end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from widget_api.problems import personal_data
from widget_api.problems.forms import Form

# The texts of the widget's own test.
TEXTS: dict[str, Any] = orjson.loads((Path(__file__).parents[3] / "widget_js/tests/personalData.json").read_bytes())


def kinds_of(text: str) -> set[str]:
    return {one.kind for one in personal_data.find(text)}


def test_personal_data_is_noticed_in_all_its_spellings_without_false_alarms() -> None:
    alarms = {text: kinds for text in TEXTS["ordinary"] if (kinds := kinds_of(text))}
    assert len(alarms) <= len(TEXTS["ordinary"]) / 200, alarms
    found = {one["text"]: kinds_of(one["text"]) for one in TEXTS["personal"]}
    assert found == {one["text"]: set(one["kinds"].split(",")) for one in TEXTS["personal"]}


def test_each_finding_stands_where_it_is_in_the_text() -> None:
    for text, kinds in (
        ("Смета 8 900 123 456, звоните 8 900 123-45-67", ["phone"]),
        ("Потратили 89 000 000 000 рублей", []),
        ("Карта 4000 0000 0000 0002, заказ 4000 0000 0000 0003", ["card"]),
        ("С 12-11-25 не убирают, телефон 2-34-56", ["phone"]),
        ("Убрали 12-11-25", []),
        ("В 100 см 20 от края", []),
        ("89001234567, anna@example.test, А123ВС77", ["phone", "email", "plate"]),
        ("А123ВС77 89001234567 и 89007654321", ["plate", "phone", "phone"]),
        ("По заявке 89001234567 от мая", []),
    ):
        found = personal_data.find(text)
        assert [one.kind for one in found] == kinds, text
        assert all(text[one.start :].startswith(one.text) for one in found)


def test_what_is_taken_out_takes_along_what_announced_it() -> None:
    for text, rest in (
        ("Яма (89001234567) у школы", "Яма у школы"),
        ("Яма.\nМой телефон: 89001234567\nУ школы", "Яма.\n\nУ школы"),
        ("Яма, тел. 89001234567, у школы", "Яма, у школы"),
        ("89001234567, яма", "яма"),
        ("Фонарь не горит, звоните по 89001234567", "Фонарь не горит"),
        ("Фонарь не горит, пишите на anna@example.test", "Фонарь не горит"),
        ("Фонарь не горит: 89001234567. Темно, 89001234567", "Фонарь не горит. Темно"),
    ):
        assert personal_data.take_out(text, personal_data.find(text)) == rest


def move(description: str, **fields: str) -> dict[str, str]:
    form = Form(
        {"description": [description], "personal_move": ["yes"]} | {key: [value] for key, value in fields.items()}
    )
    personal_data.move_contacts(form)
    return {name: form.one(name) for name in ("description", "phone", "email") if form.one(name)}


def test_contacts_move_to_empty_private_fields() -> None:
    assert move("Не горит фонарь. Мой телефон: 8 900 123-45-67, почта ivan@example.ru.") == {
        "description": "Не горит фонарь.",
        "phone": "8 900 123-45-67",
        "email": "ivan@example.ru",
    }
    assert move("Яма, (495) 123-45-67, у дома 5") == {"description": "Яма, у дома 5", "phone": "8 (495) 123-45-67"}
    taken = {"description": "Яма, 89001234567", "phone": "89007654321"}
    assert move(**taken) == taken, "a field that is filled in stays"
