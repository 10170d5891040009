"""Make a release: `make release`, explained in CONTRIBUTING.md («Making a release»).

    python -m scripts.release               cut the version that is worked on, or build the packages of one that is cut
    python -m scripts.release --check       do both in a copy of HEAD, build twice, and compare
    python -m scripts.release --next 1.2.0  begin to work on the next version

The version stands in widget_api/__init__.py: «1.2.0.dev0» while 1.2.0 is worked on, «1.2.0» in its release. Manifests
of other package systems repeat it without «.dev0»; COPIES names them all.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PLACE = "widget_api/__init__.py"
VERSION = re.compile(r'(?<=^__version__ = ")(\d+\.\d+\.\d+)(\.dev0)?(?="$)', re.MULTILINE)
_PLUGIN = "embed_examples/wordpress/igrajdanin-widget"
COPIES = (
    ("widget_js/npm/package.json", r'(?<=^  "version": ")[^"]+'),
    (f"{_PLUGIN}/igrajdanin-widget.php", r"(?<=^ \* Version:           ).+"),
    (f"{_PLUGIN}/igrajdanin-widget.php", r"(?<=^const IGRAJDANIN_VERSION = ')[^']+"),
    (f"{_PLUGIN}/readme.txt", r"(?<=^Stable tag: ).+"),
    ("embed_examples/joomla/mod_igrajdanin/mod_igrajdanin.xml", r"(?<=^\t<version>)[^<]+"),
)
UNRELEASED = "## [Unreleased]\n"
API_UNRELEASED = "## Unreleased\n"
# What a document must not say of a version on the day of its release.
_NOT_YET = r"unreleased|not (?:yet )?released|released yet|не выпущен|not out yet"
_BUILD = ("npm", "run", "--silent", "build")


class Refused(Exception):
    """A release cannot be made. The message says why, a reason a line."""


def read_version(root: Path) -> tuple[str, bool]:
    """Return the version that a tree is of, and whether it is still worked on."""
    found = VERSION.search((root / PLACE).read_text())
    if not found:
        raise Refused(f"{PLACE}: __version__ is neither «1.2.0» nor «1.2.0.dev0»")
    return found[1], found[2] is not None


def write_version(root: Path, version: str, *, is_released: bool) -> None:
    place = root / PLACE
    place.write_text(VERSION.sub(version if is_released else f"{version}.dev0", place.read_text()))
    for name, pattern in COPIES:
        path = root / name
        path.write_text(re.sub(pattern, version, path.read_text(), flags=re.MULTILINE))


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(("git", *arguments), cwd=root, check=True, capture_output=True, text=True).stdout


def commit_time(root: Path) -> int:
    """Return when the release is dated: SOURCE_DATE_EPOCH, or else the time of the last commit."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or git(root, "log", "-1", "--format=%ct"))


def find_problems(root: Path) -> list[str]:
    """List all that stands in the way of a release, a line each."""
    version, _ = read_version(root)
    return [
        *_problems_of_the_tree(root),
        *_problems_of_the_version(root, version),
        *_problems_of_the_changelog(root),
        *_problems_of_the_documents(root, version),
        *_problems_of_the_dictionaries(root),
        *_problems_of_the_build(root),
    ]


def _problems_of_the_tree(root: Path) -> Iterator[str]:
    changed = git(root, "status", "--porcelain").splitlines()
    if changed:
        yield f"the tree is dirty: {', '.join(line[3:] for line in changed[:5])}{' …' if len(changed) > 5 else ''}"
    quarantine = root / "tests" / "quarantine.txt"
    lines = quarantine.read_text().splitlines() if quarantine.exists() else []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            yield f"tests/quarantine.txt: {line}"


def _problems_of_the_version(root: Path, version: str) -> Iterator[str]:
    if version in read_releases(root):
        yield f"dist/released.json: {version} is released already; begin the next one, make release NEXT=…"
    for name, pattern in COPIES:
        for found in re.findall(pattern, (root / name).read_text(), re.MULTILINE) or ["nothing"]:
            if found != version:
                yield f"{name}: says {found}, {PLACE} {version}"


