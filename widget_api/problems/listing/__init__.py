"""The published problems: what may be asked (`parse`), and the answer as rows, items or a page of them."""

from widget_api.problems.listing.filters import (
    FILTERS,
    GROUPS,
    LARGEST_LIMIT,
    LIMIT,
    PAGING,
    SORTS,
    Bbox,
    Filters,
    bbox,
    parse,
    values,
)
from widget_api.problems.listing.items import COLUMNS, item, overdue, published
from widget_api.problems.listing.pages import (
    Found,
    before,
    cursor,
    find,
    page,
    page_json,
    position,
    rows,
    written,
)

__all__ = [
    "COLUMNS",
    "FILTERS",
    "GROUPS",
    "LARGEST_LIMIT",
    "LIMIT",
    "PAGING",
    "SORTS",
    "Bbox",
    "Filters",
    "Found",
    "bbox",
    "before",
    "cursor",
    "find",
    "item",
    "overdue",
    "page",
    "page_json",
    "parse",
    "position",
    "published",
    "rows",
    "values",
    "written",
]
