"""Find personal data in texts that everybody will read, for a warning in forms that the service renders.

The rule is that of the widget (widget_js/shared/personalData.ts, where it is explained); both are tested with the same
texts. A false alarm teaches people to overlook the warning, so dates, sums and numbers of documents do not count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from widget_api import i18n
from widget_api.problems.forms import Form
from widget_api.sites.model import MAX_DESCRIPTION

_NEAR = 100  # characters before a finding that may announce it
PUBLIC_FIELDS = ("title", "description", "text")  # of reports, entries and comments
PRIVATE_FIELDS = ("phone", "email")
SEEN_FIELD = "personal_seen"  # what the form last warned of: sent once more, it is accepted
MOVE_BUTTON = "personal_move"

_LETTER = r"[^\W\d_]"
_GAP = r"[\s()\u2010-\u2015-]{0,3}"
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"
_PLATE_LETTER = "[АВЕКМНОРСТУХABEKMHOPCTYX]"


class Finding(NamedTuple):
    """What was found: `phone`, `email`, `plate`, `passport`, `snils` or `card`."""

    kind: str
    text: str
    start: int


def _ends_with(words: str, more: str = "") -> Callable[[str], bool]:
    """Whether a text ends with one of these words, and with no other letter or digit after it."""
    pattern = re.compile(rf"(?<!{_LETTER})(?:{words}){more}[\W_]*\Z", re.IGNORECASE)
    return lambda before: pattern.search(before) is not None


_is_official = _ends_with(
    rf".*№|сч[её]т{_LETTER}*|(?:заявк|обращени){_LETTER}+|(?:заказ|договор|контракт|штрих-?код){_LETTER}*"
    r"|акт(?:а|у|ом|е)?|ГОСТ|ТУ|ИНН|ОГРН|КПП|no\.|ticket|order"
)
_is_call = _ends_with(
    rf"(?:тел|моб|сот)(?!{_LETTER})|телефон(?!н){_LETTER}{{0,2}}|(?:мобильн|сотов)(?:ый|ого)"
    r"|ватсап|what'?s?app|вайбер|телеграм|(?:tele)?phone|tel|mobile",
    rf"(?: {_LETTER}+)?",
)
_is_listed = _ends_with(rf"дом(?:а|у|е|ах|ов|ами)?|houses?|(?:маршрут|автобус|квартир|участ){_LETTER}*|bus(?:es)?|кв|д")
_is_plated = _ends_with(rf"номер|номером|plate|гос{_LETTER}*|(?:автомобил|машин){_LETTER}+")
_SUM = re.compile(r"\d{1,3}(\s\d{3})+")
_DATE = re.compile(r"(0?[1-9]|[12]\d|3[01])-(0?[1-9]|1[012])-\d\d")
_UNIT = re.compile(r"..?\d{3}(СМ|КМ|ММ|КВ|МК|CM|KM|MM)", re.IGNORECASE)


def _is_card(text: str, before: str) -> bool:
    """The digit that ends a bank card's number (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in reversed(re.sub(r"\D", "", text))]
    return sum(sum(divmod(2 * digit, 10)) if at % 2 else digit for at, digit in enumerate(digits)) % 10 == 0


def _is_phone(text: str, before: str) -> bool:
    return not _SUM.fullmatch(text) and not _is_official(before)


def _is_local_phone(text: str, before: str) -> bool:
    return _is_call(before) or not (_DATE.fullmatch(text) or _is_official(before) or _is_listed(before))


def _is_plate(text: str, before: str) -> bool:
    parts = re.sub(r"\s", "", text)
    if _UNIT.match(parts):
        return False
    whole = re.search(r"\d\d\Z", parts) is not None and text[1].isdecimal()
    return _is_plated(before) or text == text.upper() or whole


class _Rule(NamedTuple):
    """The group `own` of the pattern, if it has one, is what was found; `is_meant` gets it and what stands before."""

    kind: str
    pattern: re.Pattern[str]
    is_meant: Callable[[str, str], bool] | None


