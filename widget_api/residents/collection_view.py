"""Build the values of a collection's page: cards of its entries, its kinds and orders as links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, get_args

from widget_api import clock, i18n
from widget_api.browse import listing
from widget_api.participation.model import Act
from widget_api.problems import wording
from widget_api.problems.model import OPEN
from widget_api.residents import site_pages_view
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import BEGINS, COST, ENDS, OWN_SHARE, PEOPLE, PRICE, Collection, Site

_FACTS, _FACT = 2, 80  # answers on a card; characters of one
_LINES = frozenset({COST, OWN_SHARE, PRICE, BEGINS, ENDS})  # have a line of their own
Answers = Mapping[str, str | list[str]]


def make_cards(site: Site, language: str, items: Sequence[Mapping[str, Any]], most: int) -> list[dict[str, Any]]:
    """Cards of entries as `site_pages_view.list_item` tells them. `most`: voices of the entry that has most."""
    return [_make_card(site, language, item, most) for item in items]


def _make_card(site: Site, language: str, item: Mapping[str, Any], most: int) -> dict[str, Any]:
    given: Answers = item.get("answers", {})
    own = site.collection
    assert own is not None, "entries are of a collection"
    needed = find_needed(own, given)
    count = item["participants"] if own.counts_participants else 0
    elsewhere = _LINES | {PEOPLE} if needed else _LINES
    described = wording.describe_answers(
        language, site, item["category"], {code: answer for code, answer in given.items() if code not in elsewhere}
    )
    act = find_act(site, item)
    return {
        **item,
        "money": _describe_money(language, given),
        "days": describe_days(language, given),
        "facts": [
            (question, text) for question, text in described if len(text) <= _FACT and not site_pages_view.is_link(text)
        ][:_FACTS],
        "bar": make_bar(count, needed or most),
        "needed": needed,
        "act": act and {"name": act, "href": f"{site.entries_path}/{item['number']}/{act}"},
        # What is only accepted can be taken part in, as its button says.
        "status": item["status"] if own.is_answered and item["status"] not in ("accepted", "moderation") else None,
    }


def find_act(site: Site, item: Mapping[str, Any]) -> Act | None:
    """What a visitor can do now with an entry of the list, by its own page (participation.service.find_entry)."""
    own = site.collection
    act = next((one for one in get_args(Act) if own is not None and one == own.action), None)
    if own is None or act is None or item["status"] not in OPEN:
        return None
    if act == "vote" and own.voting.find_refusal(clock.now()):
        return None
    last = _last_day(item.get("answers", {}))
    return None if act == "join" and last and last < local_date(clock.now(), site.time_zone) else act


def find_needed(own: Collection, given: Answers) -> int:
    """How many voices or people an entry needs; 0 where nobody said."""
    if own.action == "vote":
        return own.voting.threshold
    text = str(given.get(PEOPLE, "")) if own.action == "join" else ""
    return int(text) if text.isdecimal() and len(text) < 8 else 0


def make_bar(count: int, scale: int) -> float | None:
    """A share from 0 to 100: of what is needed, else of what the first among the entries has; None without either."""
    return min(100.0, 100 * count / scale) if scale else None


def _describe_money(language: str, given: Answers) -> str:
    """What a project costs and what residents give for it, or the price of a programme; empty for neither."""
    cost, share = (_read_amount(language, given.get(code)) for code in (COST, OWN_SHARE))
    if cost and share and share != "0":
        return i18n.text(language, "collections.card.shared", cost=cost, share=share)
    price = cost or _read_amount(language, given.get(PRICE))
    key = "free" if price == "0" and not cost else "cost"
    return i18n.text(language, f"collections.card.{key}", cost=price) if price else ""


def _read_amount(language: str, given: object) -> str:
    """A whole number of roubles as people write it; empty for anything else."""
    whole = str(given or "").replace(",", ".").removesuffix(".0")
    return i18n.format_number(language, int(whole)) if whole.isdecimal() and len(whole) <= 15 else ""


def describe_days(language: str, given: Answers) -> str:
    """The days of a dated entry: «12 декабря» or «12 декабря – 3 января»; empty for another."""
    days = list(_read_days(given))
    return " – ".join(i18n.format_date(language, day) for day in dict.fromkeys(days))


def _read_days(given: Answers) -> Iterator[date]:
    for code in (BEGINS, ENDS):
        try:
            yield date.fromisoformat(str(given.get(code, ""))[:10])
        except ValueError:  # not given, or the answer to an earlier question of the same code
            continue


def _last_day(given: Answers) -> date | None:
    return max(_read_days(given), default=None)


def list_orders(pairs: site_pages_view.Pairs, sorts: Sequence[tuple[str, str]], sort: str) -> list[dict[str, Any]]:
    """The usual order of the list and that by voices, as links; none where nobody counts voices."""
    orders = [
        {"name": name, "chosen": one == sort, "query": site_pages_view.filter_query(pairs, sort=one)}
        for one, name in sorts
        if one in ("", "support")
    ]
    return orders if len(orders) > 1 else []


def list_kinds(
    site: Site, language: str, pairs: site_pages_view.Pairs, filters: listing.Filters, found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Categories that have entries, as links that keep the rest of the filter; none where one alone has."""
    kinds = [one for one in found["by_category"] if one["total"]]
    return [
        {
            "name": site.category_name(language, one["code"]),
            "total": one["total"],
            "chosen": filters.categories == (one["code"],),
            "query": site_pages_view.filter_query(pairs, category=one["code"]),
        }
        for one in kinds
        if len(kinds) > 1
    ]
