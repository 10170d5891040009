"""What people write in entries of collections runs nowhere, and whom they are stands nowhere: every door is opened.

The doors are those of the route table, with what this site has in the places of their parameters: a new route of
collections is opened too, or named as one that cannot be. What leaves by itself is read as well: letters and webhooks.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import defusedxml.ElementTree
import httpx2
import openpyxl
import orjson
import pytest
from aiohttp import web
from selectolax.lexbor import LexborHTMLParser
from starlette.routing import Route

from tests.api.test_collections import add_entry, answer_all
from tests.api.test_participation import add_participant
from tests.conftest import ONE_DATABASE, Client
from tests.factories import RESIDENT, existing, make_site, run_statement
from tests.support.cabinet import Enter
from tests.support.exchange import KEY, PlatformWorker, webhook_receiver
from tests.support.georeport import Worker
from tests.support.mail import Letter, MailSink
from widget_api import clock, journal
from widget_api.app import ROUTES
from widget_api.context import Context
from widget_api.events import UPDATES_PATH
from widget_api.mail import outbox as letters
from widget_api.participation import service as participation
from widget_api.participation import store as participants
from widget_api.participation import tally
from widget_api.participation.model import Words
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Consent, Contact, join_entry
from widget_api.problems.persons import Person
from widget_api.problems.store import records
from widget_api.renewals import mail as renewals_mail
from widget_api.renewals import store as renewals_store
from widget_api.signing import Purpose
from widget_api.sites import changes, collection, consent, entry_links, presets
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.visits import mail as visits_mail
from widget_api.visits import service as visits
from widget_api.visits.model import Visit

MARKUP = "\"'><img src=x onerror=alert(1)></script><script>alert(2)</script>{{7*7}}"
BREAKS = "\r\nBEGIN:VALARM\r\nATTACH:x\r\n"
SECRET = "canary"
_HOSTILE = (
    'UPDATE site_categories SET name = :name, questions = REPLACE(questions, \'"description":"\','
    ' \'"description":"=1+1 \') WHERE site_id = :id'
)
CALENDAR = {
    "BEGIN", "END", "VERSION", "PRODID", "METHOD", "X-WR-CALNAME", "UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY",
}  # fmt: skip
CALENDAR |= {"DESCRIPTION", "URL", "LOCATION"}
NAME = f"=1+1{MARKUP}{BREAKS}Bcc: x@evil.test"  # of site, collection and category
NAME_WITHOUT_LINK = NAME.removesuffix("x@evil.test")  # of agency
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "List-Unsubscribe"),
    *("List-Unsubscribe-Post", "Auto-Submitted", "X-Widget-Loop", "MIME-Version", "Content-Type", "Content-Language"),
}
# Parameters that belong to no entry; each such page has tests of its own.
FOREIGN = {
    *("agency_id", "district_id", "user_id", "template_id", "letter_id", "table", "bulk_id", "application_id"),
    *("id", "name", "form", "z", "place:int", "period"),
}
pytestmark = pytest.mark.settings(work="off")


class Town:
    """A site with all collections, each with an entry full of markup, by people of whom nothing may be told."""

    def __init__(self, context: Context, site: Site) -> None:
        self.context, self.site = context, site
        self.children: dict[str, Site] = {}
        self.entries: dict[str, str] = {}
        self.tokens: dict[str, list[str]] = {}
        self.visit_id = ""

    async def settle(self) -> None:
        database, signer = self.context.database, self.context.signer
        for name in presets.NAMES:
            child = await collection.add_collection(database, self.site, name, name)
            await run_statement(database, _HOSTILE, id=child.id, name=NAME)
            await changes.update_site(database, child.id, {"name": NAME})
            child = self.children[name] = await sites.by_id(database, child.id)
            answers = {
                code: f"-1{MARKUP}" if value in ("Дом культуры", "Строка\nвторая") else value
                for code, value in answer_all(child).items()
            }
            text = join_entry(f"=1+1{MARKUP}", f"@SUM(1){MARKUP}{BREAKS}")
            author = Contact(email=f"{SECRET}-{name}@example.test", name=f"{SECRET}-name", phone=f"+7{SECRET}")
            about: dict[str, Any] = {"address": f"+7{MARKUP}{BREAKS}", "contact": author, "description": text}
            document = await consent.current_document(database, child, self.context.settings, "ru")
            agreed = Consent(version=document.version, hash=document.hash, publish_name=False, ip="192.0.2.1")
            self.entries[name] = await add_entry(database, child, answers=answers, consent=agreed, **about)
        await self.take_part()
        link = await entry_links.add_link(database, self.children["volunteers"], MARKUP)
        self.tokens["by"] = [signer.sign(Purpose.ENTRY_LINK, link)]
        visit = Visit(at=clock.now() + 86_400, place=MARKUP, text=MARKUP)
        who, inspectors = journal.COMMAND_LINE, self.children["inspectors"]
        self.visit_id = await visits.add_visit(database, inspectors, self.site.agency.id, visit, who)
        await visits.invite(database, inspectors, self.visit_id, self.site.agency.id, [1], who)
        (row,) = await database.rows("SELECT id FROM visit_invitations")
        self.tokens["/invited/"] = [signer.sign(Purpose.VISIT, row["id"])]
        centre = self.entries["resource-centres"]
        now = clock.now()
        await database.write(lambda tx: renewals_store.ask(tx, centre, self.children["resource-centres"].id, now))
        self.tokens["/renew/"] = [signer.sign(Purpose.RENEW, centre)]
        budget = self.children["budgeting"]
        counted = await tally.read_tally(database, budget, people=False)
        self.tokens["/count/"] = [tally.sign_tally(signer, budget, counted)]

    async def take_part(self) -> None:
        """Somebody votes, joins and asks, with markup and secrets in what they say."""
        said: dict[str, dict[str, str]] = {
            "budgeting": {},
            "initiatives": {"name": f"{SECRET}{MARKUP}", "role": f"{SECRET}{MARKUP}", "text": f"{SECRET}{MARKUP}"},
            "experts": {"name": f"{SECRET}{MARKUP}", "text": f"{SECRET}{MARKUP}"},
        }
        database, signer = self.context.database, self.context.signer
        for name, words in said.items():
            row_id = await add_participant(
                database, self.children[name], self.entries[name], f"{SECRET}-{name}-visitor@example.test", **words
            )
            self.tokens.setdefault("/action/", []).append(signer.sign(Purpose.ACTION, row_id))
            self.tokens.setdefault("/my-action/", []).append(signer.sign(Purpose.OWN_ACTION, row_id))
            row = existing(await participants.find(database, row_id))
            assert await participation.confirm(database, row) == "done"
        unconfirmed = {**said["initiatives"], "text": MARKUP}
        email = f"{SECRET}-waiting@example.test"
        waiting = await add_participant(
            database, self.children["initiatives"], self.entries["initiatives"], email, **unconfirmed
        )
        self.tokens["/action/"].append(signer.sign(Purpose.ACTION, waiting))

    async def write_letters(self) -> None:
        """An author writes to all who joined, and somebody asks for each action."""
        database, said = self.context.database, Words(name=f"{SECRET}{MARKUP}", text=f"{SECRET}{MARKUP}")
        for name in ("budgeting", "initiatives", "experts"):
            child = self.children[name]
            assert child.collection is not None
            act: Any = child.collection.action
            email = f"asking-{name}@example.test"
            person = Person(email=email, language="ru", consent_version="1", consent_hash="x", ip="192.0.2.1")
            await participation.ask_to_confirm(database, child, 1, act, person, said, None)
        child = self.children["initiatives"]
        joined = await participants.find(
            database, await add_participant(database, child, self.entries["initiatives"], "second@example.test")
        )
        entry = existing(await records.by_number(database, child.id, 1))
        assert joined is not None
        await participation.confirm(database, joined)
        await participation.write_to_participants(database, child, entry, f"News{MARKUP}{BREAKS}")

    def doors(self, *beginnings: str, names: Sequence[str] = presets.NAMES) -> Iterator[str]:
        """Every GET route that begins so, for these collections."""
        for route in ROUTES:
            if not isinstance(route, Route) or "GET" not in (route.methods or ()):
                continue
            path = route.path.replace("{number:int}", "{number}")
            if path.startswith(beginnings):
                for name in names:
                    yield from self.fill(path, name, self.children[name])

    def fill(self, path: str, name: str, child: Site) -> Iterator[str]:
        values = {
            "key": self.site.key, "slug": name, "number": "1",
            "site_id": self.site.id if "{slug}" in path else child.id, "site_id:uuid": child.id,
            "collection_id": child.id, "problem_id": self.entries[name], "visit_id": self.visit_id,
            "code": child.categories[0].code, "version": "1", "part:int": "1",
        }  # fmt: skip
        for parameter, value in values.items():
            path = path.replace(f"{{{parameter}}}", value)
        tokens = next((found for part, found in self.tokens.items() if part in path), [])
        for whole in [path.replace("{token}", token) for token in tokens] if "{token}" in path else [path]:
            left = {part.partition("}")[0] for part in whole.split("{")[1:]}
            known = FOREIGN | ({"token"} if path.startswith("/cabinet/") else set())  # of letters to users
            assert left <= known, f"{path}: what is in its place?"
            if not left:
                yield whole


def inspect(path: str, answer: httpx2.Response) -> None:
    """Nothing that was written runs: neither in a page, a feed, a calendar nor a table."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind == "text/html":
        page = LexborHTMLParser(answer.text)
        assert page.css("[onerror]") == [], path
        assert not any("alert(2)" in node.text() for node in page.css("script:not([type])")), path
        assert "49" not in [node.text(strip=True) for node in page.css("h1, h2")], path
    elif kind.endswith("xml"):
        tree = defusedxml.ElementTree.fromstring(answer.text)
        for node in tree.iter("{http://www.w3.org/2005/Atom}content"):
            if node.get("type") == "html":
                assert LexborHTMLParser(node.text or "").css("[onerror], script") == [], path
    elif kind == "text/calendar":
        lines = answer.text.replace("\r\n ", "").splitlines()
        assert {line.partition(":")[0].partition(";")[0] for line in lines if line} <= CALENDAR, path
        assert "BEGIN:VALARM" not in lines, path
    elif kind == "text/csv":
        table = csv.reader(io.StringIO(answer.text), delimiter=";" if path.startswith("/cabinet") else ",")
        for cell in (cell for row in table for cell in row):
            assert cell[:1] not in ("=", "+", "@", "\t", "\r"), path
            assert not (cell.startswith("-") and "onerror" in cell), path
    elif kind.endswith("spreadsheetml.sheet"):
        cells = [cell for sheet in openpyxl.load_workbook(io.BytesIO(answer.content)) for row in sheet for cell in row]
        assert all(cell.data_type == "s" for cell in cells if "=1+1" in str(cell.value)), path
        assert not [cell for cell in cells if cell.hyperlink or "!" in cell.data_type], path
        assert "/report.xlsx" in path or "f" not in {cell.data_type for cell in cells}, path


