"""What others send than browsers: JSON of widgets, letters to the inbound address, updates of platforms."""

from __future__ import annotations

import json
import random
import smtplib
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.oracle.crawl import Crawler
from scripts.oracle.forms import CONTROL
from scripts.oracle.town import PRESETS, Town
from scripts.oracle.transcript import Transcript
from tests.api.test_recorded import signed
from tests.support import made_up_city as city
from tests.support.made_up_city import ORIGIN, UTILITY_OFFICE
from tests.support.mail import Letter
from tests.support.recorded import Visitor

SUPPORTER = "0f8fad5b-d9cb-469f-a165-70867728950e"
ANSWERS = {
    "volunteers": {"help": ["social"]},
    "budgeting": {"cost": 100_000, "benefits": "Всем жителям"},
    "initiatives": {"begins": "2026-07-15", "needs": "Уборщики"},
}
WRONG: tuple[Any, ...] = (None, "", 5, -1, 1e300, True, [], {}, ["x"], {"a": 1}, "я" * 5000, "dragons", *CONTROL)


def spoil(sent: Mapping[str, Any], draw: random.Random, many: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field missing, and of some bad values; those of an inner object, too."""
    for name, value in sent.items():
        yield f"{name} missing", {key: other for key, other in sent.items() if key != name}
        for wrong in draw.sample(WRONG, many):
            yield f"{name} = {json.dumps(wrong)[:30]}", {**sent, name: wrong}
        if isinstance(value, dict):
            for note, inner in spoil(value, draw, 1):
                yield f"{name}.{note}", {**sent, name: inner}
    yield "with another field", {**sent, "colour": "red"}


def send_json(crawler: Crawler, town: Town, kept: Transcript) -> None:
    """Whatever a widget sends, to the problems and to each collection, each with a ticket of its own."""
    visitor = town.visitor("198.51.100.90")
    agreed = {"version": town.consent, "processing": True}
    person = {"email": "gost@example.test", "consent": agreed, "name": "Гость"}
    whole = city.body(town, 2, visitor)
    bodies: dict[str, dict[str, Any]] = {
        "/problems": whole,
        "/problems/1/follow": {"email": "gost@example.test", "consent": agreed},
        "/problems/1/comments": person | {"text": "И у нас"},
        "/problems/1/support": {"supporter": SUPPORTER},
    }
    for slug in PRESETS:
        of = f"/collections/{slug}"
        found = visitor.ask("GET", town.path(of)).json
        agreed = {"consent": {"version": found["consent"]["version"], "processing": True}}
        entry = {"title": "Запись", "category": found["categories"][0]["code"], "answers": ANSWERS.get(slug, {})}
        bodies[f"{of}/entries"] = whole | agreed | entry
        for action in ("follow", "comments", "support", "vote", "join", "contact"):
            acting = {"text": "Хочу помочь", "supporter": SUPPORTER, "declared": True}
            bodies[f"{of}/entries/1/{action}"] = person | agreed | acting
    for path, sent in bodies.items():
        ways = [
            ("valid", dict(sent)),
            ("again", dict(sent)),
            *spoil(sent, crawler.draw, 3 if path == "/problems" else 1),
        ]
        for number, (note, given) in enumerate(ways):
            if "ticket missing" not in note and not note.startswith("ticket ="):
                given["ticket"] = town.ticket(visitor)
            head = {"origin": ORIGIN, "idempotency_key": f"{path}-{0 if note == 'again' else number}".replace("/", "-")}
            crawler.ask(kept, visitor, "POST", town.path(path), f" {note}", json_body=given, **head)


def send_letters(town: Town, kept: Transcript, draw: random.Random, received: list[Letter]) -> None:
    """To the address of a report, of none, of the service; trusted or not; answers, bounces, automatic ones."""
    found = [one for one in received if UTILITY_OFFICE in one.recipients and one.message["Reply-To"]]
    replies = [str(one.message["Reply-To"].addresses[0].addr_spec) for one in found[:1]]
    forged = [f"{reply[:20]}aaaa{reply[24:]}" for reply in replies]
    heads = {
        "trusted": f"Authentication-Results: widget.test; dmarc=pass header.from=uk.test\r\nFrom: <{UTILITY_OFFICE}>",
        "untrusted": f"Authentication-Results: widget.test; dmarc=fail header.from=uk.test\r\nFrom: <{UTILITY_OFFICE}>",
        "foreign": "Authentication-Results: widget.test; dmarc=pass header.from=evil.test\r\nFrom: <a@evil.test>",
        "automatic": f"Auto-Submitted: auto-replied\r\nFrom: <{UTILITY_OFFICE}>",
        "nobody": "From: ",
    }
    texts = (
        "Починили.",
        "#решено\r\nПочинили вчера",
        "",
        "я" * 30_000,
        "> цитата\r\n> ещё",
        "#план 2026-02-30",
        "a\x00b",
    )
    number = 0
    for to in (*replies, *forged, "widget@widget.test", "widget+zzz@widget.test"):
        for kind, head in heads.items():
            for text in draw.sample(texts, 3):
                number += 1
                lines = [head, f"To: <{to}>", f"Subject: Re: {number}", f"Message-ID: <oracle-{number}@uk.test>"]
                lines += [
                    "MIME-Version: 1.0",
                    "Content-Type: text/plain; charset=utf-8",
                    "Content-Transfer-Encoding: 8bit",
                ]
                with smtplib.LMTP("127.0.0.1", town.inbound) as server:
                    try:
                        server.sendmail(UTILITY_OFFICE, [to], "\r\n".join([*lines, "", text, ""]).encode())
                        said = "accepted"
                    except smtplib.SMTPException as error:
                        said = repr(error)
                kept.add(f"letter {number} {kind} to {to}", said)
                town.settle()


def send_updates(crawler: Crawler, town: Town, kept: Transcript) -> None:
    """Of the webhook that signs: each field bad, a wrong time, a signature of something else."""
    visitor = Visitor(town.service.port, "198.51.100.91")
    event: dict[str, Any] = {
        "specversion": "1.0", "id": SUPPORTER, "source": "https://central.test", "type": "x",
        "time": "2026-06-01T13:30:00Z",
        "data": {"number": 2, "jurisdiction": "zarechensk.test", "kind": "status", "status_code": "in_progress"},
    }  # fmt: skip
    ways = [("valid", event), ("again", event), *spoil(event, crawler.draw, 3)]
    ways += [(f"status {name}", event | {"id": f"{name}-1", "data": event["data"] | {"status_code": name}})
             for name in ("resolved", "rejected", "planned", "redirected", "accepted", "dragons")]  # fmt: skip
    for number, (note, sent) in enumerate(ways):
        given = sent | {"id": f"{number}-{SUPPORTER}"} if "id" in sent and note not in ("valid", "again") else sent
        content = json.dumps(given)
        head: dict[str, Any] = signed(city.SIGNED, town.now, content.encode())
        crawler.ask(kept, visitor, "POST", "/api/v1/platform/updates", f" {note}", content=content, **head)
    for note, at, key in (("late", -4000, city.SIGNED), ("early", 4000, city.SIGNED), ("forged", 0, "another key")):
        content = json.dumps(event)
        head = signed(key, town.now + at, content.encode())
        crawler.ask(kept, visitor, "POST", "/api/v1/platform/updates", f" {note}", content=content, **head)
    for scope, token in {**town.tokens, "none": "zzz"}.items():
        bearer = {"authorization": f"Bearer {token}"}
        for path in ("events", "stats", "documents", "events?after=zzz", "events?limit=0", "documents?since=x"):
            crawler.ask(kept, visitor, "GET", f"/api/v1/platform/{path}", f" of {scope}", **bearer)
        crawler.ask(kept, visitor, "PUT", "/api/v1/platform/documents", f" of {scope}", content="{}", **bearer)
