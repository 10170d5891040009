"""Every template is well-formed, escapes its values and has nothing that the strict CSP blocks."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from widget_api import status_table
from widget_api.sites.appearance import contrast_ratio
from widget_api.web import pages
from widget_api.web.tokens import TOKENS, paint

TEMPLATES = Path(pages.__file__).parents[1] / "templates"
STATIC = TEMPLATES.with_name("static")


def test_every_template_compiles_and_an_undefined_name_is_an_error() -> None:
    for name in pages.environment.list_templates():
        pages.environment.get_template(name)
    with pytest.raises(UndefinedError):
        pages.render("error.html", "ru", code=404)


def test_no_page_needs_inline_code_and_the_style_sheet_loads_nothing_external() -> None:
    """default-src 'none'; script-src 'self'; style-src 'self' blocks all of these."""
    for path in TEMPLATES.rglob("*.html"):
        if "mail" in path.relative_to(TEMPLATES).parts:
            continue  # mail programs do not support style sheets
        source = path.read_text()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", source), path
        assert not re.search(r"<script(?![^>]*\ssrc=| type=\"application/ld\+json\")", source), path
        for address in re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"([^\"]*)\"", source):
            assert address.startswith(("{{", "/")), f"{path}: {address} is another origin"
    assert "url(" not in (STATIC / "pages.css").read_text()
    assert "@import" not in (STATIC / "pages.css").read_text()


@pytest.mark.parametrize("language", ["ru", "en"])
def test_pages_escape_their_values(language: str) -> None:
    page = pages.render("error.html", language, code=404, message='<script>&"x')
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert f'<html lang="{language}">' in page


def test_the_theme_cookie_is_validated() -> None:
    def page(theme: str) -> str:
        return pages.render("error.html", "ru", code=404, message="y", theme=theme)

    assert 'data-theme="blue"' in page("blue")
    assert "data-theme" not in page('x" onload="')


def test_colours_are_defined_in_one_place_and_every_tone_has_enough_contrast() -> None:
    """4.5, as required by WCAG 2.2 (1.4.3) for text, on what pages and widget have below it."""
    tones = {one.tone for one in status_table.SHAPES.values()} | {"ink", "accent"}
    for name, ground, theme in product(tones, ("ground", "subtle"), ("light", "dark")):
        both = (TOKENS[one][theme].replace("#fff", "#ffffff", 1) for one in (name, ground))
        assert contrast_ratio(*both) >= 4.5, f"{name} on {ground}, {theme}"
    colours = {colour for themes in TOKENS.values() for colour in themes.values()} - {"#000", "#fff"}
    for sheet in SHEETS:
        found = re.findall(r"#[0-9a-f]{3,6}\b", sheet.read_text())
        assert not colours & set(found), sheet
        assert b"token(" not in paint(sheet.name, sheet.read_bytes()), sheet


SHEETS = [*STATIC.glob("*.css"), *(STATIC.parents[1] / "widget_js").rglob("*.css")]


def test_every_status_has_a_shape_of_its_own_and_hovering_is_styled_where_one_can_hover() -> None:
    shapes = {status_table.SHAPES[one.shape]._replace(tone="") for one in status_table.STATUSES.values()}
    assert len(shapes) == len(status_table.STATUSES)
    for sheet in SHEETS:
        outside = re.sub(r"@media \(hover: hover\) \{(\s*[^{}]+\{[^{}]*\})+\s*\}", "", sheet.read_text())
        assert ":hover" not in outside, sheet


def test_static_files_have_content_hashes() -> None:
    assert re.fullmatch(r"/static/pages\.css\?v=[0-9a-f]{64}", pages.static_url("pages.css"))
