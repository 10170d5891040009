"""An installed package is a complete service, independent of this folder and of the working directory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

from tests.support.processes import clean_environment

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked as an installer does."""
    folder = tmp_path_factory.mktemp("package")
    build = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def files(folder: Path) -> set[str]:
    skipped = ("__pycache__", ".DS_Store")
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(part in skipped for part in path.parts)
    }


def test_the_wheel_holds_one_package(installed: Path) -> None:
    """The tests and the tools of development stay at home."""
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"widget_api"}


@pytest.mark.parametrize("name", ["dist", "embed_examples"])
def test_files_outside_the_package_are_in_the_wheel(installed: Path, name: str) -> None:
    assert files(ROOT / name) != set()
    assert files(installed / "widget_api" / name) == files(ROOT / name)


def test_the_changelog_of_the_api_is_in_the_wheel(installed: Path) -> None:
    carried = (installed / "widget_api" / "api-changelog.md").read_bytes()
    assert carried == (ROOT / "docs" / "api-changelog.md").read_bytes()


@pytest.mark.parametrize("name", ["templates", "locale", "migrations", "static"])
def test_templates_texts_and_migrations_are_in_the_wheel(installed: Path, name: str) -> None:
    assert files(ROOT / "widget_api" / name) != set()
    assert files(installed / "widget_api" / name) == files(ROOT / "widget_api" / name)


def test_one_version_stands_everywhere(installed: Path) -> None:
    """`widget-api --version`, the wheel and the widget's packages agree; a release is the newest of the changelog."""
    program = "from importlib.metadata import version; print(version('igrajdanin-widget')); from widget_api import cli"
    command = (sys.executable, "-c", f"{program}; cli.main()", "--version")
    environment = clean_environment({"PYTHONPATH": str(installed)})
    done = subprocess.run(command, cwd=installed, env=environment, check=True, capture_output=True, text=True)
    (version,) = {Version(line) for line in done.stdout.splitlines()}
    files = ("package.json", "package-lock.json", "widget_js/npm/package.json", "dist/manifest.json")
    assert {json.loads((ROOT / name).read_text())["version"] for name in files} == {version.base_version}
    newest = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    assert version > Version(newest) if version.is_prerelease else version == Version(newest)


def test_the_installed_package_works_from_any_directory(installed: Path, tmp_path: Path) -> None:
    program = (
        "import asyncio, widget_api.ops.schema, widget_api.web.releases as releases;"
        "asyncio.run(widget_api.ops.schema.migrate('sqlite:///widget.db'));"
        "print(widget_api.__file__, releases.dist_folder() / releases.served_version('1') / 'loader.js', sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=clean_environment({"PYTHONPATH": str(installed)}),
        check=True,
        capture_output=True,
        text=True,
    )
    module, loader = map(Path, done.stdout.splitlines())
    assert module.is_relative_to(installed)
    assert loader.is_relative_to(installed)
    assert loader.exists()
    assert (tmp_path / "widget.db").exists()
