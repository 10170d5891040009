"""Build a site's public configuration in one language, and the snippet that embeds it."""

from __future__ import annotations

import re
from html import escape
from itertools import zip_longest
from typing import Any

from widget_api import clock, i18n
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.geo.model import fitting_zoom
from widget_api.settings import Settings
from widget_api.sites import appearance, presets
from widget_api.sites.consent import Document
from widget_api.sites.model import Category, Question, Site, Voting
from widget_api.status_table import OPEN_PUBLIC_STATUSES

_PHONE = re.compile(r"((?:tel:)?\+?\d[\d\s()–-]{4,}\d|\b1\d\d\b)")  # as people write them; also 112 and the like
AGENCY_KINDS = (  # stems in names of agencies, by which their kind is recognised
    ("администраци", "administration"),
    ("administration", "administration"),
    ("управлени", "directorate"),
    ("департамент", "department"),
    ("комитет", "committee"),
    ("мэри", "city_hall"),
)
DESCRIPTION_LENGTH = (3, 4000)  # characters; problems.intake checks them


def configuration_values(
    site: Site, settings: Settings, consent: Document, of_name: Document, language: str, now: int
) -> dict[str, Any]:
    """GET /api/v1/sites/{key}."""
    site = presets.localize(site, language)
    page = f"{settings.public_url}/s/{site.key}"
    track = f"{settings.public_url}/track" + (f"?site={site.key}" if site.is_test else "")  # no list has a test
    categories = [_category_values(site, category, language, now) for category in site.categories]
    districts = [{"id": one.id, "name": one.name} for one in site.districts]
    return {
        "name": site.name,
        "type": site.type,
        "jurisdiction": site.jurisdiction,
        "agency": {"name": site.agency.name, "email": site.agency.email},
        "time_zone": site.time_zone,
        "language": site.language,
        "languages": list(i18n.LANGUAGES),
        "categories": categories,
        **({"districts": districts} if districts else {}),
        "accent": site.accent,
        "colours": appearance.accent_style(site.accent),
        "statuses": {status: i18n.text(language, f"status.{status}") for status in OPEN_PUBLIC_STATUSES},
        "map": _map_values(site, settings),
        "consent": {
            "version": consent.version,
            "url": f"{page}/consent/{consent.version}",
            "required": site.consent,
            "publish_name": {"version": of_name.version, "url": f"{page}/consent/{of_name.version}"},
        },
        "limits": {
            "description": {"min": DESCRIPTION_LENGTH[0], "max": site.longest_description},
            "photos": site.photos,
            "photo_bytes": MAX_FILE_SIZE,
        },
        "contact": site.contact,
        **({"test": i18n.text(language, "site_forms.test.mark")} if site.is_test else {}),
        **({"entry": site.collection.entry_label(language)} if site.collection else {}),
        "submit": submit_text(site, language),
        "track": {"kind": "message", "text": track_text(site, language, [one["answer_due"] for one in categories])},
        "appeals_url": site.appeals_url if site.appeals == "handoff" else None,
        "links": {"report": f"{page}/report", "track": track, "site": page},
    }


def collection_values(site: Site, count: int, public_url: str) -> dict[str, Any]:
    """An item of GET /api/v1/sites/{key}/collections; `count` is the number of published entries."""
    collection = site.collection
    assert collection is not None, "a site of its own"
    opens, closes = collection.opens_at, collection.closes_at
    return {
        "slug": collection.slug,
        "preset": collection.preset,
        "icon": collection.icon,
        "language": site.words_language or site.language,
        "title": site.name,
        "description": collection.summary,
        "url": f"{public_url}/s/{site.key}",
        "fields": [_question_values(one) for one in sorted(site.fields, key=lambda one: one.order)],
        "answered": collection.is_answered,
        "roles": presets.find(collection.preset).roles,
        "action": collection.action,
        "opens_at": None if opens is None else clock.rfc3339(opens),
        "closes_at": None if closes is None else clock.rfc3339(closes),
        "voting": _voting_values(collection.voting) if collection.action == "vote" else None,
        "who": collection.who,
        "count": count,
    }


def _voting_values(voting: Voting) -> dict[str, Any]:
    opens, closes = voting.opens_at, voting.closes_at
    return {
        "opens_at": None if opens is None else clock.rfc3339(opens),
        "closes_at": None if closes is None else clock.rfc3339(closes),
        "per_person": voting.per_person,
        "min_age": voting.min_age or None,
        "threshold": voting.threshold or None,
    }


