"""Put the design tokens of `tokens.json`, a colour for each theme, into the style sheets of the service's pages.

The widget's build (widget_js/build/build.mjs) does the same with its style sheets, so that both show one product.
"""

from __future__ import annotations

import json
import re
from importlib import resources

TOKENS: dict[str, dict[str, str]] = json.loads((resources.files("widget_api") / "tokens.json").read_text("utf-8"))


def paint(name: str, content: bytes) -> bytes:
    """Replace `token(done, dark)` in a style sheet by the colour. Other files are returned unchanged."""
    if not name.endswith(".css"):
        return content
    return re.sub(
        rb"token\((\w+), ([\w-]+)\)", lambda match: TOKENS[match[1].decode()][match[2].decode()].encode(), content
    )
