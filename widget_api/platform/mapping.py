"""Which of a site's categories goes to which of a platform's services, and what has no counterpart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from widget_api import i18n, journal
from widget_api.database import Database
from widget_api.errors import FieldError, Invalid
from widget_api.platform.model import PlatformService
from widget_api.platform.store import services
from widget_api.sites import service as sites
from widget_api.sites.model import Category, Site

MAX_CODE_LENGTH = 200
# unread: the platform has not told its services; gone: it told this one once; unknown: it never did.
State = Literal["found", "gone", "unknown", "unread"]


@dataclass(frozen=True, kw_only=True)
class CategoryMapping:
    """A category and where it goes: the service somebody chose, else that of its own code."""

    category: str
    name: str | None  # the site's own, where it gave one; else the dictionaries' in the reader's language
    code: str
    chosen: bool
    state: State
    service: PlatformService | None
    suggestion: PlatformService | None  # one of the same name, where it goes to none that is there
    unanswered: tuple[str, ...]  # questions the platform requires and this category does not ask


@dataclass(frozen=True, kw_only=True)
class SiteMapping:
    pairs: tuple[CategoryMapping, ...]
    offered: tuple[PlatformService, ...]
    unused: tuple[PlatformService, ...]  # services no category goes to: what comes from there is «other»


async def read_mapping(database: Database, platform_id: str, site_id: str) -> SiteMapping:
    """How a site's categories map to the services of a platform."""
    site = await sites.by_id(database, site_id)
    offered = await services.list_services(database, platform_id, site_id)
    chosen = await services.read_mapping(database, platform_id, site_id)
    return build_mapping(site, offered, chosen)


def build_mapping(site: Site, offered: Sequence[PlatformService], chosen: Mapping[str, str]) -> SiteMapping:
    by_code = {one.code: one for one in offered}
    pairs = tuple(_map_category(site, category, by_code, chosen) for category in site.categories)
    used = {pair.code for pair in pairs}
    here = tuple(one for one in offered if not one.gone)
    return SiteMapping(pairs=pairs, offered=here, unused=tuple(one for one in here if one.code not in used))


def _map_category(
    site: Site, category: Category, offered: Mapping[str, PlatformService], chosen: Mapping[str, str]
) -> CategoryMapping:
    code = chosen.get(category.code, category.code)
    service = offered.get(code)
    state: State = "unread" if not offered else "unknown" if service is None else "gone" if service.gone else "found"
    called = i18n.category_name(site.language, category.code, category.name).casefold()
    alike = (one for one in offered.values() if not one.gone and one.name.casefold() == called)
    asked = {question.code for question in category.questions}
    required = [] if service is None else [one for one in service.questions if one.required]
    return CategoryMapping(
        category=category.code,
        name=category.name,
        code=code,
        chosen=category.code in chosen,
        state=state,
        service=service,
        suggestion=next(alike, None) if state in ("unknown", "gone") else None,
        unanswered=tuple(one.name for one in required if one.code not in asked),
    )


async def change_mapping(
    database: Database,
    platform_id: str,
    site_id: str,
    wished: Mapping[str, str],
    who: journal.Who = journal.COMMAND_LINE,
) -> None:
    """Where categories go from now on; empty = to the service of their own code. Raises Invalid («category»)."""
    site = await sites.by_id(database, site_id)
    known = {category.code for category in site.categories}
    wrong = [FieldError(code, "unknown") for code in wished if code not in known]
    wrong += [
        FieldError(code, "too_long", (("max", MAX_CODE_LENGTH),))
        for code, to in wished.items()
        if len(to) > MAX_CODE_LENGTH
    ]
    if wrong:
        raise Invalid(tuple(wrong))
    chosen = {**await services.read_mapping(database, platform_id, site_id), **wished}
    kept = {code: to.strip() for code, to in chosen.items() if to.strip() and to.strip() != code}
    await services.write_mapping(database, platform_id, site_id, kept, who)


def mapping_as_dict(found: SiteMapping) -> list[dict[str, Any]]:
    """For the command line."""
    return [
        {
            "category": pair.category,
            "service": pair.code,
            "mapped": pair.chosen,
            "state": pair.state,
            "unanswered": list(pair.unanswered),
        }
        for pair in found.pairs
    ]
