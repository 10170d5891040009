"""Our snippet is found in real pages: builders' div, frames, links, comments, broken and hostile markup."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tests.support.selection import is_full
from widget_api.sites.install.markup import iterate_head, iterate_tags, parse_markup

PAGE = "https://gorod.test/news/"
W = "https://widget.test"
KEY = "wk_abcDEF-123_456789"


def test_the_snippet_is_found() -> None:
    found = parse_markup(
        f'<p>x</p><igrajdanin-widget site-key="{KEY}" type=extended view=\'inline\'><a href="{W}/s/{KEY}/report">'
        f'Сообщить</a></igrajdanin-widget><SCRIPT async src="{W}/w/1/loader.js"></SCRIPT>',
        PAGE,
    )
    assert found.elements == [{"site-key": KEY, "type": "extended", "view": "inline"}]
    assert [(one.address, one.version) for one in found.scripts] == [(f"{W}/w/1/loader.js", "1")]
    assert found.links == [(f"{W}/s/{KEY}/report", KEY)]
    assert found.frames == []


def test_a_builders_div_a_frame_and_a_pinned_release() -> None:
    found = parse_markup(
        f'<div class="x" data-igrajdanin-widget="{KEY}" data-type="basic" data-api="{W}"></div>'
        f'<iframe src="{W}/s/{KEY}/embed?lang=en&amp;theme=dark"></iframe>'
        f'<script src="/igrajdanin/1.0.0/loader.js?x" integrity="sha384-A" crossorigin></script>',
        PAGE,
    )
    assert found.elements == [{"igrajdanin-widget": KEY, "type": "basic", "api": W, "site-key": KEY}]
    assert found.frames == [(f"{W}/s/{KEY}/embed?lang=en&theme=dark", KEY)]
    [script] = found.scripts
    assert script.address == "https://gorod.test/igrajdanin/1.0.0/loader.js?x"
    assert (script.version, script.attributes["integrity"], script.attributes["crossorigin"]) == (
        "1.0.0",
        "sha384-A",
        "",
    )


def test_lookalikes_are_ignored() -> None:
    for around in (
        "<!-- {} -->", "<!--\n{}", "<script>document.write('{}')</script>", "<style>{}</style>",
        "<textarea>{}</textarea>", "<noscript>{}</noscript>", "<title>{}</title>", "<a title='{}'>x</a>",
    ):  # fmt: skip
        assert parse_markup(around.replace("{}", f'<igrajdanin-widget site-key="{KEY}">'), PAGE).elements == []


def test_it_is_found_in_untidy_pages() -> None:
    for source in (
        f'<!--><igrajdanin-widget site-key="{KEY}">',
        f'<!-- a --><igrajdanin-widget site-key="{KEY}">',
        f'<p title=don\'t><igrajdanin-widget site-key="{KEY}">',
        f"<br/><igrajdanin-widget/site-key={KEY}>",
        f'<igrajdanin-widget\n  site-key = "{KEY}"\n/>',
        f'<IGRAJDANIN-WIDGET SITE-KEY="{KEY}" site-key="other">',
        f'<script>if (a < b) "</scrip"</script><igrajdanin-widget site-key="{KEY}">',
        f'<! doctype><? php ?><igrajdanin-widget site-key="{KEY}">',
        f'< p><3 <igrajdanin-widget site-key="{KEY}">',
    ):
        assert [one["site-key"] for one in parse_markup(source, PAGE).elements] == [KEY]


def test_base_and_meta() -> None:
    found = parse_markup(
        f'<base href="{W}/x/"><base href="https://other.test/"><script src="../w/1/loader.js"></script>'
        "<META http-equiv=content-security-policy content=\"default-src 'self'\">",
        PAGE,
    )
    assert found.scripts[0].address == f"{W}/w/1/loader.js"
    assert found.policies == ["default-src 'self'"]


@given(st.text(alphabet="<>/!-=\"' ascript\n", max_size=300))
def test_no_text_breaks_it(source: str) -> None:
    parse_markup(source, PAGE)
    assert all(name == name.lower() for name, _ in iterate_tags(source))


PARTS = ["<html>", "<head>", "</head>", "<body>", "</body>", "</html>", "<!doctype html>", "<title>", "</title>", "x",
         "<script>", "<script ", "</script>", "</script ", "<!--", "-->", "--!>", "-", "!", ">", "<", "</", "<!", "<?",
         "<style>", "</style>", "<template>", "</template>", "<div>", "</p>", "</br>", " ", "\xa0", "<link>", '{"a": "',
         "<meta content=@>", "<meta content='@'>", "<base x=\"", "'", "<textarea>", "<plaintext>", "<frameset>",
         "</title\xa0>", "<xmp>", "<table>", "<br>", "<select>"]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=14))
def test_the_head_is_that_of_a_browser(parts: list[str]) -> None:
    source = "".join(part.replace("@", str(number)) for number, part in enumerate(parts))
    ours = [attributes.get("content") for name, attributes in iterate_head(source) if name == "meta"]
    assert ours == [one.attributes.get("content") for one in LexborHTMLParser(source).css("head > meta")]


def test_long_markup_is_parsed_quickly() -> None:
    for part in (
        *(
            "<", "<!", "<!--", "<a ", '<a b="', "</", "<a", "<?", "<![", "<div>", "<script>", "<script></scrip",
            "<a x=", "a x=", "'",
        ),
        *("<template>", "</template>", "<script><!--", "<!-- -", "</title", "<script><!--<script>", "<noscript></"),
        *("<a" + " " * 100, '<a "', "<a '", "<title><", "<!-->", "<a/", "=", '<a b="c" ', "<a b=c d='e' f>", "--><!--"),
    ):  # fmt: skip
        size, limit = (1024 * 1024, 5) if is_full() else (256 * 1024, 1.5)
        source = "<p " + part * (size // len(part))
        began = time.process_time()
        parse_markup(source, PAGE)
        assert list(iterate_head(source)) is not None, part
        assert time.process_time() - began < limit, "the standard library's parser takes minutes for some of these"
