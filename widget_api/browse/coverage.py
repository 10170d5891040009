"""Count entries by region, district and kind: of support that there is, or of help that meets a problem."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

from widget_api.database import Database, Row
from widget_api.problems.projections.answers import CHOICES, WHOLE
from widget_api.sites.model import HELP, REGION, SUPPORT, Question, Site

MOST_REGIONS = 100  # shown
Kinds = Sequence[tuple[str, str]]  # keys and names


@dataclass(frozen=True, kw_only=True)
class Place:
    """A region or a district."""

    name: str
    key: str  # of the filter
    total: int
    counts: Sequence[int]  # in the order of the kinds


@dataclass(frozen=True, kw_only=True)
class Coverage:
    asked: str  # the question about kinds: SUPPORT or HELP
    kinds: Kinds
    regions: Sequence[Place]
    more: int  # regions that are not shown
    missing: Kinds  # that nobody has
    districts: Sequence[Place]  # all of the site, in its order
    elsewhere: int  # entries outside of all districts, or without a place


_cache: LRUCache[tuple[str, int], Coverage] = LRUCache(32)


async def read(database: Database, site: Site, version: int) -> Coverage | None:
    """The coverage of a collection that asks for region and support, or help; None for others."""
    asked = {one.code: one for one in site.fields}
    region, kind = asked.get(REGION), asked.get(SUPPORT) or asked.get(HELP)
    if region is None or kind is None or kind.datatype not in CHOICES:
        return None
    if (site.id, version) not in _cache:
        listed = region.values if region.datatype in CHOICES else None
        _cache[site.id, version] = await _count(database.in_threads(), site, listed, kind)
    return _cache[site.id, version]


async def _count(database: Database, site: Site, listed: Kinds | None, asked: Question) -> Coverage:
    kinds = asked.values
    regions = await _count_regions(database, site.id, listed, asked)
    found = [sum(place.counts[index] for place in regions) for index in range(len(kinds))]
    districts, elsewhere = await _count_districts(database, site, asked)
    return Coverage(
        asked=asked.code,
        kinds=kinds,
        regions=regions[:MOST_REGIONS],
        more=max(0, len(regions) - MOST_REGIONS),
        missing=[kind for kind, count in zip(kinds, found, strict=True) if not count],
        districts=districts,
        elsewhere=elsewhere,
    )


async def _count_regions(database: Database, site_id: str, listed: Kinds | None, asked: Question) -> list[Place]:
    """Count by answers. Where regions are no choice, they are what people wrote, whatever the case of its letters."""
    rows = await database.rows(
        "SELECT r.value AS place, s.value AS kind, COUNT(*) AS count FROM entry_answers r JOIN entry_answers s"
        " ON s.site_id = r.site_id AND s.number = r.number AND s.code = :asked"
        " WHERE r.site_id = :site_id AND r.code = :region GROUP BY r.value, s.value",
        site_id=site_id,
        region=REGION,
        asked=asked.code,
    )
    totals = await database.rows(
        "SELECT value, COUNT(*) AS count FROM entry_answers WHERE site_id = :site_id AND code = :region GROUP BY value",
        site_id=site_id,
        region=REGION,
    )
    names = dict(listed) if listed is not None else dict[str, str]()
    counts, total = defaultdict[str, Counter[str]](Counter), Counter[str]()
    for row in totals:
        if listed is None and row["value"].startswith(WHOLE):
            names.setdefault(row["value"].casefold(), row["value"].removeprefix(WHOLE))
        total[row["value"].casefold() if listed is None else row["value"]] += row["count"]
    for row in rows:
        counts[row["place"].casefold() if listed is None else row["place"]][row["kind"]] += row["count"]
    return [
        _place(name, key if listed is not None else name, total[key], counts[key], asked.values)
        for key, name in sorted(names.items(), key=lambda pair: pair[1].casefold())
    ]


async def _count_districts(database: Database, site: Site, asked: Question) -> tuple[list[Place], int]:
    """Count by place: the site's districts, those without entries too, and how many entries lie in none."""
    if not site.districts:
        return [], 0
    totals: dict[str | None, int] = {
        row["district"]: row["count"]
        for row in await database.rows(
            "SELECT district, COUNT(*) AS count FROM problems WHERE site_id = :site_id AND published GROUP BY district",
            site_id=site.id,
        )
    }
    rows: Sequence[Row] = await database.rows(
        "SELECT p.district AS place, s.value AS kind, COUNT(*) AS count FROM entry_answers s"
        " JOIN problems p ON p.site_id = s.site_id AND p.number = s.number"
        " WHERE s.site_id = :site_id AND s.code = :asked AND p.district IS NOT NULL GROUP BY p.district, s.value",
        site_id=site.id,
        asked=asked.code,
    )
    counts = defaultdict[str, Counter[str]](Counter)
    for row in rows:
        counts[row["place"]][row["kind"]] = row["count"]
    places = [_place(one.name, one.id, totals.pop(one.id, 0), counts[one.id], asked.values) for one in site.districts]
    return places, sum(totals.values())


def _place(name: str, key: str, total: int, counts: Mapping[str, int], kinds: Kinds) -> Place:
    return Place(name=name, key=key, total=total, counts=[counts.get(kind, 0) for kind, _ in kinds])


def public_values(found: Coverage) -> dict[str, Any]:
    """GET /sites/{key}/collections/{slug}/coverage."""

    def values(place: Place, **more: str) -> dict[str, Any]:
        counts = {key: count for (key, _), count in zip(found.kinds, place.counts, strict=True)}
        return {**more, "name": place.name, "total": place.total, "counts": counts}

    named = [{"key": key, "name": name} for key, name in found.kinds]
    shown = {"kinds": named, "missing": [key for key, _ in found.missing]}
    shown |= {"regions": [values(one) for one in found.regions], "more": found.more}
    if found.districts:
        shown |= {"districts": [values(one, id=one.key) for one in found.districts], "elsewhere": found.elsewhere}
    return shown
