"""Derive a site's appearance in the widget: icons of its categories, readable colours from its accent."""

from __future__ import annotations

# Drawn at 24 px with a stroke of 1.75, as the widget's own set (widget_js/shared/ui/icon.tsx).
ICONS = {
    "roads": "M8 4L4 20M16 4l4 16M12 5v3m0 3v3m0 3v3",
    "yards": "M4 13h16M6 13V9h12v4M7 13v6m10-6v6",
    "housing": "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-5h4v5",
    "garbage": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13m-7 4v5m4-5v5",
    "lighting": "M7 21V9a4 4 0 0 1 8 0M4 21h6m1-8l1.5-4h5l1.5 4zm4 3v2m-3.5-2l-1 2m8-2l1 2",
    "transport": "M5 5h14v12H5zm0 6h14M8 17v3m8-3v3M8 14h.01M16 14h.01",
    "snow": "M12 3v18M4.2 7.5l15.6 9m0-9l-15.6 9M9.5 4.5L12 7l2.5-2.5m-5 15L12 17l2.5 2.5",
    "greenery": "M12 21V10m0 6l3-2.5M12 14a5 5 0 0 1-5-5 5 5 0 0 1 10 0 5 5 0 0 1-5 5z",
    "water": "M12 3s6 6.6 6 11a6 6 0 0 1-12 0c0-4.4 6-11 6-11zM9 14a3 3 0 0 0 3 3",
    "playgrounds": "M4 20L8 4h8l4 16M10 4v10m4-10v10m-5 0h6",
    "safety": "M12 3l7 3v5c0 4.8-2.9 8.3-7 10-4.1-1.7-7-5.2-7-10V6zm-3 9l2 2 4-4",
}
DEFAULT_ICON = "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm-4 9h.01M12 12h.01M16 12h.01"

MIN_CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text against its background
BACKGROUNDS = ("#ffffff", "#12171d")  # of the widget's light and dark themes
TEXT_COLOURS = ("#ffffff", "#06243f")  # text on the accent in each
_STEP = 0.04


def category_icon(category: str) -> str:
    """The SVG path of a category's icon, DEFAULT_ICON for a site's own categories."""
    return ICONS.get(category, DEFAULT_ICON)


def accent_style(accent: str | None) -> str | None:
    """The declarations of `accent_properties`, for the widget's outermost element."""
    return ";".join(f"{name}:{value}" for name, value in accent_properties(accent).items()) or None


def accent_properties(accent: str | None) -> dict[str, str]:
    """Custom properties of the widget derived from a site's accent (#rrggbb), for both themes.

    Links and borders have this colour too, so it is mixed with black or white until it contrasts with both the
    background and the text on it.
    """
    if accent is None:
        return {}
    light, dark = (
        _make_readable(accent, ground, ink, towards)
        for ground, ink, towards in zip(BACKGROUNDS, TEXT_COLOURS, ("#000000", "#ffffff"), strict=True)
    )
    return {
        "--igw-accent": light,
        "--igw-accent-ink": TEXT_COLOURS[0],
        "--igw-accent-dark": dark,
        "--igw-accent-ink-dark": TEXT_COLOURS[1],
    }


def contrast_ratio(one: str, other: str) -> float:
    """Contrast ratio of two #rrggbb (WCAG 2.2, definitions)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _make_readable(accent: str, ground: str, ink: str, towards: str) -> str:
    share, colour = 0.0, accent
    while min(contrast_ratio(colour, ground), contrast_ratio(colour, ink)) < MIN_CONTRAST and share < 1:
        share += _STEP
        colour = mix(accent, towards, min(share, 1))
    return colour


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def mix(one: str, other: str, share: float) -> str:
    mixed = (round(a + (b - a) * share) for a, b in zip(_channels(one), _channels(other), strict=True))
    return "#" + bytes(mixed).hex()


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


BUTTON_INK = "#ffffff"  # of the button, unless the host page sets another (widget_js/loader/button.css)
DARK_BUTTON_INK = "#1b2430"


def choose_ink(accent: str) -> str:
    """The text colour on a button: white, or a dark one where white is unreadable and dark contrasts more."""
    if contrast_ratio(BUTTON_INK, accent) >= MIN_CONTRAST:
        return BUTTON_INK
    return max((BUTTON_INK, DARK_BUTTON_INK), key=lambda ink: contrast_ratio(ink, accent))