def inspect_letter(letter: Letter) -> None:
    """Nothing that was written runs in a letter, adds to its headers, or lets anybody else's address into it."""
    assert LexborHTMLParser(letter.html or "").css("[onerror], script") == []
    assert set(letter.message.keys()) <= HEADERS
    (reader,) = letter.recipients
    assert [one.addr_spec for one in letter.message["To"].addresses] == [reader]
    named = str(letter.message) + letter.text + (letter.html or "")
    assert set(re.findall(r"[\w.+-]+@example\.test", named)) <= {reader}


@pytest.fixture
async def town(context: Context) -> Town:
    town = Town(
        context,
        await make_site(context.database, discussion="moderated", name=NAME, agency={"name": NAME_WITHOUT_LINK}),
    )
    await town.settle()
    return town


@ONE_DATABASE
async def test_no_door_runs_what_was_written_or_tells_by_whom(client: Client, context: Context, town: Town) -> None:
    opened = {*town.doors("/api/v1/sites/", "/s/", "/to/"), "/", "/api/v1/stats"}
    opened.add(f"/s/{town.site.key}/c/volunteers/report?by={town.tokens['by'][0]}")
    token = await changes.add_token(context.database, town.site.id, "platform")
    for name in presets.NAMES:
        opened.add(f"/api/v1/platform/events?site={town.site.jurisdiction}&collection={name}")
    found = dict[str, set[int]]()
    for path in sorted(opened):
        answer = await client.get(path, headers={"Accept-Language": "ru", "Authorization": f"Bearer {token}"})
        assert answer.status_code < 500, path
        inspect(path, answer)
        assert SECRET not in answer.text, path
        found.setdefault(path.rpartition("/")[2].partition("?")[0], set()).add(answer.status_code)
    for needed in ("1", "1.ics", "calendar.ics", "feed.atom", "entries.csv", "coverage", "vote", "join", "contact"):
        assert 200 in found[needed], needed
    for path in town.doors("/invited/", "/renew/", "/action/", "/my-action/"):
        answer = await client.get(path)
        assert answer.status_code == 200, path
        inspect(path, answer)
        assert "@example.test" not in answer.text, path


