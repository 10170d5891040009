"""A platform's services beside a site's categories, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widget_api import i18n
from widget_api.platform.mapping import Mapped, Pair
from widget_api.platform.model import Platform, Service


def platform(language: str, one: Platform, found: Mapped, given: Mapping[str, str] | None) -> dict[str, Any]:
    """What the page shows of it; `given` is what somebody has just sent and must not lose."""
    return {
        "id": one.id,
        "name": one.name,
        "webhook": one.protocol == "webhook",
        "read": bool(found.offered),
        "missing": sum(pair.state in ("unknown", "gone") for pair in found.pairs),
        "pairs": [_pair(language, pair, found, given or {}) for pair in found.pairs],
        "unused": [_title(service) for service in found.unused],
    }


def _pair(language: str, pair: Pair, found: Mapped, given: Mapping[str, str]) -> dict[str, Any]:
    chosen = given.get(pair.category, pair.code if pair.chosen else "")
    options = [(service.code, _title(service)) for service in found.offered if service.code != pair.category]
    if chosen and all(code != chosen for code, _ in options):  # what was chosen is not offered any more
        options.append((chosen, chosen))
    return {
        "category": pair.category,
        "name": pair.name,
        "chosen": chosen,
        "options": options,
        "own": i18n.text(language, "cabinet.platforms.own", code=pair.category),
        "state": pair.state,
        "note": _note(language, pair),
    }


def _note(language: str, pair: Pair) -> str:
    said = []
    if pair.state in ("unknown", "gone"):
        said.append(i18n.text(language, f"cabinet.platforms.state.{pair.state}", code=pair.code))
    if pair.suggestion is not None:
        said.append(i18n.text(language, "cabinet.platforms.suggestion", name=_title(pair.suggestion)))
    if pair.unanswered:
        said.append(i18n.text(language, "cabinet.platforms.unanswered", questions="; ".join(pair.unanswered)))
    return " ".join(said)


def _title(service: Service) -> str:
    """Its group first, as the platform's own lists have it."""
    name = service.name if service.name == service.code else f"{service.name} ({service.code})"
    return f"{service.group}: {name}" if service.group else name
