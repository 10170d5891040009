"""Read, fill in and write the file of settings that the systemd units and `widget-admin` read (deploy/widget.env).

Both take a line as it stands, so values have no quotes. Comments and lines that are not filled in stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from widget_api.files import find_carried, write_whole

_LINE = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)
_QUOTING = frozenset("\"'\\")  # systemd interprets these, widget-admin does not


def read_template() -> str:
    """Return the shipped file, with the values of an example."""
    return find_carried("deploy/widget.env").read_text("utf-8")


def read_values(text: str) -> dict[str, str]:
    """Return the variables of a file that have a value."""
    return {name: value for name, value in _LINE.findall(text) if value}


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return the file with these values, each in the line of its variable or, without one, at the end."""
    present = {name for name, _ in _LINE.findall(text)}
    filled = _LINE.sub(lambda line: f"{line[1]}={values.get(line[1], line[2])}", text).rstrip("\n")
    return "\n".join([filled, *(f"{name}={value}" for name, value in values.items() if name not in present), ""])


def can_contain(value: str) -> bool:
    """Whether a value is the same for systemd and for `widget-admin`."""
    return value.isprintable() and value == value.strip() and _QUOTING.isdisjoint(value)


def write(path: Path, text: str) -> None:
    """Write the file, readable by its owner only, in place of one that may be there. A failure leaves that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as file:
        file.write(text.encode())
