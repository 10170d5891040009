"""Check and store a category's questions: GeoReport attributes, of the cabinet's editor and of the command line alike.

Removed questions and options stay stored with a mark, so that answers given to them can still be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import orjson

from widget_api.errors import FieldError, Invalid
from widget_api.sites import store
from widget_api.sites.model import Datatype, Question

MAX_QUESTIONS = 30  # of a category: nobody answers more
MAX_OPTIONS = 50  # of a question
MAX_TEXT, MAX_HINT = 200, 500  # characters
LISTS = ("singlevaluelist", "multivaluelist")
_MAX_REMOVED = 200  # of a category; the oldest are forgotten
_CODE = re.compile(r"[a-zA-Z0-9_-]{1,100}")
_TAG = re.compile(r"<[a-zA-Z/!][^<>]*>")


def has_markup(text: str) -> bool:
    """Whether a text contains HTML, which pages and widgets would show as it is written."""
    return _TAG.search(text) is not None


def is_code(text: str) -> bool:
    return _CODE.fullmatch(text) is not None


def check_questions(given: Sequence[Question]) -> None:
    """Raises Invalid with the errors of all questions; the field of the first one's text is `q1.description`."""
    wrong = [FieldError("questions", "question_many", (("max", MAX_QUESTIONS),))] if len(given) > MAX_QUESTIONS else []
    codes: set[str] = set()
    for place, one in enumerate(given, start=1):
        wrong += [FieldError(f"q{place}.{part}", code, values) for part, code, values in _find_errors(one, codes)]
        codes.add(one.code)
    if wrong:
        raise Invalid(tuple(wrong))


def _find_errors(one: Question, codes: set[str]) -> Iterable[tuple[str, str, tuple[tuple[str, str | int], ...]]]:
    """The errors of a question: part, code, values. `codes` are those of the questions before it."""
    if not one.description:
        yield "description", "required_question_text", ()
    for part, text, most in (("description", one.description, MAX_TEXT), ("hint", one.hint, MAX_HINT)):
        if len(text) > most:
            yield part, "too_long", (("max", most),)
        if has_markup(text):
            yield part, "markup", ()
    if one.datatype not in get_args(Datatype):
        yield "datatype", "unknown", ()
    if not is_code(one.code):
        yield "code", "question_code", ()
    elif one.code in codes:
        yield "code", "question_twice", (("code", one.code),)
    if one.datatype not in LISTS:
        return
    names = [name for _, name in one.values]
    keys = [key for key, _ in one.values]
    twice = next((name for name in names if names.count(name) > 1), None)
    if not names:
        yield "options", "question_options", ()
    elif len(names) > MAX_OPTIONS:
        yield "options", "question_options_many", (("max", MAX_OPTIONS),)
    elif twice is not None or len(set(keys)) != len(keys):
        yield "options", "question_option_twice", (("name", twice or names[0]),)
    elif any(len(name) > MAX_TEXT for name in (*names, *keys)):
        yield "options", "too_long", (("max", MAX_TEXT),)
    elif any(has_markup(name) for name in names):
        yield "options", "markup", ()


def parse_questions(text: str) -> str:
    """Validate GeoReport definition attributes given as JSON. Returns their stored form. Raises Invalid.

    Values are `[{"key": …, "name": …}]`, as in the GeoReport definition and the public configuration.
    """
    try:
        given = orjson.loads(text)
        if not isinstance(given, list):
            raise TypeError("no list")
        questions = [_parse_question(one, order) for order, one in enumerate(given, start=1)]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Invalid((FieldError("questions", "questions"),)) from None
    check_questions(questions)
    return dump_questions(questions)


def _parse_question(given: Mapping[str, Any], order: int) -> Question:
    datatype = given["datatype"]
    values = tuple((str(value["key"]), str(value["name"])) for value in given.get("values") or ())
    if bool(values) != (datatype in LISTS):
        raise ValueError(datatype)
    return Question(
        code=str(given["code"]),
        datatype=datatype,
        required=given.get("required", False) is True,
        description=str(given["description"]),
        hint=str(given.get("hint") or given.get("datatype_description") or ""),
        order=int(given.get("order", order)),
        values=values,
    )


def dump_questions(questions: Iterable[Question]) -> str:
    """The stored form of questions."""
    return orjson.dumps([store.question_to_json(one) for one in questions]).decode()


def keep_removed(before: str, after: str) -> str:
    """`after`, both in stored form, with what `before` asked and `after` does not: questions, and options of lists."""
    asked, removed = store.parse_questions(before)
    known = {one.code: one for one in removed}
    for one in asked:
        earlier = known.pop(one.code, None)  # to the end: removed last
        options = dict(earlier.values) if earlier else {}
        known[one.code] = replace(one, values=tuple((options | dict(one.values)).items()))
    questions, _ = store.parse_questions(after)
    options_now = {one.code: dict(one.values) for one in questions}
    gone = [
        one
        for one in known.values()
        if one.code not in options_now or any(key not in options_now[one.code] for key, _ in one.values)
    ]
    kept = [store.question_to_json(one) | {"removed": True} for one in gone[-_MAX_REMOVED:]]
    return orjson.dumps([*orjson.loads(dump_questions(questions)), *kept]).decode()
