"""Which addresses of e-mail are taken from a form, wherever it stands."""

from __future__ import annotations

import pytest

from widget_api.mail.messages import InvalidAddress, format_address
from widget_api.validation import is_email


def test_an_address_has_a_domain_that_letters_reach() -> None:
    for text in ("petr@gmail.com", "a.@docomo.ne.jp", "приём@город.рф", "priem@город.рф", "a+b@x.y.museum"):
        assert is_email(text), text
    # Among it wide forms, of which IDNA makes «,» and «@».
    for text in (
        "petr@gmail", "petr@localhost", "petr@gmail.", "petr@.com", "petr@a..ru", "petr@a.b", "@a.ru", "a b@c.ru",
        "a\x7f@b.ru", "", "petr", "a@b.ru，c＠d.ru", "a@b＞.ru",
    ):  # fmt: skip
        assert not is_email(text), text
        if "＠" in text or "＞" in text:
            with pytest.raises(InvalidAddress):  # nor is one that was taken before
                format_address(text)
