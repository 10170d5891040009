"""Remove secrets and personal data from texts that are logged or stored: keys, private links, addresses, telephones."""

from __future__ import annotations

import re
import unicodedata

# Site keys, tokens, and links and parameters that grant access. They should not be logged at all; this is for the texts
# of exceptions.
_PRIVATE_PATHS = (
    "t|confirm|unsubscribe|mine|follow|unfollow|comment|my-comment|action|my-action|moderate|reset|invitation"
    "|application"
)
_SECRETS = re.compile(rf"\b(wk_|wt_)[\w-]{{4,}}|(/(?:{_PRIVATE_PATHS})/|[?&](?:s|token|api_key)=)[^\s\"'?#&]+")
# Mail servers and database drivers repeat addresses in their messages.
EMAIL = re.compile(r"[^\s@<>()\[\]\"',;:=]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
# Control and format characters (Unicode, table 12), line and paragraph separators, surrogates.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
# A telephone number as written in Russia: +7 (900) 123-45-67, 89001234567.
_PHONE = re.compile(r"(?<![\w-])(?:\+\d|[78])[ (.\-]{0,2}\d{3}[ ).\-]{0,2}\d{3}[ .\-]?\d{2}[ .\-]?\d{2}(?![\w-])")


def redact(text: str) -> str:
    """Replace keys, private links, passwords in URLs and e-mail addresses by «…»."""
    text = _SECRETS.sub(lambda match: f"{match[1] or match[2]}…", text)
    return EMAIL.sub("…@…", _URL_PASSWORD.sub(r"\1…@", text))


def to_printable_line(text: str) -> str:
    """Return one line without characters that a terminal interprets or that change the direction of text."""
    visible = "".join(" " if unicodedata.category(character) in _INVISIBLE else character for character in text)
    return " ".join(visible.split())


def excerpt(text: str, most: int) -> str:
    """Return a message of another server for storage: one line of limited length without personal data.

    Servers repeat data they were sent, and stored messages outlive the contact they are about.
    """
    line = to_printable_line(text[: 8 * most])
    return _PHONE.sub("…", redact(line[: 4 * most]))[:most]
