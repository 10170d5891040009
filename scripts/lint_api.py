"""Hold the API's description against the recommended rules of Redocly CLI and Spectral. Neither uses the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from widget_api import openapi

BINARIES = Path(__file__).resolve().parent.parent / "node_modules" / ".bin"
# Whatever either has to say is a failure, warnings too.
LINTERS = {
    "redocly": ("extends: [recommended-strict]\n", ("lint", "openapi.json", "--config", "redocly.yaml")),
    "spectral": (
        'extends: ["spectral:oas"]\n',
        ("lint", "openapi.json", "--ruleset", "spectral.yaml", "--fail-severity=hint"),
    ),
}
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def lint(document: object) -> list[str]:
    """What each linter complains about in a description; empty where all is well."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "openapi.json").write_text(json.dumps(document, ensure_ascii=False, indent=1))
        for name, (configuration, arguments) in LINTERS.items():
            (Path(folder) / f"{name}.yaml").write_text(configuration)
            done = subprocess.run(
                [str(BINARIES / name), *arguments],
                cwd=folder,
                env=os.environ | QUIET,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                found.append(f"{name}:\n{done.stdout}{done.stderr}")
    return found


if __name__ == "__main__":
    complaints = lint(openapi.document("https://widget.example.org"))
    print("\n".join(complaints), file=sys.stderr)
    sys.exit(bool(complaints))
