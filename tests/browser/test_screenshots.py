"""`make screenshots` works: it follows the same steps as residents and agents."""

from pathlib import Path
from typing import Any

import pytest

from scripts import screenshots
from tests.support.browser import NewPage, Watch
from tests.support.widget import Examples

pytestmark = [pytest.mark.full("pictures are for the eye; other tests follow the same steps")]
SCREENSHOTS = {
    "host-page",
    "list",
    "charts",
    "filters",
    "problem",
    "map",
    "photos",
    "contacts",
    "form-errors",
    "review",
    "accepted",
}


@pytest.fixture(scope="module")
def demo(example_pages: Examples) -> dict[str, Any]:
    """As much of data/demo.json as the script reads."""
    service = example_pages.service
    service.cli("site", "set", example_pages.site, "--bbox", "38.5,54.9,39.1,55.3")
    service.cli("load-demo", "--problems", "30", "--site", example_pages.site)
    # Other sites of the same service have an agency of this name.
    wanted = service.cli("site", "show", example_pages.site)["agency"]
    user = service.cli("user", "add", "--email", "agent@gorod.test", "--agency", wanted, "--role", "agent")
    agent = {"role": "agent", "instance": "service", "email": "agent@gorod.test", "password": user["password"]}
    return {
        "pages": example_pages.pages.url,
        "service": service.url,
        "sites": [{"key": example_pages.key}],
        "users": [agent, agent | {"email": "agent@service.test"}],  # a service has one too, later
    }


@pytest.mark.parametrize("width", screenshots.WIDTHS)
def test_every_screenshot_is_made(
    new_page: NewPage, demo: dict[str, Any], watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    watch.allow("Unrecognized feature: 'web-share'")  # missing in Chromium for Linux
    monkeypatch.setattr(screenshots, "TARGET", tmp_path)
    size = {"width": width, "height": screenshots.WIDTHS[width]}
    seen = screenshots.Camera(new_page(viewport=size), width)
    screenshots.pages(seen, demo, screenshots.widget(seen, demo))
    screenshots.cabinet(screenshots.Camera(new_page(viewport=size), width), demo)
    taken = {path.stem.removeprefix(f"{width}-") for path in tmp_path.iterdir()}
    assert taken > SCREENSHOTS
