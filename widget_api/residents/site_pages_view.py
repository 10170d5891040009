"""Build the values of the city's page templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from widget_api import clock, i18n
from widget_api.browse import listing, queries
from widget_api.browse.figures import CITY, CITY_FIRST, FIGURES, Unit, name_at
from widget_api.browse.listing import answers
from widget_api.browse.published_figures import format_share, round_half_up
from widget_api.database import Row
from widget_api.errors import Malformed
from widget_api.problems import deadline, timeline, wording
from widget_api.problems.model import OPEN, STATUSES
from widget_api.residents import private_page_view as private
from widget_api.sites.deadlines import promised_date
from widget_api.sites.model import Site
from widget_api.validation import names

_FIRST_LINE, _SUMMARY = 160, 200  # characters: of a report in the list; for search engines
_FACTS, _FACT = 2, 60  # answers of an entry in the list; characters of one
_LINK = re.compile(r"https?://[^\s<>\"]{4,500}")
_PAGE_PARAMETERS = frozenset({"cursor", "limit"})
_DATE_PARAMETERS = frozenset({"since", "until"})
Pairs = Sequence[tuple[str, str]]


def filter_pairs(query: Iterable[tuple[str, str]], site: Site) -> list[tuple[str, str]]:
    """The filter's parameters in a query, without foreign ones such as `utm_source`."""
    known = names(queries.Page)
    return [(name, value) for name, value in query if value and (name in known or answers.is_parameter(name, site))]


def filter_query(pairs: Pairs, **changes: str) -> str:
    """The filter as a query without the page, with these changes: «?status=new&q=яма», or an empty text."""
    left = [(name, value) for name, value in pairs if name not in _PAGE_PARAMETERS | changes.keys()]
    query = urlencode([*left, *((name, value) for name, value in changes.items() if value)])
    return f"?{query}" if query else ""


def files_query(pairs: Pairs, site: Site, language: str) -> str:
    """The query of the feed and the data files, which are in the site's language by default."""
    return filter_query(pairs, lang="" if language == site.language else language)


def parse_filter(pairs: Pairs, site: Site) -> tuple[listing.Filters, dict[str, str]]:
    """Parse the filter without its invalid dates; returns the errors of these by field.

    The form itself can send no other invalid value. Raises Malformed with the name of any other invalid parameter.
    """
    wrong = dict[str, str]()
    while True:
        try:
            return listing.parse([pair for pair in pairs if pair[0] not in wrong], site), wrong
        except Malformed as error:
            name = str(error.values.get("parameter"))
            if name not in _DATE_PARAMETERS or name in wrong:
                raise
            wrong[name] = "reversed" if _is_valid_alone(name, pairs, site) else name


def _is_valid_alone(name: str, pairs: Pairs, site: Site) -> bool:
    """Whether a parameter is valid by itself."""
    try:
        listing.parse([pair for pair in pairs if pair[0] == name], site)
    except Malformed:
        return False
    return True


def filter_form(
    pairs: Pairs, filters: listing.Filters, wrong: Mapping[str, str], site: Site, language: str
) -> dict[str, Any]:
    """Values of the filter's form, and its errors."""
    given = dict(pairs)
    chosen = frozenset(filters.statuses)
    whole = {group for group, statuses in queries.GROUPS.items() if chosen >= set(statuses)}
    # With a search text alone the rest stays folded, since it would fill a phone's screen above the results. So does
    # what has links of its own: a collection's categories and orders, the part of the map that a city's page shows.
    folded = {"q", answers.PAST, *_PAGE_PARAMETERS, *(("category", "sort") if site.collection else ("bbox",))}
    return {
        "groups": [(group, i18n.text(language, f"city.groups.{group}"), group in whole) for group in queries.GROUPS],
        # Those outside all checked groups, since the page's counters link to single statuses.
        "statuses": [
            (status, i18n.text(language, f"status.{status}"))
            for status in STATUSES
            if status in chosen.difference(*(queries.GROUPS[group] for group in whole))
        ],
        "bbox": given.get("bbox", ""),
        "categories": [(one.code, i18n.category_name(language, one.code, one.name)) for one in site.categories],
        "districts": [(one.id, one.name) for one in site.districts],
        "district": filters.district,
        "questions": [
            (answers.PREFIX + one.code, one.description, one.values, given.get(answers.PREFIX + one.code, ""))
            for one in answers.find_questions(site)
        ],
        "past": filters.dated == "past",
        "sorts": list(_list_sorts(filters, site, language)),
        "category": ",".join(filters.categories),
        "sort": given.get("sort", ""),
        "q": filters.words,
        "since": given.get("since", ""),
        "until": given.get("until", ""),
        "overdue": filters.overdue,
        "unfolded": any(name not in folded for name in given),
        "errors": {name: i18n.text(language, f"city.filter.errors.{code}") for name, code in wrong.items()},
    }


