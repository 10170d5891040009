"""What somebody wrote themselves: without the letter they answer, and without what stands below «-- ».

A courtesy («С уважением, …») is part of what was written, and stays. Whoever can write to the mailbox chooses these
lines: no pattern may go over the same stretch in two ways, which takes time by the square of its length.
"""

from __future__ import annotations

import re

# «-----Исходное сообщение-----», «-------- Original Message --------», «---------- Forwarded message ---------»
_SEPARATOR = re.compile(
    r"^\s*[-_*]{2,}\s*(?:исходное|пересланное|пересылаемое|переадресованное|оригинальное|original|forwarded)"
    r"\s+(?:сообщение|письмо|message|e-?mail)[-_*\s]*$"
    r"|^\s*(?:начало (?:переадресованного|пересылаемого) сообщения|begin forwarded message)[\s:]*$",
    re.IGNORECASE,
)
# Outlook's block: at least two of these lines in a row, the first of them telling who wrote.
_FROM = re.compile(r"^\s*\*?(?:от(?: кого)?|from)\s*:\*?\s*\S", re.IGNORECASE)
_FIELD = re.compile(
    r"^\s*\*?(?:отправлено|дата|кому|копия|тема|важность|sent|date|to|cc|subject|importance)\s*:\*?", re.IGNORECASE
)
_RULE = re.compile(r"^\s*_{10,}\s*$")  # Outlook's on the web, above its block
_SAYS = re.compile(
    r"(?:пишет|писал(?:а|\(а\))?|написал(?:а|\(а\))?|сообщил(?:а|\(а\))?|wrote|writes)\s*:\s*$", re.IGNORECASE
)
_ADDRESSED = re.compile(r"<\s*[^<>\s]+@[^<>\s]+\s*>\s*(?:\(.{0,40}\))?\s*:\s*$")
_DATED = re.compile(r"\d{1,2}[.:/]\d{2}|\b20\d\d\b|@")
_MAX_HEADING_LINES = 3  # lines over which «25 ноября 2026 г. …, Имя <…> пишет:» may go
_MAX_LINE_LENGTH = 300
_SIGNATURE = re.compile(r"^-- ?$")
_DEVICE = re.compile(
    r"^\s*(?:отправлено (?:с|из) |sent from (?:my |mail |outlook)|get outlook for )\S.{0,60}$", re.IGNORECASE
)


def strip_quotations(text: str) -> str:
    """Cut what is quoted: marked lines wherever they stand, an unmarked letter from its heading on."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if _SIGNATURE.match(line) or _SEPARATOR.match(line) or _is_block(lines, place):
            break
        if line.lstrip().startswith(">"):
            place += 1
            continue
        heading = _heading_length(lines, place)
        if heading:
            if not _next_text_line(lines, place + heading).startswith(">"):
                break  # what follows is quoted without marks
            place += heading
            continue
        if not (_DEVICE.match(line) and not _next_text_line(lines, place + 1, quoted=False)):
            kept.append(line.rstrip())
        place += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _heading_length(lines: list[str], place: int) -> int:
    """How many lines from here on say who wrote when, as mail programs do above a quotation; 0 where none does."""
    if not lines[place].strip():
        return 0
    if _SAYS.search(lines[place]) and _next_text_line(lines, place + 1).startswith(">"):
        return 1  # «Имя пишет:» needs neither date nor address where the marks below prove what it is
    for many in range(1, _MAX_HEADING_LINES + 1):
        part = lines[place : place + many]
        if len(part) < many or not part[-1].strip() or part[-1].lstrip().startswith(">"):
            return 0
        joined = " ".join(line.strip() for line in part)
        if len(joined) > _MAX_LINE_LENGTH:
            return 0
        if _DATED.search(joined) and (_SAYS.search(joined) or _ADDRESSED.search(joined)):
            return many if _starts_heading(part[0]) else 0
    return 0


def _starts_heading(line: str) -> bool:
    """Such a heading begins with a date, a weekday or a person; the sentence before it is none."""
    start = line.strip()
    return bool(
        re.match(
            r"(?:\d|on\b|в\b|(?:пн|вт|ср|чт|пт|сб|вс)\b|(?:понедельник|вторник|сред[ау]|четверг|пятниц[ау]|суббот[ау]"
            r"|воскресенье)\b|(?:mon|tue|wed|thu|fri|sat|sun)|[^.!?]*<?[^\s<>]+@[^\s<>]+)",
            start,
            re.IGNORECASE,
        )
    )


def _is_block(lines: list[str], place: int) -> bool:
    if _RULE.match(lines[place]):
        return _FROM.match(_next_text_line(lines, place + 1)) is not None
    if not _FROM.match(lines[place]):
        return False
    following = [line for line in lines[place + 1 : place + 8] if line.strip()][:3]
    return sum(_FIELD.match(line) is not None for line in following) >= 2


def _next_text_line(lines: list[str], place: int, *, quoted: bool = True) -> str:
    """The next line with something on it; with `quoted=False` one that is the writer's own."""
    for line in lines[place : place + 400]:
        if not line.strip() or (not quoted and line.lstrip().startswith(">")):
            continue
        return line.lstrip()
    return ""


def unflow(text: str, *, delete_space: bool) -> str:
    """Lines that were only broken for the way (RFC 3676), whole again."""
    out: list[str] = []
    open_line = False
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith(" ") and not open_line:
            line = line[1:]  # stuffed
        if open_line and not line.startswith(">"):
            out[-1] += line
        else:
            out.append(line)
        open_line = line.endswith(" ") and line != "-- " and not line.startswith(">")
        if open_line and delete_space:
            out[-1] = out[-1][:-1]
    return "\n".join(out)
