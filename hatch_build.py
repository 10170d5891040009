"""Puts the built widget, host pages and documents inside the wheel, so that an installed service is complete."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = ("dist", "docs", "embed_examples", "deploy/widget.env", "CHANGELOG.md")


class CarriedFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Copies what lives beside the package; an editable install reads it where it is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        for name in CARRIED:
            if (Path(self.root) / name).exists():
                build_data["force_include"][name] = f"widget_api/{name}"
