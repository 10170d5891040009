"""Codes are defined in Python, in the API description and in the widget: all three must agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from scripts import contract
from widget_api import i18n, openapi, status_table
from widget_api.browse.queries import GROUPS, SORTS, Selection
from widget_api.mailbox.commands import _PHRASES as PHRASES
from widget_api.open311.statuses import UPDATE_STATUS, georeport_status
from widget_api.problems.model import STATUSES, ActorKind, allowed
from widget_api.problems.timeline import PUBLIC_KINDS
from widget_api.sites.install.sightings import FAILURES
from widget_api.status_table import PUBLIC_STATUSES
from widget_api.validation import parse_query

ROOT = Path(__file__).resolve().parents[2]
WIDGET = ROOT / "widget_js"
DOCUMENT = (ROOT / "docs" / "api.md").read_text()


def text(name: str) -> str:
    return (WIDGET / name).read_text()


def sources() -> str:
    return "\n".join(path.read_text() for path in WIDGET.rglob("*.ts*") if "tests" not in path.parts)


def test_the_description_has_every_timeline_entry_status_and_group() -> None:
    entry = openapi.document("")["components"]["schemas"]["Entry"]
    assert set(entry["properties"]["kind"]["enum"]) == PUBLIC_KINDS
    pattern = openapi.document("")["components"]["parameters"]["status"]["schema"]["pattern"]
    for word in (*STATUSES, *GROUPS):
        assert re.search(pattern, f"{word},{word}")
        assert parse_query(Selection, {"status": word}).statuses
    assert not re.search(pattern, "overdue")


def test_the_widget_has_the_types_groups_orders_and_failures_of_the_service() -> None:
    assert contract.FILE.read_text() == contract.written()
    (written,) = re.findall(r"export type Group = (.*);", text("shared/filters.ts"))
    assert re.findall(r'"(\w+)"', written) == list(GROUPS)
    (taken,) = re.findall(r"sort: /\^\(([a-z|]+)\)\$/", text("shared/filters.ts"))
    (default, *others) = SORTS
    assert taken.split("|") == others  # the default is not in the URL
    offered = re.findall(r't\((?:[^()?]+ \? "\w+" : )?"sort_(\w+)"\)', text("browse/filters/fields.tsx"))
    assert offered == [default, *others]
    (written,) = re.findall(r"^type Failure = (.*);$", text("shared/telemetry.ts"), re.MULTILINE)
    words = {*re.findall(r'"([\w-]+)"', written), *re.findall(r"failed=([a-z]+)\"", text("loader/loader.ts"))}
    assert words <= set(FAILURES)
    assert {FAILURES[word] for word in words} == set(FAILURES.values())


def test_every_public_status_has_one_group_and_a_shape_and_what_agencies_set_a_command_word() -> None:
    assert sorted(status for group in GROUPS.values() for status in group) == sorted(PUBLIC_STATUSES)
    assert set(STATUSES) - set(PUBLIC_STATUSES) == {"moderation", "withdrawn"}
    assert set(status_table.STATUSES) == {*STATUSES, "overdue", "erased"}
    assert {one.shape for one in status_table.STATUSES.values()} == set(status_table.SHAPES)
    assert set(PHRASES) == set().union(*(allowed("agent", status) for status in STATUSES))


def test_every_status_actor_and_member_is_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (open|closed) \| `(\w+)` \|$", DOCUMENT, re.MULTILINE)
    assert rows == [(status, georeport_status(status), UPDATE_STATUS[status]) for status in STATUSES]
    (actors,) = re.findall(r"^\| `actor` \|[^|]*\|(.*)\|$", DOCUMENT, re.MULTILINE)
    assert re.findall(r"`(\w+)`", actors) == list(get_args(ActorKind))
    listed = [re.findall(r"\w+", braces) for braces in re.findall(r"`\{([^`}]+)\}`", DOCUMENT)]
    for name in ("Problem", "Entry", "Answer", "Document"):
        assert list(openapi.document("")["components"]["schemas"][name]["properties"]) in listed, name


def test_compared_error_codes_exist() -> None:
    """In the widget, and in docs/api.md beside their status."""
    compared = set(re.findall(r'code [!=]== "(\w+)"', sources()))
    assert "origin_not_registered" in compared
    documented = set(re.findall(r"\b4\d\d\s`(\w+)`", DOCUMENT))
    assert len(documented) > 5
    assert sorted(code for code in compared | documented if not i18n.has(f"errors.{code}")) == []
