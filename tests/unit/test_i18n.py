"""The dictionaries agree with each other, and numbers, dates and plural forms follow each language's rules."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from widget_api import i18n
from widget_api.browse import figures
from widget_api.browse.figures import name_at
from widget_api.database import schema
from widget_api.problems.model import STATUSES, TRANSITIONS
from widget_api.sites.model import DEFAULT_CATEGORIES

PACKAGE = Path(i18n.__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def placeholders(entry: str | dict[str, str]) -> set[str]:
    return set(PLACEHOLDER.findall(entry if isinstance(entry, str) else entry["other"]))


def test_all_languages_have_the_same_keys_placeholders_and_plural_forms() -> None:
    assert next(iter(i18n.LANGUAGES)) == i18n.DEFAULT_LANGUAGE
    folder = PACKAGE.parent / "widget_js" / "locales"
    assert {path.stem for path in folder.glob("*.json")} == set(i18n.LANGUAGES)
    for language in i18n.LANGUAGES:
        assert i18n.texts(language).keys() == i18n.texts("ru").keys(), language
        for key, russian in i18n.texts("ru").items():
            assert placeholders(russian) == placeholders(i18n.texts(language)[key]), key
    for language in i18n.LANGUAGES:
        forms = i18n.LANGUAGES[language].locale.plural_form.tags | {"other"}
        for key, entry in i18n.texts(language).items():
            if isinstance(entry, dict):
                assert set(entry) == forms, key


def test_no_text_is_empty_or_has_exclamation_marks_and_english_spells_email_and_numbers_in_one_way() -> None:
    for language in i18n.LANGUAGES:
        for key, entry in i18n.texts(language).items():
            for sentence in [entry] if isinstance(entry, str) else entry.values():
                assert sentence.strip(), key
                assert "!" not in sentence, f"{key}: {sentence}"
    widget = json.loads((PACKAGE.parent / "widget_js" / "locales" / "en.json").read_text())
    texts = i18n.texts("en") | {f"widget.{part}": json.dumps(of) for part, of in widget.items()}
    for key, entry in texts.items():
        sentences = [entry] if isinstance(entry, str) else entry.values()
        if not key.startswith(AGREED):
            assert not [one for one in sentences if re.search(r"[Ee]-mail|№|\bno\. \{", one)], key


AGREED = ("sites.consent.", "sites.name_consent.", "registration.consent.")  # documents keep the words people agreed to


APPEALS = {  # where the word is from the law (59-FZ), or means a formal appeal on the state portal
    "sites.track.text",
    "sites.track.text_one_date",
    "sites.track.handoff",
    "footer.message_not_appeal",
    "entries.footer.message_not_appeal",
    "track.handoff",
    "widget.appeal",
    "cabinet.settings.appeals",
    "cabinet.settings.appeals_hint",
    "desk.announce.portal",
}


def test_a_report_is_never_called_an_appeal() -> None:
    said = {key: str(entry) for key, entry in i18n.texts("ru").items()}
    assert "обращени" in said.pop("answering.weak.words.stock"), "what officials write, and are warned of"
    widget = json.loads((PACKAGE.parent / "widget_js" / "locales" / "ru.json").read_text())
    said |= {f"widget.{key}": str(entry) for part in widget.values() for key, entry in part.items()}
    said |= {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.glob("templates/**/*.*")}
    assert len(said) > 1000
    calling = {key for key, text in said.items() if "обращени" in text.lower()}
    assert calling <= APPEALS
    for key in calling:
        assert re.search("не обращение по закону|фициальное обращение", said[key]), key


def test_everything_has_one_name_in_pages_cabinet_and_widget() -> None:
    """Readers of two of them must not take one status for two."""
    for language in i18n.LANGUAGES:
        widget = json.loads((PACKAGE.parent / "widget_js" / "locales" / f"{language}.json").read_text())["browse"]
        for same in (
            ("status.resolved", "status_action.resolved"),
            ("status.forwarded", "status_event.forwarded"),
            ("status.redirected", "status_event.redirected"),
            ("common.overdue", "city.figures.overdue"),
            ("city.photos_of_answer", "cabinet.files.photos"),
        ):
            assert len({i18n.text(language, key) for key in same}) == 1, same
        assert widget["overdue"] == i18n.text(language, "common.overdue"), language


def test_every_status_and_figure_has_all_texts() -> None:
    """Their keys are built at run time; a missing one would break a page or a letter."""
    set_by_agency = frozenset[str]().union(*TRANSITIONS["agent"].values())
    families = {
        "status": STATUSES,
        "status_event": STATUSES,
        "status_letter": STATUSES,
        "status_next": STATUSES,
        "status_news": [status for status in STATUSES if status != "moderation"],
        "status_action": set_by_agency,
        "status_action_hint": set_by_agency,
        "analytics.tile": [name_at("analytics", name) for name in figures.TILES],
        "analytics.definitions": [name_at("analytics", name) for name in figures.DEFINED],
        "analytics.column": [name_at("analytics", name) for name in (*figures.COLUMNS, "reaction_hours")],
        "report.line": [name_at("report", name) for name in figures.REPORT],
        "city.figures": [name_at("city", name) for name in figures.CITY],
    }
    keys = [f"{family}.{status}" for family, statuses in families.items() for status in statuses]
    assert [key for key in keys if not i18n.has(key)] == []


def test_plural_forms_numbers_dates_and_times_follow_language_and_time_zone() -> None:
    for count, expected in (
        (1, "1 день"), (2, "2 дня"), (5, "5 дней"), (11, "11 дней"), (21, "21 день"), (1004, "1\u202f004 дня"),
    ):  # fmt: skip
        assert i18n.text("ru", "common.days", count=count) == expected, count
    assert [i18n.text("en", "common.days", count=count) for count in (1, 2, 1004)] == ["1 day", "2 days", "1,004 days"]
    assert i18n.text("ru", "common.number", number=12345) == "№ 12345"
    assert i18n.format_number("ru", 1234567) == "1\u202f234\u202f567"
    today = date(2026, 11, 24)
    assert i18n.format_date("ru", "2026-12-12", today=today) == "12\u00a0декабря"
    assert i18n.format_date("ru", "2027-01-12", today=today) == "12\u00a0января 2027"
    assert i18n.format_date("en", date(2026, 12, 12), today=today) == "12\u00a0December"
    moment = 1795642200  # 2026-11-25T21:30:00Z
    today = date(2026, 11, 24)
    assert i18n.format_moment("ru", moment, "Europe/Moscow", today=today) == "26\u00a0ноября, 00:30"
    assert i18n.format_day("ru", moment, "Asia/Vladivostok", today=today) == "26\u00a0ноября"


def test_missing_keys_and_values_are_errors_and_values_no_patterns() -> None:
    with pytest.raises(i18n.MissingText):
        i18n.text("ru", "common.nothing_of_the_kind")
    with pytest.raises(i18n.MissingText):
        i18n.text("ru", "common.days")
    with pytest.raises(i18n.MissingText):
        i18n.text("ru", "track.receiver")
    assert i18n.text("ru", "track.receiver", agency="{count}") == "Сообщение получит: {count}"


def test_what_has_no_text_of_its_own_falls_back_to_a_common_one() -> None:
    for asked, answered in (("en-US", "en"), ("EN_gb", "en"), ("de", "ru"), (None, "ru"), ("ru", "ru")):
        assert i18n.supported_language(asked) == answered, asked
    assert i18n.field_error("ru", "description", "required") == "Опишите проблему хотя бы одной фразой."
    assert i18n.field_error("ru", "answers.size", "required") == "Заполните это поле."
    assert "4\u202f000" in i18n.field_error("ru", "description", "too_long", (("max", 4000),))
    for language in i18n.LANGUAGES:
        for code in DEFAULT_CATEGORIES:
            assert i18n.category_name(language, code) != code, language
        assert i18n.category_name(language, "potholes") == "potholes"
        assert i18n.category_name(language, "roads", "Ямы") == "Ямы"


# Keys built at run time; all others must be in the code or a template literally.
COMPUTED = re.compile(r"^(status|events|categories|errors|fields|titles)\.|^footer\.vision_")
PREFIX = re.compile(r"[\"']([a-z_0-9]+(?:\.[a-z_0-9]+)*)\.(?:\{|[\"'] ?~|[\"'] ?\+)")  # "form." ~ name


@pytest.mark.parametrize("path", sorted((PACKAGE / "locale").glob("*.json")), ids=lambda path: path.name)
def test_no_key_is_duplicated(path: Path) -> None:
    """In JSON the second one silently wins."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
        return dict(pairs)

    json.loads(path.read_text(), object_pairs_hook=unique)