@ONE_DATABASE
async def test_no_page_of_the_cabinet_runs_it_and_who_sees_no_contacts_learns_none(town: Town, enter: Enter) -> None:
    for role in ("admin", "viewer"):
        cabinet = await enter(role, town.site.agency.id, f"{role}@gorod.test")
        count = 0
        for path in sorted({*town.doors("/cabinet/", names=("budgeting", "initiatives", "inspectors"))}):
            answer = await cabinet.client.get(path)
            assert answer.status_code < 500, path
            inspect(path, answer)
            count += SECRET in answer.text
            assert role == "admin" or SECRET not in answer.text, path
        assert (count > 0) == (role == "admin")


@ONE_DATABASE
async def test_workbooks_carry_it_as_text(context: Context, town: Town, enter: Enter) -> None:
    """Also what no form lets in: control characters, and more than a cell takes."""
    head = (await enter("head", town.site.agency.id)).client
    for path in (*(f"?site={child.id}" for child in town.children.values()), "?q=SUM"):
        inspect(f"/cabinet/problems.csv{path}", await head.get(f"/cabinet/problems.csv{path}"))
        inspect(path, answer := await head.get(f"/cabinet/problems.xlsx{path}"))
        assert len(list(openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0])) > 1, path
    report = f"/cabinet/analytics/report.xlsx?site={town.children['budgeting'].id}"
    inspect(report, await head.get(report))
    odd = f"=1+1\x01\x0b_x0041_\ufffe{'я' * 40_000}"
    await context.database.write(lambda tx: tx.run("UPDATE problems SET address = :odd", odd=odd))
    inspect("odd", answer := await head.get("/cabinet/problems.xlsx"))
    row = next(openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0].iter_rows(min_row=2))
    assert max(len(str(cell.value)) for cell in row) > 30_000, "cut, not left out"


