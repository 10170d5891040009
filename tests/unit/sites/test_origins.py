"""Origins typed by webmasters and sent by browsers are normalised and compared."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_api.errors import Refused
from widget_api.sites import origins
from widget_api.sites.deadlines import Calendar
from widget_api.sites.model import Agency, Site

PUBLIC_URL = "https://widget.test"
RUSSIAN = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
label = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20)
russian_label = st.text(RUSSIAN, min_size=1, max_size=20)
host = st.lists(st.one_of(label, russian_label), min_size=1, max_size=4).map(".".join)
port = st.one_of(st.none(), st.integers(1, 65535))


def site(*allowed: str) -> Site:
    return Site(
        ordinal=1,
        id="site",
        key="wk_key",
        name="Город",
        agency=Agency(id="agency", name="Администрация", email="a@city.test", mode="cabinet"),
        type="basic",
        moderation="before",
        moderator="agent",
        jurisdiction="city.test",
        time_zone="Europe/Moscow",
        calendar=Calendar("Europe/Moscow"),
        language="ru",
        contact="optional",
        appeals="off",
        appeals_url=None,
        bbox=None,
        area=None,
        accent=None,
        photos=3,
        discussion="off",
        license="CC-BY-4.0",
        retention_days=1,
        origins=frozenset(allowed),
        categories=(),
    )


def test_normalised() -> None:
    for typed, sent in (
        ("https://city.test", "https://city.test"),
        ("https://city.test/", "https://city.test"),
        ("HTTPS://City.Test", "https://city.test"),
        ("https://city.test:443", "https://city.test"),
        ("http://city.test:80/", "http://city.test"),
        ("http://city.test:443", "http://city.test:443"),
        ("https://город.рф", "https://xn--c1ac3aaj.xn--p1ai"),
        ("https://ГОРОД.РФ/", "https://xn--c1ac3aaj.xn--p1ai"),
        ("https://xn--c1ac3aaj.xn--p1ai", "https://xn--c1ac3aaj.xn--p1ai"),
        ("http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://old_site.city.test", "https://old_site.city.test"),
    ):
        assert origins.normalise_origin(typed) == sent


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "*", "https://*.city.test", "city.test", "//city.test", "https:city.test", "https://",
        "ftp://city.test", "file:///tmp", "https://city.test/news", "https://city.test?a=1", "https://city.test/?",
        "https://city.test/#", "https://city.test//", "https://me@city.test", "https://city.test:port",
        "https://city.test:99999", "https://city..test", "https://-city.test", "https://city.test\\@evil.test",
        "https://city.test\n", "https://ci ty.test", "https://[::1", "https://" + "a" * 64 + ".test",
    ],
)  # fmt: skip
def test_not_an_origin(text: str) -> None:
    with pytest.raises(origins.InvalidOrigin):
        origins.normalise_origin(text)


@given(st.sampled_from(["http", "https"]), host, port)
def test_normalising_is_idempotent(scheme: str, name: str, number: int | None) -> None:
    try:
        once = origins.normalise_origin(f"{scheme}://{name}" + (f":{number}" if number else ""))
    except origins.InvalidOrigin:
        return
    assert origins.normalise_origin(once) == once
    assert once.isascii()
    assert once == once.lower()
    assert origins.admit_origin(site(once), once, PUBLIC_URL) == once


@given(st.text(max_size=60))
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    """Headers come from clients: only NotAnOrigin may be raised."""
    try:
        found = origins.normalise_origin(text)
    except origins.InvalidOrigin:
        return
    assert found.startswith(("http://", "https://"))


def test_origins_of_the_site_and_the_service_itself_are_admitted() -> None:
    for url in ("https://city.test:443/a/b?c#d", "https://city.test"):
        assert origins.origin_of_url(url) == "https://city.test"
    assert origins.host_of("https://www.city.test:8443") == "city.test"
    both = site("https://city.test", "https://xn--c1ac3aaj.xn--p1ai")
    for header in ("https://city.test", "https://widget.test", "https://xn--c1ac3aaj.xn--p1ai"):
        assert origins.admit_origin(both, header, PUBLIC_URL) == header
    assert origins.admit_origin(site(), None, "https://widget.test/under/a/path") == "https://widget.test"


@pytest.mark.parametrize(
    "header",
    [
        "null", "", "https://city.test.evil.test", "https://evil-city.test", "https://sub.city.test",
        "http://city.test", "https://city.test:8443", "https://CITY.test", "HTTPS://city.test",
        "https://xn--c1ac3aaj.xn--p1ag", "https://xn--c1ac3aaj.xn--p1ai.evil.test", "https://сity.test",
        "https://city.test@evil.test", "https://city.test https://evil.test", "\u0000",
    ],
)  # fmt: skip
def test_lookalike_origins_are_refused(header: str) -> None:
    """One has a Cyrillic letter, «с»."""
    with pytest.raises(Refused) as refusal:
        origins.admit_origin(site("https://city.test", "https://xn--c1ac3aaj.xn--p1ai"), header, PUBLIC_URL)
    assert refusal.value.code == "origin_not_registered"
    assert refusal.value.values == {"origin": header, "register_url": "https://widget.test/sites/new"}
