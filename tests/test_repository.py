"""Rules for the repository as a whole: no package index URLs, frozen releases, consistent locks, module conventions."""

import ast
import base64
import builtins
import hashlib
import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "widget_api"
DIST = ROOT / "dist"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)
# Concatenated, so that this file does not contain them itself.
INDEX_HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", *("npmjs" + end for end in (".org", ".com")))
INDEX_HOSTS += ("yarnpkg" + ".com", "npmmirror" + ".com")


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def tracked() -> list[Path]:
    """Tracked and untracked files that git does not ignore; none without git (a source archive)."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git repository")
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


def test_no_file_contains_a_package_index_url() -> None:
    """Where packages come from is up to the machine: mirrors, caches and closed networks must work."""
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        for host in INDEX_HOSTS
        if host.encode() in path.read_bytes()
    ]
    assert found == []


@pytest.mark.parametrize("kind", ["run", "dev"])
def test_the_lock_satisfies_the_ranges(kind: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(project["optional-dependencies"]["dev"] if kind == "dev" else [])]
    lock = (ROOT / "requirements" / f"{kind}.txt").read_text()
    locked = {
        canonicalize_name(name): Version(version)
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE)
    }
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked; run make lock"
        assert version in requirement.specifier, f"{requirement} is locked at {version}; run make lock"


@pytest.mark.parametrize("kind", ["run", "dev"])
def test_every_locked_version_carries_hashes(kind: str) -> None:
    lock = (ROOT / "requirements" / f"{kind}.txt").read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.partition("\n")[2])
    assert len(entries) > 20
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_the_web_framework_stays_at_the_edge() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if not path.name.endswith(("app.py", "http.py", "routes.py", "api.py"))
        and path.relative_to(PACKAGE).parts[0] not in ("web", "cabinet", "residents")
        and any(name.split(".")[0] == "starlette" for name in imported(path))
    ]
    assert found == []


def test_roles_of_users_are_named_in_one_module() -> None:
    """A role that is asked for elsewhere is forgotten when another one comes: pages ask for a permission."""
    role = re.compile(r"""["'](?:viewer|admin)["']|\buser\.role (?:[=!]=|in\b|not in\b)""")
    files = [*MODULES, *(PACKAGE / "templates").rglob("*.html")]
    named = {str(path.relative_to(PACKAGE)) for path in files if role.search(path.read_text())}
    assert named == {"permissions.py"}


def test_pages_write_no_rows() -> None:
    """What a page writes, the core does: the worker, retention and the API find it there."""
    written = re.compile(r"INSERT INTO|UPDATE \w+ SET|DELETE FROM|\btx\.(?:insert|run)")
    pages = (path for path in MODULES if path.relative_to(PACKAGE).parts[0] in ("cabinet", "residents"))
    assert [path.name for path in pages if written.search(path.read_text())] == []


def test_names_in_comments_exist() -> None:
    """Modules by their files, and errors that a docstring says are raised: tools for renaming miss both."""
    source = {path: path.read_text() for path in MODULES}
    files = {path.name for path in tracked()}
    nodes = [node for path in MODULES for node in ast.walk(parse(path))]
    errors = set(dir(builtins))
    errors |= {node.name for node in nodes if isinstance(node, (ast.ClassDef, ast.alias))}
    errors |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    unknown = []
    for path, text in source.items():
        unknown += [f"{path.name}: {name}" for name in re.findall(r"\b[a-z_]+\.py\b", text) if name not in files]
        for raised in re.findall(r"Raises ((?:[A-Z]\w+(?:, | or | and )?)+)", text):
            names = re.findall(r"[A-Z]\w+", raised)
            unknown += [f"{path.name}: {name}" for name in names if name not in errors]
    assert unknown == []


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without __init__.py is invisible to the import rules."""
    assert [str(path) for path in {module.parent for module in MODULES} if not (path / "__init__.py").exists()] == []


def test_every_module_has_a_docstring() -> None:
    trees = {path: parse(path) for path in MODULES}
    silent = [str(path.relative_to(ROOT)) for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def integrities(folder: Path) -> dict[str, str]:
    """What embedders pin: file → hash in the format of the `integrity` attribute."""
    return {
        path.relative_to(folder).as_posix(): "sha384-"
        + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_released_folders_are_frozen() -> None:
    """dist/released.json records every file of every released version; dist/manifest.json those of the current one."""
    recorded: dict[str, dict[str, str]] = json.loads((DIST / "released.json").read_text())
    manifest = json.loads((DIST / "manifest.json").read_text())
    current = {manifest["version"]: {name: file["integrity"] for name, file in manifest["files"].items()}}
    folders = {path.name: integrities(path) for path in DIST.iterdir() if path.is_dir()}
    assert folders == current | recorded


def test_names_of_chunks_and_texts_carry_their_hash() -> None:
    """So that no cache, and no page that stays open, takes one build's file for another's. Texts share one hash."""
    current = DIST / json.loads((DIST / "manifest.json").read_text())["version"]
    hashed = sorted(path for path in current.iterdir() if path.suffix in (".js", ".json") and "-" in path.stem)
    texts = [path for path in hashed if path.suffix == ".json"]
    assert texts
    all_texts = b"".join(path.read_bytes() for path in texts)
    for path in hashed:
        contents = all_texts if path in texts else path.read_bytes()
        digest = base64.b64encode(hashlib.sha256(contents).digest()).decode()
        assert path.stem.endswith("-" + re.sub(r"\W", "", digest)[:8]), path
    plain = {path.name for path in current.iterdir() if path.suffix != ".map"} - {path.name for path in hashed}
    assert plain == {"LICENSES.txt", "application.js", "chunks.json", "frame.js", "loader.js", "photos.js", "worker.js"}


def test_licences_of_bundled_packages_are_delivered() -> None:
    """Leaflet's licence (BSD-2-Clause) requires its notice beside every copy. Frozen folders have it beside them."""
    current = DIST / json.loads((DIST / "manifest.json").read_text())["version"]
    sources = {source for path in current.glob("*.js.map") for source in json.loads(path.read_text())["sources"]}
    bundled = {found[1] for one in sources if (found := re.search(r"node_modules/((?:@[^/]+/)?[^/]+)/", one))}
    assert bundled >= {"leaflet", "preact"}
    texts = (current / "LICENSES.txt").read_text()
    assert [name for name in bundled if not re.search(rf"^{name} [\d.]+ \(", texts, re.MULTILINE)] == []
    for folder in (path for path in DIST.iterdir() if path.is_dir()):
        inside = folder / "LICENSES.txt"
        text = (inside if inside.is_file() else DIST / f"{folder.name}-LICENSES.txt").read_text()
        assert "leaflet 1." in text, folder
        assert "Volodymyr Agafonkin" in text, folder
        assert "Redistributions in binary form must reproduce the above copyright notice" in text, folder


def test_no_line_of_the_widget_is_wider_than_a_page() -> None:
    """Prettier leaves comments and long strings alone; ruff holds Python to the same 120."""
    sources = [path for path in (ROOT / "widget_js").rglob("*") if path.suffix in (".ts", ".tsx", ".mjs", ".css")]
    assert len(sources) > 100
    wide = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 120
    ]
    assert wide == []
