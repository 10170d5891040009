"""Read all settings from the environment at start, so that a wrong value prevents the start and not a later request."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from widget_api.settings import sections
from widget_api.settings.sections import (
    MAX_ZOOM,
    Contacts,
    Environment,
    Network,
    PlatformSettings,
    Protocol,
    SettingsError,
    is_address,
    platform_address,
)

__all__ = [
    "NAMES",
    "Contacts",
    "PlatformSettings",
    "Protocol",
    "Settings",
    "SettingsError",
    "is_address",
    "load",
    "platform_address",
    "unknown",
]


MINIMUM_SECRET_LENGTH = 32
MINIMUM_DISTINCT_CHARACTERS = 8
SECRETS_FILE = "secret_keys"
NAMES = frozenset(
    "WIDGET_" + name
    for name in (
        *("DATABASE_URL", "SECRET_KEYS", "PUBLIC_URL", "ENVIRONMENT", "DATA", "SMTP_URL", "MAIL_FROM"),
        *("INBOUND", "AUTHSERV_ID", "AUTHSERV_HOPS"),
        *("PLATFORM_URL", "PLATFORM_NAME", "PLATFORM_KEY", "PLATFORM_PROTOCOL", "PLATFORM_JURISDICTION"),
        "PLATFORM_CONTACTS",
        *("MIN_FREE_SPACE", "UNATTACHED_QUOTA"),
        *("MEDIA_URL", "REDIS_URL", "TILES", "TILES_ATTRIBUTION", "PROCESSOR", "DATA_LOCATION"),
        *("DNS", "OIDC_PRIVATE", "OPERATOR_CONTACT"),
        *("BACKUPS", "BACKUPS_COPY", "REHEARSAL_URL"),
        *("CHALLENGE", "RATE_LIMITS", "TRUSTED_PROXIES", "WORK", "METRICS_TOKEN", "SANDBOX"),
    )
)
S3_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
MAX_ATTRIBUTION_LENGTH = 200
MAX_LOCATION_LENGTH = 300
MIN_FREE_SPACE = 512  # MB: what uploads in progress may take (web.bodies.MAX_SPOOLED)
UNATTACHED_QUOTA = 2048  # MB: some thousand photos


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
    mail_servers: tuple[str, ...] = ()  # names of our servers in Authentication-Results
    mail_hops: int = 0  # Received lines of external hosts above those fields
    platform: PlatformSettings | None = field(default=None, repr=False)
    media_url: str = "file:///data/media"
    s3_credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    min_free_space: int = 0  # bytes of the folder of photos
    unattached_quota: int = UNATTACHED_QUOTA * 1024 * 1024  # bytes of photos of a site
    sandbox_required: bool = False  # for the decoders of photos
    redis_url: str | None = field(default=None, repr=False)
    tiles: str | None = field(default=None, repr=False)  # an upstream's address may contain a key
    tiles_zoom: int = MAX_ZOOM  # beyond it the map scales tiles up
    tiles_attribution: str | None = None
    operator_contact: tuple[tuple[str, str], ...] = ()  # text and link of each way to reach the operator
    processor: str | None = None
    data_location: str | None = None  # location of the databases with personal data, as declared by the operator
    dns: tuple[tuple[str, int], ...] = ()  # address and port of name servers; empty = those of the system
    private_providers: frozenset[str] = frozenset()  # origins of agencies' sign-in that may be in a private network
    backups: Path | None = None  # folder for `backup` and `restore --rehearse`
    backups_elsewhere: bool = False  # another system makes the backups
    backups_copy: str | None = None  # where `backup` into that folder also puts each copy
    rehearsal_url: str | None = field(default=None, repr=False)  # an empty database; None = a temporary file
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
        """The bare address of the sender, to which answers are sent if the service receives them."""
        return parseaddr(self.mail_from)[1] or self.mail_from

    @property
    def contact(self) -> str:
        """How to reach the operator, in a line; the sender of the letters where nothing is set."""
        return ", ".join(text for text, _ in self.operator_contact) or self.mail_from

    @property
    def https(self) -> bool:
        """Whether residents reach the service by TLS."""
        return self.public_url.startswith("https://")


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises SettingsError with one line that names the first variable that is wrong or missing.
    """
    environments: tuple[Environment, ...] = ("development", "production")
    environment = sections.choice(environ, "WIDGET_ENVIRONMENT", environments, "development")
    database_url = environ.get("WIDGET_DATABASE_URL") or "sqlite:///./data/widget.db"
    if urlsplit(database_url).scheme not in ("sqlite", "postgresql"):
        raise SettingsError("WIDGET_DATABASE_URL must begin with sqlite:/// or postgresql://")
    data_directory = Path(environ.get("WIDGET_DATA") or "data").absolute()
    tile_source, tile_zoom = sections.read_tiles(environ)
    backups, backups_elsewhere = sections.read_backups(environ)
    sandbox = sections.choice(
        environ, "WIDGET_SANDBOX", ("required", "optional"), "required" if environment == "production" else "optional"
    )
    return Settings(
        database_url=database_url,
        secret_keys=_secret_keys(environ, environment, data_directory),
        public_url=_public_url(environ, environment),
        environment=environment,
        data_directory=data_directory,
        smtp_url=sections.address(environ, "WIDGET_SMTP_URL", ("smtp", "smtps")),
        mail_from=(mail_from := sections.read_sender(environ, environment)),
        inbound=sections.read_inbound(environ, mail_from),
        mail_servers=sections.read_mail_servers(environ, mail_from),
        mail_hops=sections.read_mail_hops(environ),
        platform=sections.read_platform(environ),
        media_url=sections.address(environ, "WIDGET_MEDIA_URL", ("file", "s3")) or (data_directory / "media").as_uri(),
        s3_credentials={name: environ[name] for name in S3_CREDENTIALS if environ.get(name)},
        min_free_space=sections.megabytes(environ, "WIDGET_MIN_FREE_SPACE", MIN_FREE_SPACE),
        unattached_quota=sections.megabytes(environ, "WIDGET_UNATTACHED_QUOTA", UNATTACHED_QUOTA),
        sandbox_required=sandbox == "required",
        redis_url=sections.address(environ, "WIDGET_REDIS_URL", ("redis", "rediss", "valkey", "valkeys", "unix")),
        tiles=tile_source,
        tiles_zoom=tile_zoom,
        tiles_attribution=sections.line(environ, "WIDGET_TILES_ATTRIBUTION", MAX_ATTRIBUTION_LENGTH),
        operator_contact=sections.read_operator_contact(environ),
        processor=environ.get("WIDGET_PROCESSOR") or None,
        data_location=sections.line(environ, "WIDGET_DATA_LOCATION", MAX_LOCATION_LENGTH),
        dns=sections.read_name_servers(environ),
        private_providers=sections.origins(environ, "WIDGET_OIDC_PRIVATE", environment),
        backups=backups,
        backups_elsewhere=backups_elsewhere,
        backups_copy=sections.address(environ, "WIDGET_BACKUPS_COPY", ("file", "s3")),
        rehearsal_url=sections.read_rehearsal_url(environ, database_url),
        challenge=sections.choice(environ, "WIDGET_CHALLENGE", ("on", "off"), "on") == "on",
        rate_limits=sections.choice(environ, "WIDGET_RATE_LIMITS", ("on", "off"), "on") == "on",
        trusted_proxies=sections.networks(environ, "WIDGET_TRUSTED_PROXIES"),
        work=sections.choice(environ, "WIDGET_WORK", ("on", "off"), "on") == "on",
        metrics_token=environ.get("WIDGET_METRICS_TOKEN") or None,
    )


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Describe each unknown variable `WIDGET_…` in a line, with the setting that was probably meant.

    These are warnings, so that a release that drops a setting still starts in an environment that has it.
    """
    unknown_names = sorted(name for name in environ if name.startswith("WIDGET_") and name not in NAMES)
    return [
        f"{name} is not a setting"
        + (f"; did you mean {near[0]}?" if (near := get_close_matches(name, NAMES, 1, 0.8)) else "")
        for name in unknown_names
        if "_TEST_" not in name
    ]


def _public_url(environ: Mapping[str, str], environment: Environment) -> str:
    """Read WIDGET_PUBLIC_URL. Production requires TLS for passwords, session cookies and private links."""
    value = environ.get("WIDGET_PUBLIC_URL")
    if not value:
        if environment == "production":
            raise SettingsError("WIDGET_PUBLIC_URL is missing: the address under which residents reach the service")
        value = "http://127.0.0.1:8000"
    parts = sections.split("WIDGET_PUBLIC_URL", value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError("WIDGET_PUBLIC_URL must look like https://widget.example.ru")
    if environment == "production" and parts.scheme != "https":
        raise SettingsError("WIDGET_PUBLIC_URL must begin with https:// in production, where passwords cross a network")
    if parts.path.strip("/"):
        raise SettingsError("WIDGET_PUBLIC_URL must have no folder: pages and cookies need a name of their own")
    return value.rstrip("/")


def _secret_keys(environ: Mapping[str, str], environment: Environment, data_directory: Path) -> tuple[str, ...]:
    """Read the keys, newest first. Outside production a missing key is generated once and stored beside the data."""
    text = environ.get("WIDGET_SECRET_KEYS")
    if not text:
        if environment == "production":
            raise SettingsError("WIDGET_SECRET_KEYS is missing: a comma list of keys, newest first")
        text = _generated_secret(data_directory / SECRETS_FILE)
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if not keys or any(len(key) < MINIMUM_SECRET_LENGTH for key in keys):
        raise SettingsError(f"WIDGET_SECRET_KEYS: each key needs {MINIMUM_SECRET_LENGTH} characters or more")
    if environment == "production":
        if len(set(keys)) < len(keys):
            raise SettingsError("WIDGET_SECRET_KEYS names a key twice: replacing a key by itself changes nothing")
        if any(_is_weak(key) for key in keys):
            raise SettingsError(
                "WIDGET_SECRET_KEYS: a key is easy to guess; make one with"
                " python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
    return keys


def _is_weak(key: str) -> bool:
    """Whether a key has few distinct characters, or repeats a text. 32 random digits nearly always have 8 or more
    distinct ones."""
    return len(set(key)) < MINIMUM_DISTINCT_CHARACTERS or key in (key + key)[1:-1]


def _generated_secret(path: Path) -> str:
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            candidate = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            candidate.write_text(secrets.token_urlsafe(48))
            candidate.chmod(0o600)
            with contextlib.suppress(FileExistsError):  # of two processes that start at the same time, one key is used
                path.hardlink_to(candidate)
            candidate.unlink()
        except OSError as error:
            raise SettingsError(f"WIDGET_SECRET_KEYS is not set and {path} cannot be written: {error}") from None
    return path.read_text().strip()
