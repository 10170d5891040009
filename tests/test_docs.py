"""The documents keep up with the code: every setting, route and command is documented."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from widget_api import i18n
from widget_api.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
OPERATING = (ROOT / "docs" / "operating.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
READERS = ("residents", "officials", "webmasters", "operators", "developers")


def documented(text: str) -> set[str]:
    """The text in backticks at the beginning of table rows."""
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    code = "".join(path.read_text() for path in (ROOT / "widget_api" / "settings").glob("*.py"))
    read = set(re.findall(r"\bWIDGET_[A-Z_]+\b", code))
    assert len(read) > 15
    assert {name for name in documented(OPERATING) if name.startswith("WIDGET_")} == read


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    import typer

    from widget_api.cli import app

    def names(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
        if hasattr(command, "commands"):
            for name, child in command.commands.items():
                if not child.hidden:
                    yield from names(child, (*path, name))
        else:
            yield " ".join(path)

    commands = OPERATING.partition("## Commands")[2].partition("\n## ")[0]
    assert documented(commands) == set(names(typer.main.get_command(app)))


def paths(routes: Iterable[Any], prefix: str = "") -> Iterator[str]:
    for route in routes:
        path = prefix + route.path
        children = getattr(route, "routes", None)
        if children:
            yield from paths(children, path)
        else:
            yield path


def plain(path: str) -> str:
    """Remove the names of parameters: the documents may use other ones."""
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/") or "/"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_every_route_is_documented(make_settings: Callable[..., Settings], dialect: str) -> None:
    from widget_api.app import create_app

    described = {plain(path) for path in re.findall(r"`(?:[A-Z]+ )?(/[^`\s?]*)", API)}
    served = {plain(path) for path in paths(create_app(make_settings()).routes)}
    # Buttons of the cabinet and the private page, and the 404 handler below /open311/.
    inner = {path for path in served if path.startswith(("/cabinet/", "/t/{}/", "/open311/{}"))}
    assert len(served) > 20
    assert sorted(served - inner - described) == []


@pytest.mark.parametrize("name", ["collections.md", "collections.ru.md"])
def test_every_preset_of_collections_is_documented_with_its_rules(name: str) -> None:
    from widget_api.sites import presets

    english = not name.endswith(".ru.md")
    who, actions = {"residents": "residents", "agency": "the agency"}, {"none": "–"}
    if not english:
        who = {"residents": "жители", "agency": "ведомство"}
        actions |= {"support": "поддержать", "contact": "написать", "vote": "отдать голос", "join": "присоединиться"}
    days, no_day = ("{} working days", "no day") if english else ("{} рабочих дней", "без срока")
    row = re.compile(r"^\| `([a-z-]+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
    assert row.findall((ROOT / "docs" / name).read_text()) == [
        (
            one,
            who[found.who],
            actions.get(found.action, found.action),
            days.format(found.answer_days) if found.answer_days else no_day,
        )
        for one in presets.NAMES
        for found in (presets.find(one),)
    ]


def test_the_commands_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*)(?: [a-z-]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in ("README.md", "README.ru.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / document).read_text(), re.MULTILINE))
        assert named, document
        assert named <= targets, document


def test_the_paths_in_contributing_exist() -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## To add")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w./*-]+(?:/|\.(?:py|ts|tsx|json|md|html|css)))`", section))
    assert len(named) > 30
    missing = [path for path in named if not any(any(root.glob(path)) for root in (ROOT, ROOT / "widget_api"))]
    assert sorted(missing) == []
    keys = "\n".join(i18n.texts("ru"))
    unknown = [
        name
        for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", section)
        if name not in named and not re.search(rf"^{re.escape(name)}(\.|$)", keys, re.MULTILINE)
    ]
    assert unknown == [], "there is no such text"


def test_the_files_that_the_architecture_names_stand_in_the_folders_of_their_rows() -> None:
    package = ROOT / "widget_api"
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    missing = [
        name
        for places, text in rows
        for name in re.findall(r"`([\w/]+\.(?:py|json|html))`", places + text)
        if not (package / name).exists()
        and not any(any((package / place).glob(f"**/{name}")) for place in re.findall(r"`([\w/]+/)`", places))
    ]
    assert missing == []


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]), ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_between_documents_resolve(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (path.parent / target).exists(), target


def test_each_version_of_the_changelog_groups_its_changes_once_and_in_order() -> None:
    """By who reads them and then by kind; 1.0.0, before which there was nothing to upgrade, by kind alone."""
    kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]  # keepachangelog.com/en/1.1.0
    readers = ["Upgrading", "Security", *(f"For {name}" for name in READERS)]
    _, *versions = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert versions[0].startswith("[Unreleased]\n")
    for version in versions:
        title = version.partition("\n")[0]
        assert re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", title), title
        _, *sections = re.split(r"^### ", version, flags=re.MULTILINE)
        found = [re.sub(r" from [\d.]+$", "", section.partition("\n")[0]) for section in sections]
        allowed = kinds if title.startswith("[1.0.0]") else readers
        assert found == [name for name in allowed if name in found], title
        for name, section in zip(found, sections, strict=True):
            inner = re.findall(r"^#### (.+)$", section, re.MULTILINE)
            assert inner == [kind for kind in kinds if kind in inner], f"{title}: {name}"
            assert bool(inner) == name.startswith("For "), f"{title}: {name}"
            assert re.search(r"^- ", section, re.MULTILINE), f"{title}: {name} is empty"


def test_all_decisions_are_listed_with_their_titles() -> None:
    folder = ROOT / "docs" / "decisions"
    titles = [path.read_text().partition("\n")[0] for path in sorted(folder.glob("0*.md"))]
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", (folder / "README.md").read_text(), re.MULTILINE)
    assert [f"# {number}. {title}" for number, title, _ in listed] == titles
    assert [name for *_, name in listed] == [path.name for path in sorted(folder.glob("0*.md"))]
    assert [int(name[:4]) for *_, name in listed] == list(range(1, len(listed) + 1))


def test_anchors_in_links_exist() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", path.read_text()):
            headings = re.findall(r"^#+ (.+)$", (path.parent / target if target else path).read_text(), re.MULTILINE)
            made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in made, f"{path.name}: {target}#{anchor}"


def test_translations_have_the_same_headings() -> None:
    """A link to a heading leads to the reader's translation, where the heading is found by its place."""
    for path in ROOT.glob("docs/*.ru.md"):
        other = path.with_name(path.name.replace(".ru", ""))
        if other.exists():
            ru, en = (re.findall(r"^#+(?= )", one.read_text(), re.MULTILINE) for one in (path, other))
            assert ru == en, path.name