def _rule(kind: str, pattern: str, is_meant: Callable[[str, str], bool] | None = None) -> _Rule:
    return _Rule(kind, re.compile(pattern, re.IGNORECASE), is_meant)


# In this order: what one has found is no longer there for the next.
_RULES = (
    _rule("email", r"[^\s@<>()[\]\"'`«»“”,;:=/?#&]{1,64}@(?:[^\W_]|-){1,63}(?:\.(?:[^\W_]|-){2,63})+"),
    _rule("card", rf"{_START}[2-6]\d{{3}}(?:[\s-]?\d{{4}}){{3}}{_END}", _is_card),
    _rule("snils", rf"{_START}\d{{3}}-\d{{3}}-\d{{3}}[\s-]\d\d{_END}"),
    _rule("snils", r"снилс[\W\d_]{0,3}?(?P<own>\d{3}[\s-]?\d{3}[\s-]?\d{3}[\s-]?\d\d)(?!\d)"),
    _rule("passport", r"(?:паспорт|passport)[^\d\n]{0,20}?(?P<own>\d\d\s?\d\d[^\d\n]{0,10}\d{6})(?!\d)"),
    _rule("passport", rf"{_START}(?:\d\d\s\d\d|(?!19|20)\d{{4}})\s(?:№\s?)?\d{{6}}{_END}"),
    _rule("phone", rf"{_START}(?:\+{_GAP}7|[78]){_GAP}(?!800)[3-9](?:{_GAP}\d){{9}}{_END}", _is_phone),
    _rule("phone", rf"{_START}8\.\d{{3}}\.\d{{3}}\.\d\d\.?\d\d{_END}"),
    _rule("phone", rf"\+{_GAP}[1-9](?:{_GAP}\d){{9,13}}{_END}"),
    _rule(
        "phone",
        rf"{_START}(?:\([3489]\d\d\)\s?|[3489]\d\d(?<!800)[\s-])\d{{3}}-\d\d-\d\d{_END}|{_START}9\d{{9}}{_END}",
        lambda _, before: not _is_official(before),
    ),
    _rule("phone", r"(?<![^\W_])(?<![\d.]-)\d{1,3}-\d\d-\d\d(?![^\W_]|-)", _is_local_phone),
    _rule("phone", rf"{_START}\d{{1,3}}[\s-]?\d\d[\s-]?\d\d(?![^\W_]|-)", lambda _, before: _is_call(before)),
    _rule(
        "plate",
        rf"{_START}{_PLATE_LETTER}\s?\d{{3}}\s?{_PLATE_LETTER}{{2}}(?:\s?\d{{2,3}}(?:\s?RUS)?)?{_END}",
        _is_plate,
    ),
)


def find(text: str) -> list[Finding]:
    """Return what is found in a text, in its order."""
    found, rest = list[Finding](), text[:MAX_DESCRIPTION]  # longer ones are refused
    for kind, pattern, is_meant in _RULES:
        source = rest
        for match in pattern.finditer(source):
            start, end = match.span("own" if "own" in pattern.groupindex else 0)
            if is_meant is None or is_meant(source[start:end], source[max(0, start - 40) : start]):
                found.append(Finding(kind, source[start:end], start))
                rest = rest[:start] + "\0" * (end - start) + rest[end:]
    return sorted(found, key=lambda one: one.start)


# Words that announce what follows them, and are left without a sense when it is gone; what asks to call or write there.
_LEAD = re.compile(
    rf"(?<!{_LETTER})(?:(?:мой|моя|мои|наш|my|our)\s+)?"
    r"(?:(?:контактн(?:ый|ая)|домашний|мобильный|рабочий|электронн(?:ый|ая))\s+)?"
    r"(?:номер телефона|тел|телефон|моб|сот|почта|адрес почты|эл\.? почта|e-?mail"
    r"|(?:телефон |номер )?для связи|контакты?|phone|tel|mobile)[\s.:—–-]*\Z",
    re.IGNORECASE,
)
_ASK = re.compile(
    rf"(?<!{_LETTER})(?:(?:(?:поз|з)вон(?:ите|и|ить)|(?:на)?(?:пишите|пиши|писать)|call|write)"
    r"(?:[ \t]+(?:мне|нам|me|us))?(?:[ \t]+(?:по|на|at|to)(?:[ \t]+(?:телефону|номеру|адресу|почту))?)?"
    r"|(?:по|на|at|to)(?:[ \t]+(?:телефону|номеру|адресу|почту))?)[ \t:—–-]*\Z",
    re.IGNORECASE,
)