@ONE_DATABASE
async def test_letters_carry_it_as_text(context: Context, town: Town, mail_sink: MailSink, worker: Worker) -> None:
    for table in (renewals_mail.LETTERS, visits_mail.LETTERS):
        while not await letters.send_due(context, table):
            pass
    assert len(mail_sink.letters) == 2
    await town.write_letters()
    await worker.until_idle()
    addresses = list[str]()
    for letter in mail_sink.letters:
        inspect_letter(letter)
        (own,) = letter.recipients
        addresses += [own] * (SECRET in (str(letter.message) + letter.text).replace(own, ""))
    assert addresses == [f"{SECRET}-experts@example.test"], "a request, by its author; the others name nobody"
    assert [f"{SECRET}{MARKUP}" in letter.text for letter in mail_sink.to(addresses[0])].count(True) == 1
    assert f"News{MARKUP}" in mail_sink.to(f"{SECRET}-initiatives-visitor@example.test")[-1].text
    for name in ("budgeting", "initiatives", "experts"):
        assert len(mail_sink.to(f"asking-{name}@example.test")) == 1


@ONE_DATABASE
async def test_no_letter_leaves_once_its_entry_or_its_reader_is_gone(
    context: Context, town: Town, mail_sink: MailSink, worker: Worker
) -> None:
    await town.write_letters()
    (second,) = await participants.list_all_of_person(context.database, "second@example.test")
    assert await participation.leave(context.database, second)
    for name in ("budgeting", "experts"):
        await lifecycle.change(
            context.database, RESIDENT, town.children[name].id, town.entries[name], Change(to="withdrawn")
        )
    await worker.until_idle()
    left = {letter.recipients for letter in mail_sink.letters if "№ 1" in letter.subject}
    asked = {(f"asking-{name}@example.test",) for name in ("budgeting", "initiatives", "experts")}
    assert asked & left == {("asking-initiatives@example.test",)}
    assert (f"{SECRET}-initiatives-visitor@example.test",) in left
    assert ("second@example.test",) not in left
    assert not [
        letter for letter in mail_sink.to(f"{SECRET}-experts@example.test") if f"{SECRET}{MARKUP}" in letter.text
    ]


@ONE_DATABASE
async def test_the_public_count_reads_nobody(client: Client, context: Context, town: Town) -> None:
    await context.database.write(lambda tx: tx.run("ALTER TABLE participants RENAME TO unread"))
    answer = await client.get(f"/s/{town.children['budgeting'].key}/count/{town.tokens['/count/'][0]}")
    assert answer.status_code == 200


@ONE_DATABASE
async def test_webhooks_carry_it_as_it_was_written_and_nobody(context: Context) -> None:
    bodies = list[bytes]()

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(status=204)

    agency = {"name": NAME_WITHOUT_LINK}
    town = Town(context, await make_site(context.database, discussion="moderated", name=NAME, agency=agency))
    async with webhook_receiver(take) as plain, webhook_receiver(take, UPDATES_PATH) as instance:
        for url in (plain, instance):
            values: dict[str, Any] = {"id": clock.new_id(), "name": "Область", "url": url, "key": KEY}
            platform = Platform(**values, protocol="webhook", contacts="all", site_id=town.site.id)
            await platforms.insert_platform(context.database, platform)
        await town.settle()  # people agree to what the operator takes back
        await context.database.write(lambda tx: tx.run("UPDATE platforms SET contacts = 'none'"))
        await PlatformWorker(context).until_idle()
    assert SECRET.encode() not in b"".join(bodies)
    reports = [event["data"] for event in map(orjson.loads, bodies) if event["type"].endswith(".received")]
    assert len(reports) == 2 * len(presets.NAMES)
    text = f"@SUM(1){MARKUP}{BREAKS}".replace("\r\n", "\n").strip()
    for data in reports:
        assert (data["title"], data["description"].replace("\r\n", "\n").strip()) == (f"=1+1{MARKUP}", text)
