"""Strip the quoted letter and the signature below «-- » from a letter's text.

A closing («С уважением, …») is part of the text and is kept. The lines are chosen by the sender, so no pattern may
match the same stretch in two ways, which would take quadratic time.
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
# Outlook's header block: at least two of these lines in a row, the first with the author.
_FROM = re.compile(r"^\s*\*?(?:от(?: кого)?|from)\s*:\*?\s*\S", re.IGNORECASE)
_FIELD = re.compile(
    r"^\s*\*?(?:отправлено|дата|кому|копия|тема|важность|sent|date|to|cc|subject|importance)\s*:\*?", re.IGNORECASE
)
_RULE = re.compile(r"^\s*_{10,}\s*$")  # above the block of Outlook on the web
_WROTE = re.compile(
    r"(?:пишет|писал(?:а|\(а\))?|написал(?:а|\(а\))?|сообщил(?:а|\(а\))?|wrote|writes)\s*:\s*$", re.IGNORECASE
)
_ADDRESSED = re.compile(r"<\s*+[^<>\s@]++@[^<>\s]++\s*+>\s*+(?:\(.{0,40}\)\s*+)?:\s*+$")
_DATED = re.compile(r"\d{1,2}[.:/]\d{2}|\b20\d\d\b|@")
_MAX_HEADING_LINES = 3  # lines that «25 ноября 2026 г. …, Имя <…> пишет:» may span
_MAX_LINE_LENGTH = 300
_SIGNATURE = re.compile(r"^-- ?$")
_DEVICE = re.compile(
    r"^\s*(?:отправлено (?:с|из) |sent from (?:my |mail |outlook)|get outlook for )\S.{0,60}$", re.IGNORECASE
)


def strip_quotations(text: str) -> str:
    """Remove quotations: marked lines anywhere, and an unmarked letter from its heading on."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    own: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        if _SIGNATURE.match(line) or _SEPARATOR.match(line) or _is_block(lines, index):
            break
        if line.lstrip().startswith(">"):
            index += 1
            continue
        heading = _heading_length(lines, index)
        if heading:
            if not _next_text_line(lines, index + heading).startswith(">"):
                break  # an unmarked quotation follows
            index += heading
            continue
        if not (_DEVICE.match(line) and not _next_text_line(lines, index + 1, quoted=False)):
            own.append(line.rstrip())
        index += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(own)).strip()


def _heading_length(lines: list[str], index: int) -> int:
    """Return the number of lines of the heading that mail programs write above a quotation, or 0 if there is none."""
    if not lines[index].strip():
        return 0
    if _WROTE.search(lines[index]) and _next_text_line(lines, index + 1).startswith(">"):
        return 1  # «Имя пишет:» above marked lines needs no date or address
    for count in range(1, _MAX_HEADING_LINES + 1):
        part = lines[index : index + count]
        if len(part) < count or not part[-1].strip() or part[-1].lstrip().startswith(">"):
            return 0
        joined = " ".join(line.strip() for line in part)
        if len(joined) > _MAX_LINE_LENGTH:
            return 0
        if _DATED.search(joined) and (_WROTE.search(joined) or _ADDRESSED.search(joined)):
            return count if _starts_heading(part[0]) else 0
    return 0


def _starts_heading(line: str) -> bool:
    """Whether a line begins as such headings do, with a date, a weekday or a person, unlike a sentence above one."""
    start = line.strip()
    return bool(
        re.match(
            r"(?:\d|on\b|в\b|(?:пн|вт|ср|чт|пт|сб|вс)\b|(?:понедельник|вторник|сред[ау]|четверг|пятниц[ау]|суббот[ау]"
            r"|воскресенье)\b|(?:mon|tue|wed|thu|fri|sat|sun)|[^.!?]*(?:[^\s<>]|[.!?][^\s<>@]*+)@[^\s<>])",
            start,
            re.IGNORECASE,
        )
    )


def _is_block(lines: list[str], index: int) -> bool:
    if _RULE.match(lines[index]):
        return _FROM.match(_next_text_line(lines, index + 1)) is not None
    if not _FROM.match(lines[index]):
        return False
    following = [line for line in lines[index + 1 : index + 8] if line.strip()][:3]
    return sum(_FIELD.match(line) is not None for line in following) >= 2


def _next_text_line(lines: list[str], index: int, *, quoted: bool = True) -> str:
    """Return the next line that is not empty and, with `quoted=False`, not marked as a quotation."""
    for line in lines[index : index + 400]:
        if not line.strip() or (not quoted and line.lstrip().startswith(">")):
            continue
        return line.lstrip()
    return ""


def unflow(text: str, *, delete_space: bool) -> str:
    """Join the soft-broken lines of format=flowed (RFC 3676)."""
    out: list[str] = []
    open_line = False
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith(" ") and not open_line:
            line = line[1:]  # space-stuffing
        if open_line and not line.startswith(">"):
            out[-1] += line
        else:
            out.append(line)
        open_line = line.endswith(" ") and line != "-- " and not line.startswith(">")
        if open_line and delete_space:
            out[-1] = out[-1][:-1]
    return "\n".join(out)
