"""All an operator can set, read from the environment once, so that a wrong value stops the start and not a resident."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

Environment = Literal["development", "production"]
Protocol = Literal["georeport", "webhook"]
Contacts = Literal["none", "email", "all"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Choice = TypeVar("Choice", bound=str)

MINIMUM_SECRET_LENGTH = 32
SECRETS_FILE = "secret_keys"
NAMES = frozenset(
    "WIDGET_" + name
    for name in (
        *("DATABASE_URL", "SECRET_KEYS", "PUBLIC_URL", "ENVIRONMENT", "DATA", "SMTP_URL", "MAIL_FROM"),
        *("INBOUND", "AUTHSERV_ID", "AUTHSERV_HOPS"),
        *("PLATFORM_URL", "PLATFORM_NAME", "PLATFORM_KEY", "PLATFORM_PROTOCOL", "PLATFORM_JURISDICTION"),
        "PLATFORM_CONTACTS",
        *("MEDIA_URL", "REDIS_URL", "TILES", "TILES_ATTRIBUTION", "PROCESSOR"),
        *("CHALLENGE", "RATE_LIMITS", "TRUSTED_PROXIES", "WORK", "METRICS_TOKEN"),
    )
)
LONGEST_ATTRIBUTION = 200
LONGEST_NAME = 100
MOST_HOPS = 9
LONGEST_LOCAL = 14  # RFC 5321, 4.5.3.1.1: 64 octets before the @, of which a token takes 50
LARGEST_ZOOM = 19


class SettingsError(Exception):
    """A setting is missing or wrong. The message is one line that begins with the setting's name."""


