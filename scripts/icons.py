"""Draw the pictures of the town's application (widget_api/icons/) from the service's icon: `python -m scripts.icons`.

Each is a PNG with a palette of 96 steps, which the service replaces by a site's colours (residents/icons.py): 64 from
the ground to the ink, and 32 from the ground to transparent, for the round corners.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.support import browser

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "widget_api/icons"
INK, GROUND = 64, 32  # steps
SIZES = {"192": 192, "512": 512}
# Launchers cut these to a shape of theirs: they have no corners of their own.
SQUARE = {"maskable-512": 512, "apple-180": 180}


def main() -> None:
    icon = (ROOT / "widget_api/static/icon.svg").read_text()
    colour = re.findall(r'fill="(#\w+)"', icon)[0]
    black = icon.replace(colour, "#000")  # the ink is white
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = browser.launch(playwright)
        page = chromium.new_page()
        for name, size in (SIZES | SQUARE).items():
            drawing = black if name in SIZES else re.sub(r' rx="\d+"', "", black)
            ink = _draw(page, drawing, size, "#000")
            outside = _draw(page, re.sub(r"<path.*?/>", "", drawing), size, "#fff")
            steps = bytes(
                INK + round(out * (GROUND - 1) / 255) if out else round(shade * (INK - 1) / 255)
                for shade, out in zip(ink.tobytes(), outside.tobytes(), strict=True)
            )
            picture = Image.frombytes("P", (size, size), steps)
            picture.putpalette([0, 0, 0] * (INK + GROUND))
            clear = bytes([255] * INK) + bytes(255 - round(step * 255 / (GROUND - 1)) for step in range(GROUND))
            picture.save(FOLDER / f"{name}.png", transparency=clear, optimize=False, bits=8)
        chromium.close()


def _draw(page: Page, drawing: str, size: int, ground: str) -> Image.Image:
    """The drawing as shades of grey."""
    page.set_viewport_size({"width": size, "height": size})
    style = f"<style>body{{margin:0;background:{ground}}}svg{{display:block;width:{size}px}}</style>"
    page.set_content(style + drawing)
    return Image.open(io.BytesIO(page.screenshot())).convert("L")


if __name__ == "__main__":
    main()