def _list_sorts(filters: listing.Filters, site: Site, language: str) -> Iterator[tuple[str, str]]:
    """Yield the orders; first the one of a form that says none."""
    if filters.dated:
        yield "", i18n.text(language, f"collections.sorts.{filters.dated}")
    action = site.collection.action if site.collection else "support"
    for sort in queries.SORTS:
        if (sort != "due" or site.collection is None) and (sort != "support" or action in ("support", "vote", "join")):
            name = "join" if (sort, action) == ("support", "join") else sort
            yield "" if sort == "new" and not filters.dated else sort, i18n.text(language, f"city.sorts.{name}")


def list_item(site: Site, language: str, item: dict[str, Any]) -> dict[str, Any]:
    """A problem of a list with its texts."""
    return {
        **item,
        "first_line": item.get("title") or wording.first_line(item["description"], _FIRST_LINE),
        "category_name": site.category_name(language, item["category"]),
        "day": i18n.format_day(language, clock.parse_rfc3339(item["created_at"]), site.time_zone),
        "facts": [
            (question, text)
            for question, text in wording.describe_answers(language, site, item["category"], item.get("answers", {}))
            if len(text) <= _FACT and not is_link(text)
        ][:_FACTS],
    }


def result_text(site: Site, filters: listing.Filters, found: listing.Page, language: str) -> str:
    """The result of a filter or of a further page, for the title, which screen readers read first."""
    text = partial(i18n.entry_text if site.collection else i18n.text, language)
    if filters.after:
        return text("city.found_further")
    if not replace(filters, dated="").narrow:
        return ""
    if not found.rows:
        return "" if found.end else text("city.found_none")
    return text("city.found_first" if found.end else "city.found", count=len(found.rows))


Tile = tuple[str, str, str]  # the name of its texts, the value, the tone


def statistics_values(found: Mapping[str, Any], listed: Mapping[str, int], language: str) -> dict[str, Any]:
    """Values of the tiles and charts above the list, from the published figures. Shares are relative to the largest,
    from 0 to 100. `listed` is how many reports of each status the list has."""
    months, categories = found["by_month"], found["by_category"]
    busiest = max((max(one["received"], one["answered"]) for one in months), default=0) or 1
    largest = max((one["total"] for one in categories), default=0) or 1
    tiles = {tile[0]: tile for tile in _tiles(found, language)}
    return {
        "total": found["total"],
        "outcomes": found["outcomes"],
        "first": [tiles[name_at("city", name)] for name in CITY_FIRST if name_at("city", name) in tiles],
        "tiles": list(tiles.values()),
        "statuses": list(listed.items()),
        "months": [
            {
                **one,
                "name": _format_month(language, one["month"]),
                "received_share": 100 * one["received"] / busiest,
                "answered_share": 100 * one["answered"] / busiest,
            }
            for one in months
        ],
        "categories": [{**one, "share": 100 * one["total"] / largest} for one in categories],
    }


def _tiles(found: Mapping[str, Any], language: str) -> Iterator[Tile]:
    """Yield the figures that there are."""
    for name in CITY:
        value = found[name_at("api", name)]
        if value is not None and (name != "returned" or found["answered"]):
            tone = "error" if name == "overdue" and value else _TONES.get(name, "muted")
            yield name_at("city", name), _format_figure(language, FIGURES[name].unit, value), tone