def test_no_two_dictionaries_of_a_language_have_the_same_words(tmp_path: Path) -> None:
    (tmp_path / "common.ru.json").write_text('{"language": {"name": "Русский", "locale": "ru"}, "form": {"a": "да"}}')
    (tmp_path / "widget.ru.json").write_text('{"form": {"b": "нет"}}')
    with pytest.raises(ValueError, match=r"widget\.ru\.json: form stands"):
        i18n.read(tmp_path)


def test_no_key_is_unused() -> None:
    sources = [*PACKAGE.rglob("*.py"), *(PACKAGE / "templates").rglob("*")]
    code = "\n".join(path.read_text() for path in sources if path.is_file())
    prefixes = tuple(f"{prefix}." for prefix in set(PREFIX.findall(code)))
    quoted = set(re.findall(r"(?<=[\"'])[^\"'\s]+(?=[\"'])", code))
    unused = [
        key
        for key in i18n.texts("ru")
        if not COMPUTED.match(key) and key not in quoted and not key.startswith(prefixes)
    ]
    assert unused == []


RAISED = re.compile(
    r"\b(?:NotFound|Refused|Unauthenticated|Malformed|TooLarge|WrongType|Conflict|Unavailable|DomainError)"
    r"\(\s*\"(\w+)\"(?: if [^()]* else \"(\w+)\")?"
)
WRONG = re.compile(r"(?:FieldError|refuse)\([^,()]+, \"(\w+)\"")


