"""Import entries of collections that another instance of this service sends by webhook.

An entry is named by the id of its event `received`, which is the same everywhere: both sides add entries to the same
collection, so that a number means one entry here and another one there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import Conflict, NotFound
from widget_api.open311 import parse
from widget_api.open311.intake import MAX_MEDIA_URL_LENGTH, parse_degrees, parse_event_id
from widget_api.open311.statuses import parse_exact
from widget_api.platform import signature
from widget_api.platform.model import Platform
from widget_api.platform.store import log, platforms
from widget_api.platform.store.links import Linked
from widget_api.problems import counts, intake, submit
from widget_api.problems.model import Actor, Contact, Report, join_entry
from widget_api.sites import service as sites
from widget_api.sites.model import MAX_TITLE, Question, Site, collection_key
from widget_api.validation import clean


async def find_or_import(
    context: Context, signers: Mapping[str, Platform], event: Mapping[str, Any]
) -> tuple[str, str, Linked] | None:
    """The platform, the collection and the entry of an event; an entry that is new is added before.

    None unless one of the signers may add and change entries of this collection.
    """
    database, data = context.database, event["data"]
    if str(event.get("source")).startswith(f"{context.settings.public_url}/"):
        return None  # a message of this instance sent back: both directions have one key
    site = await _find_collection(database, data)
    birth_id = parse_event_id(_text(data, "entry", 40))
    if site is None or birth_id is None:
        return None
    serving = await platforms.platforms_of_site(database, site.id)
    signer = next((platform_id for platform_id in serving if platform_id in signers), None)
    if signer is None:
        return None
    if data.get("kind") == "received" and not await log.known_events(database, site.id, [birth_id]):
        await _add_entry(context, signers[signer], site, birth_id, event)
    known = await log.find_entry(database, site.id, birth_id)
    if known is None or (known["source"] != signer and known["released_at"] is None):
        return None  # not known, or never sent to a platform
    if signers[signer].adds_counts and (given := read_counts(data)) and not _is_late(site, given["at"]):
        await counts.take(database, site.id, known["problem_id"], signer, given, serving)
    born_there = known["source"] == signer
    return signer, site.id, Linked(problem_id=known["problem_id"], born_there=born_there, remote_state=None)


async def _find_collection(database: Database, data: Mapping[str, Any]) -> Site | None:
    city, slug = await sites.by_jurisdiction(database, _text(data, "jurisdiction", 255)), _text(data, "collection", 64)
    try:
        return await sites.by_key(database, collection_key(city.key, slug)) if city and slug else None
    except NotFound:
        return None


async def _add_entry(context: Context, platform: Platform, site: Site, birth_id: str, event: Mapping[str, Any]) -> None:
    """Add an entry with the questions that this collection asks. One without a title, text or place is left out."""
    data = event["data"]
    title, text = _text(data, "title", MAX_TITLE), _text(data, "description", site.longest_description)
    category = (
        site.category(_text(data, "category", 100)) or site.category("other") or next(iter(site.categories), None)
    )
    address = _text(data, "address", intake.ADDRESS) or None
    lat, lng = (parse_degrees(data.get(name), most) for name, most in (("lat", 90), ("lng", 180)))
    if category is None or not title or not text or not (address or (lat is not None and lng is not None)):
        return
    given = data.get("answers") if isinstance(data.get("answers"), Mapping) else {}
    moment = event.get("time")
    report = Report(
        category=category.code,
        description=join_entry(title, text),
        address=address,
        lat=lat if lng is not None else None,
        lng=lng if lat is not None else None,
        answers=dict(_read_answers(site, given, category.questions)),
        contact=Contact(),  # the instance where the author is writes to the author
        language=site.language,
        source="platform",
        status=parse_exact(_text(data, "status_code", 20)) or "moderation",
        birth_id=birth_id,
        received_at=parse.parse_moment(moment) if isinstance(moment, str) else None,
        source_name=platform.name,
        media=tuple(_read_media(data))[: site.photos],
    )
    actor, settings = Actor(kind="resident", source=platform.id), context.settings
    try:
        await submit.submit(
            context.database, site, report, signer=context.signer, public_url=settings.public_url, actor=actor
        )
    except Conflict:
        return  # the same message arrived twice at once


def read_counts(data: Mapping[str, Any]) -> dict[str, int] | None:
    """How many acted on the entry there. None if these are no numbers, or of a time to come, which would be the newest
    for long."""
    given = data.get("counts")
    numbers = given if isinstance(given, Mapping) else {}
    found = {name: one for name in counts.FIELDS if type(one := numbers.get(name)) is int and 0 <= one < 2**53}
    if len(found) < len(counts.FIELDS) or max(found[name] for name in counts.NAMES) > counts.LARGEST:
        return None
    return found if found["at"] <= clock.now() + signature.TOLERANCE else None


def _is_late(site: Site, at: int) -> bool:
    """Whether numbers are of a moment after the end of the vote here, by another clock: the result stands."""
    own = site.collection
    return own is not None and own.action == "vote" and own.voting.is_over(at - signature.TOLERANCE)


def _text(data: Mapping[str, Any], name: str, longest: int) -> str:
    value = data.get(name)
    return clean(value).strip()[:longest] if isinstance(value, str) else ""


def _read_answers(
    site: Site, given: Mapping[str, Any], questions: Sequence[Question]
) -> Iterator[tuple[str, str | list[str]]]:
    """Yield the answers that fit the questions asked here."""
    for question in questions:
        answer = intake.parse_answer(question, given.get(question.code))
        if answer:
            yield question.code, intake.parse_moment(answer, site) if question.datatype == "datetime" else answer


def _read_media(data: Mapping[str, Any]) -> Iterator[str]:
    given = data.get("photos")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, str) and one.startswith(("http://", "https://")) and len(one) <= MAX_MEDIA_URL_LENGTH:
            yield one
