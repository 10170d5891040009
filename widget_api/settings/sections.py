"""Read environment variables by type, and the settings of mail, of the map's tiles and of the default platform.

Each function raises SettingsError with a line that begins with the variable's name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

Environment = Literal["development", "production"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Choice = TypeVar("Choice", bound=str)


class SettingsError(Exception):
    """A setting is missing or wrong. The message is one line that begins with the setting's name."""


def choice(environ: Mapping[str, str], name: str, choices: tuple[Choice, ...], default: Choice) -> Choice:
    value = environ.get(name) or default
    if value not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def address(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    value = environ.get(name)
    if not value:
        return None
    parts = split(name, value)
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        raise SettingsError(f"{name} must be an address that begins with {' or '.join(f'{s}://' for s in schemes)}")
    return value


def line(environ: Mapping[str, str], name: str, max_length: int) -> str | None:
    """Read one line of plain text, which will be public."""
    value = (environ.get(name) or "").strip()
    if len(value) > max_length or not value.isprintable():
        raise SettingsError(f"{name} must be one line of {max_length} characters at most")
    return value or None


ELSEWHERE = "elsewhere"


def read_backups(environ: Mapping[str, str]) -> tuple[Path | None, bool]:
    """Read WIDGET_BACKUPS: the folder of the backups, and whether another system makes them."""
    value = environ.get("WIDGET_BACKUPS") or ""
    if value in ("", ELSEWHERE):
        return None, value == ELSEWHERE
    if not Path(value).is_absolute():
        raise SettingsError(f"WIDGET_BACKUPS must be the absolute path of a folder, or {ELSEWHERE}")
    return Path(value), False


def read_rehearsal_url(environ: Mapping[str, str], database_url: str) -> str | None:
    """Read WIDGET_REHEARSAL_URL, a PostgreSQL database that is emptied: never the service's own."""
    value = address(environ, "WIDGET_REHEARSAL_URL", ("postgresql",))
    if value is not None and _database_of(value) == _database_of(database_url):
        raise SettingsError("WIDGET_REHEARSAL_URL must be another database than WIDGET_DATABASE_URL: it is emptied")
    return value


def _database_of(url: str) -> tuple[str | None, int, str]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or 5432, parts.path


MAX_CONTACTS = 3
_EMAIL = re.compile(r"[^\s@<>,;:\"()]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){0,8}")
_TELEPHONE = re.compile(r"\+\d[\d ()-]{6,20}\d")


def read_operator_contact(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Read WIDGET_OPERATOR_CONTACT: a comma list of e-mail addresses, telephone numbers and pages. Returns each with
    the address of its link."""
    found = []
    for text in (environ.get("WIDGET_OPERATOR_CONTACT") or "").split(","):
        text = text.strip()
        if _EMAIL.fullmatch(text):
            found.append((text, f"mailto:{text}"))
        elif _TELEPHONE.fullmatch(text):
            found.append((text, "tel:" + re.sub(r"[ ()-]", "", text)))
        elif text.startswith("https://") and is_address(text) and len(text) <= 200:
            found.append((text.removeprefix("https://"), text))
        elif text:
            raise SettingsError(
                "WIDGET_OPERATOR_CONTACT must be a comma list of e-mail addresses, telephone numbers that begin with +,"
                f" and https:// addresses, not {text[:60]!r}"
            )
    if len(found) > MAX_CONTACTS:
        raise SettingsError(f"WIDGET_OPERATOR_CONTACT must have {MAX_CONTACTS} entries at most")
    return tuple(found)


def split(name: str, value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - urllib validates the port on access
    except ValueError:
        raise SettingsError(f"{name} is not an address") from None
    return parts


def networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(text.strip(), strict=False)
            for text in (environ.get(name) or "").split(",")
            if text.strip()
        )
    except ValueError as error:
        raise SettingsError(f"{name} must be a comma list of addresses or networks: {error}") from None


def read_name_servers(environ: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """Read WIDGET_DNS: addresses of name servers, each with a port if it is not 53."""
    found = []
    for text in (environ.get("WIDGET_DNS") or "").split(","):
        if not text.strip():
            continue
        parts = split("WIDGET_DNS", f"dns://{text.strip()}")
        try:
            found.append((str(ipaddress.ip_address(parts.hostname or "")), parts.port or 53))
        except ValueError:
            raise SettingsError("WIDGET_DNS must be a comma list of addresses: 9.9.9.9, [2620:fe::9]:53") from None
    return tuple(found)


def origins(environ: Mapping[str, str], name: str, environment: Environment) -> frozenset[str]:
    """Read a comma list of origins: scheme, host and port. Production requires TLS."""
    found = set()
    for text in (environ.get(name) or "").split(","):
        if not text.strip():
            continue
        parts = split(name, text.strip().lower())
        origin = f"{parts.scheme}://{parts.netloc}"
        schemes = ("https",) if environment == "production" else ("https", "http")
        if parts.scheme not in schemes or not parts.hostname or "@" in origin or origin != text.strip().lower():
            raise SettingsError(
                f"{name} must be a comma list of origins: https://id.gorod.local, https://10.0.0.7:8443"
            )
        found.add(origin)
    return frozenset(found)


MAX_LOCAL_LENGTH = 14  # RFC 5321, 4.5.3.1.1: 64 octets before the @, of which a token takes 50
MAX_MEGABYTE_DIGITS = 9
MAX_HOPS = 9
MAX_ZOOM = 19
Protocol = Literal["georeport", "webhook"]
Contacts = Literal["none", "email", "all"]
MAX_NAME_LENGTH = 100


def read_sender(environ: Mapping[str, str], environment: Environment) -> str:
    value = environ.get("WIDGET_MAIL_FROM")
    if not value:
        if environment == "production" and environ.get("WIDGET_SMTP_URL"):
            raise SettingsError("WIDGET_MAIL_FROM is missing: the sender of the mails")
        value = "noreply@localhost"
    if "@" not in value or any(character in value for character in "\r\n\0"):
        raise SettingsError("WIDGET_MAIL_FROM must be an e-mail address")
    return value


def read_inbound(environ: Mapping[str, str], mail_from: str) -> str | None:
    """Read WIDGET_INBOUND: lmtp://host:port or lmtp:///path of a socket to listen on, or
    imaps://user:password@host/folder to poll. Raises SettingsError."""
    value = address(environ, "WIDGET_INBOUND", ("lmtp", "imaps", "imap"))
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


def read_mail_servers(environ: Mapping[str, str], mail_from: str) -> tuple[str, ...]:
    """Read the names of our own mail servers in Authentication-Results (RFC 8601, 2.5)."""
    value = environ.get("WIDGET_AUTHSERV_ID") or mail_from.rpartition("@")[2].strip("<> ")
    names = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    if any(not name.isprintable() or " " in name or ";" in name for name in names):
        raise SettingsError("WIDGET_AUTHSERV_ID must be a name, or a comma list of names, of your mail servers")
    return names


def read_mail_hops(environ: Mapping[str, str]) -> int:
    """Read how many Received lines our mail servers add above their Authentication-Results."""
    value = environ.get("WIDGET_AUTHSERV_HOPS") or "0"
    if not (value.isascii() and value.isdigit() and int(value) <= MAX_HOPS):
        raise SettingsError(f"WIDGET_AUTHSERV_HOPS must be a number from 0 to {MAX_HOPS}")
    return int(value)


def megabytes(environ: Mapping[str, str], name: str, default: int) -> int:
    """Read a number of megabytes. Returns bytes."""
    value = environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_MEGABYTE_DIGITS):
        raise SettingsError(f"{name} must be a number of megabytes, not {value!r}")
    return int(value) * 1024 * 1024


def read_tiles(environ: Mapping[str, str]) -> tuple[str | None, int]:
    """Read WIDGET_TILES, an existing PMTiles file or an upstream's template, https://tiles.example/{z}/{x}/{y}.png.

    Returns it with its greatest zoom. Raises SettingsError.
    """
    value = environ.get("WIDGET_TILES")
    if not value:
        return None, MAX_ZOOM
    if urlsplit(value).scheme in ("http", "https"):
        if not all(part in value for part in ("{z}", "{x}", "{y}")):
            raise SettingsError("WIDGET_TILES must hold {z}, {x} and {y}")
        return value, MAX_ZOOM
    if not Path(value).is_file():
        raise SettingsError(f"WIDGET_TILES: there is no file {value}")
    return value, _read_max_zoom(Path(value))


def _read_max_zoom(archive: Path) -> int:
    """Read the greatest zoom from the header of PMTiles 3, after checking version, tile type and compression."""
    try:
        with archive.open("rb") as file:
            head = file.read(127)
    except OSError as error:
        raise SettingsError(f"WIDGET_TILES: {archive} cannot be read: {error.strerror}") from None
    if head[:8] != b"PMTiles\x03" or len(head) < 127:
        raise SettingsError(f"WIDGET_TILES: {archive} is no PMTiles archive of version 3")
    if head[99] not in (2, 3, 4, 5):
        raise SettingsError(f"WIDGET_TILES: {archive} holds vector tiles; what is drawn is PNG, JPEG, WebP or AVIF")
    if head[98] > 1:
        raise SettingsError(f"WIDGET_TILES: {archive} holds pictures that are compressed once more")
    return min(head[101], MAX_ZOOM)


@dataclass(frozen=True, kw_only=True)
class PlatformSettings:
    """The default central platform, a GeoReport v2 root or a webhook receiver. The name defaults to the host."""

    url: str
    name: str | None = None
    key: str
    protocol: Protocol = "georeport"
    jurisdiction: str | None = None
    contacts: Contacts = "none"


def read_platform(environ: Mapping[str, str]) -> PlatformSettings | None:
    url = address(environ, "WIDGET_PLATFORM_URL", ("http", "https"))
    name = line(environ, "WIDGET_PLATFORM_NAME", MAX_NAME_LENGTH)
    protocol: Protocol = choice(environ, "WIDGET_PLATFORM_PROTOCOL", ("georeport", "webhook"), "georeport")
    contacts: Contacts = choice(environ, "WIDGET_PLATFORM_CONTACTS", ("none", "email", "all"), "none")
    if url is None:
        return None
    if not is_address(url):
        raise SettingsError("WIDGET_PLATFORM_URL must look like https://platform.example.ru/open311/v2")
    key = environ.get("WIDGET_PLATFORM_KEY")
    if not key:
        raise SettingsError("WIDGET_PLATFORM_KEY is missing: the platform at WIDGET_PLATFORM_URL needs one")
    return PlatformSettings(
        url=platform_address(url, protocol),
        name=name,
        key=key,
        protocol=protocol,
        jurisdiction=environ.get("WIDGET_PLATFORM_JURISDICTION") or None,
        contacts=contacts,
    )


def is_address(url: str) -> bool:
    """Whether a URL can be the address of a platform."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - urllib validates the port on access
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url


def platform_address(url: str, protocol: str) -> str:
    """Remove the trailing slash of a GeoReport root. The address of a webhook is kept, since the slash may matter."""
    return url if protocol == "webhook" else url.rstrip("/")
