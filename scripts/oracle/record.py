"""Record what a side does, part by part. Each part but the first begins with a copy of the same town."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from scripts.oracle import commands, outside
from scripts.oracle.crawl import LATER, Crawler, Person, Routes
from scripts.oracle.sides import Side
from scripts.oracle.town import NEIGHBOURS, Town, Towns
from scripts.oracle.transcript import Transcript
from tests.api.test_recorded import change_settings, come_late, command_the_service
from tests.support.made_up_city import ROLES
from tests.support.recorded import Visitor

PUBLIC = ("/", "/docs", "/status", "/sites/new", "/mine", "/track", "/cabinet/sign-in", "/cabinet/forgot")
ASKED = re.compile(r"> ([A-Z]+) (\S+)\n\nHTTP/1\.1 (\d+)")


class Recorder:
    def __init__(self, side: Side, database: str, seed: int, only: str) -> None:
        self.side, self.only = side, only
        shutil.rmtree(side.folder, ignore_errors=True)
        (side.folder / "towns").mkdir(parents=True)
        self.towns = Towns(side, database, side.folder / "towns")
        self.routes = Routes(self.towns.routes)
        self.crawler = Crawler(self.routes, seed)
        self.commands = 0
        self.parts = {"day": self.record_day, "commands": self.record_commands, "outside": self.record_outside}

    def wants(self, part: str) -> bool:
        return part.startswith(tuple(self.only.split(",")))

    def close(self) -> None:
        self.towns.close()

    def say(self, text: str) -> None:
        print(f"▸ {self.side.name} {time.strftime('%H:%M:%S')}: {text}", flush=True)

    def transcript(self, town: Town) -> Transcript:
        return Transcript(town.kept.names, self.towns.known)

    def write(self, part: str, kept: Transcript) -> None:
        kept.write(self.side.folder / f"{part}.txt")

    # --- parts ---

    def record_building(self) -> None:
        """The base, with what its people answered."""
        self.say("building the town")
        town = self.towns.build()
        kept = self.transcript(town)
        self._keep_recorded(kept, town)
        self.towns.end(town, kept, running=False)
        self.write("building", kept)

    def _keep_recorded(self, kept: Transcript, town: Town) -> None:
        for name, text in town.kept.found.items():
            kept.add(name, text)
            if asked := ASKED.match(text):
                self.routes.met_by(asked[1], asked[2], int(asked[3]))

    def record_day(self) -> None:
        """The end of that day: settings, every command of it, and what comes too late."""
        town = self._copy("day")
        with self._part("day", town) as kept:
            for part in (change_settings, command_the_service, come_late):
                part(town)
            self._keep_recorded(kept, town)

    def record_commands(self) -> None:
        town = self._copy("commands")
        with self._part("commands", town) as kept:
            self.commands = commands.run_all(town, kept, self.crawler.draw)

    def record_outside(self) -> None:
        town = self._copy("outside")
        with self._part("outside", town) as kept:
            outside.send_json(self.crawler, town, kept)
            outside.send_letters(town, kept, self.crawler.draw, self.towns.letters)
            outside.send_updates(self.crawler, town, kept)

    def _copy(self, name: str) -> Town:
        town = self.towns.copy(name)
        self.crawler.settle = town.settle
        return town

    @contextmanager
    def _part(self, name: str, town: Town) -> Iterator[Transcript]:
        self.say(f"{name}, after {self.crawler.requests} requests")
        kept = self.transcript(town)
        yield kept
        self.towns.end(town, kept)
        self.write(name, kept)

    def people(self, base: Town) -> list[Person]:
        letters = [urlsplit(link).path for letter in self.towns.letters for link in letter.links]
        private = [urlsplit(link).path for link in base.links.values() if link]
        sites = [f"/s/{key}" for key in (base.key, base.other_key)]
        staff = [Person(name, ["/cabinet/"], "/cabinet", base.typed(name)) for name in (*ROLES, *NEIGHBOURS)]
        return [
            Person("nobody", [*PUBLIC, *sites]),
            Person("resident", [*private[:3], *letters]),
            *staff,
        ]

    def record_reading(self, base: Town) -> None:
        self.say("reading")
        self.crawler.people = [person for person in self.people(base) if self.wants(person.name)]
        town = self.towns.copy("reading")
        kept = {person.name: self.transcript(town) for person in self.crawler.people}
        for person in self.crawler.people:
            self.crawler.follow(kept[person.name], self.visitor(town, person), person, person.starts)
        self.say(f"reading what others read, after {self.crawler.requests} requests")
        for person in self.crawler.people:
            self.crawler.read_what_others_read(kept[person.name], self.visitor(town, person), person)
        caused = self.transcript(town)
        self.towns.end(town, caused)
        for name, one in kept.items():
            self.write(f"read-{name}", one)
        self.write("read", caused)

    def visitor(self, town: Town, person: Person) -> Visitor:
        return town.people.setdefault(person.name, town.visitor("203.0.113.77"))

    def record_sending(self, person: Person) -> None:
        self.say(f"{person.name} sends, after {self.crawler.requests} requests")
        town = self._copy(person.name)
        kept, visitor = self.transcript(town), self.visitor(town, person)
        town.later(60)  # nobody fills in a form in no time
        self.crawler.send_bad(kept, visitor, person)
        self.crawler.send_what_others_send(kept, visitor, person)
        cookies = dict(visitor.cookies)
        self.crawler.send_valid(kept, town, visitor, person)
        self.towns.end(town, kept)
        self.crawler.settle = lambda: None  # nothing is kept of what is caused from here on
        visitor.cookies = cookies
        town.service.start()
        town.later(LATER)
        self.crawler.send_late(kept, visitor, person)
        town.service.stop()
        self.write(f"send-{person.name}", kept)
        shutil.rmtree(town.service.directory)


def record(side: Side, database: str, seed: int, only: str) -> None:
    os.environ["PYTHONPATH"] = str(side.tree)
    os.environ["TEST_TEMPLATES"] = str(side.folder / "templates")
    with closing(Recorder(side, database, seed, only)) as recorder:
        recorder.record_building()
        recorder.record_reading(recorder.towns.base)
        for person in recorder.crawler.people:
            recorder.record_sending(person)
        for name, part in recorder.parts.items():
            if recorder.wants(name):
                part()
        _report(recorder)


def _report(recorder: Recorder) -> None:
    """Say how much was asked; list the routes that nobody met, or that refused everybody, in build/oracle/SIDE."""
    crawler, routes, every = recorder.crawler, recorder.routes, set(recorder.routes.table)
    missed, refused = routes.missed(1000), routes.missed(400)
    recorder.say(f"{crawler.requests} requests of the crawl, {recorder.commands} commands; routes × methods:")
    recorder.say(
        f"{len(every) - len(missed)} of {len(every)} met, {len(every) - len(refused)} by somebody whom they serve"
    )
    for name, found in {"missed": missed, "refused": refused}.items():
        (recorder.side.folder / name).write_text("".join(f"{method} {path}\n" for method, path in found))
