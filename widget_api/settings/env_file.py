"""Read, fill in and write the file of settings that the systemd units and `widget-admin` read (deploy/widget.env).

Both take a line as it stands, so values have no quotes. Comments and lines that are not filled in stay.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)
_QUOTING = frozenset("\"'\\")  # systemd interprets these, widget-admin does not
_PACKAGE_FOLDER = Path(__file__).parent.parent
_NAME = "widget.env"


def read_template() -> str:
    """Return the shipped file, with the values of an example."""
    inside = _PACKAGE_FOLDER / _NAME
    return (inside if inside.is_file() else _PACKAGE_FOLDER.parent / "deploy" / _NAME).read_text()


def read_values(text: str) -> dict[str, str]:
    """Return the variables of a file that have a value."""
    return {name: value for name, value in _LINE.findall(text) if value}


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return the file with these values, each in every line of its variable (the last one counts) or, without one, at
    the end."""
    filled = _LINE.sub(lambda line: f"{line[1]}={values.get(line[1], line[2])}", text)
    ended = filled if not filled or filled.endswith("\n") else f"{filled}\n"
    present = {name for name, _ in _LINE.findall(text)}
    return ended + "".join(f"{name}={value}\n" for name, value in values.items() if name not in present)


def can_contain(value: str) -> bool:
    """Whether a value is the same for systemd and for `widget-admin`."""
    return value.isprintable() and value == value.strip() and _QUOTING.isdisjoint(value)


def write(path: Path, text: str) -> None:
    """Write the file, readable by its owner only, in place of one that may be there. A failure leaves that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
