"""Asks axe-core what a page's states keep from people with disabilities (WCAG 2.2 AA and its best practices)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

_FILE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_RUN = "axe.run(document).then(result => result.violations.map(found => [found.id, found.nodes.map(n => n.html)]))"


@cache
def source() -> str:
    return _FILE.read_text()


def violations(page: Page) -> list[str]:
    """One line each: the rule and the elements that break it."""
    page.evaluate(source())
    return [f"{rule}: {' | '.join(elements)[:600]}" for rule, elements in page.evaluate(_RUN)]
