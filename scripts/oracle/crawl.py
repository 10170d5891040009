"""Everybody reads all that is linked and all that others may read, and sends every form in every way."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, urlsplit

from starlette.routing import compile_path

from scripts.oracle.forms import HOST, LAST, Form, forms, links
from scripts.oracle.town import Town
from scripts.oracle.transcript import Transcript, exchange
from tests.support.recorded import Answer, Visitor

UNKNOWN = "01900000-0000-7000-8000-000000000000"
PATHS, QUERIES = 3, 2  # of one route that one person reads: without a query, with the same names in it
OTHERS = 2  # paths of one route that a person has from others
SAMPLE = 2  # bad values of a form that somebody has sent in full before
LATER = 40 * 86_400  # when every session has ended


@dataclass
class Routes:
    """The route table of a side, and what of it was met."""

    table: Sequence[tuple[str, str]]
    met: dict[tuple[str, str], int] = field(default_factory=dict)  # the lowest status of each answer

    @cached_property
    def _compiled(self) -> list[tuple[str, str, re.Pattern[str]]]:
        return [(method, path, compile_path(path)[0]) for method, path in self.table]

    def find(self, method: str, path: str) -> str:
        """The route of a path as it is written in the table; the path itself if there is none."""
        return self._match(method, path)[0]

    def values(self, method: str, path: str) -> dict[str, str]:
        return self._match(method, path)[1]

    def _match(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        bare = urlsplit(path).path
        for known, template, pattern in self._compiled:
            if known == method and (found := pattern.match(bare)):
                return template, found.groupdict()
        return bare, {}

    def met_by(self, method: str, path: str, status: int) -> None:
        key = (method, self.find(method, path))
        self.met[key] = min(status, self.met.get(key, status))

    def missed(self, most: int) -> list[tuple[str, str]]:
        """Routes of the table without an answer below this status."""
        return [one for one in dict.fromkeys(self.table) if self.met.get(one, most) >= most]


@dataclass
class Person:
    name: str
    starts: list[str]
    within: str = "/"  # what it reads begins so
    typed: dict[str, str] = field(default_factory=dict)  # what it knows to fill in, by name
    read: dict[str, Answer] = field(default_factory=dict)  # by path
    forms: dict[tuple[str, tuple[str, ...]], list[Form]] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """Of its forms in the cabinet."""
        tokens = [one.given().get("form_token", []) for found in self.forms.values() for one in found]
        return next((one[0] for one in tokens if one and one[0]), "")


class Crawler:
    """`settle` waits until the worker of the running service has done what was asked for."""

    def __init__(self, routes: Routes, seed: int) -> None:
        self.routes, self.requests = routes, 0
        self.settle: Callable[[], None] = lambda: None
        self.draw = random.Random(seed)  # noqa: S311 - no secret: the seed is printed
        self.people: list[Person] = []
        self._pool: defaultdict[str, dict[str, None]] = defaultdict(dict)  # values of each parameter of routes
        self._sent: set[tuple[str, tuple[str, ...]]] = set()  # forms whose bad values somebody has sent in full

    # --- asking ---

    def ask(self, kept: Transcript, visitor: Visitor, method: str, path: str, note: str = "", **how: object) -> Answer:
        self.requests += 1
        answer = visitor.ask(method, path, **how)  # type: ignore[arg-type] # as they are passed on
        self.routes.met_by(method, path, answer.status)
        kept.add(f"{method} {path}{note}", exchange(answer))
        if method != "GET" and answer.status < 400:
            self.settle()
        return answer

    def get(self, kept: Transcript, visitor: Visitor, person: Person, path: str) -> list[str]:
        """Read a path; return the links of a page."""
        answer = self.ask(kept, visitor, "GET", path)
        person.read[path] = answer
        for name, value in self.routes.values("GET", path).items():
            if answer.status == 200:
                self._pool[name][value] = None
        if location := answer.header("location"):
            return [location.removeprefix(HOST)] if location.startswith((HOST, "/")) else []
        if not answer.header("content-type").startswith("text/html"):
            return []
        for one in forms(path, answer.text):
            person.forms.setdefault((self.routes.find("POST", one.action), one.names), []).append(one)
        return links(path, answer.text)

    # --- reading ---

    def follow(self, kept: Transcript, visitor: Visitor, person: Person, starts: Iterable[str]) -> None:
        """Read everything that is reached by links, a few paths of each route."""
        queue, seen, many = list(starts), set(person.read), Counter[tuple[str, ...]]()
        while queue:
            path = queue.pop(0).partition("#")[0]
            names = sorted({name for name, _ in parse_qsl(urlsplit(path).query, keep_blank_values=True)})
            key = (self.routes.find("GET", path), *names)
            if path in seen or not path.startswith(person.within) or many[key] >= (QUERIES if names else PATHS):
                continue
            seen.add(path)
            many[key] += 1
            queue += self.get(kept, visitor, person, path)

    def read_what_others_read(self, kept: Transcript, visitor: Visitor, person: Person) -> None:
        """Of each route paths that somebody else has read, and paths of routes that nobody has."""
        of_others: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for other in self.people:
            for path in other.read:
                if other is not person and "?" not in path:
                    of_others[self.routes.find("GET", path)][path] = None
        for method, route in dict.fromkeys(self.routes.table):
            if method != "GET" or not route.startswith(person.within):
                continue
            paths = [path for path in of_others[route] if path not in person.read]
            own = [path for path in person.read if self.routes.find("GET", path) == route]
            for path in paths[:: max(1, len(paths) // OTHERS)][:OTHERS] if paths or own else self.fill_in(route):
                self.get(kept, visitor, person, path)

    def fill_in(self, route: str) -> list[str]:
        """Paths of a route with known values of its parameters."""
        names = re.findall(r"{(\w+)(?::(\w+))?}", route)
        paths = dict[str, None]()
        for number in range(OTHERS):
            path = route
            for name, kind in names:
                known = list(self._pool[name]) or [{"int": "1", "uuid": UNKNOWN}.get(kind, "nothing")]
                path = path.replace(f"{{{name}:{kind}}}" if kind else f"{{{name}}}", known[-1 - number % len(known)])
            paths[path] = None
        return list(paths)

    # --- sending ---

    def send(self, kept: Transcript, visitor: Visitor, form: Form, note: str, given: dict[str, list[str]]) -> Answer:
        how: dict[str, object] = {"form": given}
        if form.multipart:
            files = {one.name: ("", b"", "application/octet-stream") for one in form.controls if one.kind == "file"}
            how |= {"files": files} if files else {}
        headers = {"origin": HOST, "referer": HOST + form.page}
        return self.ask(kept, visitor, "POST", form.action, f" {note} {','.join(form.names)}", **how, **headers)

    def send_bad(self, kept: Transcript, visitor: Visitor, person: Person) -> None:
        for key, found in person.forms.items():
            wrong = list(found[0].bad(self.draw, person.typed))
            if key in self._sent:
                wrong = self.draw.sample(wrong, min(SAMPLE, len(wrong)))
            self._sent.add(key)
            for note, given in wrong:
                self.send(kept, visitor, found[0], note, given)

    def send_what_others_send(self, kept: Transcript, visitor: Visitor, person: Person) -> None:
        """Forms of others with the own token, and their own; nothing at all to routes without any form."""
        own = {one.action for found in person.forms.values() for one in found}
        of_others: defaultdict[str, dict[str, Form]] = defaultdict(dict)
        for other in self.people:
            for (route, _), found in other.forms.items():
                of_others[route] |= {one.action: one for one in found if one.action not in own}
        for method, route in dict.fromkeys(self.routes.table):
            if method != "POST" or not route.startswith(person.within):
                continue
            theirs = list(of_others[route].values())
            for form in theirs[:: max(1, len(theirs) // OTHERS)][:OTHERS]:
                self.send(kept, visitor, form, "with the token of another", form.valid(person.typed))
                own_token = form.signed(person.token).valid(person.typed)
                self.send(kept, visitor, form, "with the own token", own_token)
            if not theirs and all(of != route for of, _ in person.forms):
                for path in self.fill_in(route):
                    token = {"form_token": person.token}
                    self.ask(kept, visitor, "POST", path, " without a form", form=token, origin=HOST)

    def send_valid(self, kept: Transcript, town: Town, visitor: Visitor, person: Person) -> None:
        """Each form as its page shows it then, each valid one twice; what ends a session comes last."""
        for key in sorted(person.forms, key=lambda key: bool(LAST.search(key[0]))):
            for form in person.forms[key][:1]:
                self._send_each_way(kept, town, visitor, person, form, key)

    def _send_each_way(
        self,
        kept: Transcript,
        town: Town,
        visitor: Visitor,
        person: Person,
        form: Form,
        key: tuple[str, tuple[str, ...]],
    ) -> None:
        many = len(list(form.variants(person.typed)))
        for number in range(many):
            page = visitor.ask("GET", form.page)
            found = forms(form.page, page.text) if page.header("content-type").startswith("text/html") else []
            shown = [one for one in found if (self.routes.find("POST", one.action), one.names) == key]
            if not shown:
                kept.add(f"no form any more: {form.action} {','.join(form.names)}", exchange(page))
                return
            for note, given in list(shown[0].variants(person.typed))[number : number + 1]:
                town.later(5)
                self._send_twice(kept, visitor, shown[0], note, given)

    def _send_twice(
        self, kept: Transcript, visitor: Visitor, form: Form, note: str, given: dict[str, list[str]]
    ) -> None:
        answer = self.send(kept, visitor, form, note, given)
        if answer.status != 303:
            return
        self.send(kept, visitor, form, f"{note}, repeated", given)
        if location := answer.header("location").removeprefix(HOST):
            self.ask(kept, visitor, "GET", location, f" after {form.action} {note}")

    def send_late(self, kept: Transcript, visitor: Visitor, person: Person) -> None:
        for path in {self.routes.find("GET", path): path for path in person.read}.values():
            self.ask(kept, visitor, "GET", path, " when the session has ended")
        for found in person.forms.values():
            self.send(kept, visitor, found[0], "when the session has ended", found[0].valid(person.typed))
