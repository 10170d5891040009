"""The words by which an agency says in a letter what became of a report: «решено», «в работе до 15.12», «отклонено: …».

They count at the beginning of the first line or of the subject, followed by a stop, a colon, a date or nothing: «решено
провести проверку» decides nothing yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from widget_api.problems.model import Status

_PHRASES: dict[Status, str] = {
    "resolved": r"(?:проблема |работы )?(?:решен[оаы]?|исправлен[оа]|устранен[оа]|выполнен[оаы]?|сделано)"
    r"|(?:fixed|resolved|done|completed)",
    "answered": r"дан ответ|ответ|разъяснение|разъяснено|answer(?:ed)?|explained",
    "in_progress": r"(?:взят[оа]? |принят[оа]? )?в работ[еу]|работаем|in progress|work in progress",
    "planned": r"запланирован[оаы]?|в планах|в плане|planned|scheduled",
    "rejected": r"отклонен[оа]?|отказано|отказ|rejected|declined",
    "redirected": r"перенаправлен[оа]?|направлено по компетенции|направлен[оа]?|redirected|referred",
    "forwarded": r"передан[оа]? исполнителю|передан[оа]?|forwarded",
    "duplicate": r"объединен[оа]?|дубликат|дубль|повтор|duplicate",
    "accepted": r"принят[оа]?|accepted",
}
_STATUS = re.compile(
    r"^[\s«\"'\[(*]*(?:статус\s*:\s*|status\s*:\s*)?(?:"
    + "|".join(f"(?P<{status}>{phrase})" for status, phrase in _PHRASES.items())
    + r")\b[»\"'\])*]*(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_MONTHS = (
    ("январ", "jan"),
    ("феврал", "feb"),
    ("март", "mar"),
    ("апрел", "apr"),
    ("ма", "may"),
    ("июн", "jun"),
    ("июл", "jul"),
    ("август", "aug"),
    ("сентябр", "sep"),
    ("октябр", "oct"),
    ("ноябр", "nov"),
    ("декабр", "dec"),
)
_DATE = re.compile(
    r"(?P<iso>\d{4}-\d{1,2}-\d{1,2})\b"
    r"|(?P<day>\d{1,2})[./](?P<month>\d{1,2})(?:[./](?P<year>\d{4}|\d{2}))?(?!\d)(?:\s*г(?:ода|\.)?(?!\w))?"
    r"|(?P<day2>\d{1,2})(?:-?го|st|nd|rd|th)?\s+(?P<name>[а-яa-z]{3,9})\.?(?:,?\s+(?P<year2>\d{4}))?(?:\s*г(?:ода|\.)?(?!\w))?"
    r"|(?P<name3>[a-z]{3,9})\.?\s+(?P<day3>\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(?P<year3>\d{4}))?",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"^\s*(?:до|к|на|until|by|for|till)\s+", re.IGNORECASE)
_STOP = re.compile(r"^\s*(?:[:.;!]|[-–—](?=\s|$)|$)\s*")
_TOWARDS = re.compile(r"^\s*+(?:(?:в|во|на|с|of|to|with)\s++)?", re.IGNORECASE)
_PREFIX = re.compile(r"^\s*(?:(?:re|fwd?|aw|отв(?:ет)?|на|пересл|ha)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_NUMBER = re.compile(
    r"^\s*+(?:с|со|сообщени[яею]м?|of|with)?\s*+(?:с\s++)?(?:сообщением\s++)?[№#n]?\s*+(?P<number>\d{1,9})\b",
    re.IGNORECASE,
)
_IN_SUBJECT = re.compile(r"\[([^\[\]]{2,80})\]|(?:—|–| -)\s*([^—–]{2,80})$")
# «Не решено», «выполнено частично» and «решено провести проверку» are no answers to be published unseen.
_BUT = re.compile(r"^\s*(?:еще |пока )?(?:не|почти|частично|not|partly|almost)\s+", re.IGNORECASE)
_CLOSES = frozenset({"resolved", "answered", "rejected", "redirected", "duplicate"})


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a letter asks for. `status` None: no word of these; `wrong` says what of its date makes no sense."""

    status: Status | None = None
    text: str = ""
    expected_on: str | None = None
    responsible: str | None = None
    duplicate_of: int | None = None
    wrong: str | None = None  # date | date_past
    unclear: bool = False  # it begins like one of the words and then says something else


