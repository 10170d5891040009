"""Offer the time zones of Russia, and propose the one of the region where an agency is registered.

A site takes days and deadlines from its zone. The first two digits of an INN are the region of the tax office; in a
region of several zones, as Yakutia, the applicant chooses.
"""

from __future__ import annotations

from widget_api import i18n

DEFAULT = "Europe/Moscow"
REGIONS = {  # by zone, from west to east; all others have the time of Moscow
    "Europe/Kaliningrad": "39",
    DEFAULT: "",
    "Europe/Samara": "18 30 63 64 73",
    "Asia/Yekaterinburg": "02 45 56 59 66 72 74 81 86 89",
    "Asia/Omsk": "55",
    "Asia/Krasnoyarsk": "04 17 19 22 24 42 54 70 84 88",
    "Asia/Irkutsk": "03 38 85",
    "Asia/Yakutsk": "14 28 75 80",
    "Asia/Vladivostok": "25 27 79",
    "Asia/Magadan": "49 65",
    "Asia/Kamchatka": "41 82 87",
}
ZONES = tuple(REGIONS)


def name_zone(language: str, zone: str) -> str:
    """The name of a time zone; its own where it is none of these."""
    return i18n.text(language, f"registration.zones.{zone.partition('/')[2]}") if zone in ZONES else zone


def propose(inn: str) -> str:
    """The time zone of the region of an INN."""
    return next((zone for zone, regions in REGIONS.items() if inn[:2] in regions.split()), DEFAULT)
