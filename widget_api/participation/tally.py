"""Count the voices of a collection, and sign the count, so that a printed one can be compared with the service's.

A digest of the numbers is in the signed address of a public page, which counts anew. Once the vote is over voices
neither come nor go, not even with the erasure of who gave them: the same digest says that the numbers are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import orjson

from widget_api import clock, i18n
from widget_api.database import Database
from widget_api.participation import store
from widget_api.participation.model import find_bursts
from widget_api.participation.service import describe_period
from widget_api.problems.model import split_entry
from widget_api.signing import Purpose, Signer
from widget_api.sites.model import Site
from widget_api.web.limits import enclosing_networks


@dataclass(frozen=True, kw_only=True)
class Line:
    place: int  # equal numbers share one
    number: int
    title: str
    voices: int
    elsewhere: int  # of them given at other instances
    burst: int  # of those given here from one network within an hour
    passes: bool  # the threshold


@dataclass(frozen=True, kw_only=True)
class Tally:
    lines: tuple[Line, ...]
    threshold: int  # 0 = none
    elsewhere: Sequence[tuple[str, int]]  # other instances, and the voices given there
    people: Mapping[str, int]  # how many here; voices that were withdrawn, and those of people who were erased
    over: bool  # whether the vote is
    at: int

    @property
    def voices(self) -> int:
        return sum(line.voices for line in self.lines)

    @property
    def given_here(self) -> int:
        return self.voices - sum(line.elsewhere for line in self.lines)

    def make_digest(self, site: Site) -> str:
        """A digest of the voices by entry, here and elsewhere, the period and the threshold."""
        assert site.collection is not None, "entries are voted for"
        voting = site.collection.voting
        numbers = sorted((line.number, line.voices, *([line.elsewhere] * bool(line.elsewhere))) for line in self.lines)
        content = orjson.dumps([site.id, voting.opens_at, voting.closes_at, self.threshold, numbers])
        return hashlib.sha256(content).hexdigest()


async def read_tally(database: Database, site: Site, *, people: bool) -> Tally:
    """The voices for all published entries, most first. Without `people` no personal data is read, for the public."""
    assert site.collection is not None, "entries are voted for"
    now, reader, voting = clock.now(), database.in_threads(), site.collection.voting
    arrivals: dict[str, list[tuple[str, str, int]]] = {}
    for row in await store.list_arrivals(reader, site.id) if people else ():
        arrivals.setdefault(row["problem_id"], []).append((row["id"], find_network(row["ip"]), row["confirmed_at"]))
    places: dict[int, int] = {}
    lines = []
    for place, row in enumerate(await store.rank_entries(reader, site.id), start=1):
        voices = row["participants"]
        lines.append(
            Line(
                place=places.setdefault(voices, place),
                number=row["number"],
                title=split_entry(row["description"])[0],
                voices=voices,
                elsewhere=int(row["elsewhere"]),
                burst=len(find_bursts(arrivals.get(row["id"], ()))),
                passes=voices >= voting.threshold,
            )
        )
    totals = await store.sum_voices(reader, site.id) if people else None
    return Tally(
        lines=tuple(lines),
        threshold=voting.threshold,
        elsewhere=[(row["name"], int(row["voices"])) for row in await store.sum_elsewhere(reader, site.id)],
        people={name: totals[name] for name in ("people", "withdrawn", "erased")} if totals is not None else {},
        over=voting.is_over(now),
        at=now,
    )


def find_network(address: str) -> str:
    """An office, a school, or what a provider gives to one customer; of IPv4 the address itself."""
    found = enclosing_networks(address)
    return found[0] if "." in address else found[min(1, len(found) - 1)]


def sign_tally(signer: Signer, site: Site, tally: Tally) -> str:
    """The token of the page on which a printed count is verified."""
    return signer.sign(Purpose.COUNT, [site.id, tally.at, tally.make_digest(site)])


def read_token(signer: Signer, site: Site, token: str) -> tuple[int, str] | None:
    """When a count of a collection was made, and its digest; None if the token is none of it."""
    found = signer.read(Purpose.COUNT, token)
    if not isinstance(found, list) or len(found) != 3 or found[0] != site.id:
        return None
    return int(found[1]), str(found[2])


def format_digest(digest: str) -> str:
    """In groups of four, which people compare."""
    return "-".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def describe_rules(site: Site, tally: Tally, language: str) -> list[str]:
    """The rules of the vote in words."""
    assert site.collection is not None, "entries are voted for"
    voting = site.collection.voting
    period, days = describe_period(site, language, today=date.min)  # paper outlives its year
    key = "collections_cabinet.count.rule"
    return [
        i18n.text(language, f"{key}.period.{period}", **days),
        i18n.text(language, f"{key}.votes", count=voting.per_person),
        i18n.text(language, f"{key}.age" if voting.min_age else f"{key}.any_age", age=voting.min_age),
        i18n.text(language, f"{key}.threshold" if tally.threshold else f"{key}.no_threshold", count=tally.threshold),
        i18n.text(language, f"{key}.erased"),
        *([i18n.text(language, f"{key}.elsewhere")] if tally.elsewhere else []),
    ]
