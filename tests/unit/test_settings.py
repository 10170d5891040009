"""An invalid or missing setting stops the start with one line that names it."""

from __future__ import annotations

import re
import secrets
import stat
from pathlib import Path

import pytest

from widget_api import settings
from widget_api.settings import NAMES, SettingsError, load, unknown

KEY = "Vc1Z-kq0_Rw8tYb3LmXo5Hs2DfGj7PnA"
PRODUCTION = {
    "WIDGET_ENVIRONMENT": "production",
    "WIDGET_PUBLIC_URL": "https://widget.example.ru",
    "WIDGET_SECRET_KEYS": KEY,
}


def test_development_starts_without_settings(tmp_path: Path) -> None:
    settings = load({"WIDGET_DATA": str(tmp_path / "data")})
    assert settings.database_url == "sqlite:///./data/widget.db"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.challenge
    assert settings.rate_limits
    assert not settings.https


def test_a_generated_key_is_stored_readable_by_its_owner_only(tmp_path: Path) -> None:
    environ = {"WIDGET_DATA": str(tmp_path)}
    first, second = load(environ), load(environ)
    assert first.secret_keys == second.secret_keys
    assert len(first.secret_keys[0]) >= 32
    (kept,) = tmp_path.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_the_operators_contact_is_one_to_press() -> None:
    given = "help@example.ru, +7 (495) 000-00-00,https://help.example.ru/widget"
    assert load({"WIDGET_OPERATOR_CONTACT": given}).operator_contact == (
        ("help@example.ru", "mailto:help@example.ru"),
        ("+7 (495) 000-00-00", "tel:+74950000000"),
        ("help.example.ru/widget", "https://help.example.ru/widget"),
    )


def test_production_requires_settings_and_keeps_the_order_of_keys() -> None:
    for name in ("WIDGET_PUBLIC_URL", "WIDGET_SECRET_KEYS"):
        with pytest.raises(SettingsError, match=f"^{name}"):
            load({key: value for key, value in PRODUCTION.items() if key != name})
    settings = load(PRODUCTION | {"WIDGET_SECRET_KEYS": f"{KEY}new, {KEY}old"})
    assert settings.secret_keys == (f"{KEY}new", f"{KEY}old")
    assert settings.https


