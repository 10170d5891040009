"""Render published problems as list items, from rows or from stored JSON."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from widget_api import i18n
from widget_api.database import Database, Row
from widget_api.problems.deadline import is_overdue
from widget_api.problems.projections import items
from widget_api.sites.model import Site

COLUMNS = ", ".join(items.COLUMNS)
_NAMES = re.compile(rb"%b([^%b]*)%b" % (items.NAME, items.NAME, items.NAME))


def item(row: Row, today: date, site: Site, public_url: str, language: str | None = None) -> dict[str, Any]:
    """Return a list item, in the site's language unless another is given. `row` begins with COLUMNS."""
    url = f"{public_url}/s/{site.key}/problems/{row['number']}"
    content = items.describe(row, url, _category_name(site, row["category"], language))
    for photo in content["photos"]:
        photo.update({size: public_url + photo[size] for size in ("url", "thumb", "small") if size in photo})
    return {**content, "overdue": is_overdue(row, today)}


def fill_items(content: bytes, site: Site, public_url: str) -> bytes:
    """Replace the placeholders in stored items of a site by the public URL, the site's key and category names."""
    content = content.replace(items.PUBLIC_URL, public_url.encode()).replace(items.KEY, site.key.encode())
    return _NAMES.sub(lambda match: orjson.dumps(_category_name(site, _read(match[1]), None))[1:-1], content)


def _category_name(site: Site, code: str, language: str | None) -> str:
    category = site.category(code)
    return i18n.category_name(language or site.language, code, category.name if category else None)


@lru_cache(maxsize=512)
def _read(code: bytes) -> str:
    """Decode the inside of a JSON string."""
    text: str = orjson.loads(b'"%b"' % code)
    return text


async def find_published(database: Database, site_id: str, number: int) -> Row | None:
    """Find a published problem with its `id`; None also if the number is unpublished."""
    if not 0 < number < 2**31:
        return None
    return await database.row(
        f"SELECT {COLUMNS}, id FROM problems WHERE site_id = :site_id AND number = :number AND published",
        site_id=site_id,
        number=number,
    )
