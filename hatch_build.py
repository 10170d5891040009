"""Puts the built widget and the example host pages inside the wheel, so that an installed service is complete."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = ("dist", "embed_examples")


class CarriedFolders(BuildHookInterface):  # type: ignore[type-arg]
    """Copies the folders that live beside the package; an editable install reads them where they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        for name in CARRIED:
            if (Path(self.root) / name).is_dir():
                build_data["force_include"][name] = f"widget_api/{name}"
        build_data["force_include"]["docs/api-changelog.md"] = "widget_api/api-changelog.md"
        build_data["force_include"]["deploy/widget.env"] = "widget_api/widget.env"
