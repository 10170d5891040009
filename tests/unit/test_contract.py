"""Words that programs compare are said three times, in Python, in the API's description and in the widget: alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

from widget_api import i18n, openapi, status_table
from widget_api.install.model import FAILURES
from widget_api.mailbox.words import _PHRASES as PHRASES
from widget_api.open311.statuses import UPDATE_STATUS, georeport_status
from widget_api.problems.model import OPEN, STATUSES, ActorKind, Report, allowed
from widget_api.problems.queries import GROUPS, SEPARATORS, SORTS
from widget_api.problems.timeline import PUBLIC_KINDS
from widget_api.sites import view
from widget_api.sites.model import Contact, Datatype, Discussion, SiteType
from widget_api.tables import PUBLIC_STATUSES

ROOT = Path(__file__).resolve().parents[2]
WIDGET = ROOT / "widget_js"
DOCUMENT = (ROOT / "docs" / "api.md").read_text()
SCHEMAS, PARAMETERS = "/components/schemas", "/components/parameters"
SOURCES = get_args(get_type_hints(Report)["source"])
# Every enumeration of the description, by its place; what may be absent, or left empty, is none of its words.
DESCRIBED = {
    f"{PARAMETERS}/overdue/schema": ("true",),
    f"{PARAMETERS}/sort/schema": SORTS,
    f"{SCHEMAS}/Status": PUBLIC_STATUSES,
    f"{SCHEMAS}/Problem/properties/source": SOURCES,
    f"{SCHEMAS}/Detail/properties/source": SOURCES,
    f"{SCHEMAS}/Detail/properties/discussion": get_args(Discussion),
    f"{SCHEMAS}/Entry/properties/kind": PUBLIC_KINDS,
    f"{SCHEMAS}/Entry/properties/status": STATUSES,
    f"{SCHEMAS}/Entry/properties/actor": get_args(ActorKind),
    f"{SCHEMAS}/Question/properties/datatype": get_args(Datatype),
    f"{SCHEMAS}/Configuration/properties/type": get_args(SiteType),
    f"{SCHEMAS}/Configuration/properties/contact": get_args(Contact),
    f"{SCHEMAS}/Receipt/properties/status": STATUSES,
    "/paths/api/v1/sites/{key}/problems.csv/get/parameters/separator/schema": SEPARATORS,
}
# Every union of words in contract.ts, by type and member.
WRITTEN = {
    "Status": STATUSES,
    "Question.datatype": get_args(Datatype),
    "Config.type": get_args(SiteType),
    "Config.contact": get_args(Contact),
    "Entry.kind": PUBLIC_KINDS,
    "Entry.actor": get_args(ActorKind),
    "Detail.discussion": get_args(Discussion),
}


def enumerations(node: Any, place: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(node, dict):
        if words := frozenset(filter(None, node.get("enum", ()))):
            yield place, words
        for name, child in node.items():
            yield from enumerations(child, f"{place}/{name.strip('/')}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            name = child.get("name", index) if isinstance(child, dict) else index
            yield from enumerations(child, f"{place}/{name}")


def unions(source: str) -> Iterator[tuple[str, frozenset[str]]]:
    code = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    for block in re.split(r"^export (?:interface|type) ", code, flags=re.MULTILINE)[1:]:
        of = re.match(r"\w+", block)
        assert of is not None
        for name, words in re.findall(r'(\w+)\??\s*[:=][\s|]*((?:"[\w-]+"[\s|]*){2,})', block):
            yield of[0] if name == of[0] else f"{of[0]}.{name}", frozenset(re.findall(r'"([\w-]+)"', words))


def text(name: str) -> str:
    return (WIDGET / name).read_text()


def sources() -> str:
    return "\n".join(path.read_text() for path in WIDGET.rglob("*.ts*") if "tests" not in path.parts)


def test_the_description_knows_each_word() -> None:
    assert dict(enumerations(openapi.document(""))) == {place: frozenset(words) for place, words in DESCRIBED.items()}


def test_the_description_takes_each_status_and_each_group_in_a_filter() -> None:
    pattern = openapi.document("")["components"]["parameters"]["status"]["schema"]["pattern"]
    first, again = re.fullmatch(r"\^\(\(([a-z_|]+)\)\(,\(([a-z_|]+)\)\)\*\)\?\$", pattern).groups()  # type: ignore[union-attr]
    assert first == again
    assert set(first.split("|")) == {*STATUSES, *GROUPS}


def test_the_widget_knows_each_word() -> None:
    assert dict(unions(text("shared/contract.ts"))) == {name: frozenset(words) for name, words in WRITTEN.items()}


def test_groups_and_orders_are_the_same_in_the_widget() -> None:
    (written,) = re.findall(r"export type Group = (.*);", text("shared/filters.ts"))
    assert re.findall(r'"(\w+)"', written) == list(GROUPS)
    (taken,) = re.findall(r"sort: /\^\(([a-z|]+)\)\$/", text("shared/filters.ts"))
    (default, *others) = SORTS
    assert taken.split("|") == others  # the default stands in no address
    offered = re.findall(r"t\(\"sort_(\w+)\"\)\]", text("browse/filters/fields.tsx"))
    assert offered == [default, *others]


def test_each_status_the_public_sees_is_in_one_group_and_has_a_shape() -> None:
    assert sorted(status for group in GROUPS.values() for status in group) == sorted(PUBLIC_STATUSES)
    assert set(STATUSES) - set(PUBLIC_STATUSES) == {"moderation", "withdrawn"}
    assert set(status_table.STATUSES) == {*STATUSES, "overdue", "erased"}
    assert {one.shape for one in status_table.STATUSES.values()} == set(status_table.SHAPES)
    assert set(view.SHOWN) == set(PUBLIC_STATUSES) & OPEN


def test_each_status_an_agency_may_set_has_a_word_in_letters() -> None:
    assert set(PHRASES) == set().union(*(allowed("agent", status) for status in STATUSES))


def test_the_widget_tells_failures_in_words_the_service_counts() -> None:
    (written,) = re.findall(r"^type Failure = (.*);$", text("shared/telemetry.ts"), re.MULTILINE)
    words = {*re.findall(r'"([\w-]+)"', written), *re.findall(r"failed=([a-z]+)\"", text("loader/loader.ts"))}
    assert words <= set(FAILURES)
    assert {FAILURES[word] for word in words} == set(FAILURES.values())


def test_the_table_of_statuses_tells_each() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (open|closed) \| `(\w+)` \|$", DOCUMENT, re.MULTILINE)
    assert rows == [(status, georeport_status(status), UPDATE_STATUS[status]) for status in STATUSES]
    (actors,) = re.findall(r"^\| `actor` \|[^|]*\|(.*)\|$", DOCUMENT, re.MULTILINE)
    assert re.findall(r"`(\w+)`", actors) == list(get_args(ActorKind))


def test_the_document_names_each_member_of_problems_entries_and_answers() -> None:
    told = [re.findall(r"\w+", braces) for braces in re.findall(r"`\{([^`}]+)\}`", DOCUMENT)]
    for name in ("Problem", "Entry", "Answer", "Document"):
        assert list(openapi.document("")["components"]["schemas"][name]["properties"]) in told, name


def test_codes_that_programs_compare_exist() -> None:
    """In the widget, and in docs/api.md beside the status they come with."""
    compared = set(re.findall(r'code [!=]== "(\w+)"', sources()))
    assert "origin_not_registered" in compared
    documented = set(re.findall(r"\b4\d\d\s`(\w+)`", DOCUMENT))
    assert len(documented) > 5
    assert sorted(code for code in compared | documented if not i18n.has(f"errors.{code}")) == []
