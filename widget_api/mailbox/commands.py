"""Parse the commands with which an agency answers by mail: «решено», «в работе до 15.12», «отклонено: …».

A command has to begin the first line or the subject and to be followed by punctuation, a date or nothing: «решено
провести проверку» is not a decision yet. A command becomes a change of the report, unless there is a reason to hold the
letter for review.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from widget_api.database import Row
from widget_api.mailbox.parse import Letter
from widget_api.problems.lifecycle import LONGEST_TEXT
from widget_api.problems.model import NEEDS, Change, Status, allowed
from widget_api.sites.model import Site

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
_PREPOSITION = re.compile(r"^\s*+(?:(?:в|во|на|с|of|to|with)\s++)?", re.IGNORECASE)
_PREFIX = re.compile(r"^\s*+(?:(?:re|fwd?|aw|отв(?:ет)?|на|пересл|ha)\s*+(?:\[\d++\]\s*+)?:\s*+)+", re.IGNORECASE)
_NUMBER = re.compile(
    r"^\s*+(?:с|со|сообщени[яею]м?|of|with)?\s*+(?:с\s++)?(?:сообщением\s++)?[№#n]?\s*+(?P<number>\d{1,9})\b",
    re.IGNORECASE,
)
_IN_SUBJECT = re.compile(r"\[([^\[\]]{2,80})\]|(?:—|–| -)\s*([^—–]{2,80})$")
# «Не решено», «выполнено частично» and «решено провести проверку» must not be published without review.
_QUALIFIER = re.compile(r"^\s*(?:еще |пока )?(?:не|почти|частично|not|partly|almost)\s+", re.IGNORECASE)
_CLOSES = frozenset({"resolved", "answered", "rejected", "redirected", "duplicate"})


@dataclass(frozen=True, kw_only=True)
class Command:
    """A parsed command. `status` is None if there is none; `wrong` says what is wrong with the date."""

    status: Status | None = None
    text: str = ""
    expected_on: str | None = None
    responsible: str | None = None
    duplicate_of: int | None = None
    wrong: str | None = None  # date | date_past
    unclear: bool = False  # it begins like a command and continues differently


def parse_command(subject: str, text: str, today: date) -> Command:
    """Parse the command in the first line or, if there is none, in the subject. `text` is the rest, for publication."""
    first, _, following = text.strip().partition("\n")
    command = _parse_line(first, today)
    if command is not None:
        following = following.strip()
        rest = "\n\n".join(part for part in (command.text, following) if part) if command.text else following
        if command.status in ("redirected", "forwarded") and not command.responsible and following:
            responsible, _, after = following.partition("\n")
            command = replace(command, responsible=responsible.strip().rstrip(".")[:300])
            rest = after.strip()
        # A bare «Решено.» is published as the text of the answer.
        if command.status in ("resolved", "answered", "in_progress") and not rest:
            rest = first.strip()
        elif command.status == "in_progress" and command.expected_on:  # only the first line mentions the day
            rest = text.strip()
        return replace(command, text=rest)
    for part in _subject_candidates(subject):
        command = _parse_line(part, today)
        if command is not None:
            return replace(command, text="\n\n".join(part for part in (command.text, text.strip()) if part))
    return Command(text=text.strip(), unclear=_is_unclear(first))


def _is_unclear(line: str) -> bool:
    folded = line.replace("ё", "е").replace("Ё", "Е")
    match = _STATUS.match(_QUALIFIER.sub("", folded, count=1))
    return match is not None and not match["answered"]


def _subject_candidates(subject: str) -> list[str]:
    """Return the parts of a subject that may be a command: before «Re:», in brackets, or after a dash at the end."""
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
    # Folding keeps positions, so the rest can be taken from the original line.
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
        responsible = _PREPOSITION.sub("", rest[stop.end() :] if stop else rest, count=1).strip().rstrip(".")
        return Command(status=status, responsible=responsible[:300] or None, expected_on=expected_on, wrong=wrong)
    if stop is None:
        return None
    return Command(status=status, text=rest[stop.end() :].strip(), expected_on=expected_on, wrong=wrong)


def _parse_day(match: re.Match[str], today: date) -> tuple[str | None, str | None]:
    """Parse a day, by default of the next year in which it is not past. Returns the day and its error, or None."""
    if match["iso"]:
        year, month, day = (int(part) for part in match["iso"].split("-"))
    else:
        day = int(match["day"] or match["day2"] or match["day3"])
        month_name = match["name"] or match["name3"]
        month = _parse_month(month_name) if month_name else int(match["month"])
        year_digits = match["year"] or match["year2"] or match["year3"]
        year = int(year_digits) if year_digits else 0
        year += 2000 if 0 < year < 100 else 0
    for candidate in (year,) if year else range(today.year, today.year + 9):  # 29 February comes every eight years
        try:
            parsed = date(candidate, month, day)
        except ValueError:
            continue
        if parsed >= today:
            return parsed.isoformat(), None
        if year:
            return parsed.isoformat(), "date_past"
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


def build_change(command: Command, letter: Letter, status: str, in_attachments: str) -> Change:
    """Build the change that a letter requests, without checking permission. A letter without a command is an answer.

    «В работе до 15.12» for a report already in progress sets a new date. `in_attachments` is the text used for a letter
    that has attachments only.
    """
    to = command.status or "answered"
    if to == "in_progress" and command.expected_on and to not in allowed("agent", status):
        to = "planned"
    text = command.text or (in_attachments if letter.attachments and "text" in NEEDS.get(to, ()) else "")
    return Change(
        to=to,
        text=text or None,
        expected_on=command.expected_on,
        responsible=command.responsible,
        duplicate_of=command.duplicate_of,
    )


def find_hold_reason(command: Command, change: Change, problem: Row, site: Site) -> str | None:
    """Return the reason why a change is not published at once, one of `model.REASONS`, or None."""
    if problem["spam"]:
        return "spam"
    if problem["status"] == "moderation" and site.moderator != "agent":
        return "moderator"
    if site.mail_answers == "hold":
        return "site"
    if command.unclear:
        return "unclear"
    if "\ufffd" in (change.text or ""):
        return "other"  # characters were lost in transit
    if command.wrong:
        return command.wrong
    if command.status is None and not change.text:
        return "empty"
    if change.to not in allowed("agent", problem["status"]):
        return "status"
    missing = next((name for name in NEEDS.get(change.to, ()) if not getattr(change, name)), None)
    if missing:
        return missing
    return "too_long" if len(change.text or "") > LONGEST_TEXT else None
