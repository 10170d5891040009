"""Answers to a category's extra questions: every datatype, validated like in the form and with the same messages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ONE_DATABASE
from tests.factories import make_site, problem_body
from widget_api import i18n
from widget_api.database import Database
from widget_api.errors import Invalid
from widget_api.problems import bodies
from widget_api.signing import Signer
from widget_api.sites.model import Category, Datatype, Question, Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

ROOT = Path(bodies.__file__).parents[2]
VALUES = (("ice", "Лёд"), ("icicles", "Сосульки"))


def question(datatype: Datatype, required: bool = False) -> Question:
    return Question(code="q", datatype=datatype, required=required, description="Вопрос", values=VALUES)


async def asked(
    database: Database, datatype: Datatype, *, required: bool = False, zone: str = "Asia/Vladivostok"
) -> Site:
    site = await make_site(database, time_zone=zone)
    return replace(site, categories=(Category(code="snow", questions=(question(datatype, required),)),))


def parse_answer(site: Site, answer: Any) -> Any:
    body = problem_body("1", category="snow", answers={"q": answer})
    report, _ = bodies.report(site, body, language="ru", source="widget", signer=SIGNER)
    return report.answers.get("q")


SIGNER = Signer(("k" * 32,))


@ONE_DATABASE
async def test_answers_are_stored_in_a_normal_form(database: Database) -> None:
    cases: tuple[tuple[Datatype, Any, str | list[str]], ...] = (
        ("string", " сбоку ", "сбоку"),
        ("text", "первая\nвторая", "первая\nвторая"),
        ("number", "1,5", "1.5"),
        ("number", 7, "7"),
        ("singlevaluelist", "ice", "ice"),
        ("multivaluelist", ["ice", "icicles", "ice"], ["ice", "icicles"]),
        ("datetime", "2026-11-24T08:30", "2026-11-24T08:30:00+10:00"),
        ("datetime", "2026-11-24T08:30:00Z", "2026-11-24T08:30:00+00:00"),
    )
    for datatype, given, kept in cases:
        assert parse_answer(await asked(database, datatype), given) == kept, given


@ONE_DATABASE
async def test_invalid_answers_are_named(database: Database) -> None:
    cases: tuple[tuple[Datatype, Any, str], ...] = (
        ("number", "много", "number"),
        ("number", "1e999", "number"),
        ("datetime", "вчера", "date"),
        ("singlevaluelist", "mud", "unknown"),
        ("multivaluelist", ["ice", "mud"], "unknown"),
    )
    for datatype, given, code in cases:
        site = await asked(database, datatype)
        with pytest.raises(Invalid) as caught:
            parse_answer(site, given)
        assert [(error.field, error.code) for error in caught.value.fields] == [("answers.q", code)]


async def test_a_required_question_needs_an_answer(database: Database) -> None:
    for given in list[Any]((None, "", [])):
        site = await asked(database, "multivaluelist", required=True)
        with pytest.raises(Invalid) as caught:
            parse_answer(site, given)
        assert [(error.field, error.code) for error in caught.value.fields] == [("answers.q", "required")]


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_widget_and_service_have_the_same_messages(language: str) -> None:
    parts = json.loads((ROOT / "widget_js" / "locales" / f"{language}.json").read_text())
    own = parts["later"] | parts["widget"]
    pairs = {
        "error_category": ("category", "required"),
        "error_description": ("description", "required"),
        "error_place": ("location", "required"),
        "error_photo": ("photos", "required"),
        "error_coordinates": ("location", "coordinates"),
        "error_email": ("email", "email"),
        "error_email_required": ("email", "required"),
        "error_consent": ("consent.processing", "required"),
    }
    for name, (field, code) in pairs.items():
        assert own[name] == i18n.field_error(language, field, code), name
    asked = (("question", "Номер столба"),)
    for name, code in {"error_question": "required", "error_number": "number"}.items():
        message = i18n.field_error(language, "answers.q", code, asked)
        assert own[name].replace("{name}", "Номер столба") == message, name