INVALID = {
    "ENVIRONMENT": ("staging",),
    "DATABASE_URL": ("mysql://localhost/widget",),
    "PUBLIC_URL": (
        "widget.example.ru", "https://widget.example.ru:port", "https://example.ru/widget", "http://widget.example.ru",
        "http://127.0.0.1:8000", "https://widget.example.ru?x",
    ),
    "SECRET_KEYS": (
        "short", f"{KEY},short", f"{KEY},{KEY}", "k" * 64, "0000000011111111222222223333333344444444",
        "change-me-please" * 3,
    ),
    "SMTP_URL": ("http://mail.example.ru",),
    "MAIL_FROM": ("nobody", "a@example.ru\r\nBcc: b@example.ru"),
    "OPERATOR_CONTACT": ("Иванов", "http://help.example.ru", "a@example.ru, b@example.ru, c@example.ru, d@example.ru"),
    "INBOUND": (
        "pop3://mail.example.ru", "lmtp://127.0.0.1", "imaps://mail.example.ru/INBOX",
        "imaps://user:password@mail.example.ru/INBOX?mov=Done",
    ),
    "PLATFORM_URL": ("http:///open311/v2", "ftp://platform.example.ru"),
    "AUTHSERV_ID": ("mx example ru",),
    "MIN_FREE_SPACE": ("1 GB",),
    "UNATTACHED_QUOTA": ("-1",),
    "AUTHSERV_HOPS": ("two", "-1", "10"),
    "PLATFORM_NAME": ("Первая\nвторая", "я" * 101),
    "PLATFORM_PROTOCOL": ("soap",),
    "PLATFORM_CONTACTS": ("some",),
    "MEDIA_URL": ("gs://bucket",),
    "REDIS_URL": ("memcached://localhost",),
    "TILES": ("/nowhere/town.pmtiles", "https://tiles.example.ru/town.png"),
    "TILES_ATTRIBUTION": ("©" * 201, "one\nline"),
    "CHALLENGE": ("yes",),
    "RATE_LIMITS": ("none",),
    "TRUSTED_PROXIES": ("10.0.0.0/99",),
    "OIDC_PRIVATE": (
        "id.gorod.local", "https://id.gorod.local/realms", "https://user@id.gorod.local", "https://id.gorod.local:x",
        "https://id.gorod.local, ftp://10.0.0.7",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(f"WIDGET_{name}", value) for name, values in INVALID.items() for value in values]
)
def test_an_invalid_value_is_named_in_one_line(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}") as caught:
        load(PRODUCTION | {name: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["k" * 64, "change-me-please" * 3, "12345678" * 4], ids=["one letter", "a text thrice", "eight digits"]
)
def test_development_may_use_a_key_that_production_refuses(key: str) -> None:
    assert load(PRODUCTION | {"WIDGET_ENVIRONMENT": "development", "WIDGET_SECRET_KEYS": f"{key},{key}"}).secret_keys
    with pytest.raises(SettingsError, match="easy to guess"):
        load(PRODUCTION | {"WIDGET_SECRET_KEYS": key})


def test_generated_keys_are_never_called_weak() -> None:
    for _ in range(2000):
        for key in (secrets.token_urlsafe(48), secrets.token_hex(16), secrets.token_hex(32)):
            assert load(PRODUCTION | {"WIDGET_SECRET_KEYS": key}).secret_keys == (key,)


def test_the_sender_receives_replies_and_its_domain_is_the_default_of_trusted_servers() -> None:
    for sender in ("a-very-long-name@example.ru", "widget+city@example.ru"):
        environ = PRODUCTION | {"WIDGET_MAIL_FROM": sender}
        assert load(environ).inbound is None, sender
        with pytest.raises(SettingsError, match=r"^WIDGET_MAIL_FROM"):
            load(environ | {"WIDGET_INBOUND": "lmtp://127.0.0.1:8024"})
    environ = PRODUCTION | {"WIDGET_MAIL_FROM": "Сайт <widget@Example.ru>", "WIDGET_INBOUND": "lmtp:///run/widget.sock"}
    assert load(environ).mailbox == "widget@Example.ru"
    assert load(environ).mail_servers == ("example.ru",)
    assert load(environ | {"WIDGET_AUTHSERV_ID": "mx1.example.ru, MX2.example.ru"}).mail_servers == (
        "mx1.example.ru",
        "mx2.example.ru",
    )


def test_a_platform_needs_its_key_and_gets_no_contacts_by_default() -> None:
    with pytest.raises(SettingsError, match=r"^WIDGET_PLATFORM_KEY"):
        load(PRODUCTION | {"WIDGET_PLATFORM_URL": "https://platform.example.ru/open311/v2"})
    settings = load(PRODUCTION | {"WIDGET_PLATFORM_URL": "https://platform.example.ru", "WIDGET_PLATFORM_KEY": "key"})
    assert settings.platform is not None
    assert settings.platform.contacts == "none"


def test_secrets_are_not_in_the_repr() -> None:
    settings = load(
        PRODUCTION
        | {
            "WIDGET_MAIL_FROM": "widget@example.ru",
            "WIDGET_SMTP_URL": "smtp://user:hidden-password@mail.example.ru",
            "WIDGET_PLATFORM_URL": "https://platform.example.ru",
            "WIDGET_PLATFORM_KEY": "hidden-platform-key",
            "WIDGET_DATABASE_URL": "postgresql://widget:hidden-database@localhost/widget",
        }
    )
    assert KEY not in repr(settings)
    assert "hidden" not in repr(settings)


def test_an_unknown_setting_is_reported_with_a_suggestion_and_every_one_that_is_read_is_known() -> None:
    strange = {"WIDGET_SMTP_URI": "smtp://localhost", "WIDGET_X": "1", "WIDGET_TEST_FAULTS": "full", "PATH": "/bin"}
    assert unknown(PRODUCTION | strange) == [
        "WIDGET_SMTP_URI is not a setting; did you mean WIDGET_SMTP_URL?",
        "WIDGET_X is not a setting",
    ]
    source = "".join(path.read_text() for path in Path(settings.__file__).parent.glob("*.py"))
    assert set(re.findall(r'"(WIDGET_[A-Z_]+)"', source)) == NAMES
