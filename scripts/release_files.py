"""Build the files of a release from the tree that this module is in: `python -m scripts.release_files FOLDER`.

The same tree gives the same bytes: times come from SOURCE_DATE_EPOCH (scripts/release.py sets it), entries are sorted,
owners and permissions fixed.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from widget_api.sites.install import packages

ROOT = Path(__file__).resolve().parent.parent
NAME = "igrajdanin-widget"
SUMS = "SHA256SUMS"


def build(target: Path) -> None:
    """Write all files of the release into an empty folder."""
    version = packages.VERSION
    build_python = (sys.executable, "-m", "hatchling", "build", "--directory", str(target))
    subprocess.run(build_python, cwd=ROOT, check=True, capture_output=True)
    pack = ("npm", "pack", "./widget_js/npm", "--silent", "--pack-destination", str(target))
    subprocess.run(pack, cwd=ROOT, check=True, capture_output=True)
    (target / f"{NAME}-{version}.tgz").rename(target / f"{NAME}-npm-{version}.tgz")
    for package in packages.PACKAGES:
        (target / package.file_name).write_bytes(packages.build_package(package))
    # The folder keeps its name: the loader asks for its other files below it.
    released = packages.pack(ROOT / "dist" / version, f"{version}/")
    (target / f"{NAME}-dist-{version}.zip").write_bytes(released)
    (target / f"{NAME}-{version}.cdx.json").write_text(describe_parts(version, int(os.environ["SOURCE_DATE_EPOCH"])))
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(target.iterdir())
    ]  # as sha256sum writes them
    (target / SUMS).write_text("".join(sums))


def describe_parts(version: str, built_at: int) -> str:
    """Return the bill of materials (CycloneDX): what an installation from the lock holds, and what is in the widget."""
    serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"pkg:pypi/{NAME}@{version}")
    bom = Bom(serial_number=serial_number, components=_list_parts(version))
    bom.metadata.timestamp = datetime.fromtimestamp(built_at, UTC)
    bom.metadata.tools = ToolRepository()
    bom.metadata.component = _component("pypi", NAME, version, "MIT", ComponentType.APPLICATION)
    bom.register_dependency(bom.metadata.component, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _list_parts(version: str) -> list[Component]:
    lock = (ROOT / "requirements" / "run.txt").read_text()
    licences = (ROOT / "dist" / version / "LICENSES.txt").read_text()
    installed = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE)
    bundled = re.findall(r"^((?:@[\w.-]+/)?[\w.-]+) (\d[\w.-]+) \(([\w.-]+)\)$", licences, re.MULTILINE)
    return [_component("pypi", *part) for part in installed] + [_component("npm", *part) for part in bundled]


def _component(
    kind: str, name: str, version: str, licence: str = "", type_: ComponentType = ComponentType.LIBRARY
) -> Component:
    *namespace, plain = name.split("/")  # «@scope/name» of npm
    url = PackageURL(kind, "/".join(namespace) or None, plain, version)
    licences = [LicenseFactory().make_from_string(licence)] if licence else []
    return Component(name=name, version=version, type=type_, purl=url, bom_ref=str(url), licenses=licences)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
