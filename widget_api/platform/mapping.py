"""Map a site's categories to a platform's services, and find those without a counterpart."""

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
# unread: the services have not been read; gone: the platform listed this one earlier; unknown: it never did.
State = Literal["found", "gone", "unknown", "unread"]


@dataclass(frozen=True, kw_only=True)
class CategoryMapping:
    """A category and its service: the one somebody chose, otherwise the service with the category's own code."""

    category: str
    name: str | None  # the site's own name; None if the dictionaries' name applies, in the reader's language
    code: str
    chosen: bool
    state: State
    service: PlatformService | None
    suggestion: PlatformService | None  # a service of the same name, if the mapped service does not exist
    unanswered: tuple[str, ...]  # questions that the platform requires and this category does not ask


@dataclass(frozen=True, kw_only=True)
class SiteMapping:
    pairs: tuple[CategoryMapping, ...]
    offered: tuple[PlatformService, ...]
    unused: tuple[PlatformService, ...]  # services without a category: their requests are shown as «other»


async def read_mapping(database: Database, platform_id: str, site_id: str) -> SiteMapping:
    """Return how a site's categories map to the services of a platform."""
    site = await sites.by_id(database, site_id)
    available = await services.list_services(database, platform_id, site_id)
    chosen = await services.read_mapping(database, platform_id, site_id)
    return build_mapping(site, available, chosen)


def build_mapping(site: Site, offered: Sequence[PlatformService], chosen: Mapping[str, str]) -> SiteMapping:
    by_code = {service.code: service for service in offered}
    pairs = tuple(_map_category(site, category, by_code, chosen) for category in site.categories)
    used = {pair.code for pair in pairs}
    available = tuple(service for service in offered if not service.gone)
    unused = tuple(service for service in available if service.code not in used)
    return SiteMapping(pairs=pairs, offered=available, unused=unused)


def _map_category(
    site: Site, category: Category, offered: Mapping[str, PlatformService], chosen: Mapping[str, str]
) -> CategoryMapping:
    code = chosen.get(category.code, category.code)
    service = offered.get(code)
    state: State = "unread" if not offered else "unknown" if service is None else "gone" if service.gone else "found"
    name = i18n.category_name(site.language, category.code, category.name).casefold()
    namesakes = (other for other in offered.values() if not other.gone and other.name.casefold() == name)
    questions = {question.code for question in category.questions}
    required = [] if service is None else [question for question in service.questions if question.required]
    return CategoryMapping(
        category=category.code,
        name=category.name,
        code=code,
        chosen=category.code in chosen,
        state=state,
        service=service,
        suggestion=next(namesakes, None) if state in ("unknown", "gone") else None,
        unanswered=tuple(question.name for question in required if question.code not in questions),
    )


async def change_mapping(
    database: Database,
    platform_id: str,
    site_id: str,
    changes: Mapping[str, str],
    who: journal.Who = journal.COMMAND_LINE,
) -> None:
    """Map categories to service codes; an empty code removes a mapping. Raises Invalid with the categories at fault."""
    site = await sites.by_id(database, site_id)
    known = {category.code for category in site.categories}
    wrong = [FieldError(code, "unknown") for code in changes if code not in known]
    wrong += [
        FieldError(code, "too_long", (("max", MAX_CODE_LENGTH),))
        for code, to in changes.items()
        if len(to) > MAX_CODE_LENGTH
    ]
    if wrong:
        raise Invalid(tuple(wrong))
    chosen = {**await services.read_mapping(database, platform_id, site_id), **changes}
    mapping = {code: to.strip() for code, to in chosen.items() if to.strip() and to.strip() != code}
    await services.write_mapping(database, platform_id, site_id, mapping, who)


def mapping_as_dict(mapping: SiteMapping) -> list[dict[str, Any]]:
    """Return a mapping as `platform map` prints it."""
    return [
        {
            "category": pair.category,
            "service": pair.code,
            "mapped": pair.chosen,
            "state": pair.state,
            "unanswered": list(pair.unanswered),
        }
        for pair in mapping.pairs
    ]
