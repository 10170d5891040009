"""Contrast of colours as WCAG 2.2 measures it (relative luminance), to say whether text can be read on an accent."""

from __future__ import annotations

READABLE = 4.5  # WCAG 2.2, 1.4.3
INK = "#ffffff"  # of the button unless the host says otherwise (widget_js/loader/button.css)
DARK_INK = "#1b2430"


def contrast(first: str, second: str) -> float:
    """1 to 21, of two colours «#rrggbb»."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink_for(accent: str) -> str:
    """White, or dark ink where white cannot be read and dark can be read better."""
    if contrast(INK, accent) >= READABLE:
        return INK
    return max((INK, DARK_INK), key=lambda ink: contrast(ink, accent))


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
