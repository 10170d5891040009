"""A visitor who has the accessibility tree's text alone, and acts by roles and names that it says.

What the text names twice in one role cannot be told apart, and fails.
"""

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page

from tests.support.widget import wait_until


class ByNames:
    def __init__(self, page: Page) -> None:
        self._page = page

    def text(self) -> str:
        return self._page.locator("body").aria_snapshot()

    def read(self, *words: str) -> None:
        """Wait until the text has all of these words."""
        wait_until(self._page, lambda: all(word in self.text() for word in words))

    def find(self, role: str, beginning: str, *words: str) -> Locator:
        """Wait for the one object of this role whose name begins so and has these words."""
        line = re.compile(rf'^\s*- (?:\'|)?{role} ("{re.escape(beginning)}(?:[^"\\]|\\.)*")', re.MULTILINE)

        def names() -> list[str]:
            return [name for name in line.findall(self.text()) if all(word in name for word in words)]

        wait_until(self._page, names)
        (name,) = names()
        return self._page.get_by_role(role, name=json.loads(name), exact=True)  # type: ignore[arg-type]

    def press(self, role: str, beginning: str, *words: str) -> None:
        self.find(role, beginning, *words).click()

    def fill(self, beginning: str, text: str) -> None:
        self.find("textbox", beginning).fill(text)

    def choose(self, beginning: str, file: Any) -> None:
        """Choose a file, for which browsers have a button."""
        self.find("button", beginning).set_input_files(file)
