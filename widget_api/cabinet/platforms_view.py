"""A platform's services beside a site's categories, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widget_api import i18n
from widget_api.platform.mapping import CategoryMapping, SiteMapping
from widget_api.platform.model import Platform, PlatformService


def platform(
    language: str, one: Platform, found: SiteMapping, given: Mapping[str, str], wrong: Mapping[str, str]
) -> dict[str, Any]:
    """What the page shows of it; `given` is what somebody has just sent and must not lose, `wrong` is said of it."""
    pairs = [_pair(language, one, pair, found, given, wrong.get(pair.category, "")) for pair in found.pairs]
    names = {pair["category"]: pair["name"] for pair in pairs}
    return {
        "id": one.id,
        "name": one.name,
        "webhook": one.protocol == "webhook",
        "read": bool(found.offered),
        "missing": sum(pair.state in ("unknown", "gone") for pair in found.pairs),
        "pairs": pairs,
        "errors": {f"{one.id}-{code}": f"{names.get(code, code)}: {sentence}" for code, sentence in wrong.items()},
        "unused": [_title(service) for service in found.unused],
    }


def _pair(
    language: str, one: Platform, pair: CategoryMapping, found: SiteMapping, given: Mapping[str, str], error: str
) -> dict[str, Any]:
    chosen = given.get(pair.category, pair.code if pair.chosen else "")
    options = [(service.code, _title(service)) for service in found.offered if service.code != pair.category]
    if chosen and all(code != chosen for code, _ in options):  # what was chosen is not offered any more
        options.append((chosen, chosen))
    return {
        "category": pair.category,
        "field": f"{one.id}-{pair.category}",
        "name": i18n.category_name(language, pair.category, pair.name),
        "named_here": bool(pair.name),
        "chosen": chosen,
        "options": options,
        "code": pair.code,
        "own": _own(pair.category, found.offered),
        "goes_to": dict(options).get(chosen, "") or _own(pair.category, found.offered),  # for those who only read
        "state": pair.state,
        "suggestion": _title(pair.suggestion) if pair.suggestion else "",
        "unanswered": "; ".join(pair.unanswered),
        "noted": pair.state in ("unknown", "gone") or bool(pair.unanswered),
        "error": error,
    }


def _own(code: str, offered: Sequence[PlatformService]) -> str:
    """The service that a category goes to by itself, where there is one."""
    return next((_title(service) for service in offered if service.code == code), "")


def _title(service: PlatformService) -> str:
    """Its group first, as the platform's own lists have it."""
    name = service.name if service.name == service.code else f"{service.name} ({service.code})"
    return f"{service.group}: {name}" if service.group else name
