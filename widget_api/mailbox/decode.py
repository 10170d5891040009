"""Decode the bytes of a letter. The charsets that Russian mail declares are often wrong or missing."""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from email.message import Message

# The charsets that a label may name, without Python codecs that are not charsets (idna, punycode, unicode_escape).
_CHARSETS = frozenset(
    {
        *("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "koi8-r", "koi8-u", "cp866"),
        *("iso8859-5", "mac-cyrillic", "cp1252", "iso8859-1", "iso8859-15", "iso8859-2", "cp1250", "cp1254", "gb18030"),
    }
)
_RUSSIAN = ("cp1251", "koi8-r", "cp866", "iso8859-5")
# Labels that mail programs use by default, without examining the text.
_DEFAULT_LABELS = frozenset({"ascii", "iso8859-1", "cp1252", "iso8859-15"})
_FREQUENT = frozenset("оеаинтсрвлкмдпуяыьгзбчй")
_DAMAGE = 30  # non-ASCII bytes for each tolerated invalid one; in a wrong charset every letter is invalid
_SAMPLE = 4000  # bytes are enough to recognize a charset
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_BETWEEN = re.compile(r"(\?=)\s+(?==\?)")
MAX_HEADER_LENGTH = 2000


def decode_text(content: bytes, label: str | None) -> str:
    """Decode text as UTF-8 if it is valid, which no other charset is by chance, else by the label if that is
    plausible, else by the most likely charset."""
    named = _codec_name(label)
    if named and named.startswith("utf-16"):
        return content.decode(named, "replace")
    read = content.decode("utf-8-sig", "replace")
    if (
        read.count("\ufffd") <= sum(byte > 0x7F for byte in content) // _DAMAGE
    ):  # a letter or two may be cut in the middle
        return read
    candidates = [name for name in (named,) if name and name not in _DEFAULT_LABELS and name != "utf-8"] + list(
        _RUSSIAN
    )
    scores = {name: _score(content[:_SAMPLE].decode(name, "replace")) for name in dict.fromkeys(candidates)}
    best = max(scores, key=lambda name: scores[name])
    if named in scores and scores[named] >= 0.8 * scores[best]:
        best = named
    if scores[best] <= 0 and named in _DEFAULT_LABELS:  # a Western text
        best = "cp1252"
    return content.decode(best, "replace")


def _codec_name(label: str | None) -> str | None:
    try:
        name = codecs.lookup((label or "").strip().strip("\"'")).name
    except (LookupError, ValueError):  # unknown, or containing NUL
        return None
    return name if name in _CHARSETS else None


def _score(sample: str) -> float:
    """Rate how Russian a text looks. KOI8-R decoded as windows-1251 has upper and lower case exchanged."""
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
    """Return the values of all fields of a name, unfolded, with 8-bit characters decoded, limited in length.

    Encoded words are not decoded. The library's access by name would lose non-ASCII characters.
    """
    return [unfold(str(value)) for key, value in message.raw_items() if key.lower() == name.lower()]


def read_field(message: Message, name: str) -> str:
    """Return the first value with its encoded words decoded, or an empty string."""
    return next((decode_header(value) for value in read_fields(message, name)), "")


def unfold(value: str) -> str:
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates, which some charsets produce (utf-7)
        raw = value.encode("utf-8", "replace")
    raw = raw[: 4 * MAX_HEADER_LENGTH]
    return " ".join(decode_text(raw, None).replace("\0", "").split())


def decode_header(value: str) -> str:
    """Decode the encoded words of a value (RFC 2047)."""
    joined = _BETWEEN.sub(r"\1", unfold(value))
    out: list[str] = []
    pending: list[tuple[str, bytes]] = []
    position = 0
    for word in _WORD.finditer(joined):
        if word.start() != position or not pending:  # adjacent words may share a character
            out += [_join_words(pending), joined[position : word.start()]]
            pending = []
        pending.append((word[1].partition("*")[0], _decode_word(word[2], word[3])))
        position = word.end()
    out += [_join_words(pending), joined[position:]]
    return " ".join("".join(out).replace("\0", "").split())[:MAX_HEADER_LENGTH]


def _join_words(words: list[tuple[str, bytes]]) -> str:
    """Decode adjacent words of one charset together, since some programs split a character between words."""
    out, index = [], 0
    while index < len(words):
        label, content = words[index]
        index += 1
        while index < len(words) and words[index][0].lower() == label.lower():
            content += words[index][1]
            index += 1
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
