"""Blanks out of a text what nobody keeps or logs, whoever put it there: keys, private addresses, whose it is about."""

from __future__ import annotations

import re
import unicodedata

# Keys name a site, the other two open doors. They should not come here at all; this is for the text of an exception.
_DOORS = "t|confirm|unsubscribe|mine|follow|unfollow|comment|my-comment|moderate|reset"
_SECRETS = re.compile(rf"\b(wk_|wt_)[\w-]{{4,}}|(/(?:{_DOORS})/|[?&](?:s|token|api_key)=)[^\s\"'?#&]+")
# Mail servers and database drivers repeat addresses in what they say.
EMAIL = re.compile(r"[^\s@<>()\[\]\"',;:=]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
# Control characters, directions and what else has no shape (Unicode, table 12), separators of lines, halves of letters.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
# A telephone number as people of this country write it: +7 (900) 123-45-67, 89001234567.
_PHONE = re.compile(r"(?<![\w-])(?:\+\d|[78])[ (.\-]{0,2}\d{3}[ ).\-]{0,2}\d{3}[ .\-]?\d{2}[ .\-]?\d{2}(?![\w-])")


def blanked(text: str) -> str:
    text = _SECRETS.sub(lambda found: f"{found[1] or found[2]}…", text)
    return EMAIL.sub("…@…", _URL_PASSWORD.sub(r"\1…@", text))


def printable(text: str) -> str:
    """One line without characters that a terminal obeys, or that turn round how a line reads."""
    shown = "".join(" " if unicodedata.category(one) in _UNSEEN else one for one in text)
    return " ".join(shown.split())


def quoted(text: str, most: int) -> str:
    """What a foreign server said, fit to be kept: one line of bounded length that says nothing of a person.

    They repeat what they were sent, and what they say outlives the contact it was about.
    """
    line = printable(text[: 8 * most])
    return _PHONE.sub("…", blanked(line[: 4 * most]))[:most]
