"""The published problems: what may be asked (`parse`), and the answer as rows, items or a page of them."""

from widget_api.browse.listing.filters import Filters, parse
from widget_api.browse.listing.items import COLUMNS, item, published
from widget_api.browse.listing.pages import (
    Found,
    Telling,
    before,
    cursor,
    cursor_of,
    find,
    page,
    page_json,
    position,
    rows,
    written,
)

__all__ = [
    "COLUMNS",
    "Filters",
    "Found",
    "Telling",
    "before",
    "cursor",
    "cursor_of",
    "find",
    "item",
    "page",
    "page_json",
    "parse",
    "position",
    "published",
    "rows",
    "written",
]
