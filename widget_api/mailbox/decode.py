"""Bytes of a letter as text, whatever their label says: Russian mail is labelled wrongly, or not at all."""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from email.message import Message

# What a label may name. Codecs that are no character sets (idna, punycode, unicode_escape) are none of them.
_CHARSETS = frozenset(
    {
        *("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "koi8-r", "koi8-u", "cp866"),
        *("iso8859-5", "mac-cyrillic", "cp1252", "iso8859-1", "iso8859-15", "iso8859-2", "cp1250", "cp1254", "gb18030"),
    }
)
_RUSSIAN = ("cp1251", "koi8-r", "cp866", "iso8859-5")
# A label that mail programs put on whatever they have not looked at.
_DEFAULT_LABELS = frozenset({"ascii", "iso8859-1", "cp1252", "iso8859-15"})
_FREQUENT = frozenset("оеаинтсрвлкмдпуяыьгзбчй")
_DAMAGE = 30  # bytes outside ASCII for each that may be spoilt: other character sets spoil every letter
_SAMPLE = 4000  # letters are enough to tell
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_BETWEEN = re.compile(r"(\?=)\s+(?==\?)")
MAX_HEADER_LENGTH = 2000


def decode_text(content: bytes, label: str | None) -> str:
    """By UTF-8 where that fits, which nothing else does by chance; by the label where it makes sense; else by guess."""
    named = _codec_name(label)
    if named and named.startswith("utf-16"):
        return content.decode(named, "replace")
    read = content.decode("utf-8-sig", "replace")
    if read.count("\ufffd") <= sum(byte > 0x7F for byte in content) // _DAMAGE:  # a letter or two may be cut through
        return read
    candidates = [name for name in (named,) if name and name not in _DEFAULT_LABELS and name != "utf-8"] + list(
        _RUSSIAN
    )
    scores = {name: _score(content[:_SAMPLE].decode(name, "replace")) for name in dict.fromkeys(candidates)}
    best = max(scores, key=lambda name: scores[name])
    if named in scores and scores[named] >= 0.8 * scores[best]:
        best = named
    if scores[best] <= 0 and named in _DEFAULT_LABELS:  # a Western letter after all
        best = "cp1252"
    return content.decode(best, "replace")


def _codec_name(label: str | None) -> str | None:
    try:
        name = codecs.lookup((label or "").strip().strip("\"'")).name
    except (LookupError, ValueError):  # unknown, or NUL among it
        return None
    return name if name in _CHARSETS else None


def _score(sample: str) -> float:
    """How Russian a text looks. KOI8-R read as windows-1251 has its capitals and small letters the wrong way round."""
    points = 0.0
    before = " "
    for letter in sample:
        russian = "а" <= letter.lower() <= "я" or letter in "ёЁ"
        if before.isalpha() and letter.isalpha() and before.isascii() != letter.isascii():
            points -= 2  # two alphabets in a word
        elif letter in _FREQUENT:
            points += 1
        elif russian:
            points += -1.5 if before.islower() and letter.isupper() else 0.3
        elif ord(letter) > 0x7F and letter not in "«»—–№…“”„’ \u00a0":
            points -= 1.5
        before = letter
    return points


def read_fields(message: Message, name: str) -> list[str]:
    """The values of all fields of this name, each on one line, bare 8-bit letters read; bounded.

    Encoded words stay as they are. What the library hands out by name has lost letters outside ASCII.
    """
    return [unfold(str(value)) for key, value in message.raw_items() if key.lower() == name.lower()]


def read_field(message: Message, name: str) -> str:
    """The first of them with its encoded words read; empty where there is none."""
    return next((decode_header(value) for value in read_fields(message, name)), "")


def unfold(value: str) -> str:
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # halves of letters that some charsets let through (utf-7)
        raw = value.encode("utf-8", "replace")
    raw = raw[: 4 * MAX_HEADER_LENGTH]
    return " ".join(decode_text(raw, None).replace("\0", "").split())


def decode_header(value: str) -> str:
    """A value with its encoded words (RFC 2047) read."""
    joined = _BETWEEN.sub(r"\1", unfold(value))
    out: list[str] = []
    pending: list[tuple[str, bytes]] = []
    place = 0
    for word in _WORD.finditer(joined):
        if word.start() != place or not pending:  # words that touch may share a letter between them
            out += [_join_words(pending), joined[place : word.start()]]
            pending = []
        pending.append((word[1].partition("*")[0], _decode_word(word[2], word[3])))
        place = word.end()
    out += [_join_words(pending), joined[place:]]
    return " ".join("".join(out).replace("\0", "").split())[:MAX_HEADER_LENGTH]


def _join_words(words: list[tuple[str, bytes]]) -> str:
    """Neighbours of one character set are one text: some programs cut a letter in the middle of its bytes."""
    out, place = [], 0
    while place < len(words):
        label, content = words[place]
        place += 1
        while place < len(words) and words[place][0].lower() == label.lower():
            content += words[place][1]
            place += 1
        out.append(decode_text(content, label))
    return "".join(out)


def _decode_word(encoding: str, coded: str) -> bytes:
    content = coded.encode("ascii", "replace")
    if encoding in "qQ":
        return quopri.decodestring(content, header=True)
    try:
        return binascii.a2b_base64(content + b"=" * (-len(content) % 4))
    except binascii.Error:
        return content