def test_the_pages_of_installation_have_the_same_commands() -> None:
    """tests/test_install_page.py runs those of the English one."""
    pages = [(ROOT / "docs" / name).read_text() for name in ("install.md", "install.ru.md")]
    english, russian = (re.findall(r"^```.*?^```$", page, re.MULTILINE | re.DOTALL) for page in pages)
    assert len(english) > 10
    assert russian == english


@pytest.mark.parametrize("name", ["embedding.md", "embedding.ru.md"])
def test_every_language_of_the_widget_is_documented(name: str) -> None:
    (row,) = re.findall(r"^\| `lang` \| ([^|]*) \|", (ROOT / "docs" / name).read_text(), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {path.stem for path in (ROOT / "widget_js" / "locales").glob("*.json")}


@pytest.mark.parametrize("name", ["embedding.md", "embedding.ru.md"])
def test_every_property_of_the_widget_is_documented_with_its_default(name: str) -> None:
    """Those of the style sheets, and no other, with what stands where the page sets none."""
    sheets = "".join(path.read_text() for path in (ROOT / "widget_js").rglob("*.css"))
    tokens = json.loads((ROOT / "widget_api/tokens.json").read_text())
    sheets = re.sub(r"token\((\w+), (\w+)\)", lambda match: tokens[match[1]][match[2]], sheets)
    used = dict(re.findall(r"var\((--igw-[a-z-]+), ?([^()]+)\)", sheets))
    assert set(re.findall(r"--igw-[a-z-]+", sheets)) == set(used)
    text = (ROOT / "docs" / name).read_text()
    assert set(re.findall(r"`(--igw-[a-z-]+)`", text)) == set(used)
    rows = re.findall(r"^\| (`--igw[^|]*) \| ([^|]*) \|", text, re.MULTILINE)
    result = dict[str, str]()
    for properties, defaults in rows:
        result |= dict(zip(re.findall(r"`([^`]+)`", properties), re.findall(r"`([^`]+)`", defaults), strict=True))
    assert result == used
