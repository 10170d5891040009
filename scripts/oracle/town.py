"""A made-up city with every role in its own, a subordinate, the parent and a foreign agency, on a side's service."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scripts.oracle import transcript
from scripts.oracle.forms import HOST, LAST, forms
from scripts.oracle.sides import Side
from scripts.oracle.transcript import Transcript
from tests.api import test_recorded as day
from tests.support import made_up_city as city
from tests.support import recorded
from tests.support.made_up_city import HOUR, World
from tests.support.mail import Letter, MailSink
from tests.support.postgres import PostgreSQL
from tests.support.processes import Service, attempt, free_port
from tests.support.recorded import Answer, RecordingPlatform, Visitor

FOREIGN_ORIGIN = "https://www.dalny.test"
# Of the day that is recorded, all that does not end anything.
PARTS = (
    *(day.residents_answer, day.read_the_api, day.refuse, day.read_the_pages, day.work_in_the_cabinet),
    *(day.speak_georeport, day.report_by_form, day.work_by_mail, day.exchange_with_platforms),
)
# Pages of the city's administrator whose forms make something that others can read or change.
FILLED_IN = (
    "/cabinet/organisation/templates",
    "/cabinet/organisation/routing",
    "/cabinet/organisation/tokens",
    "/cabinet/organisation/people",
    "/cabinet/organisation/services",
    "/cabinet/sites/{site}/districts",
    "/cabinet/sites/{site}/collections/experts/links",
    "/cabinet/problems",
)
SHARED = (
    *("site_id", "other_id", "key", "other_key", "consent", "code", "tokens", "links", "ids"),
    *("late", "late_challenge", "passwords", "openings"),
)
NEW_LINE = "\n"
PATIENCE = 10.0  # seconds
QUIET = 1.5  # seconds in which every letter that is due would come
PRESETS = ("volunteers", "budgeting", "experts", "initiatives")
AGENCIES = ("subordinate", "parent", "foreign")  # as seen from the city's agency
NEIGHBOURS = tuple(f"{agency}-{role}" for agency in AGENCIES for role in ("admin", "agent"))


class Town(World):
    """`limits`: whether requests are limited as they are by default."""

    def __init__(
        self,
        side: Side,
        changes: Sequence[str],
        directory: Path,
        database_url: str,
        peers: Peers,
        *,
        limits: bool = False,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        moment, self._commands_moment = directory / "moment", directory / "moment-of-commands"
        moment.write_text(str(float(city.START - HOUR)))
        self.side, self._commands, self._left = side, 0, 0
        environ = {
            "WIDGET_DATA": str(directory / "data"),
            "WIDGET_DATABASE_URL": database_url,
            "WIDGET_SECRET_KEYS": "oracle-secret-of-more-than-32-characters",
            "WIDGET_MAIL_FROM": "widget@widget.test",
            "WIDGET_PUBLIC_URL": "https://widget.test",
            "WIDGET_SMTP_URL": peers.mail.url,
            "WIDGET_INBOUND": f"lmtp://127.0.0.1:{peers.inbound}",
            "WIDGET_TRUSTED_PROXIES": "127.0.0.1",
            "WIDGET_TILES_ATTRIBUTION": "© Участники OpenStreetMap",
            "WIDGET_PROCESSOR": "ООО «Оператор», Москва",
        } | ({} if limits else {"WIDGET_RATE_LIMITS": "off"})
        program = (*side.program, f"moment={moment}", *changes, "--")
        service = Service(directory, environ, free_port(), (), program, fork=True)
        super().__init__(service, moment, peers.mail, peers.platform, peers.inbound)

    def run(self, *arguments: str) -> Any:
        """Each command a millisecond later than the one before: what they make has an order."""
        self._commands += 1
        self._commands_moment.write_text(f"{(self.now or city.START - HOUR) + self._commands / 1000:.3f}")
        return attempt(
            *arguments,
            settings=self.service.settings | {"COLUMNS": "100"},
            directory=self.service.directory,
            changes=(f"moment={self._commands_moment}",),
            interpreter=self.side.program,
        )

    @property
    def database_url(self) -> str:
        return self.service.settings["WIDGET_DATABASE_URL"]

    def press(self, visitor: Visitor, page: str, action: str, name: str | None = None, /, **fields: Any) -> Answer:
        """A letter says what is so when it is written, so nothing else happens before."""
        answer = super().press(visitor, page, action, name, **fields)
        self.settle()
        return answer

    def typed(self, name: str) -> dict[str, str]:
        """What this person fills in where a form asks for the password."""
        return {"password": self.passwords[name], "old_password": self.passwords[name]}

    def start_at(self, now: int) -> None:
        self.now = now
        self._moment.write_text(str(float(now)))
        self.service.start()

    def later(self, seconds: int) -> None:
        self.at(self.now - city.START + seconds)

    def settle(self) -> None:
        """Wait until the worker has done all that is due now, or has left the same for a while: it waits, too."""
        since, last = time.monotonic(), self._left
        while (left := transcript.count_due(self.database_url, self.now)) and left != self._left:
            if left != last:
                since, last = time.monotonic(), left
            if time.monotonic() - since > PATIENCE:
                self._left = left
            time.sleep(0.02)

    def add_person(self, name: str, agency_id: str) -> None:
        given = ["--email", f"{name}@people.test", "--role", name.rpartition("-")[2], "--agency", agency_id]
        made = self.cli("user", "add", *given, "--name", f"Имя {name}", "--post", "Специалист")
        self.passwords[name] = made["password"]
        self.kept.names |= {made["password"]: f"password-{name}"}

    def enter(self, name: str, number: int) -> None:
        visitor = self.people[name] = self.visitor(f"192.0.2.{100 + number}")
        given = {"email": f"{name}@people.test", "password": self.passwords[name]}
        self.press(visitor, "/cabinet/sign-in", "/cabinet/sign-in", **given)


class Peers:
    """Everybody outside that all parts share, since addresses of theirs are in the database."""

    def __init__(self) -> None:
        self.mail, self.platform, self.inbound = MailSink(), RecordingPlatform(), free_port()

    def forget(self) -> None:
        self.mail.letters.clear()
        self.platform.taken.clear()

    def wait_for_last_letters(self) -> None:
        """Until none has come for a while: not all of them are deliveries."""
        many = -1
        while many != len(self.mail.letters):
            many = len(self.mail.letters)
            time.sleep(QUIET)

    def close(self) -> None:
        self.mail.close()
        self.platform.close()


class Towns:
    """The town at the beginning of each part: a copy of the one that was built first."""

    def __init__(self, side: Side, database: str, folder: Path) -> None:
        self.side, self.folder, self.peers = side, folder, Peers()
        described = side.describe()
        self.changes: list[str] = described["changes"]
        self.routes: list[tuple[str, str]] = [(method, path) for method, path in described["routes"]]
        self.server = PostgreSQL() if database == "postgresql" else None
        self.known: dict[str, str] = {}
        self.letters: list[Letter] = []  # of the town's building

    def empty(self, name: str) -> Town:
        """One without anything, migrated."""
        url = self.server.database() if self.server else f"sqlite:///{self.folder / name / 'widget.db'}"
        made = Town(self.side, self.changes, self.folder / name, url, self.peers, limits=True)
        done = made.run("migrate")
        assert done.returncode == 0, done
        return made

    def build(self) -> Town:
        self.base = town = self.empty("base")
        city.create_the_city(town)
        _add_neighbours(town)
        town.service.start()
        town.at(0)
        city.submit_all_reports(town)
        city.sign_in(town)
        for number, name in enumerate(NEIGHBOURS):
            town.enter(name, number)
        town.at(HOUR)
        city.decide_reports(town)
        town.at(2 * HOUR)
        for part in PARTS:
            part(town)
            town.settle()
        _fill_in_forms(town)
        _add_entries(town)
        town.settle()
        town.service.stop()
        self.letters = list(self.peers.mail.letters)
        self.known = transcript.name_identifiers(transcript.read_rows(town.database_url))
        self.known = {value: name for value, name in self.known.items() if value not in town.kept.names}
        return town

    def copy(self, name: str) -> Town:
        """A running copy, ten minutes later."""
        base = self.base
        shutil.copytree(base.service.directory, self.folder / name)
        if self.server:
            url = self.server.database(base.database_url.rpartition("/")[2])
        else:
            url = f"sqlite:///{self.folder / name / 'widget.db'}"
        town = Town(self.side, self.changes, self.folder / name, url, self.peers)
        for shared in SHARED:
            setattr(town, shared, getattr(base, shared))
        town.kept.names = base.kept.names
        for person, visitor in base.people.items():
            town.people[person] = Visitor(town.service.port, visitor.address, visitor.language, dict(visitor.cookies))
        self.peers.forget()
        town.start_at(base.now)
        town.later(600)
        return town

    def end(self, town: Town, kept: Transcript, *, running: bool = True) -> None:
        """Keep what a part has caused, and stop the service."""
        if running:
            town.settle()
            self.peers.wait_for_last_letters()
            kept.add("metrics", transcript.metrics(town.metrics()))
            town.service.stop()
        for text in sorted(normalised(kept, recorded.letter(one)) for one in self.peers.mail.letters):
            kept.add(f"letter {text.partition(NEW_LINE)[0]}", text)
        texts = [text for one in self.peers.platform.taken for text in transcript.to_platform(one)]
        for text, many in sorted(Counter(normalised(kept, text) for text in texts).items()):
            times = "any number" if text.startswith(transcript.OF_EVENTS) else str(many)
            kept.add(f"to the platform {text.partition(NEW_LINE)[0]}", f"{times} ×{NEW_LINE}{text}")
        kept.add_rows(transcript.read_rows(town.database_url))

    def close(self) -> None:
        self.peers.close()
        if self.server:
            self.server.stop()


def normalised(kept: Transcript, text: str) -> str:
    return transcript.normalise(text, kept.known, kept.names)


def _add_neighbours(town: Town) -> None:
    """An agency above the city's, a foreign one with a site, people of all, collections, and what routes reports."""
    cli, names = town.cli, town.kept.names
    agencies = {one["name"]: one["id"] for one in cli("agency", "list")}
    parent = cli("agency", "add", "--name", "Область", "--email", "oblast@oblast.test")["agency"]
    foreign = cli("agency", "add", "--name", "Администрация Дальнего", "--email", "priem@dalny.test")["agency"]
    cli("agency", "set", "Администрация Зареченска", "--parent", parent)
    made = cli("site", "add", "--name", "Сайт Дальнего", "--agency", foreign, "--origin", FOREIGN_ORIGIN)
    names |= {made["key"]: "foreign-key", made["site"]: "foreign-id"}
    below = agencies["Управляющая компания"]
    ids = dict(zip(AGENCIES, (below, parent, foreign), strict=True))
    for name in NEIGHBOURS:
        town.add_person(name, ids[name.partition("-")[0]])
    for preset in PRESETS:
        cli("collection", "add", "--site", town.key, "--slug", preset, "--preset", preset)