@dataclass(frozen=True, kw_only=True)
class PlatformSettings:
    """The default central platform: a GeoReport v2 root or a webhook receiver. Without a name its host is its name."""

    url: str
    name: str | None = None
    key: str
    protocol: Protocol = "georeport"
    jurisdiction: str | None = None
    contacts: Contacts = "none"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One value per environment variable `WIDGET_…`; docs/operating.md explains each."""

    database_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    public_url: str
    environment: Environment = "development"
    data_directory: Path = Path("data")
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str = "noreply@localhost"
    inbound: str | None = field(default=None, repr=False)
    mail_servers: tuple[str, ...] = ()  # whose Authentication-Results are ours
    mail_hops: int = 0  # Received lines of foreign hosts that stand above those
    platform: PlatformSettings | None = field(default=None, repr=False)
    media_url: str = "file:///data/media"
    redis_url: str | None = field(default=None, repr=False)
    tiles: str | None = field(default=None, repr=False)  # an upstream's address may hold a key
    tiles_zoom: int = LARGEST_ZOOM  # beyond it a map enlarges what there is
    tiles_attribution: str | None = None
    processor: str | None = None
    challenge: bool = True
    rate_limits: bool = True
    trusted_proxies: tuple[Network, ...] = ()
    work: bool = True
    metrics_token: str | None = field(default=None, repr=False)

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def mailbox(self) -> str:
        """The bare address letters are sent from and, where answers are taken, come back to."""
        return parseaddr(self.mail_from)[1] or self.mail_from

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises SettingsError with one line that names the first variable that is wrong or missing.
    """
    environment: Environment = _choice(environ, "WIDGET_ENVIRONMENT", ("development", "production"), "development")
    database_url = environ.get("WIDGET_DATABASE_URL") or "sqlite:///./data/widget.db"
    if urlsplit(database_url).scheme not in ("sqlite", "postgresql"):
        raise SettingsError("WIDGET_DATABASE_URL must begin with sqlite:/// or postgresql://")
    data_directory = Path(environ.get("WIDGET_DATA") or "data").absolute()
    tiles, tiles_zoom = _tiles(environ)
    return Settings(
        database_url=database_url,
        secret_keys=_secret_keys(environ, environment, data_directory),
        public_url=_public_url(environ, environment),
        environment=environment,
        data_directory=data_directory,
        smtp_url=_address(environ, "WIDGET_SMTP_URL", ("smtp", "smtps")),
        mail_from=(mail_from := _mail_from(environ, environment)),
        inbound=_inbound(environ, mail_from),
        mail_servers=_mail_servers(environ, mail_from),
        mail_hops=_hops(environ),
        platform=_platform(environ),
        media_url=_address(environ, "WIDGET_MEDIA_URL", ("file", "s3")) or (data_directory / "media").as_uri(),
        redis_url=_address(environ, "WIDGET_REDIS_URL", ("redis", "rediss", "valkey", "valkeys", "unix")),
        tiles=tiles,
        tiles_zoom=tiles_zoom,
        tiles_attribution=_line(environ, "WIDGET_TILES_ATTRIBUTION", LONGEST_ATTRIBUTION),
        processor=environ.get("WIDGET_PROCESSOR") or None,
        challenge=_choice(environ, "WIDGET_CHALLENGE", ("on", "off"), "on") == "on",
        rate_limits=_choice(environ, "WIDGET_RATE_LIMITS", ("on", "off"), "on") == "on",
        trusted_proxies=_networks(environ, "WIDGET_TRUSTED_PROXIES"),
        work=_choice(environ, "WIDGET_WORK", ("on", "off"), "on") == "on",
        metrics_token=environ.get("WIDGET_METRICS_TOKEN") or None,
    )


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Lines that name each variable `WIDGET_…` nobody reads, with the setting it was probably meant to be.

    A warning, not an error: a release that drops a setting must not stop who still has it.
    """
    strange = sorted(name for name in environ if name.startswith("WIDGET_") and name not in NAMES)
    return [
        f"{name} is not a setting"
        + (f"; did you mean {near[0]}?" if (near := get_close_matches(name, NAMES, 1, 0.8)) else "")
        for name in strange
        if "_TEST_" not in name
    ]


def _choice(environ: Mapping[str, str], name: str, choices: tuple[Choice, ...], default: Choice) -> Choice:
    value = environ.get(name) or default
    if value not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def _address(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    value = environ.get(name)
    if not value:
        return None
    parts = _split(name, value)
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        raise SettingsError(f"{name} must be an address that begins with {' or '.join(f'{s}://' for s in schemes)}")
    return value


def _tiles(environ: Mapping[str, str]) -> tuple[str | None, int]:
    """A PMTiles file that is there, or the template of an upstream: https://tiles.example/{z}/{x}/{y}.png."""
    value = environ.get("WIDGET_TILES")
    if not value:
        return None, LARGEST_ZOOM
    if urlsplit(value).scheme in ("http", "https"):
        if not all(part in value for part in ("{z}", "{x}", "{y}")):
            raise SettingsError("WIDGET_TILES must hold {z}, {x} and {y}")
        return value, LARGEST_ZOOM
    if not Path(value).is_file():
        raise SettingsError(f"WIDGET_TILES: there is no file {value}")
    return value, _raster(Path(value))


def _raster(archive: Path) -> int:
    """Its greatest zoom. The header of PMTiles 3 tells its version, what tiles are, and whether they are packed."""
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
    return min(head[101], LARGEST_ZOOM)


def _line(environ: Mapping[str, str], name: str, longest: int) -> str | None:
    """One line of plain text that is shown to everybody."""
    value = (environ.get(name) or "").strip()
    if len(value) > longest or not value.isprintable():
        raise SettingsError(f"{name} must be one line of {longest} characters at most")
    return value or None


