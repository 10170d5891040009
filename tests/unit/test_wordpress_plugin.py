"""The WordPress plugin: its markup, its settings form, and its translation."""

from __future__ import annotations

import json
import re
import subprocess
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from packaging.version import Version

from scripts import servers
from tests.factories import existing

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "embed_examples" / "wordpress"
PLUGIN = EXAMPLE / "igrajdanin-widget"
STUB = ROOT / "tests" / "support" / "wordpress_stub.php"
SET = {"service": "https://w.test", "key": "wk_abc"}
NOTHING = dict.fromkeys(("service", "key", "type", "view", "theme", "category", "lang"), "")
KEPT = NOTHING | SET
LINK = '<a href="https://w.test/s/wk_abc/report">Report a problem</a>'

# A page rendered by WordPress is stored in embed_examples/ and tested in the browser without PHP.
php = pytest.mark.skipif(bool(servers.reason_without("php")), reason=servers.reason_without("php") or "PHP is here")


def plugin(call: str, *arguments: Any, option: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Call a function of the plugin; `admin` says who asks, `page` is the text of the page that is shown."""
    asked = json.dumps({"call": call, "arguments": arguments, "option": option, **more})
    done = subprocess.run(["php", str(STUB), asked], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


@php
def test_the_shortcode_is_the_documented_snippet() -> None:
    output = plugin("igrajdanin_shortcode", "", option=SET)  # WordPress hands over "" where there are no attributes
    assert output["answer"] == f'<igrajdanin-widget site-key="wk_abc" type="extended">{LINK}</igrajdanin-widget>'
    assert output["enqueued"] == ["igrajdanin-widget", "igrajdanin-widget"]
    assert output["scripts"]["igrajdanin-widget"] == ["https://w.test/w/1/loader.js", None]
    assert output["shortcodes"] == {"igrajdanin": "igrajdanin_shortcode"}
    assert output["blocks"] == {"igrajdanin/widget": "igrajdanin_block"}


@php
def test_attributes_match_the_widget() -> None:
    given = {"type": "basic", "view": "inline", "theme": "contrast", "category": "roads", "lang": "en", "onclick": "x"}
    html = plugin("igrajdanin_shortcode", given, option=SET)["answer"]
    tag = '<igrajdanin-widget site-key="wk_abc" type="basic" view="inline" theme="contrast" category="roads" lang="en">'
    assert html == f"{tag}{LINK}</igrajdanin-widget>"
    hostile = {"type": '"><script>', "view": "x", "category": '"onload=', "lang": "<b>"}
    assert (
        plugin("igrajdanin_shortcode", hostile, option=SET)["answer"]
        == f'<igrajdanin-widget site-key="wk_abc">{LINK}</igrajdanin-widget>'
    )


@php
def test_stored_values_are_escaped() -> None:
    html = plugin("igrajdanin_shortcode", [], option={"service": 'https://w.test/"><i>', "key": '"><script>'})["answer"]
    assert "<script" not in html
    assert "<i>" not in html
    assert (
        "javascript"
        not in plugin("igrajdanin_shortcode", [], option={"service": "javascript:", "key": "wk_a"})["answer"]
    )


@php
@pytest.mark.parametrize(("admin", "shown"), [(True, "options-general.php?page=igrajdanin-widget"), (False, "")])
def test_without_settings_only_administrators_see_a_hint(admin: bool, shown: str) -> None:
    output = plugin("igrajdanin_shortcode", [], admin=admin)
    assert shown in output["answer"]
    assert bool(output["answer"]) == admin
    assert output["enqueued"] == []


@php
@pytest.mark.parametrize(
    ("given", "kept", "errors"),
    [
        ({"service": " https://w.test/ ", "key": "wk_abc"}, KEPT, []),
        ({"snippet": "<igrajdanin-widget …>" + LINK.replace("href", "class=a href"), "key": "old"}, KEPT, []),
        ({"service": "w.test", "key": "abc"}, NOTHING, ["service", "key"]),
        ({"service": "https://w.test", "key": "wk_abc", "snippet": "привет"}, KEPT, ["snippet"]),
        ({"service": 'https://w.test"onload=', "key": "wk_a<b>"}, NOTHING, ["service", "key"]),
        ({**SET, "type": "basic", "view": "inline", "lang": "en"},
         KEPT | {"type": "basic", "view": "inline", "lang": "en"}, []),
        ({**SET, "type": '"><script>', "theme": "pink", "category": "a b"}, KEPT, []),
        ("nonsense", NOTHING, []),
    ],
)  # fmt: skip
def test_the_settings_form(given: Any, kept: dict[str, str], errors: list[str]) -> None:
    output = plugin("igrajdanin_sanitize", given)
    assert (output["answer"], output["errors"]) == (kept, errors)


PASTED = {"type": "basic", "view": "inline", "theme": "contrast-black", "category": "roads", "lang": "en"}


@php
@pytest.mark.parametrize(
    "tag",
    [
        '<igrajdanin-widget site-key="wk_abc" type="basic" view="inline"\n theme="contrast-black" '
        'category="roads" lang=en>',
        '<div data-igrajdanin-widget="wk_abc" data-type="basic" data-view="inline" data-theme="contrast-black" '
        "data-category='roads' data-lang=\"en\">",
    ],
)
def test_pasted_snippets_are_parsed(tag: str) -> None:
    kept = plugin("igrajdanin_sanitize", {"snippet": f"<p>{tag}{LINK}</p>", "type": "extended", "lang": "ru"})["answer"]
    assert kept == KEPT | PASTED
    written = "".join(f' {name}="{value}"' for name, value in PASTED.items())
    shown = f'<igrajdanin-widget site-key="wk_abc"{written}>{LINK}</igrajdanin-widget>'
    assert plugin("igrajdanin_shortcode", "", option=kept)["answer"] == shown
    unset = {"type": "", "view": "", "category": ""}
    assert shown in plugin("igrajdanin_block", unset, option=kept)["answer"]
    assert 'type="extended"' in plugin("igrajdanin_block", unset | {"type": "extended"}, option=kept)["answer"]
    assert "inline" not in plugin("igrajdanin_shortcode", {"view": "button"}, option=kept)["answer"]
    page = plugin("igrajdanin_settings_page", option=kept)["printed"]
    assert set(re.findall(r"<option value=\"([^\"]+)\" selected='selected'>", page)) == {
        "basic",
        "inline",
        "contrast-black",
    }
    assert 'value="roads"' in page
    assert 'href="https://w.test/s/wk_abc/install"' in page


@php
def test_the_plugin_links_its_settings_suggests_a_privacy_text_and_leaves_no_options() -> None:
    output = plugin("igrajdanin_links", ["<a>Deactivate</a>"])
    assert (
        output["answer"][0]
        == '<a href="https://gorod.test/wp-admin/options-general.php?page=igrajdanin-widget">Settings</a>'
    )
    assert output["hooks"]["plugin_action_links_igrajdanin-widget/igrajdanin-widget.php"] == ["igrajdanin_links"]
    name, text = plugin("igrajdanin_privacy", option=SET)["privacy"]
    assert name == "Problems of the city"
    assert text.count("<p>") == 4
    assert '<a href="https://w.test/s/wk_abc">' in text
    assert "<a" not in plugin("igrajdanin_privacy")["privacy"][1]
    assert plugin("igrajdanin_origin")["answer"] == "https://gorod.test:8443"
    assert plugin("uninstall")["deleted"] == ["igrajdanin_widget"]


@php
def test_the_script_is_loaded_once_and_async() -> None:
    tag = '<script src="https://w.test/w/1/loader.js" id="igrajdanin-widget-js"></script>'
    wanted = tag.replace(" src", " async src")
    assert plugin("igrajdanin_async", tag, "igrajdanin-widget")["answer"] == wanted
    assert plugin("igrajdanin_async", wanted, "igrajdanin-widget")["answer"] == wanted
    assert plugin("igrajdanin_async", tag, "another")["answer"] == tag


@php
@pytest.mark.parametrize(
    ("page", "connects"),
    [("<!-- wp:igrajdanin/widget /-->", True), ("[igrajdanin]", True), ("Новости", False), (None, False)],
)
def test_pages_with_the_widget_connect_early(page: str | None, connects: bool) -> None:
    printed = plugin("igrajdanin_preconnect", option=SET, page=page)["printed"]
    assert printed == ('<link rel="preconnect" href="https://w.test">\n' if connects else "")
    assert plugin("igrajdanin_preconnect", page=page)["printed"] == ""


@php
def test_the_recorded_page_is_what_the_plugin_renders_now() -> None:
    page = (EXAMPLE / "index.html").read_text()
    recorded = existing(re.search(r'<div class="wp-block-igrajdanin-widget">.*?</div>', page))
    block = plugin("igrajdanin_block", {"type": "", "view": "", "category": ""}, option=SET)["answer"]
    filled = recorded[0].replace("{{W}}", SET["service"]).replace("{{KEY}}", SET["key"])
    assert filled == block.replace("Report a problem", "Сообщить о проблеме")


def catalogue() -> Any:
    with (PLUGIN / "languages" / "igrajdanin-widget-ru_RU.po").open("rb") as file:
        return read_po(file)


def test_every_text_is_translated_and_the_translation_compiled() -> None:
    sources = "".join(path.read_text() for path in PLUGIN.glob("*.php"))
    texts = set(re.findall(r"(?:__|_e)\( '([^']+)', 'igrajdanin-widget' \)", sources))
    block = json.loads((PLUGIN / "block" / "block.json").read_text())
    header = existing(re.search(r"Description:\s+(.+)", sources))
    assert len(texts) > 15
    known = catalogue()
    assert not [one.string for one in known if re.search(r"\bтем[аыу]", str(one.string), re.IGNORECASE)], (
        "in WordPress «тема» is a theme"
    )
    assert {text for text in texts | {header[1]} if not known.get(text) or not known.get(text).string} == set()
    for context, text in (("block title", block["title"]), ("block description", block["description"])):
        assert known.get(text, context).string
    with (PLUGIN / "languages" / "igrajdanin-widget-ru_RU.mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for one in catalogue():
        if one.id:
            result = compiled.pgettext(one.context, one.id) if one.context else compiled.gettext(one.id)
            assert result == one.string


def test_the_plugin_meets_the_rules_of_the_directory() -> None:
    """Of Plugin Check. No file can be opened by itself, every global has the prefix, the text domain is its own."""
    readme = (PLUGIN / "readme.txt").read_text()
    head, _, body = readme.partition("== Description ==")
    headers = dict(re.findall(r"^([A-Z][A-Za-z ]{3,20}): (.+)$", head.partition("\n\n")[0], re.MULTILINE))
    versions = {"Requires at least", "Tested up to", "Requires PHP", "Stable tag"}
    assert set(headers) == {"Contributors", "Tags", "License", "License URI"} | versions
    assert len(headers["Tags"].split(", ")) <= 5
    assert 0 < len(head.strip().splitlines()[-1]) <= 150
    sections = re.findall(r"^== (.+) ==$", body, re.MULTILINE)
    assert {"Installation", "External services", "Privacy", "Changelog"} <= set(sections)
    newest = Version(re.findall(r"^= ([\d.]+) =$", body.partition("== Changelog ==")[2], re.MULTILINE)[0])
    assert newest <= Version(headers["Stable tag"]), "the plugin has the version of the service, changed or not"
    main, readme = (PLUGIN / "igrajdanin-widget.php").read_text(), (PLUGIN / "readme.txt").read_text()
    for name, other in (("Version", "Stable tag"), ("License", "License"), ("Requires PHP", "Requires PHP")):
        said = re.search(rf"\* {name}:\s+(.+)", main)
        repeated = re.search(rf"^{other}: (.+)", readme, re.MULTILINE)
        assert said is not None
        assert repeated is not None
        assert said[1] == repeated[1]
    for path in PLUGIN.rglob("*.php"):
        code = path.read_text()
        assert "defined( 'ABSPATH' ) || exit;" in code or "defined( 'WP_UNINSTALL_PLUGIN' ) || exit;" in code
        for name in re.findall(r"^(?:function|const) (\w+)", code, re.MULTILINE):
            assert name.lower().startswith("igrajdanin_")
        assert set(re.findall(r"(?:__|_e)\( '[^']+', '([^']+)'", code)) <= {"igrajdanin-widget"}
        assert not re.search(r"\beval\b|base64_|\$_(?:GET|POST|REQUEST|COOKIE)|\$wpdb|<<<", code)
    suffixes = {path.suffix for path in PLUGIN.rglob("*") if path.is_file()}
    assert suffixes == {".php", ".js", ".json", ".css", ".txt", ".po", ".mo"}
