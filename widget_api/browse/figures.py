"""Declare each figure of statistics once: how it is computed, its unit, what is good, and the list behind it.

Analytics, the regional report, the city's page, `GET /stats` and its description are made of this table, so that one
name is one number everywhere. A figure says nothing of its scope: sites, category, service, district and period are
those of the `Query` that its `Statistics` were read for. What a report contributes to them is defined in
problems/projections/figures.py, and docs/figures.md says for readers what each figure counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from widget_api.browse.statistics import Statistics, median, percentile

Unit = Literal["count", "share", "hours", "days", "rating"]
Better = Literal["", "more", "less"]
Value = float | None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure. `names` are those it has at places whose names are older than this table."""

    unit: Unit
    compute: Callable[[Statistics], Value]
    better: Better = ""  # empty where neither direction is good
    # The state of now of what was received in the period: an earlier period had more time to get there.
    is_of_now: bool = False
    # Parameters of the cabinet's list of exactly these reports, beside scope and period; None where no list has them.
    listed: Mapping[str, str] | None = None
    # How many answers, reactions or ratings it is made of: a figure of very few could say something about one person.
    sample: Callable[[Statistics], int] | None = None
    description: str = ""  # in the API's description
    names: Mapping[str, str] = field(default_factory=dict)  # by Place


def _count_answers(found: Statistics) -> int:
    return sum(found.answer_hours.values())


def _of_status(status: str) -> Figure:
    return Figure(
        unit="count", compute=lambda found: found.by_status[status], is_of_now=True, listed={"status": status}
    )


FIGURES: Mapping[str, Figure] = {
    "received": Figure(
        unit="count", compute=lambda found: found.total, listed={}, names={"api": "total", "all": "reports"}
    ),
    "open": Figure(unit="count", compute=lambda found: found.open, is_of_now=True, listed={"status": "new,working"}),
    "resolved": Figure(
        unit="count",
        compute=lambda found: found.resolved,
        is_of_now=True,
        listed={"status": "resolved,confirmed"},
        names={"report": "supported"},
    ),
    "explained": _of_status("answered"),
    "rejected": _of_status("rejected"),
    "redirected": _of_status("redirected"),
    "repeated": _of_status("duplicate"),
    "share_resolved": Figure(
        unit="share",
        compute=lambda found: found.share_resolved,
        is_of_now=True,
        names={"analytics": "resolved", "city": "share"},
    ),
    "overdue": Figure(
        unit="count", compute=lambda found: found.overdue, better="less", is_of_now=True, listed={"tab": "overdue"}
    ),
    "answered": Figure(
        unit="count", compute=lambda found: found.answered, description="First official answers given in the period."
    ),
    "in_time": Figure(unit="count", compute=lambda found: found.in_time),
    "late": Figure(unit="count", compute=lambda found: found.late),
    "undecided": Figure(unit="count", compute=lambda found: found.undecided),
    "share_in_time": Figure(
        unit="share",
        compute=lambda found: found.share_in_time,
        better="more",
        description="Of those in time or late.",
        names={"analytics": "in_time", "city": "in_time"},
    ),
    "median_days": Figure(
        unit="days",
        compute=lambda found: found.median_days,
        better="less",
        sample=_count_answers,
        description="From receipt to an answer. In a district from five answers on.",
        names={"city": "median"},
    ),
    "median_hours": Figure(
        unit="hours",
        compute=lambda found: found.median_hours,
        better="less",
        sample=_count_answers,
        description="Calendar hours. In a district from five answers on.",
        names={"analytics": "answer_time", "report": "median", "api": "median_hours_to_answer"},
    ),
    "p90_hours": Figure(
        unit="hours",
        compute=lambda found: percentile(found.answer_hours, 90),
        better="less",
        sample=_count_answers,
        description="Nine of ten answers took no longer. As above.",
        names={"report": "most", "api": "p90_hours_to_answer"},
    ),
    "reaction_hours": Figure(
        unit="hours",
        compute=lambda found: median(found.reaction_hours),
        better="less",
        sample=lambda found: sum(found.reaction_hours.values()),
        description="From receipt to the first decision. As above.",
        names={"analytics": "reaction", "api": "median_hours_to_reaction"},
    ),
    "returned": Figure(
        unit="count",
        compute=lambda found: found.returned,
        better="less",
        description="Reopenings by authors in the period.",
    ),
    "rating": Figure(
        unit="rating",
        compute=lambda found: found.rating,
        better="more",
        sample=lambda found: found.rated,
        description="By authors, in the period. From five ratings on.",
    ),
    "rated": Figure(unit="count", compute=lambda found: found.rated),
}

Place = Literal["analytics", "report", "city", "api", "all"]
# What is shown where, in this order.
TILES = ("received", "answered", "median_hours", "share_in_time", "returned", "rating", "share_resolved", "overdue")
DEFINED = (*TILES, "reaction_hours")  # below the tiles
COLUMNS = (  # of services and districts side by side
    *("received", "open", "overdue", "answered", "median_hours", "share_in_time"),
    *("returned", "rating", "rated"),
)
OUTCOMES = ("resolved", "explained", "rejected", "redirected", "repeated", "open")  # of all that were received
REPORT = (
    *("received", *OUTCOMES, "answered", "in_time", "late", "undecided", "share_in_time", "median_hours", "p90_hours"),
    *("returned", "rating", "rated"),
)
CITY_FIRST = ("resolved", "median_days", "open", "overdue")  # of the next, what the page begins with
CITY = ("open", "resolved", "overdue", "median_days", "share_in_time", "share_resolved", "returned", "rating")
API = (
    *("received", "open", "resolved", "overdue", "median_days", "share_resolved", "answered", "in_time", "late"),
    *("share_in_time", "returned", "rating", "median_hours", "p90_hours", "reaction_hours"),
)
PART = ("received", "open", "resolved")  # in the API: of a category, a district and a site
OF_SITE = (*PART, "overdue", "median_days")  # in the API: of each of several sites
ALL = ("received", "resolved", "share_resolved")  # in the API: of all sites of the service
MONTHS = ("received", "answered", "in_time", "late", "returned")  # of the table by month. New ones come at the end.


def name_at(place: Place, name: str) -> str:
    """The name of a figure at a place: of its text, or in the answer of the API."""
    return FIGURES[name].names.get(place, name)


def find_at(place: Place, name: str) -> Figure:
    """The figure that has this name at a place. Raises StopIteration."""
    return next(figure for known, figure in FIGURES.items() if figure.names.get(place, known) == name)


def measure(found: Statistics, place: Place, names: Sequence[str]) -> dict[str, Value]:
    """Compute figures, by their names at a place."""
    return {name_at(place, name): FIGURES[name].compute(found) for name in names}