def _problems_of_the_changelog(root: Path) -> Iterator[str]:
    if not unreleased_changes(root):
        yield "CHANGELOG.md: nothing stands under «Unreleased»"


def unreleased_changes(root: Path) -> list[str]:
    """List the changes of no release in the changelog."""
    _, heading, rest = (root / "CHANGELOG.md").read_text().partition(UNRELEASED)
    return re.findall(r"^- .+", rest.partition("\n## ")[0], re.MULTILINE) if heading else []


def _problems_of_the_documents(root: Path, version: str) -> Iterator[str]:
    """Sentences that the release makes false. The changelogs are cut, and decisions speak of their own day."""
    for path in sorted([*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("widget_js/npm/*.md")]):
        if path.name in ("CHANGELOG.md", "api-changelog.md"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            of_version = rf"(?<![\d.]){re.escape(version)}(?!\.?\d)"
            if re.search(rf"{of_version}\.dev|{of_version}.*(?:{_NOT_YET})", line, re.IGNORECASE):
                yield f"{path.relative_to(root)}:{number}: says that {version} is not released"


def _problems_of_the_dictionaries(root: Path) -> Iterator[str]:
    for path in sorted([*root.glob("widget_api/locale/*.json"), *root.glob("widget_js/locales/*.json")]):
        *name, language, _ = path.name.split(".")
        others = [one for one in path.parent.glob(".".join([*name, "*", "json"])) if one != path]
        texts = set(_list_keys(json.loads(path.read_text())))
        known = {key for other in others for key in _list_keys(json.loads(other.read_text()))}
        for key in sorted(known - texts):
            yield f"{path.relative_to(root)}: no text in «{language}» for {key}"


def _list_keys(tree: dict[str, Any], path: str = "") -> Iterator[str]:
    """List the keys of all texts. A text with forms of the plural, which differ between languages, is one."""
    for key, value in tree.items():
        if isinstance(value, dict) and "other" not in value:
            yield from _list_keys(value, f"{path}{key}.")
        else:
            yield path + key


def _problems_of_the_build(root: Path) -> Iterator[str]:
    done = subprocess.run((*_BUILD, "--", "--check"), cwd=root, capture_output=True, text=True)
    if done.returncode:
        yield (done.stderr.strip() or f"{' '.join(_BUILD)} ended with {done.returncode}").splitlines()[-1]


def read_releases(root: Path) -> dict[str, dict[str, str]]:
    releases: dict[str, dict[str, str]] = json.loads((root / "dist" / "released.json").read_text())
    return releases


def cut(root: Path) -> str:
    """Make the tree that of a release: changelogs, version, hashes of the widget. Returns the version."""
    if problems := find_problems(root):
        raise Refused("\n".join(problems))
    version, _ = read_version(root)
    day = f"{datetime.fromtimestamp(commit_time(root), UTC):%Y-%m-%d}"
    for name, heading, cut_heading in (
        ("CHANGELOG.md", UNRELEASED, f"{UNRELEASED}\n## [{version}] - {day}\n"),
        ("docs/api-changelog.md", API_UNRELEASED, f"## {version} ({day})\n"),
    ):
        path = root / name
        path.write_text(path.read_text().replace(heading, cut_heading, 1))
    manifest = json.loads((root / "dist" / "manifest.json").read_text())
    hashes = {name: file["integrity"] for name, file in manifest["files"].items()}
    releases = read_releases(root) | {version: hashes}  # the newest stands last
    (root / "dist" / "released.json").write_text(json.dumps(releases, indent=2) + "\n")
    write_version(root, version, is_released=True)
    return version


def build(root: Path, target: Path) -> str:
    """Build the packages of the release that HEAD is, from what is committed. Returns the version."""
    version, in_work = read_version(root)
    problems = list(_problems_of_the_tree(root))
    if in_work or version not in read_releases(root):
        problems.append(f"{version} is not cut yet")
    elif unreleased_changes(root):
        problems.append(f"CHANGELOG.md: there are changes after {version}; begin the next version, make release NEXT=…")
    tagged = subprocess.run(
        ("git", "rev-parse", "--verify", "--quiet", f"v{version}^{{commit}}"), cwd=root, capture_output=True, text=True
    ).stdout
    if tagged and tagged != git(root, "rev-parse", "HEAD"):
        problems.append(f"HEAD is not v{version}: check that out")
    if problems:
        raise Refused("\n".join(problems))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        export(root, Path(folder))
        run_in(Path(folder), "scripts.release_files", str(target), SOURCE_DATE_EPOCH=str(commit_time(root)))
    return version


def export(root: Path, folder: Path) -> None:
    """Write out what is committed, and nothing that merely lies there."""
    archive = subprocess.run(("git", "archive", "HEAD"), cwd=root, check=True, capture_output=True)
    subprocess.run(("tar", "-x", "-C", str(folder)), input=archive.stdout, check=True)


def run_in(root: Path, module: str, *arguments: str, **environment: str) -> None:
    """Run a module of another tree with its own code."""
    environ = os.environ | {"PYTHONPATH": str(root)} | environment
    done = subprocess.run((sys.executable, "-m", module, *arguments), cwd=root, env=environ)
    if done.returncode:
        raise Refused(f"{module} ended with {done.returncode}")


def begin(root: Path, version: str) -> None:
    """Begin to work on a version. A build of a version that is never released goes."""
    former, _ = read_version(root)
    releases = read_releases(root)
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or any(Version(version) <= Version(one) for one in releases):
        raise Refused(f"«{version}» is no version after {list(releases)[-1]}")
    if former not in releases and former != version:
        shutil.rmtree(root / "dist" / former, ignore_errors=True)
    write_version(root, version, is_released=False)
    subprocess.run(_BUILD, cwd=root, check=True, stdout=subprocess.DEVNULL)


def check(root: Path) -> str:
    """Cut and build a copy of HEAD, twice, and compare: what `make release` would do. Returns the version."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        git(root, "clone", "--quiet", "--shared", str(root), str(copy))
        (copy / "node_modules").symlink_to((root / "node_modules").resolve())
        git(copy, "config", "user.name", "release")
        git(copy, "config", "user.email", "release@example.org")
        (copy / ".git" / "info" / "exclude").write_text("/node_modules\n")
        version, in_work = read_version(copy)
        if in_work:
            cut(copy)
            git(copy, "commit", "--quiet", "--all", "--message", f"Release {version}")
        first, second = Path(folder) / "first", Path(folder) / "second"
        for target in (first, second):
            build(copy, target)
        names = sorted(path.name for path in first.iterdir())
        _, different, missing = filecmp.cmpfiles(first, second, names, shallow=False)
        if different or missing:
            raise Refused(f"two builds differ: {', '.join([*different, *missing])}")
    return version


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a release.")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--next", metavar="VERSION")
    options = parser.parse_args()
    try:
        if options.next:
            begin(ROOT, options.next)
            print(f"{options.next}.dev0: commit it.")
        elif options.check:
            print(f"{check(ROOT)} can be released, and two builds of it are equal.")
        elif read_version(ROOT)[1]:
            version = cut(ROOT)
            print(f"{version} is cut. Run make test, commit, git tag v{version}, then make release again: it builds.")
        else:
            target = ROOT / "build" / "release" / read_version(ROOT)[0]
            build(ROOT, target)
            print(*sorted(path.relative_to(ROOT) for path in target.iterdir()), sep="\n")
    except Refused as refused:
        sys.exit(f"No release:\n{refused}")


if __name__ == "__main__":
    main()