def parse_command(subject: str, text: str, today: date) -> Command:
    """What the first line asks for, else the subject; the text that is left is what people read."""
    first, _, following = text.strip().partition("\n")
    found = _parse_line(first, today)
    if found is not None:
        following = following.strip()
        said = "\n\n".join(part for part in (found.text, following) if part) if found.text else following
        if found.status in ("redirected", "forwarded") and not found.responsible and following:
            responsible, _, rest = following.partition("\n")
            found = _with(found, responsible=responsible.strip().rstrip(".")[:300])
            said = rest.strip()
        # «Решено.» is an answer too: it is shown as it was written.
        if found.status in ("resolved", "answered", "in_progress") and not said:
            said = first.strip()
        elif found.status == "in_progress" and found.expected_on:  # the day stands in these words alone
            said = text.strip()
        return _with(found, text=said)
    for part in _subject_candidates(subject):
        found = _parse_line(part, today)
        if found is not None:
            return _with(found, text="\n\n".join(one for one in (found.text, text.strip()) if one))
    return Command(text=text.strip(), unclear=_is_unclear(first))


def _is_unclear(line: str) -> bool:
    folded = line.replace("ё", "е").replace("Ё", "Е")
    match = _STATUS.match(_BUT.sub("", folded, count=1))
    return match is not None and not match["answered"]


def _with(one: Command, **changes: object) -> Command:
    values = {name: getattr(one, name) for name in one.__dataclass_fields__}
    return Command(**(values | changes))


def _subject_candidates(subject: str) -> list[str]:
    """Where a word may stand in it: before «Re:», in brackets, or after a dash at the end."""
    parts = [subject]
    bare = _PREFIX.sub("", subject)
    if bare != subject:
        parts = [bare]
    before = re.split(r"\b(?:re|отв|ha)\s*:", subject, maxsplit=1, flags=re.IGNORECASE)[0].strip()
    if before and before != subject:
        parts.insert(0, before)
    for match in _IN_SUBJECT.finditer(bare):
        parts.append(match[1] or match[2])
    return parts


def _parse_line(line: str, today: date) -> Command | None:
    folded = line.strip().replace("ё", "е").replace("Ё", "Е")
    match = _STATUS.match(folded)
    if match is None:
        return None
    status: Status = next(name for name in _PHRASES if match[name])
    # Letters of the folded line stand where those of the line do: what is left is told as it was written.
    rest = line.strip()[len(folded) - len(match["rest"]) :]
    expected_on = wrong = None
    until = _UNTIL.match(rest)
    if until and (dated := _DATE.match(rest, until.end())):
        expected_on, wrong = _parse_day(dated, today)
        rest = rest[dated.end() :]
    elif status == "planned" and (dated := _DATE.match(rest.lstrip(" :"))):
        rest = rest.lstrip(" :")
        expected_on, wrong = _parse_day(dated, today)
        rest = rest[dated.end() :]
    if status == "duplicate":
        numbered = _NUMBER.match(rest.lstrip(" :"))
        if numbered is None:
            return None
        rest = rest.lstrip(" :")[numbered.end() :]
        stop = _STOP.match(rest)
        return Command(status=status, duplicate_of=int(numbered["number"]), text=rest[stop.end() :] if stop else rest)
    stop = _STOP.match(rest)
    if stop is None and rest.lstrip().startswith(",") and status not in _CLOSES:
        return Command(status=status, text=rest.lstrip(" ,"), expected_on=expected_on, wrong=wrong)
    if status in ("redirected", "forwarded"):
        if stop is None and not re.match(r"^\s+(?:в|во|на|to)\s+\S", rest, re.IGNORECASE):
            return None
        whom = _TOWARDS.sub("", rest[stop.end() :] if stop else rest, count=1).strip().rstrip(".")
        return Command(status=status, responsible=whom[:300] or None, expected_on=expected_on, wrong=wrong)
    if stop is None:
        return None
    return Command(status=status, text=rest[stop.end() :].strip(), expected_on=expected_on, wrong=wrong)


def _parse_day(match: re.Match[str], today: date) -> tuple[str | None, str | None]:
    """A date without a year is the next such day. The second is what is wrong with it."""
    if match["iso"]:
        year, month, day = (int(part) for part in match["iso"].split("-"))
    else:
        day = int(match["day"] or match["day2"] or match["day3"])
        named = match["name"] or match["name3"]
        month = _parse_month(named) if named else int(match["month"])
        given = match["year"] or match["year2"] or match["year3"]
        year = int(given) if given else 0
        year += 2000 if 0 < year < 100 else 0
    for candidate in (year,) if year else range(today.year, today.year + 9):  # 29 February comes every eight years
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if found >= today:
            return found.isoformat(), None
        if year:
            return found.isoformat(), "date_past"
    return None, "date"


def _parse_month(name: str) -> int:
    folded = name.lower()
    for number, stems in enumerate(_MONTHS, 1):
        if number == 5:
            if folded in ("май", "мая", "мае", "may"):
                return 5
        elif folded.startswith(stems):
            return number
    return 0
