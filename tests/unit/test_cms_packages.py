"""The Joomla module and the 1C-Bitrix component: manifests, languages, and their output in stubs of their systems."""

from __future__ import annotations

import io
import json
import re
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts import servers
from tests.factories import existing
from widget_api.sites.install import packages

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "embed_examples"
MODULE = EXAMPLES / "joomla" / "mod_igrajdanin"
COMPONENT = EXAMPLES / "bitrix" / "component" / "igrajdanin" / "widget"
PHP_FILES = sorted([*MODULE.rglob("*.php"), *COMPONENT.rglob("*.php")])
LINK = "https://w.test/s/wk_abc/report"
SNIPPET = (
    '<igrajdanin-widget site-key="wk_abc" type="basic" view="inline" theme="dark" category="roads" lang="en" dir="">'
    f'<a href="{LINK}">Report</a></igrajdanin-widget>\n<script async src="https://w.test/w/1/loader.js"></script>'
)
DIV = f'<div data-igrajdanin-widget="wk_abc" data-type="basic"><a href="{LINK}">Report</a></div>'
NOTHING = ""

php = pytest.mark.skipif(bool(servers.reason_without("php")), reason=servers.reason_without("php") or "PHP is here")
each_system = pytest.mark.parametrize("system", ["joomla", "bitrix"])


