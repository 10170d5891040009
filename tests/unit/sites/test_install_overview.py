"""The interpretation of a site's counts, and the contrast of an accent."""

from __future__ import annotations

from datetime import date

import pytest

from widget_api import i18n
from widget_api.sites import appearance
from widget_api.sites.install.overview import make_overview
from widget_api.sites.install.sightings import FAILURES, OTHERS, Sighting
from widget_api.web import releases

TODAY = date(2026, 11, 24)
NEWEST = releases.served_version("1")
HOME, OWN, OTHER = "https://gorod.test", "https://widget.test", "https://www.gorod.test"


def seen(
    kind: str = "seen", day: str = "2026-11-24", origin: str = HOME, version: str = NEWEST, n: int = 1
) -> Sighting:
    at = int(date.fromisoformat(day).toordinal() * 86400)
    return Sighting(day=day, origin=origin, version=version, kind=kind, count=n, last_at=at)  # type: ignore[arg-type]


def codes(*sightings: Sighting) -> list[str]:
    return [one.code for one in make_overview(sightings, TODAY, frozenset({HOME}), OWN).findings]


def test_all_is_well() -> None:
    found = make_overview([seen(n=3), seen(day="2026-11-20", n=2)], TODAY, frozenset({HOME}), OWN)
    assert found.findings == ()
    assert [(one.origin, one.versions, one.count) for one in found.places] == [(HOME, (NEWEST,), 5)]
    assert len(found.days) == 30
    assert found.days[-1] == ("2026-11-24", 3)
    assert dict(found.days)["2026-11-20"] == 2
    assert found.days[0] == ("2026-10-26", 0)


def test_what_does_not_count_as_seen_and_a_week_without_are_reported() -> None:
    """Previews on our own pages do not count, frames do."""
    assert codes() == ["never_seen"]
    assert codes(seen(origin=OWN)) == ["never_seen"]
    assert codes(seen("framed", version="")) == []
    for day, expected in (("2026-11-17", ["silent"]), ("2026-11-18", [])):
        assert codes(seen(day=day)) == expected, day


def test_a_missing_configuration_is_not_reported_beside_a_policy_violation() -> None:
    blocked, without = seen("failed.connect"), seen("failed.config")
    assert codes(seen(), blocked, without) == ["failed_connect"]
    assert codes(seen(), without) == ["failed_config"]
    # On another origin or another day it has another cause.
    elsewhere, later = seen("failed.config", origin=OTHER), seen("failed.config", day="2026-11-23")
    assert codes(seen(), blocked, elsewhere) == codes(seen(), blocked, later) == ["failed_connect", "failed_config"]


def test_every_fault_of_the_last_week_is_reported() -> None:
    for sighting, code in (
        (seen("origin_refused", origin=OTHER), "origin_refused"),
        (seen("origin_refused", origin="null"), "origin_null"),
        (seen("origin_refused", origin=OTHERS), "origin_many"),
        (seen("key_expired"), "key_expired"),
        (seen("key_old"), "key_old"),
        (seen("failed.connect"), "failed_connect"),
        (seen("failed.crash"), "failed_crash"),
        (seen("failed.send"), "failed_send"),
    ):
        assert codes(seen(), sighting) == [code]
        old = seen(sighting.kind, "2026-11-17", sighting.origin)
        assert codes(seen(), old) == [], "a week later it is no longer said"


def test_a_registered_origin_is_not_missing_and_the_busiest_comes_first() -> None:
    assert codes(seen(), seen("origin_refused", origin=HOME)) == []
    found = make_overview(
        [seen(), seen("origin_refused", origin=OTHER), seen("origin_refused", origin="https://c.test", n=9)],
        TODAY,
        frozenset({HOME}),
        OWN,
    )
    assert [one.origin for one in found.findings] == ["https://c.test", OTHER]


def test_an_old_release_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "list_releases", lambda: ("1.0.0", "1.1.0"))
    [found] = make_overview(
        [seen(version="1.0.0"), seen(version="1.1.0"), seen(version=OTHERS)], TODAY, frozenset({HOME}), OWN
    ).findings
    assert (found.code, found.severity, found.version, found.origin) == ("release_old", "note", "1.0.0", HOME)


# --- colours ---


def test_the_text_colour_contrasts_with_the_accent() -> None:
    for first, second, expected in (
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#0a58a6", "#ffffff", 7.1),
        ("#767676", "#FFFFFF", 4.54),
    ):
        assert appearance.contrast_ratio(first, second) == pytest.approx(expected, abs=0.06), first
        assert appearance.contrast_ratio(second, first) == appearance.contrast_ratio(first, second)
    for accent, ink in (("#0a58a6", "#ffffff"), ("#ffcc00", "#1b2430"), ("#767676", "#ffffff")):
        assert appearance.choose_ink(accent) == ink, accent


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("kind", sorted(set(FAILURES.values())))
def test_every_failure_is_explained(kind: str, language: str) -> None:
    code = kind.replace(".", "_")
    assert code in codes(seen(kind))
    assert i18n.has(f"install.findings.{code}")
    assert i18n.has(f"install.advice.{code}")
    assert "https://town.test" in i18n.text(language, f"install.findings.{code}", origin="https://town.test")
    assert i18n.text(language, f"install.advice.{code}")