def _split(name: str, value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - urllib checks the port only when it is asked for
    except ValueError:
        raise SettingsError(f"{name} is not an address") from None
    return parts


def _public_url(environ: Mapping[str, str], environment: Environment) -> str:
    value = environ.get("WIDGET_PUBLIC_URL")
    if not value:
        if environment == "production":
            raise SettingsError("WIDGET_PUBLIC_URL is missing: the address under which residents reach the service")
        value = "http://127.0.0.1:8000"
    parts = _split("WIDGET_PUBLIC_URL", value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError("WIDGET_PUBLIC_URL must look like https://widget.example.ru")
    if parts.path.strip("/"):
        raise SettingsError("WIDGET_PUBLIC_URL must have no folder: pages and cookies need a name of their own")
    return value.rstrip("/")


def _secret_keys(environ: Mapping[str, str], environment: Environment, data_directory: Path) -> tuple[str, ...]:
    """Newest first. Outside production a missing key is generated once and kept beside the data."""
    text = environ.get("WIDGET_SECRET_KEYS")
    if not text:
        if environment == "production":
            raise SettingsError("WIDGET_SECRET_KEYS is missing: a comma list of keys, newest first")
        text = _generated_secret(data_directory / SECRETS_FILE)
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if not keys or any(len(key) < MINIMUM_SECRET_LENGTH for key in keys):
        raise SettingsError(f"WIDGET_SECRET_KEYS: each key needs {MINIMUM_SECRET_LENGTH} characters or more")
    return keys


def _generated_secret(path: Path) -> str:
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            candidate = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            candidate.write_text(secrets.token_urlsafe(48))
            candidate.chmod(0o600)
            with contextlib.suppress(FileExistsError):  # of two processes that start together, one key wins
                path.hardlink_to(candidate)
            candidate.unlink()
        except OSError as error:
            raise SettingsError(f"WIDGET_SECRET_KEYS is not set and {path} cannot be written: {error}") from None
    return path.read_text().strip()


def _mail_from(environ: Mapping[str, str], environment: Environment) -> str:
    value = environ.get("WIDGET_MAIL_FROM")
    if not value:
        if environment == "production" and environ.get("WIDGET_SMTP_URL"):
            raise SettingsError("WIDGET_MAIL_FROM is missing: the sender of the mails")
        value = "noreply@localhost"
    if "@" not in value or any(character in value for character in "\r\n\0"):
        raise SettingsError("WIDGET_MAIL_FROM must be an e-mail address")
    return value


def _inbound(environ: Mapping[str, str], mail_from: str) -> str | None:
    """lmtp://host:port or lmtp:///path of a socket to listen on; imaps://user:password@host/folder to read."""
    value = _address(environ, "WIDGET_INBOUND", ("lmtp", "imaps", "imap"))
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
    if len(local) > LONGEST_LOCAL or "+" in local:
        raise SettingsError(
            f"WIDGET_MAIL_FROM must have {LONGEST_LOCAL} characters or fewer before its @, and no plus sign, where"
            " WIDGET_INBOUND is set: answers come back to it with a token of 50 characters more"
        )
    return value


def _mail_servers(environ: Mapping[str, str], mail_from: str) -> tuple[str, ...]:
    """The names our own mail servers give themselves in Authentication-Results (RFC 8601, 2.5)."""
    given = environ.get("WIDGET_AUTHSERV_ID") or mail_from.rpartition("@")[2].strip("<> ")
    names = tuple(name.strip().lower() for name in given.split(",") if name.strip())
    if any(not name.isprintable() or " " in name or ";" in name for name in names):
        raise SettingsError("WIDGET_AUTHSERV_ID must be a name, or a comma list of names, of your mail servers")
    return names


def _hops(environ: Mapping[str, str]) -> int:
    """Under how many of their own Received lines our mail servers write their results."""
    value = environ.get("WIDGET_AUTHSERV_HOPS") or "0"
    if not (value.isascii() and value.isdigit() and int(value) <= MOST_HOPS):
        raise SettingsError(f"WIDGET_AUTHSERV_HOPS must be a number from 0 to {MOST_HOPS}")
    return int(value)


def _platform(environ: Mapping[str, str]) -> PlatformSettings | None:
    url = _address(environ, "WIDGET_PLATFORM_URL", ("http", "https"))
    name = _line(environ, "WIDGET_PLATFORM_NAME", LONGEST_NAME)
    protocol: Protocol = _choice(environ, "WIDGET_PLATFORM_PROTOCOL", ("georeport", "webhook"), "georeport")
    contacts: Contacts = _choice(environ, "WIDGET_PLATFORM_CONTACTS", ("none", "email", "all"), "none")
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
    """Whether a platform can be called there."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - urllib checks the port only when it is asked for
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url


def platform_address(url: str, protocol: str) -> str:
    """The root of GeoReport without the slash at its end; a webhook as it stands, since it may be another without."""
    return url if protocol == "webhook" else url.rstrip("/")


def _networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(text.strip(), strict=False)
            for text in (environ.get(name) or "").split(",")
            if text.strip()
        )
    except ValueError as error:
        raise SettingsError(f"{name} must be a comma list of addresses or networks: {error}") from None
