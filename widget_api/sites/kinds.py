"""Tell what a row of the table `sites` is: a site, the test mode of one, or one of its collections."""

from __future__ import annotations

from typing import Literal

Kind = Literal["site", "test", "collection"]

# Conditions of SQL on rows of `sites` that a query calls `s`.
IS_SITE = "s.parent_id IS NULL"
IS_TEST = "s.slug = ''"
IS_COLLECTION = "s.slug <> ''"
IS_NO_TEST = "COALESCE(s.slug, '-') <> ''"


def kind_of(slug: str | None) -> Kind:
    """The kind of a row by its `slug`: a site has none, a test mode an empty one, a collection that of its page."""
    return "site" if slug is None else "collection" if slug else "test"
