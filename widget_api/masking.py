"""Blanks out of a text what nobody keeps or logs, whoever put it there: keys, private addresses, whose it is about."""

from __future__ import annotations

import re

# Keys name a site, the other two open doors. They should not come here at all; this is for the text of an exception.
_DOORS = "t|confirm|unsubscribe|mine|follow|unfollow|comment|my-comment|moderate"
_SECRETS = re.compile(rf"\b(wk_|wt_)[\w-]{{4,}}|(/(?:{_DOORS})/|[?&](?:s|token|api_key)=)[^\s\"'?#&]+")
# Mail servers and database drivers repeat addresses in what they say.
EMAIL = re.compile(r"[^\s@<>()\[\]\"',;:=]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
# A telephone number as people of this country write it: +7 (900) 123-45-67, 89001234567.
_PHONE = re.compile(r"(?<![\w-])(?:\+\d|[78])[ (.\-]{0,2}\d{3}[ ).\-]{0,2}\d{3}[ .\-]?\d{2}[ .\-]?\d{2}(?![\w-])")


def blanked(text: str) -> str:
    text = _SECRETS.sub(lambda found: f"{found[1] or found[2]}…", text)
    return EMAIL.sub("…@…", _URL_PASSWORD.sub(r"\1…@", text))


def quoted(text: str, most: int) -> str:
    """What a foreign server said, fit to be kept: one line of bounded length that says nothing of a person.

    They repeat what they were sent, and what they say outlives the contact it was about.
    """
    line = " ".join(text.replace("\0", "").split())
    return _PHONE.sub("…", blanked(line[: 4 * most]))[:most]
