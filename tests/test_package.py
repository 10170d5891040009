"""The files of a release: an installed package is a complete service, independent of this folder and of the working
directory, and each other file is what its own system installs."""

import json
import re
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from pathlib import Path

import cyclonedx.schema
import jsonschema_rs
import pytest
from packaging.version import Version

from scripts.release import COPIES, read_version, unreleased_changes
from tests.support.processes import Serve, clean_environment
from widget_api.sites.install import packages

ROOT = Path(__file__).resolve().parent.parent
BUILT_AT = "1800000000"
DATA = ("templates", "locale", "migrations", "static")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files of a release of this tree."""
    folder = tmp_path_factory.mktemp("release")
    build = (sys.executable, "-m", "scripts.release_files", str(folder))
    environment = clean_environment({"SOURCE_DATE_EPOCH": BUILT_AT, "PYTHONPATH": str(ROOT)})
    subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer does."""
    target = tmp_path_factory.mktemp("package") / "site-packages"
    with zipfile.ZipFile(find(release, ".whl")) as archive:
        archive.extractall(target)
    return target


def find(release: Path, suffix: str) -> Path:
    (path,) = release.glob(f"*{suffix}")
    return path


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


@pytest.mark.parametrize("path", ["CHANGELOG.md", "deploy/widget.env"])
def test_single_files_outside_the_package_are_in_the_wheel(installed: Path, path: str) -> None:
    assert (installed / "widget_api" / path).read_bytes() == (ROOT / path).read_bytes()


@pytest.mark.parametrize("name", ["dist", "docs", "embed_examples", *(f"widget_api/{name}" for name in DATA)])
def test_folders_are_in_the_wheel(installed: Path, name: str) -> None:
    """Those outside the package, and what of it is no code."""
    assert files(ROOT / name) != set()
    assert files(installed / "widget_api" / name.removeprefix("widget_api/")) == files(ROOT / name)


def test_one_version_stands_everywhere(installed: Path) -> None:
    """`widget-api --version`, the wheel, the widget and the packages of other systems agree with widget_api/."""
    program = "from importlib.metadata import version; print(version('igrajdanin-widget')); from widget_api import cli"
    command = (sys.executable, "-c", f"{program}; cli.main()", "--version")
    environment = clean_environment({"PYTHONPATH": str(installed)})
    done = subprocess.run(command, cwd=installed, env=environment, check=True, capture_output=True, text=True)
    (said,) = {Version(line) for line in done.stdout.splitlines()}
    version, in_work = read_version(ROOT)
    assert (said.base_version, said.is_prerelease) == (version, in_work)
    copies = {(name, one) for name, of in COPIES for one in re.findall(of, (ROOT / name).read_text(), re.MULTILINE)}
    assert copies == {(name, version) for name, _ in COPIES}
    assert len(copies) == len({name for name, _ in COPIES})
    assert json.loads((ROOT / "dist" / "manifest.json").read_text())["version"] == version
    assert "version" not in json.loads((ROOT / "package.json").read_text()), "one place less to forget"


def test_the_newest_version_of_the_changelog_is_the_newest_release() -> None:
    """After a release its number is not used for what follows it."""
    version, in_work = read_version(ROOT)
    newest = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    assert newest == list(json.loads((ROOT / "dist" / "released.json").read_text()))[-1]
    assert Version(version) > Version(newest) if in_work else version == newest
    assert in_work or not unreleased_changes(ROOT), "make release NEXT=… begins the next version"


