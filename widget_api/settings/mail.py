"""Read the mail settings: the sender, the inbound mailbox, and the mail servers whose results are trusted."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from urllib.parse import parse_qsl, urlsplit

from widget_api.settings import variables
from widget_api.settings.variables import Environment, SettingsError

MAX_LOCAL_LENGTH = 14  # RFC 5321, 4.5.3.1.1: 64 octets before the @, of which a token takes 50
MAX_HOPS = 9


def sender(environ: Mapping[str, str], environment: Environment) -> str:
    value = environ.get("WIDGET_MAIL_FROM")
    if not value:
        if environment == "production" and environ.get("WIDGET_SMTP_URL"):
            raise SettingsError("WIDGET_MAIL_FROM is missing: the sender of the mails")
        value = "noreply@localhost"
    if "@" not in value or any(character in value for character in "\r\n\0"):
        raise SettingsError("WIDGET_MAIL_FROM must be an e-mail address")
    return value


def inbound(environ: Mapping[str, str], mail_from: str) -> str | None:
    """Read WIDGET_INBOUND: lmtp://host:port or lmtp:///path of a socket to listen on, or
    imaps://user:password@host/folder to poll. Raises SettingsError."""
    value = variables.address(environ, "WIDGET_INBOUND", ("lmtp", "imaps", "imap"))
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme == "lmtp" and not (parts.port if parts.hostname else parts.path.strip("/")):
        raise SettingsError(
            "WIDGET_INBOUND must name a port or a socket: lmtp://127.0.0.1:8024, lmtp:///run/widget.sock"
        )
    if parts.scheme != "lmtp" and not (parts.hostname and parts.username and parts.password):
        raise SettingsError("WIDGET_INBOUND must look like imaps://user:password@mail.example.ru/INBOX")
    if parts.scheme != "lmtp" and (parts.fragment or not {name for name, _ in parse_qsl(parts.query)} <= {"move"}):
        raise SettingsError(
            "WIDGET_INBOUND knows ?move=FOLDER and nothing else; in a password write # as %23, ? as %3F"
        )
    local = (parseaddr(mail_from)[1] or mail_from).partition("@")[0]
    if len(local) > MAX_LOCAL_LENGTH or "+" in local:
        raise SettingsError(
            f"WIDGET_MAIL_FROM must have {MAX_LOCAL_LENGTH} characters or fewer before its @, and no plus sign, where"
            " WIDGET_INBOUND is set: answers come back to it with a token of 50 characters more"
        )
    return value


def servers(environ: Mapping[str, str], mail_from: str) -> tuple[str, ...]:
    """Read the names of our own mail servers in Authentication-Results (RFC 8601, 2.5)."""
    value = environ.get("WIDGET_AUTHSERV_ID") or mail_from.rpartition("@")[2].strip("<> ")
    names = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    if any(not name.isprintable() or " " in name or ";" in name for name in names):
        raise SettingsError("WIDGET_AUTHSERV_ID must be a name, or a comma list of names, of your mail servers")
    return names


def hops(environ: Mapping[str, str]) -> int:
    """Read how many Received lines our mail servers add above their Authentication-Results."""
    value = environ.get("WIDGET_AUTHSERV_HOPS") or "0"
    if not (value.isascii() and value.isdigit() and int(value) <= MAX_HOPS):
        raise SettingsError(f"WIDGET_AUTHSERV_HOPS must be a number from 0 to {MAX_HOPS}")
    return int(value)