_TONES = {"open": "accepted", "resolved": "done"}


def _format_figure(language: str, unit: Unit, value: Any) -> str:
    if unit == "days":
        return _format_days(language, value)
    if unit == "share":
        return format_share(value)
    if unit == "rating":
        mean = i18n.format_number(language, round_half_up(value["mean"] * 10) / 10)
        return i18n.text(language, "city.figures.of_five", mean=mean)
    return i18n.format_number(language, value)


def _format_days(language: str, days: float) -> str:
    if days == int(days):
        return i18n.text(language, "common.days", count=int(days))
    return i18n.text(language, "city.figures.part_days", days=i18n.format_number(language, days))


def _format_month(language: str, month: str) -> str:
    return i18n.format_month(language, datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date())


def problem_values(
    site: Site,
    language: str,
    item: dict[str, Any],
    row: Row,
    entries: list[dict[str, Any]],
    today: date,
) -> dict[str, Any]:
    """Values of a problem's page; `entries` is its public timeline with attachments.

    The answer and its photos (`after`) are shown above the timeline and omitted from it.
    """
    answer = timeline.find_answer(entries)
    shown = [{**entry, "text": None, "photos": [], "documents": []} if entry is answer else entry for entry in entries]
    corrected = next((one["at"] for one in reversed(entries) if one["field"] == "description"), None)
    return {
        "item": list_item(site, language, item),
        "answers": wording.describe_answers(language, site, item["category"], item.get("answers", {})),
        "is_link": is_link,
        "corrected": corrected and i18n.format_day(language, corrected, site.time_zone),
        "after": answer["photos"] if answer else [],
        "entries": private.timeline_entries(language, site, shown, row),
        "answer": answer and {**answer, "day": i18n.format_day(language, answer["at"], site.time_zone)},
        "due": _due_values(language, row, entries, today, site.time_zone),
        # A problem of a platform is answered by the platform.
        "source": {"name": row["source_name"], "url": row["source_url"]} if row["mirror_of"] else None,
    }


def is_link(text: str) -> bool:
    """Whether an answer is one web address."""
    return _LINK.fullmatch(text) is not None


def _due_values(
    language: str, row: Row, entries: list[dict[str, Any]], today: date, time_zone: str
) -> dict[str, Any] | None:
    """When an answer is or was due, and whether it came in time."""
    name = {True: "in_time", False: "late", None: "waiting"}[deadline.were_kept(row, today)]
    if deadline.is_overdue(row, today):  # also after a reopening
        name = "overdue"
    elif name == "late" and any(entry["status"] == "reopened" for entry in entries):
        name = "late_round"  # several answers, each with its own due date
    if name == "waiting" and (row["status"] not in OPEN or promised_date(row["answer_due"]) is None):
        return None
    # The same texts as in widget_js/problem/facts.tsx.
    due, answered = i18n.format_date(language, row["answer_due"]), row["answered_at"]
    day = due if answered is None else i18n.format_day(language, answered, time_zone)
    return {"name": name, "text": i18n.text(language, f"city.due.{name}", date=due, answered=day)}


def summary_text(text: str) -> str:
    """A report's description in one line, for search engines and previews."""
    return wording.first_line(" ".join(text.split()), _SUMMARY)


def agency_site_url(site: Site) -> str | None:
    """The address of the municipality's own site, if one is proven or was given by the operator."""
    return min(
        site.known_origins, key=lambda origin: (not origin.startswith("https:"), len(origin), origin), default=None
    )


def dataset_jsonld(site: Site, address: str, api: str, license_url: str, description: str) -> Mapping[str, Any]:
    """The description of the open data for search engines (schema.org/Dataset)."""
    files = (("application/geo+json", "geojson"), ("text/csv", "csv"))
    return {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": site.name,
        "description": description,
        "url": address,
        "license": license_url,
        "isAccessibleForFree": True,
        "creator": {"@type": "GovernmentOrganization", "name": site.agency.name},
        "distribution": [
            {"@type": "DataDownload", "encodingFormat": media_type, "contentUrl": f"{api}.{ending}"}
            for media_type, ending in files
        ],
    }