@pytest.mark.parametrize(
    "suffix", [".whl", pytest.param(".tar.gz", marks=pytest.mark.full("pip makes the same wheel of it, slowly"))]
)
def test_it_installs_and_serves_from_any_directory(release: Path, suffix: str, serve: Serve, tmp_path: Path) -> None:
    """As pip installs it, into an environment of its own that borrows what it depends on from this one."""
    venv = tmp_path / "venv"
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(venv)), check=True)
    (site_packages,) = venv.glob("lib/python*/site-packages")
    borrowed = Path(pytest.__file__).parents[1]
    (site_packages / "borrowed.pth").write_text(f"{borrowed}\n")
    pip = (sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "--disable-pip-version-check")
    alone = ("--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed", "--no-compile", "--quiet")
    nothing_else = clean_environment({"PYTHONPATH": ""})
    subprocess.run((*pip, "install", *alone, str(find(release, suffix))), env=nothing_else, cwd=tmp_path, check=True)
    service = serve(start=False, migrated=False)
    service.settings["PYTHONPATH"] = ""
    service.program = (str(venv / "bin" / "widget-api"),)
    service.fork = False
    service.start()

    def get(path: str) -> bytes:
        with urllib.request.urlopen(service.url + path) as answer:
            return bytes(answer.read())

    assert get("/w/1/loader.js") == (ROOT / "dist" / packages.VERSION / "loader.js").read_bytes()
    assert b"/static/" in get("/cabinet/sign-in")
    assert get("/static/cabinet.css")
    for page in ("embedding", "decisions", "changelog"):
        assert b"<h1" in get(f"/docs/{page}")
    program = (
        "import sys, widget_api; from widget_api.sites.install import packages;"
        "sys.stdout.write(widget_api.__file__ + '\\n');"
        "sys.stdout.buffer.write(packages.build_package(packages.PACKAGES[0]))"
    )
    command = (str(venv / "bin" / "python"), "-c", program)
    done = subprocess.run(command, cwd=tmp_path, env=nothing_else, check=True, capture_output=True)
    module, _, plugin = done.stdout.partition(b"\n")
    assert Path(module.decode()).is_relative_to(site_packages)
    assert plugin == find(release, f"wordpress-{packages.VERSION}.zip").read_bytes()


def test_the_widget_is_there_for_who_serves_it_themselves(release: Path) -> None:
    with zipfile.ZipFile(find(release, f"dist-{packages.VERSION}.zip")) as archive:
        folder = ROOT / "dist" / packages.VERSION
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"{packages.VERSION}/{path.name}": path.read_bytes() for path in folder.iterdir()
        }
    with tarfile.open(find(release, ".tgz")) as archive:
        described = archive.extractfile("package/package.json")
        assert described is not None
        assert json.load(described)["version"] == packages.VERSION


def test_the_bill_of_materials_names_what_is_installed_and_bundled(release: Path) -> None:
    """Valid by the schema of CycloneDX, and complete: every line of the lock, every licence in the widget."""
    schemas = Path(cyclonedx.schema.__file__).parent / "_res"

    def load(address: str) -> dict[str, object]:
        return dict(json.loads((schemas / address.rpartition("/")[2]).read_text()))

    bill = json.loads(find(release, ".cdx.json").read_text())
    schema = load(f"bom-{bill['specVersion']}.SNAPSHOT.schema.json")
    assert list(jsonschema_rs.validator_for(schema, retriever=load).iter_errors(bill)) == []
    lock = (ROOT / "requirements" / "run.txt").read_text()
    licences = (ROOT / "dist" / packages.VERSION / "LICENSES.txt").read_text()
    wanted = {f"pkg:pypi/{line.split()[0].replace('==', '@')}" for line in lock.splitlines() if "==" in line}
    wanted |= {f"pkg:npm/{name}@{version}" for name, version in re.findall(r"(?m)^(\S+) ([\d.]+) \(", licences)}
    assert {part["purl"].lower() for part in bill["components"]} == {one.lower() for one in wanted}
    assert {"pkg:npm/leaflet", "pkg:npm/preact"} < {part["purl"].partition("@")[0] for part in bill["components"]}
    (whole,) = (one for one in bill["dependencies"] if one["ref"] == bill["metadata"]["component"]["bom-ref"])
    assert len(whole["dependsOn"]) == len(bill["components"])


def test_every_file_has_its_checksum(release: Path) -> None:
    done = subprocess.run(("sha256sum", "--check", "--strict", "SHA256SUMS"), cwd=release, capture_output=True)
    assert done.returncode == 0, done.stdout
    listed = {line.split()[1] for line in (release / "SHA256SUMS").read_text().splitlines()}
    assert listed | {"SHA256SUMS"} == {path.name for path in release.iterdir()}
    assert {package.file_name for package in packages.PACKAGES} < listed