def render(system: str, code: str, language: str = "ru", admin: bool = False, **settings: str) -> dict[str, Any]:
    """What the package prints with these settings in its system's stub."""
    params = {"code": code, **settings}
    if system == "bitrix":
        params = {name.upper(): value for name, value in params.items()}
    else:
        language = {"ru": "ru-RU", "en": "en-GB"}[language]
    asked = json.dumps({"params": params, "language": language, "admin": admin})
    stub = ROOT / "tests" / "support" / f"{system}_stub.php"
    done = subprocess.run(["php", str(stub), asked], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def packed(html: str) -> str:
    return re.sub(r">\s+<", "><", html).strip()


def element(attributes: str, text: str = "Сообщить о проблеме") -> str:
    return f'<igrajdanin-widget site-key="wk_abc" {attributes}><a href="{LINK}">{text}</a></igrajdanin-widget>'


@php
@each_system
@pytest.mark.parametrize("code", [LINK, f"  {LINK}\n", "https://w.test/s/wk_abc", f"<p>{LINK}</p>"])
def test_a_link_is_enough(system: str, code: str) -> None:
    assert packed(render(system, code)["printed"]).startswith(element('type="extended"'))


@php
@each_system
def test_the_pasted_code_is_followed_and_settings_win(system: str) -> None:
    written = 'type="basic" view="inline" theme="dark" category="roads" lang="en"'
    assert packed(render(system, SNIPPET)["printed"]).startswith(element(written))
    assert packed(render(system, DIV)["printed"]).startswith(element('type="basic"'))
    chosen = render(
        system, SNIPPET, "en", type="extended", view="figures", theme="contrast-blue", category="snow", lang="ru"
    )
    written = 'type="extended" view="figures" theme="contrast-blue" category="snow" lang="ru"'
    assert packed(chosen["printed"]).startswith(element(written, "Report a problem"))


@php
@each_system
def test_nothing_hostile_gets_into_the_page(system: str) -> None:
    hostile: dict[str, Any] = {"type": '"><script>', "view": "popup", "category": 'a"b', "lang": "ru\n", "theme": "<b>"}
    assert packed(render(system, LINK, **hostile)["printed"]).startswith(element('type="extended"'))
    for code in (NOTHING, "wk_abc", "javascript:alert(1)/s/wk_abc", 'https://w.test"onload=/s/wk_abc', f"{LINK}<b"):
        printed = render(system, code)["printed"]
        assert packed(printed).split("<script")[0] in ("", element('type="extended"'))


@php
def test_joomla_loads_each_file_once_and_connects_early() -> None:
    output = render("joomla", LINK)
    assert output["links"] == [["preconnect", "https://w.test"]]
    assert output["assets"] == {
        "mod_igrajdanin": ["mod_igrajdanin/widget.css"],
        "mod_igrajdanin.loader": ["https://w.test/w/1/loader.js", {"version": False}, {"async": True}],
    }
    empty = render("joomla", NOTHING)
    assert (empty["printed"], empty["links"], empty["assets"]) == ("", [], [])


@php
def test_bitrix_prints_the_documented_snippet() -> None:
    output = render("bitrix", LINK)
    script = '<script async data-skip-moving="true" src="https://w.test/w/1/loader.js"></script>'
    assert packed(output["printed"]) == element('type="extended"') + script
    assert output["head"] == ['<link rel="preconnect" href="https://w.test">']


@php
@pytest.mark.parametrize("language", ["ru", "en"])
def test_bitrix_tells_only_administrators_that_the_code_is_missing(language: str) -> None:
    visitor, admin = (render("bitrix", NOTHING, language, admin) for admin in (False, True))
    assert (visitor["printed"], visitor["errors"], visitor["head"]) == ("", [], [])
    assert len(admin["errors"]) == 1
    # Every text of the editor's window exists, and every choice has a name.
    assert set(admin["parameters"]) == {"CODE", "TYPE", "VIEW", "THEME", "CATEGORY", "LANG"}
    assert list(admin["parameters"]["VIEW"]["VALUES"]) == ["", "button", "inline", "figures"]
    assert all(name for one in admin["parameters"].values() for name in one.get("VALUES", {"": one["NAME"]}).values())


@php
@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.php")), ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_php_syntax(path: Path) -> None:
    """Of the WordPress plugin, too."""
    checked = subprocess.run(["php", "-l", str(path)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", PHP_FILES, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_no_file_runs_outside_its_system(path: Path) -> None:
    code = path.read_text()
    guards = ("defined('_JEXEC') or die;", "!defined('B_PROLOG_INCLUDED') || B_PROLOG_INCLUDED !== true")
    assert any(guard in code for guard in guards) or "lang" in path.parts
    assert not re.search(r"\beval\b|base64_|\$_(?:GET|POST|REQUEST|COOKIE)", code)


def test_the_joomla_manifest_names_what_is_there() -> None:
    manifest = ET.parse(MODULE / "mod_igrajdanin.xml").getroot()
    assert (manifest.tag, manifest.attrib) == ("extension", {"type": "module", "client": "site", "method": "upgrade"})
    for name in ("name", "author", "creationDate", "license", "version", "description"):
        assert manifest.findtext(name)
    folders = {one.text for one in manifest.findall("./files/folder")}
    assert folders | {"media"} == {path.name for path in MODULE.iterdir() if path.is_dir()}
    services = existing(manifest.find("./files/folder[@module]"))
    assert (services.get("module"), services.text) == ("mod_igrajdanin", "services")
    media = existing(manifest.find("media"))
    assert media.get("destination") == "mod_igrajdanin"
    for folder in media.findall("folder"):
        assert (MODULE / str(media.get("folder")) / str(folder.text)).is_dir()
    namespace = existing(manifest.find("namespace"))
    assert namespace.get("path") == "src"
    dispatcher = (MODULE / "src" / "Dispatcher" / "Dispatcher.php").read_text()
    assert f"namespace {namespace.text}\\Site\\Dispatcher;" in dispatcher
    assert str(namespace.text).replace("\\", "\\\\") in (MODULE / "services" / "provider.php").read_text()


def joomla_texts(language: str, name: str) -> dict[str, str]:
    lines = (MODULE / "language" / language / name).read_text().splitlines()
    rows = [re.fullmatch(r'([A-Z0-9_]+)="([^"]+)"', line) for line in lines if line and not line.startswith(";")]
    assert all(rows)
    return {row[1]: row[2] for row in rows if row}


def test_languages_of_joomla_and_bitrix_have_every_text() -> None:
    manifest = (MODULE / "mod_igrajdanin.xml").read_text()
    used = set(re.findall(r"\bMOD_IGRAJDANIN\w*", manifest + (MODULE / "tmpl" / "default.php").read_text()))
    for language in ("ru-RU", "en-GB"):
        texts = joomla_texts(language, "mod_igrajdanin.ini")
        assert set(texts) == used
        listed = joomla_texts(language, "mod_igrajdanin.sys.ini")
        assert listed == {name: texts[name] for name in ("MOD_IGRAJDANIN", "MOD_IGRAJDANIN_DESCRIPTION")}
    russian = {path.relative_to(COMPONENT).as_posix(): path for path in COMPONENT.rglob("lang/ru/*.php")}
    assert len(russian) == 4
    for name, path in russian.items():
        pairs = [re.findall(r"^\$MESS\['(\w+)'\] = '.+';$", one.read_text(), re.MULTILINE)
                 for one in (path, COMPONENT / name.replace("lang/ru", "lang/en"))]  # fmt: skip
        assert pairs[0] == pairs[1] != []


@pytest.mark.parametrize("package", packages.PACKAGES, ids=lambda package: package.name)
def test_each_archive_is_what_its_system_installs(package: packages.Package) -> None:
    """With the file that the system looks for in its place, dated and permitted alike on every machine."""
    entry = {
        "wordpress": "igrajdanin-widget/igrajdanin-widget.php",
        "joomla": "mod_igrajdanin.xml",
        "bitrix": "igrajdanin/widget/class.php",
    }[package.name]
    content = packages.build_package(package)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        source = EXAMPLES / package.source
        packed = {name.removeprefix(package.folder): archive.read(name) for name in archive.namelist()}
        assert entry in archive.namelist()
        assert packed == {
            path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*") if path.is_file()
        }
        made = {(one.date_time, one.external_attr >> 16, one.compress_type) for one in archive.infolist()}
        assert made == {((1980, 1, 1, 0, 0, 0), 0o100644, zipfile.ZIP_STORED)}
    assert packages.build_package(package) == content