def submit_text(site: Site, language: str) -> str:
    """The label of the submit button, by the kind of agency that receives the report."""
    if site.is_test:
        return i18n.text(language, "site_forms.test.submit")
    if site.collection:
        return i18n.text(language, "collections.send")
    name = site.agency.name.lower()
    kind = next((kind for stem, kind in AGENCY_KINDS if stem in name), "other")
    return i18n.text(language, f"sites.submit.{kind}")


def track_text(site: Site, language: str, due: list[str], receiver: str = "") -> str:
    """Which procedure applies, who receives the report, and when an answer is due: stated before sending (59-FZ)."""
    if site.collection:
        return i18n.text(language, "collections.track", agency=site.agency.name)
    earliest = i18n.format_date(language, min(due)) if due else ""
    key = "sites.track.text_one_date" if len(set(due)) == 1 else "sites.track.text"
    text = i18n.text(language, key, agency=receiver or site.agency.name, date=earliest)
    if site.appeals == "handoff" and site.appeals_url:
        text += " " + i18n.text(language, "sites.track.handoff", url=site.appeals_url)
    return f"{i18n.text(language, 'site_forms.test.track')} {text}" if site.is_test else text


def receiver_text(site: Site, receiver: str, language: str, now: int) -> str:
    """The same for a report of a place outside the territory, which `site` stores for `receiver`."""
    due = [site.calendar.answer_due(now, one.working_days) for one in site.categories]
    return track_text(site, language, due, receiver)


def _category_values(site: Site, category: Category, language: str, now: int) -> dict[str, Any]:
    due = site.calendar.answer_due(now, category.working_days)
    return {
        "code": category.code,
        "name": i18n.category_name(language, category.code, category.name),
        "words": i18n.category_words(language, category.code),
        "notice": category.notice,
        "notice_parts": notice_parts(category.notice) or None,
        "deadline_days": category.working_days,
        "answer_due": due if site.is_due else None,
        "icon": appearance.category_icon(category.code),
        "track": track_text(site, language, [due]),
        "photo_required": category.photo_required,
        "questions": [_question_values(question) for question in sorted(category.questions, key=lambda one: one.order)],
    }


def notice_parts(notice: str | None) -> list[list[str]]:
    """A notice split into texts and phone numbers, each number with its `tel:` link."""
    parts = _PHONE.split(notice or "")
    linked = ([part.removeprefix("tel:"), "tel:" + re.sub(r"[^\d+]", "", part)] for part in parts[1::2])
    return [part for pair in zip_longest(([text] for text in parts[::2]), linked) for part in pair if part and part[0]]


def _question_values(question: Question) -> dict[str, Any]:
    return {
        "code": question.code,
        "datatype": question.datatype,
        "required": question.required,
        "description": question.description,
        "hint": question.hint or None,
        "order": question.order,
        "values": [{"key": key, "name": name} for key, name in question.values],
    }


def _map_values(site: Site, settings: Settings) -> dict[str, Any] | None:
    """The initial view of a map; None where the site has no box. `tiles` is None where there are no tiles."""
    if site.bbox is None:
        return None
    # A configured box, or the largest polygon of the area.
    west, south, east, north = shown = site.area.main.box if site.area and site.area.box == site.bbox else site.bbox
    return {
        "center": [round((south + north) / 2, 6), round((west + east) / 2, 6)],
        "zoom": fitting_zoom(shown),
        "bbox": list(site.bbox),
        "tiles": f"{settings.public_url}/tiles/{{z}}/{{x}}/{{y}}" if settings.tiles else None,
        "max_zoom": settings.tiles_zoom if settings.tiles else None,
        "attribution": settings.tiles_attribution if settings.tiles else None,
        "outlined": site.area is not None,
    }


def make_snippet(key: str, site_type: str, link_text: str, public_url: str) -> str:
    """The code to paste. The link in it survives editors that strip scripts or unknown tags."""
    return _snippet(f'site-key="{key}" type="{site_type}"', f"{key}/report", link_text, public_url)


def make_collection_snippet(site: Site, public_url: str) -> str:
    """The code that shows a collection in a page: in place, since the widget's button speaks of problems."""
    assert site.collection is not None, "a site of its own"
    attributes = f'site-key="{site.city_key}" type="extended" view="inline" collection="{site.collection.slug}"'
    return _snippet(attributes, site.key, site.name, public_url)


def _snippet(attributes: str, path: str, link_text: str, public_url: str) -> str:
    address = escape(public_url)
    return (
        f"<igrajdanin-widget {attributes}>\n"
        f'  <a href="{address}/s/{path}">{escape(link_text)}</a>\n'
        "</igrajdanin-widget>\n"
        f'<script async src="{address}/w/1/loader.js"></script>'
    )
