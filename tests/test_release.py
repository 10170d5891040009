"""`make release`: it refuses what is not ready, and the way of a version from its first day to its packages."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import scripts.release as release_module
from scripts.release import COPIES, PLACE, commit_time, find_problems, git, read_releases, read_version, write_version
from tests.support.processes import clean_environment

ROOT = Path(__file__).resolve().parent.parent
NEXT = "9.0.0"
JOOMLA = "embed_examples/joomla/mod_igrajdanin/mod_igrajdanin.xml"
CHANGE = "- A change of note."
LOCALES = ("widget_api/locale", "widget_js/locales")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What is worked on here as a repository of its own, with a change that no release has."""
    root = tmp_path / "tree"
    root.mkdir()
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, capture_output=True)
    if names.returncode:
        pytest.skip("not a git repository")
    present = b"\0".join(name for name in names.stdout.split(b"\0") if name and (ROOT / os.fsdecode(name)).exists())
    packed = subprocess.run(
        ("tar", "-c", "--null", "-T", "-"), cwd=ROOT, input=present, check=True, capture_output=True
    )
    subprocess.run(("tar", "-x", "-C", str(root)), input=packed.stdout, check=True)
    (root / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    replace(root / ".gitignore", r"^node_modules/$", "node_modules")  # here it is a link
    version, in_work = read_version(root)
    if not in_work:  # on the day of a release: as it was the day before
        write_version(root, version, is_released=False)
        releases = read_releases(root)
        del releases[version]
        (root / "dist" / "released.json").write_text(json.dumps(releases, indent=2) + "\n")
    replace(root / "CHANGELOG.md", r"^## \[Unreleased\]\n", f"## [Unreleased]\n\n### Added\n\n{CHANGE}\n\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root)
    return root


def commit(root: Path) -> None:
    git(root, "add", "--all")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    git(root, *identity, "commit", "--quiet", "--message", "A state")


def replace(path: Path, pattern: str, text: str) -> None:
    content = path.read_text()
    changed = re.sub(pattern, lambda _: text, content, count=1, flags=re.MULTILINE | re.DOTALL)
    assert changed != content, path
    path.write_text(changed)


def release(root: Path, *arguments: str, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
    """Run `make release`, as the tree's own code."""
    command = (sys.executable, "-m", "scripts.release", *arguments)
    environment = clean_environment({"PYTHONPATH": str(root)})
    return subprocess.run(command, cwd=root, env=environment, umask=umask, capture_output=True, text=True)


def test_each_reason_against_a_release_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a tree of the files that are read; test_a_version_is_begun_cut_and_built_twice_alike has a whole one."""
    places = [PLACE, "CHANGELOG.md", "docs/embedding.md", *(name for name, _ in COPIES)]
    places += [f"{path.relative_to(ROOT)}" for at in LOCALES for path in (ROOT / at).glob("*.json")]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / place, tmp_path / place)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "released.json").write_text("{}")
    (tmp_path / "tests").mkdir()
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    monkeypatch.setattr(release_module, "_BUILD", ("sh", "-c", "echo warning >&2; echo differs >&2; exit 1"))
    version, _ = read_version(tmp_path)
    replace(tmp_path / "CHANGELOG.md", r"(?<=^## \[Unreleased\]\n).+?(?=^## )", "\n### Added\n\n")
    (tmp_path / "tests" / "quarantine.txt").write_text("# at most three\ntests/test_docs.py::test_one # the network\n")
    others = f"{version}0 is not released, nor is 9.{version} released yet."
    replace(tmp_path / "docs" / "embedding.md", r"\Z", f"\n{others}\n\n{version} is not released yet.\n")
    replace(tmp_path / "widget_api" / "locale" / "common.en.json", '"skip": ', '"skipped": ')
    replace(tmp_path / "widget_js" / "locales" / "en.json", '"title": ', '"titled": ')
    replace(tmp_path / JOOMLA, "<version>.+?<", "<version>0.9<")
    number = len((tmp_path / "docs" / "embedding.md").read_text().splitlines())
    dirty, *problems = find_problems(tmp_path)
    assert dirty.startswith("the tree is dirty: CHANGELOG.md, docs/embedding.md, embed_examples/")
    assert dirty.endswith(" …")
    assert problems == [
        "tests/quarantine.txt: tests/test_docs.py::test_one # the network",
        f"{JOOMLA}: says 0.9, widget_api/__init__.py {version}",
        "CHANGELOG.md: nothing stands under «Unreleased»",
        f"docs/embedding.md:{number}: says that {version} is not released",
        "widget_api/locale/common.en.json: no text in «en» for common.skip",
        "widget_api/locale/common.ru.json: no text in «ru» for common.skipped",
        "widget_js/locales/en.json: no text in «en» for widget.title",
        "widget_js/locales/ru.json: no text in «ru» for widget.titled",
        "differs",
    ]
    with pytest.raises(release_module.Refused, match="nothing stands under"):
        release_module.cut(tmp_path)


@pytest.mark.full("two builds of everything")
def test_a_version_is_begun_cut_and_built_twice_alike(tree: Path) -> None:
    former, _ = read_version(tree)
    assert release(tree, "--next", "0.9.0").returncode == 1, "a version before what is released"
    done = release(tree, "--next", NEXT)
    assert done.returncode == 0, done.stderr
    assert read_version(tree) == (NEXT, True)
    released = json.loads((tree / "dist" / "released.json").read_text())
    assert (tree / "dist" / former).exists() == (former in released)
    commit(tree)

    done = release(tree)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_version(tree) == (NEXT, False)
    day = f"{datetime.fromtimestamp(commit_time(tree), UTC):%Y-%m-%d}"
    changes = (tree / "CHANGELOG.md").read_text()
    assert f"## [Unreleased]\n\n## [{NEXT}] - {day}\n\n### Added\n\n{CHANGE}\n" in changes
    manifest = json.loads((tree / "dist" / "manifest.json").read_text())
    hashes = {name: file["integrity"] for name, file in manifest["files"].items()}
    assert json.loads((tree / "dist" / "released.json").read_text()) == released | {NEXT: hashes}
    assert "dirty" in release(tree).stderr, "what is not committed is not built"
    commit(tree)

    target = tree / "build" / "release" / NEXT
    builds = []
    for umask in (0o022, 0o077):
        done = release(tree, umask=umask)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == sorted(f"build/release/{NEXT}/{path.name}" for path in target.iterdir())
        builds.append({path.name: path.read_bytes() for path in target.iterdir()})
    assert builds[0] == builds[1]
    assert set(builds[0]) == {
        "SHA256SUMS",
        f"igrajdanin-bitrix-{NEXT}.zip",
        f"igrajdanin-joomla-{NEXT}.zip",
        f"igrajdanin-wordpress-{NEXT}.zip",
        f"igrajdanin-widget-{NEXT}.cdx.json",
        f"igrajdanin-widget-dist-{NEXT}.zip",
        f"igrajdanin-widget-npm-{NEXT}.tgz",
        f"igrajdanin_widget-{NEXT}-py3-none-any.whl",
        f"igrajdanin_widget-{NEXT}.tar.gz",
    }
    assert f"{NEXT} can be released" in release(tree, "--check").stdout

    git(tree, "tag", f"v{NEXT}")
    replace(tree / "CHANGELOG.md", r"^## \[Unreleased\]\n", f"## [Unreleased]\n\n### Fixed\n\n{CHANGE}\n\n")
    commit(tree)
    assert release(tree).stderr.splitlines()[1:] == [
        f"CHANGELOG.md: there are changes after {NEXT}; begin the next version, make release NEXT=…",
        f"HEAD is not v{NEXT}: check that out",
    ]
    write_version(tree, NEXT, is_released=False)
    again = f"dist/released.json: {NEXT} is released already; begin the next one, make release NEXT=…"
    assert again in find_problems(tree)


def test_a_release_is_dated_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-02-03T04:05:06+03:00")
    (tmp_path / "one").touch()
    commit(tmp_path)
    assert commit_time(tmp_path) == 1770080706
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1234567890")
    assert commit_time(tmp_path) == 1234567890
