"""List published problems: parse filters (`parse`), and read rows, items or pages of them."""

from widget_api.browse.listing.filters import Filters, parse
from widget_api.browse.listing.pages import (
    COLUMNS,
    Page,
    Projection,
    cursor,
    cursor_of,
    encode_cursor,
    find,
    find_page_start,
    find_published,
    page,
    page_json,
    position,
    rows,
)
from widget_api.problems.projections.items import list_item as item

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
