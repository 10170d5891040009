"""Which addresses of e-mail are taken from a form, wherever it stands."""

from __future__ import annotations

import pytest

from widget_api.mail.messages import InvalidAddress, format_address
from widget_api.validation import is_email


@pytest.mark.parametrize(
    "text", ["petr@gmail.com", "a.@docomo.ne.jp", "приём@город.рф", "priem@город.рф", "a+b@x.y.museum"]
)
def test_an_address_with_a_domain_is_one(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "petr@gmail", "petr@localhost", "petr@gmail.", "petr@.com", "petr@a..ru", "petr@a.b", "@a.ru", "a b@c.ru",
        "a\x7f@b.ru", "", "petr", "a@b.ru，c＠d.ru", "a@b＞.ru",
    ],
)  # fmt: skip
def test_what_no_letter_reaches_is_none(text: str) -> None:
    """Among it wide forms, of which IDNA makes «,» and «@»."""
    assert not is_email(text)
    if "＠" in text or "＞" in text:
        with pytest.raises(InvalidAddress):  # nor is one that was taken before
            format_address(text)
