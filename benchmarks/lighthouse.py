"""Scores of Lighthouse for what residents open: a host page, the town's page, a problem, both forms.

    make run                                            # in one terminal
    npm install --prefix /tmp/lighthouse lighthouse     # not a dependency: 200 packages for a look now and then
    python -m benchmarks.lighthouse /tmp/lighthouse     # in another; LIMITS are what the project promises

Its mobile profile simulates a slow phone and network: on a busy machine performance suffers, and nothing else does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts import browser
from tests.support.browser import FLAGS

RUNS = 3  # the best of them counts: what else the machine does only takes away
LIMITS = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}


def addresses(demo: dict[str, Any]) -> dict[str, str]:
    town = f"{demo['service']}/s/{demo['sites'][0]['key']}"
    return {
        "host page": f"{demo['pages']}/plain/",
        "town": town,
        "problem": f"{town}/problems/1",
        "form": f"{town}/report",
        "form of the application": f"{town}/form",
    }


def measure(folder: Path, address: str) -> dict[str, Any]:
    """Lighthouse's report of a page."""
    command = [
        str(folder / "node_modules/.bin/lighthouse"),
        address,
        f"--chrome-flags=--headless {' '.join(one for one in FLAGS if 'MAP' not in one)}",
        "--output=json",
        "--quiet",
        f"--only-categories={','.join(LIMITS)}",
    ]
    environment = os.environ | {"CHROME_PATH": str(browser.find())}
    found: dict[str, Any] = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    return found


def main(folder: Path, demo: Path = Path("data/demo.json")) -> int:
    failed = 0
    for name, address in addresses(json.loads(demo.read_text())).items():
        runs = [measure(folder, address) for _ in range(RUNS)]
        report = max(runs, key=lambda one: one["categories"]["performance"]["score"])
        scores = {category: round(report["categories"][category]["score"] * 100) for category in LIMITS}
        print(name.ljust(24), *(f"{category} {score}" for category, score in scores.items()), sep="  ", flush=True)
        for category, limit in LIMITS.items():
            if scores[category] >= limit:
                continue
            failed += 1
            for one in report["categories"][category]["auditRefs"]:
                audit = report["audits"][one["id"]]
                if one["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                    print(f"  {category}: {audit['title']} {audit.get('displayValue', '')}")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(*map(Path, sys.argv[1:]))))
