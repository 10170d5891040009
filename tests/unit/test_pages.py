"""Every template reads well-formed, escapes what it is given and carries nothing the strict CSP would block."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from widget_api import pages
from widget_api.problems.model import STATUSES

TEMPLATES = Path(pages.__file__).parent / "templates"
STATIC = Path(pages.__file__).parent / "static"


def test_every_template_compiles() -> None:
    for name in pages.environment.list_templates():
        pages.environment.get_template(name)


def test_no_page_needs_inline_code() -> None:
    """default-src 'none'; script-src 'self'; style-src 'self' blocks all of these."""
    for path in TEMPLATES.rglob("*.html"):
        if "mail" in path.relative_to(TEMPLATES).parts:
            continue  # mail programs know no style sheets
        source = path.read_text()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", source), path
        assert not re.search(r"<script(?![^>]*\ssrc=| type=\"application/ld\+json\")", source), path
        for address in re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"([^\"]*)\"", source):
            assert address.startswith(("{{", "/")), f"{path}: {address} is another origin"


def test_the_style_sheet_asks_nobody_else() -> None:
    assert "url(" not in (STATIC / "pages.css").read_text()
    assert "@import" not in (STATIC / "pages.css").read_text()


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_page_escapes_its_values(language: str) -> None:
    page = pages.render("error.html", language, code=404, message='<script>&"x')
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert f'<html lang="{language}">' in page


def test_an_undefined_name_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        pages.render("error.html", "ru", code=404)


def test_the_theme_of_a_cookie_is_one_of_the_three() -> None:
    def page(theme: str) -> str:
        return pages.render("error.html", "ru", code=404, message="y", theme=theme)

    assert 'data-theme="blue"' in page("blue")
    assert "data-theme" not in page('x" onload="')


def test_every_status_has_a_shape_and_a_tone() -> None:
    for status in (*STATUSES, "overdue"):
        assert pages.TONES[pages.SHAPES[status]]


def test_static_files_are_named_by_their_content() -> None:
    assert re.fullmatch(r"/static/pages\.css\?v=[0-9a-f]{64}", pages.static("pages.css"))
