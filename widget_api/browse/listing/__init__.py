"""List published problems: parse filters (`parse`), and read rows, items or pages of them."""

from widget_api.browse.listing.filters import Filters, parse
from widget_api.browse.listing.items import COLUMNS, find_published, item
from widget_api.browse.listing.pages import (
    Page,
    Projection,
    cursor,
    cursor_of,
    encode_cursor,
    find,
    find_page_start,
    page,
    page_json,
    position,
    rows,
)

__all__ = [
    "COLUMNS",
    "Filters",
    "Page",
    "Projection",
    "cursor",
    "cursor_of",
    "encode_cursor",
    "find",
    "find_page_start",
    "find_published",
    "item",
    "page",
    "page_json",
    "parse",
    "position",
    "rows",
]