def _fill_in_forms(town: Town) -> None:
    """Send every form of these pages with something plausible."""
    admin = town.people["admin"]
    for path in FILLED_IN:
        page = path.format(site=town.site_id)
        for form in forms(page, admin.ask("GET", page).text):
            if not LAST.search(form.action):
                given = form.valid(town.typed("admin"))
                answer = admin.ask("POST", form.action, form=given, origin=HOST, referer=HOST + page)
                town.kept.keep(f"cabinet/filled-in-{len(town.kept.found)}", answer.recorded)


def _add_entries(town: Town) -> None:
    """Add an entry to each collection by its form, confirm and accept it."""
    agent, site = town.people["agent"], f"/s/{town.key}"
    for number, slug in enumerate(PRESETS):
        visitor, before = town.visitor(f"198.51.100.{120 + number}"), len(town.mail.letters)
        _send_form(town, visitor, f"{site}/c/{slug}/report")
        town.settle()
        for letter in town.mail.letters[before:]:
            for link in letter.links:
                if "/confirm/" in link:
                    _send_form(town, visitor, urlsplit(link).path)
    town.settle()
    page = agent.ask("GET", "/cabinet/problems?status=moderation").text
    for path in sorted(set(re.findall(r"/cabinet/problems/[0-9a-f-]{36}", page))):
        for form in forms(path, agent.ask("GET", path).text):
            if form.action == path:
                agent.ask("POST", path, form=form.valid({}) | {"to": ["accepted"]}, origin=HOST, referer=HOST + path)
    town.settle()


def _send_form(town: Town, visitor: Visitor, path: str) -> None:
    """Whatever the form of this page asks, a minute after it was opened."""
    found = [one for one in forms(path, visitor.ask("GET", path).text) if one.action == path]
    town.later(60)
    for form in found[:1]:
        answer = visitor.ask("POST", path, form=form.valid({}), origin=HOST, referer=HOST + path)
        town.kept.keep(f"pages/form-{len(town.kept.found)}", answer.recorded)