def test_every_error_code_has_a_text() -> None:
    """Otherwise the answer would be «something went wrong»."""
    for path in PACKAGE.rglob("*.py"):
        feature, code = path.relative_to(PACKAGE).parts[0], path.read_text()
        for found in RAISED.findall(code):
            for name in filter(None, found):
                assert i18n.has(f"errors.{name}") or i18n.has(f"{feature}.errors.{name}"), f"{path}: {name}"
        for name in WRONG.findall(code):
            assert i18n.has(f"fields.{name}") or i18n.has(f"{feature}.fields.{name}"), f"{path}: {name}"


def test_words_for_entries_stand_for_words_for_reports() -> None:
    """With the same placeholders, or fewer: a template gives both the same values."""
    for language in i18n.LANGUAGES:
        texts = i18n.texts(language)
        for key, text in texts.items():
            if key.startswith("entries."):
                said, instead = json.dumps(text), json.dumps(texts[key.removeprefix("entries.")])
                assert set(re.findall(r"\{\w+\}", said)) <= set(re.findall(r"\{\w+\}", instead)), key


def test_what_people_change_has_a_name_in_the_journal() -> None:
    """An entry names the changed columns; a column without a text would be shown as it is called in the database."""
    written_by_the_service = re.compile(
        r"id|\w+_at|ordinal|slug|preset|reset_epoch|factor_step|provider_subject|failures"
    )
    changed = ("votes_open_at", "votes_close_at", "opens_at", "closes_at")
    columns = {column.name for table in ("sites", "agencies", "platforms") for column in getattr(schema, table).columns}
    named = {name for name in columns if i18n.has(f"organisation.journal.column.{name}")}
    unnamed = {name for name in columns - named if name in changed or not written_by_the_service.fullmatch(name)}
    assert unnamed == {
        *("districts_from", "undecided_told", "noticed_on", "digested_on", "email_failure"),
        *("exact", "discovered", "failing", "paused_until", "pause_reason", "site_id"),
    }
