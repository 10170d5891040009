"""The time zones that an applicant chooses from."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from widget_api import i18n
from widget_api.registration import time_zones


def test_zones_go_from_west_to_east_and_have_names() -> None:
    offsets = [datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta() for zone in time_zones.ZONES]
    assert offsets == sorted(offsets)
    for language in i18n.LANGUAGES:
        names = {i18n.text(language, f"registration.zones.{zone.partition('/')[2]}") for zone in time_zones.ZONES}
        assert len(names) == len(time_zones.ZONES)


def test_a_region_has_one_zone_which_an_inn_proposes() -> None:
    regions = " ".join(time_zones.REGIONS.values()).split()
    assert len(set(regions)) == len(regions)
    assert all(len(region) == 2 and region.isdigit() for region in regions)
    for inn, zone in (
        ("7707083893", "Europe/Moscow"),
        ("5501000000", "Asia/Omsk"),
        ("4101000000", "Asia/Kamchatka"),
        ("", "Europe/Moscow"),
    ):
        assert time_zones.propose(inn) == zone
