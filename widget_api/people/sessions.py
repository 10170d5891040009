"""A session as its owner recognises it: when it began, from which address, on which device."""

from __future__ import annotations

from dataclasses import dataclass

# Substring of the User-Agent header and the product's name, the first match wins: every browser also names others
# (RFC 9110, 10.1.5). For people to recognise their own devices by; nothing is decided by it.
_BROWSERS = (
    ("YaBrowser/", "Yandex Browser"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, kw_only=True)
class Session:
    created_at: int
    expires_at: int
    ip: str | None
    user_agent: str | None
    current: bool = False

    @property
    def device(self) -> tuple[str, ...]:
        """Browser and system, as far as the User-Agent header names ones we know."""
        agent = self.user_agent or ""
        named = (next((name for part, name in known if part in agent), None) for known in (_BROWSERS, _SYSTEMS))
        return tuple(name for name in named if name)
