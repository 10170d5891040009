"""Select what is published of statistics: the same values for the API, the widget and the pages.

Numbers of very few ratings, or of very few answers of a district, could say something about a single person. They are
left out, see docs/figures.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import floor
from typing import Any, get_args

from widget_api import i18n
from widget_api.browse import received
from widget_api.browse.figures import ALL, API, FIGURES, MONTHS, OF_SITE, PART, measure, name_at
from widget_api.browse.statistics import (
    Month,
    Query,
    Statistics,
    combine,
    read_all_sites,
    read_by,
    read_months,
)
from widget_api.database import Database, Row
from widget_api.problems.model import Channel
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import District, Site
from widget_api.status_table import PUBLIC_STATUSES

FEWEST_RATINGS = 5
FEWEST_TIMES = 5  # answers or reactions in a district
COST_OF_ALL = 5  # of the figures of all sites, in the units of Filters.cost
# Of a table by month. Stable: programs find a column by its name, and new ones are added at the end.
COLUMNS = (
    "month",
    *MONTHS,
    *(f"status_{status}" for status in PUBLIC_STATUSES),
    *received.COLUMNS,
)

InstanceTile = tuple[str, str, str, str]  # label, the name of its texts, the value, the tone


async def read(database: Database, query: Query, now: int, language: str) -> dict[str, Any]:
    """Read the figures of one site, or of several together. The first one names the categories and ends the months."""
    site = query.sites[0]
    categories = await read_by(database, query, "category", now)
    months = await read_months(database, query, local_date(now, site.time_zone))
    figures = _figures(query, categories, months, partial(site.category_name, language))
    return figures | {"outcomes": (await received.read(database, query, now)).to_json()}


def _figures(
    query: Query, categories: Mapping[str, Statistics], months: Sequence[Month], name: Callable[[str], str]
) -> dict[str, Any]:
    whole = combine(categories.values())
    told = {name_at("api", name): _publish(name, whole, query) for name in API}
    return {
        **{name: told.pop(name) for name in ("total", "open", "resolved", "overdue")},  # known members stay in front
        "by_status": dict(whole.by_status),
        "by_category": [
            {"code": code, "name": name(code), **measure(category, "api", PART)}
            for code, category in categories.items()
            if category.total
        ],
        "by_month": [
            {"month": month.month, "received": month.received, "answered": month.answered} for month in months
        ],
        **{name: told.pop(name) for name in ("median_days", "share_resolved")},
        "from": query.first and query.first.isoformat(),
        "to": query.last and query.last.isoformat(),
        "district": query.district,
        **told,
        "by_source": dict(sorted(_by_interface(whole).items(), key=lambda item: (-item[1], item[0]))),
    }


def _publish(name: str, found: Statistics, query: Query) -> Any:
    """The value of a figure, None where it is made of too few."""
    figure = FIGURES[name]
    fewest = FEWEST_RATINGS if figure.unit == "rating" else FEWEST_TIMES if query.district is not None else 0
    if figure.sample is not None and figure.sample(found) < fewest:
        return None
    value = figure.compute(found)
    return {"mean": value, "count": found.rated} if figure.unit == "rating" else value


def _by_interface(found: Statistics) -> Counter[str]:
    """Reports by what the public knows of their source: that somebody called or came is the agency's knowledge."""
    counts = Counter[str]()
    for name, count in found.by_source.items():
        counts["form" if name in get_args(Channel) else name] += count
    return counts


def by_district(districts: Sequence[District], found: Mapping[str, Statistics]) -> list[dict[str, Any]]:
    """Return the counts of each district of a site, by name."""
    none = combine(())
    return [{"id": one.id, "name": one.name, **measure(found.get(one.id, none), "api", PART)} for one in districts]


def by_site(sites: Sequence[Site], found: Mapping[str, Statistics]) -> list[dict[str, Any]]:
    """Return the main figures of each of several sites."""
    none = combine(())
    return [
        {"key": site.key, "jurisdiction": site.jurisdiction, "name": site.name}
        | measure(found.get(site.id, none), "api", OF_SITE)
        for site in sites
    ]


async def read_instance(database: Database, counted: Row, now: int) -> dict[str, Any]:
    """Read the figures of all enabled sites together; `counted` is the result of `sites.store.count_sites`."""
    found = await read_all_sites(database)
    return {
        "sites": counted["sites"],
        "settlements": counted["settlements"],
        **measure(found, "all", ALL),
        "confirmed_authors": counted["authors"],
        "outcomes": (await received.read_all_sites(database, now)).to_json(),
    }


def row(month: str, found: Statistics, outcomes: received.Received) -> tuple[Any, ...]:
    """Return a month's row of the table."""
    return (
        month,
        *(FIGURES[name].compute(found) for name in MONTHS),
        *(found.by_status[status] for status in PUBLIC_STATUSES),
        *outcomes.to_row(),
    )


def instance_tiles(found: Mapping[str, Any], language: str) -> Iterator[InstanceTile]:
    """Yield the figures of all sites together, each after its label, which agrees with the number."""

    def tile(name: str, count: int, tone: str = "muted") -> InstanceTile:
        label = i18n.text(language, f"city.instance.{name}", count=count)
        return label, name, i18n.format_number(language, count), tone

    yield tile("reports", found["reports"], "accepted")
    yield tile("resolved", found["resolved"], "done")
    if found["share_resolved"] is not None:
        share = format_share(found["share_resolved"])
        yield i18n.text(language, "city.instance.share"), "share", share, "muted"
    yield tile("settlements", found["settlements"])
    yield tile("sites", found["sites"])
    if found["confirmed_authors"]:
        yield tile("authors", found["confirmed_authors"])


def format_share(share: float) -> str:
    return f"{round_half_up(share * 100)} %"


def round_half_up(value: float) -> int:
    """Round halves up, as the widget does."""
    return floor(value + 0.5)