_LEFTOVERS = (
    (re.compile(r"\(\s*\)"), ""),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r" ([,.;:])"), r"\1"),
    (re.compile(r"([,.;:])[,;:.]+"), r"\1"),
    (re.compile(r"(?m)^[ ,.;:]+"), ""),
)


def take_out(text: str, findings: Iterable[Finding]) -> str:
    """Return the text without these, and without what they leave behind: lead-ins, doubled spaces and stops."""
    for one in sorted(findings, key=lambda one: -one.start):
        before, after = text[: one.start], text[one.start + len(one.text) :]
        before = before[:-_NEAR] + _ASK.sub("", _LEAD.sub("", before[-_NEAR:], 1), 1)
        if re.match(r"[ \t]*(?:[.!?)\n]|\Z)", after):  # nothing follows: what led on to it leads nowhere
            before = before.rstrip(" \t,;:—–-")
        text = before + after
    for pattern, instead in _LEFTOVERS:
        text = pattern.sub(instead, text)
    return text.strip()


@dataclass(frozen=True)
class Notice:
    """What a form says of its public text: names of what is found, of what a press moves to the contacts, of what one
    has just moved. `seen` is the value of SEEN_FIELD."""

    found: str
    movable: str
    moved: str
    seen: str


def describe(form: Form, language: str, moved: Sequence[Finding] = ()) -> Notice:
    """Describe the public fields of a report's form for templates/report/fields.html."""
    found = _find_in_form(form)
    movable = _name_kinds(language, _select_movable(form, found))
    return Notice(_name_kinds(language, found), movable, _name_kinds(language, moved), seen=_mark(found))


def is_unseen(form: Form) -> bool:
    """Whether the form holds personal data of which it did not warn yet."""
    return form.one(SEEN_FIELD) != _mark(_find_in_form(form))


def move_contacts(form: Form) -> list[Finding]:
    """Where that button was pressed, move the first telephone number and the first e-mail address to their fields if
    these are empty, and have the form shown again, as the button does that shows a category's questions. Returns what
    was moved."""
    if not form.has(MOVE_BUTTON):
        return []
    form.fill(update="yes")
    moved = _select_movable(form, _find_in_form(form))
    for kind, text, _ in moved:  # as the service takes it: with plain hyphens, and a digit first
        value = re.sub(r"^\(", "8 (", re.sub(r"[\u2010-\u2015]", "-", text)) if kind == "phone" else text
        form.fill(**{kind: value})
    said = {(one.kind, one.text) for one in moved}
    for name in PUBLIC_FIELDS:
        if wanted := [one for one in find(form.one(name)) if (one.kind, one.text) in said]:
            form.fill(**{name: take_out(form.one(name), wanted)})
    return moved


def _find_in_form(form: Form) -> list[Finding]:
    return [one for name in PUBLIC_FIELDS for one in find(form.one(name))]


def _select_movable(form: Form, found: Sequence[Finding]) -> list[Finding]:
    first = (next((one for one in found if one.kind == name), None) for name in PRIVATE_FIELDS)
    return [one for one in first if one is not None and not form.one(one.kind).strip()]


def _name_kinds(language: str, found: Iterable[Finding]) -> str:
    """«телефон и номер машины»"""
    kinds = dict.fromkeys(one.kind for one in found)
    return i18n.format_list(language, [i18n.text(language, f"form.personal.{kind}") for kind in kinds])


def _mark(found: Iterable[Finding]) -> str:
    return " ".join("".join(one.text.split()) for one in found)
