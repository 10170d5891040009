"""What changed among a site's problems, as an Atom feed (RFC 4287) of any filter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from widget_api import clock
from widget_api.problems import wording
from widget_api.sites.model import Site
from widget_api.web import pages

ENTRIES = 50
_TITLE = 160  # characters
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def text(value: str | None) -> str:
    """Without what no XML document may hold, escaped or not; others' systems may send it."""
    return _NOT_XML.sub("\ufffd", value or "")


def identifier(public_url: str, site: Site, number: int | None = None) -> str:
    """The same for good, whichever key or filter leads to it (RFC 4151); None = of the site."""
    host = urlsplit(public_url).hostname or "localhost"
    return f"tag:{host},2026:{site.id}" + ("" if number is None else f"/{number}")


def written(
    site: Site,
    language: str,
    items: Sequence[dict[str, Any]],
    *,
    public_url: str,
    query: str,
    itself: str,
    following: str | None,
) -> bytes:
    """The feed of these items, which are as lists show them with `category_name`; `query` is the filter's,
    `itself` has the page's size as well.

    `updated` is that of what changed last: a feed that did not change stays the same to the byte.
    """
    page = f"{public_url}/s/{site.key}"
    document = pages.render(
        "city/feed.xml",
        language,
        site=site,
        id=identifier(public_url, site) + text(query),
        page=page,
        query=query,
        itself=itself,
        following=following,
        updated=max((one["updated_at"] for one in items), default=clock.rfc3339(0)),
        entries=[
            {
                **one,
                "id": identifier(public_url, site, one["number"]),
                "title": text(wording.first_line(one["description"], _TITLE)),
                "description": text(one["description"]),
                "address": text(one["address"]),
                "page": f"{page}/problems/{one['number']}",
            }
            for one in items
        ],
        text=text,
    )
    return document.encode()
