"""Hosts that look like others, and the check digits of an INN."""

from __future__ import annotations

import idna

from widget_api.registration import hosts
from widget_api.registration.model import is_inn

KNOWN = ("gorod.ru", "zarechensk.ru", "adm-mirny.ru")


def marks(host: str) -> set[str]:
    return {mark.code for mark in hosts.find_marks(host, KNOWN)}


def test_marks_and_undecodable_names_as_they_are() -> None:
    for host, found in (
        ("gorod.ru", set()),  # a holder, not a look-alike
        ("selo.ru", set()),
        ("selo.gov.ru", {"gov"}),
        ("gov.ru.evil.ru", set()),
        ("notgov.ru", set()),
        ("село.рф", {"punycode"}),  # honest Cyrillic
        ("gоrоd.ru", {"punycode", "mixed", "alike"}),
        ("g0rod.ru", {"alike"}),
        ("gorod.com", {"alike"}),
        ("zarechensk.org", {"alike"}),
        ("zarecherisk.ru", set()),
        ("admmirny.ru", {"alike"}),
        ("adm-rnimy.ru", {"alike"}),  # «rn» is read as «m», in the registered name too
        ("adm-mimy.ru", {"alike"}),
        ("adm-mirnv.ru", set()),
        ("adrn-mirny.ru", {"alike"}),
        ("www2.gorod.ru", {"part"}),
        ("gorod.ru.evil.com", set()),
        ("evilgorod.ru", set()),
        ("дорога.ru", {"punycode"}),
        ("gοrod.ru", {"punycode", "mixed", "alike"}),  # a Greek omicron
    ):
        ascii_form = host if host.isascii() else idna.encode(host, uts46=True).decode()
        assert marks(ascii_form) == found, host
    assert hosts.to_unicode("xn--a.ru") == "xn--a.ru"
    assert marks("xn--a.ru") == set()


def test_an_address_on_the_sites_domain() -> None:
    for email, host, own in (
        ("priem@gorod.ru", "gorod.ru", True),
        ("priem@gorod.ru", "adm.gorod.ru", True),
        ("priem@mail.gorod.ru", "gorod.ru", True),
        ("priem@Город.рф", idna.encode("город.рф").decode(), True),
        ("priem@evilgorod.ru", "gorod.ru", False),
        ("priem@ru", "gorod.ru", False),
        ("priem@mail.ru", "gorod.ru", False),
        ("priem@-.ru", "gorod.ru", False),
    ):
        assert hosts.is_of_host(email, host) == own


VALID = ("7707083893", "7728168971", "500100732259")
INVALID = (
    "7707083894", "500100732258", "500100732269", "770708389", "77070838931", "７７０７０８３８９３", "77o7083893", "",
)  # fmt: skip


def test_check_digits() -> None:
    assert [one for one in (*VALID, *INVALID) if is_inn(one)] == list(VALID)
