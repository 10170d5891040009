"""A small city built through calls, forms, letters and commands alone, at a stopped clock.

Nothing here depends on the service's internals, so the recordings stay the same when the service is restructured.
"""

import base64
import hashlib
import io
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import time_machine
from PIL import Image

from tests.support import commands, recorded
from tests.support.cabinet import PageText
from tests.support.mail import Letter, MailSink
from tests.support.processes import Service
from tests.support.recorded import Answer, RecordingPlatform, Recordings, Visitor
from tests.support.waiting import wait_for

START = 1_780_315_200  # 2026-06-01T12:00:00Z, a Monday: in Moscow three in the afternoon
SIGNED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of platforms that sign
HOUR = 3600
ORIGIN, OTHER_ORIGIN = "https://www.zarechensk.test", "https://uk.test"
OWN = {"origin": "https://widget.test"}  # the service's
CITY_OFFICE, UTILITY_OFFICE = "priem@zarechensk.test", "zhkh@uk.test"
ROLES = ("admin", "head", "agent", "viewer", "operator")
# Parts of commands' output that depend on the real time and the machine.
VARIABLE_PARTS = {
    "platform-list": ((r"(?<=\s|\")2026-06-01T\d\d:\d\d:\d\dZ", "<when>"),),
    "purge": ((r"(?<=spent: )\d+", "<count>"),),
    "doctor": ((r"(?m)(?<=retention: ).*$", "<when and what>"), (r"(?m)^\w+ +decoder: .*\n", "")),
}
CHANGES = (
    "widget_api.sites.tickets.MAX_NUMBER=20",  # the same proof of work with a smaller range
    # Periodic jobs run at once, and letters about deadlines are off: other tests cover them.
    "widget_api.worker.SETTLING=0",
    "widget_api.worker.TIDY=0.1",
    "widget_api.casework.bulk.DELAY=0",
    "widget_api.sites.install.sightings.WRITE_INTERVAL=0.05",
    "widget_api.mailbox.jobs.JOBS_PAUSE=1000000",
)
QUESTIONS = [
    {"code": "lane", "datatype": "string", "description": "Где на дороге", "required": False, "hint": "Полоса"},
    {"code": "size", "datatype": "number", "description": "Глубина ямы, см", "required": True},
    {
        "code": "danger",
        "datatype": "singlevaluelist",
        "description": "Мешает ли проехать",
        "required": True,
        "values": [{"key": "yes", "name": "Да"}, {"key": "no", "name": "Нет"}],
    },
]
# category, description, address, e-mail, more: number 1, 2, … of the city's site
REPORTS: list[tuple[str, str, str, str | None, dict[str, Any]]] = [
    ("roads", "Глубокая яма на переходе у школы № 14", "улица Мира, 5", "anna@example.test",
     {"answers": {"size": 30, "danger": "yes", "lane": "Правая"}, "name": "Анна Иванова", "phone": "+7 912 345-67-89"}),
    ("lighting", "Не горит фонарь у подъезда", "Связной, 3", "boris@example.test", {}),
    ("yards", "Сломаны качели на детской площадке\nОпасно: торчит железо", "Речной, 1", "vera@example.test", {}),
    ("roads", "Нет разметки на новом асфальте", "улица Мира, 40", "gleb@example.test",
     {"answers": {"size": 1, "danger": "no"}}),
    ("garbage", "Свалка за гаражами", "Гаражный проезд", "dina@example.test", {}),
    ("lighting", "Фонарь горит днём", "Связной, 9", "egor@example.test", {}),
    ("roads", "Трасса разбита за городом", "Трасса М5", "zhanna@example.test",
     {"answers": {"size": 12, "danger": "yes"}}),
    ("roads", "Яма у школы, та же", "улица Мира, 5", "zoya@example.test", {"answers": {"size": 31, "danger": "yes"}}),
    ("yards", "Покрасьте мой забор", "Садовая, 2", "ilya@example.test", {}),
    ("garbage", "Не вывозят мусор <b>неделю</b> & больше", "Полевая, 7", "kira@example.test", {"lang": "en"}),
    ("yards", "Лавочка у подъезда сломана", "Полевая, 8", "lev@example.test", {}),
    ("garbage", "Переполнены баки", "Полевая, 9", "mila@example.test", {}),
    ("garbage", "КУПИТЕ ШИНЫ https://spam.test", "Нигде", "spam@example.test", {}),
    ("lighting", "Темно на остановке", "Вокзальная, 1", None, {}),
]  # fmt: skip
# The agency's decisions: number, decision, fields
DECISIONS: list[tuple[int, str, dict[str, str]]] = [
    (1, "accepted", {}),
    (2, "forwarded", {"responsible": "МБУ «Горсвет»", "text": "Передали светотехникам"}),
    (3, "in_progress", {"text": "Мастер выехал"}),
    (4, "planned", {"expected_on": "2026-07-01", "text": "Разметка в июле"}),
    (5, "resolved", {"text": "Свалку убрали, <i>спасибо</i>"}),
    (6, "answered", {"text": "Реле времени заменят\n\nПодробности: https://zarechensk.test/svet"}),
    (7, "redirected", {"responsible": "Министерство транспорта"}),
    (8, "accepted", {}),
    (8, "duplicate", {"duplicate_of": "1"}),
    (9, "rejected", {"text": "Это частный забор", "reject_reason": "not_a_problem"}),
    (10, "resolved", {"text": "Мусор вывезли"}),
    (11, "accepted", {}),
]


def picture(colour: str = "green") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "JPEG")
    return out.getvalue()


PRODUCTION = {
    "WIDGET_ENVIRONMENT": "production",
    "WIDGET_PUBLIC_URL": "https://widget.test",
    "WIDGET_SECRET_KEYS": "a-secret-of-more-than-thirty-two-characters",
    "WIDGET_MAIL_FROM": "widget@widget.test",
}


class World:
    """The city, the service and everybody involved; answers requested through `see` are recorded."""

    wait = staticmethod(wait_for)

    def __init__(
        self, service: Service, moment: Path, mail: MailSink, elsewhere: RecordingPlatform, inbound: int
    ) -> None:
        self.service, self.mail, self.elsewhere, self.inbound = service, mail, elsewhere, inbound
        self.kept = Recordings(("api", "cabinet", "commands", "files", "georeport", "letters", "pages", "platform"))
        self._moment, self.now, self.openings = moment, 0, 0  # of the widget on the other site
        self.site_id = self.other_id = self.key = self.other_key = self.consent = self.code = ""
        self.people: dict[str, Visitor] = {}
        self.anybody = self.visitor("203.0.113.7")
        self.english = Visitor(service.port, "203.0.113.8", "en")
        self.tokens: dict[str, str] = {}
        self.late: dict[str, Any] = {}  # a report that is sent after its ticket has expired
        self.late_challenge: dict[str, str] = {}
        self.links: dict[int, str] = {}  # private pages
        self.ids: list[str] = []  # of the city's reports, in order
        self.passwords: dict[str, str] = {}

    def visitor(self, address: str) -> Visitor:
        return Visitor(self.service.port, address)

    def at(self, moment: int) -> None:
        """Set the clock to so many seconds after the start."""
        self.now = START + moment
        self._moment.write_text(str(float(self.now)))
        reached = self._moment.with_suffix(".reached")
        wait_for(lambda: reached.exists() and reached.read_text() == str(float(self.now)), "the clock does not go")

    def metrics(self) -> str:
        """The metrics, requested from the same machine."""
        return Visitor(self.service.port, "").ask("GET", "/metrics", x_forwarded_for=None).text

    def settle(self) -> None:
        """Wait until no delivery is pending."""

        def idle() -> bool:
            counts = dict(re.findall(r'widget_deliveries\{state="(\w+)"\} ([\d.]+)', self.metrics()))
            return float(counts["pending"]) + float(counts["leased"]) == 0

        wait_for(idle, "deliveries never end")

    def count_sightings(self) -> None:
        """Wait until sightings of the widget are written: one more, on the other site, is written with them."""
        self.ticket(self.anybody, self.other_key, OTHER_ORIGIN)
        page = f"/cabinet/sites/{self.other_id}/access"
        shown = f": </span>{self.openings}</td>"
        wait_for(lambda: shown in self.people["company"].ask("GET", page).text, "what was seen is not written")

    def see(self, name: str, method: str, path: str, visitor: Visitor | None = None, **how: Any) -> Answer:
        answer = (visitor or self.anybody).ask(method, path, **how)
        self.kept.keep(name, answer.recorded)
        return answer

    def look(self, folder: str, pages: Mapping[str, str], visitor: Visitor | None = None, ending: str = "") -> None:
        for name, path in pages.items():
            self.see(f"{folder}{name}{ending}", "GET", path, visitor)

    def send(self, name: str, path: str, visitor: Visitor, sent: Any) -> Answer:
        """Send JSON from a page of the city's site."""
        return self.see(name, "POST", path, visitor, json_body=sent, origin=ORIGIN)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with time_machine.travel(float(self.now or START - HOUR), tick=False):
            return commands.attempt(
                *arguments, settings=self.service.settings | {"COLUMNS": "100"}, directory=self.service.directory
            )

    def cli(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def command(self, name: str, *arguments: str) -> None:
        text = recorded.command(self.run(*arguments))
        for pattern, instead in VARIABLE_PARTS.get(name.removesuffix("-json"), ()):
            text = re.sub(pattern, instead, text)
        self.kept.keep(f"commands/{name}", text)

    def letter(self, name: str, address: str, subject: str = "") -> Letter:
        """The newest letter to an address whose subject contains these words."""
        found = self.mail.wait(address, matching=lambda one: subject in one.subject)[-1]
        self.kept.keep(f"letters/{name}", recorded.letter(found))
        return found

    def press(self, visitor: Visitor, page: str, action: str, name: str | None = None, /, **fields: Any) -> Answer:
        """Send the form with this `action` from a page."""
        text = PageText(visitor.ask("GET", page).text)
        form = text.form("" if all(not one.action for one in text.forms) else action)
        path, given = form.action or page, form.fields | fields
        origin: dict[str, Any] = OWN | {"referer": "https://widget.test" + page}
        if name:
            return self.see(name, "POST", path, visitor, form=given, **origin)
        answer = visitor.ask("POST", path, form=given, **origin)
        assert answer.status in (200, 303), f"{path}: {answer.status}\n{answer.text[:3000]}"
        return answer

    def ticket(self, visitor: Visitor, key: str = "", origin: str = ORIGIN) -> str:
        self.openings += bool(key)
        challenge = visitor.ask("GET", f"/api/v1/sites/{key or self.key}/challenge", origin=origin).json
        body = {"challenge": solved(challenge)}
        answer = visitor.ask("POST", f"/api/v1/sites/{key or self.key}/tickets", json_body=body, origin=origin)
        return str(answer.json["ticket"])

    def path(self, rest: str = "", key: str = "") -> str:
        return f"/api/v1/sites/{key or self.key}{rest}"


def solved(challenge: dict[str, Any]) -> str:
    """Solve an altcha challenge: find the number whose hash with the salt is the challenge."""
    number = 0
    while hashlib.sha256(f"{challenge['salt']}{number}".encode()).hexdigest() != challenge["challenge"]:
        number += 1
    names = ("algorithm", "challenge", "salt", "signature")
    return base64.b64encode(json.dumps({n: challenge[n] for n in names} | {"number": number}).encode()).decode()


def create_the_city(world: World) -> None:
    """Create agencies, sites, users, tokens and a platform, by commands."""
    cli, names = world.cli, world.kept.names
    names[str(world.service.directory)] = "directory"
    agency = cli("agency", "add", "--name", "Администрация Зареченска", "--email", CITY_OFFICE,
                 "--inn", "5000000000", "--address", "Зареченск, площадь Ленина, 1")["agency"]  # fmt: skip
    utility = cli("agency", "add", "--name", "Управляющая компания", "--email", UTILITY_OFFICE,
                  "--parent", agency, "--mode", "email")["agency"]  # fmt: skip
    city = cli("site", "add", "--name", "Официальный сайт Зареченска", "--agency", agency, "--origin", ORIGIN,
               "--bbox", "38.70,55.07,38.84,55.12", "--discussion", "moderated", "--accent", "#0b6e4f")  # fmt: skip
    other = cli("site", "add", "--name", "Сайт управляющей компании", "--agency", utility, "--origin",
                OTHER_ORIGIN, "--type", "basic", "--moderation", "after", "--mail-answers", "hold")  # fmt: skip
    world.site_id, world.other_id = city["site"], other["site"]
    world.key, world.other_key = city["key"], other["key"]
    names |= {world.key: "city", world.other_key: "utility", agency: "agency", utility: "company"}
    names |= {city["site"]: "city-id", other["site"]: "utility-id"}
    questions = json.dumps(QUESTIONS, ensure_ascii=False)
    cli("category", "set", "roads", "--site", world.key, "--questions", questions, "--deadline", "5",
        "--notice", "Прорыв трубы — звоните 112")  # fmt: skip
    for role in (*ROLES, "company"):
        who = ["--name", f"Имя {role.title()}", "--post", "Специалист"]
        of = [] if role == "operator" else ["--agency", utility if role == "company" else agency]
        given = "admin" if role == "company" else role
        made = cli("user", "add", "--email", f"{role}@zarechensk.test", "--role", given, *of, *who)
        world.passwords[role] = made["password"]
        names |= {made["user"]: f"user-{role}", made["password"]: f"password-{role}"}
    for scope in ("georeport", "platform"):
        world.tokens[scope] = cli("token", "add", "--site", world.key, "--scope", scope, "--name", "Сосед")["token"]
        names[world.tokens[scope]] = f"token-{scope}"
    made = cli("platform", "add", "--name", "Центр", "--url", world.elsewhere.url, "--key", "key-of-the-platform",
               "--site", world.other_key, "--contacts", "email")  # fmt: skip
    names |= {world.elsewhere.url: "elsewhere", made["platform"]: "platform"}


def body(world: World, number: int, visitor: Visitor) -> dict[str, Any]:
    category, description, address, email, more = REPORTS[number - 1]
    where = {"lat": 55.0952 + number / 1000, "lng": 38.7688, "address": address}
    agreed = {"version": world.consent, "processing": True, "publish_name": False}
    made = {"category": category, "description": description, "location": where, "email": email, "lang": "ru"}
    return made | {"consent": agreed, "ticket": world.ticket(visitor)} | more


def submit_all_reports(world: World) -> None:
    """Send all reports, each from its own address, and confirm each by the link in its letter if there is one."""
    world.consent = world.anybody.ask("GET", world.path()).json["consent"]["version"]
    for number, (_, _, _, email, _) in enumerate(REPORTS, 1):
        visitor = world.visitor(f"198.51.100.{number}")
        sent = body(world, number, visitor)
        if number == 1:
            ticket = {"ticket": sent["ticket"]}
            photo = {"file": ("яма.jpg", picture(), "image/jpeg")}
            path = world.path("/photos")
            got = world.see("api/photo-sent", "POST", path, visitor, form=ticket, files=photo, origin=ORIGIN)
            sent |= {"photos": [{"photo": got.json["photo"], "alt": "Яма шириной в метр"}]}
        key: dict[str, Any] = {"idempotency_key": f"report-{number}", "origin": ORIGIN}
        path = world.path("/problems")
        if number in (1, 14):
            answer = world.see(f"api/report-{number}", "POST", path, visitor, json_body=sent, **key)
            world.see(f"api/report-{number}-again", "POST", path, visitor, json_body=sent, **key)
        else:
            answer = visitor.ask("POST", path, json_body=sent, **key)
        assert answer.status == 201, answer.text
        world.links[number] = answer.json["track_url"] or ""
        if email is None:
            world.code = answer.json["code"]
            world.kept.names[world.code] = "code"
            continue
        letter = world.letter("confirmation", email) if number == 1 else world.mail.wait(email)[0]
        if number == 10:
            world.letter("confirmation-en", email)
        (link,) = letter.links
        where = link.removeprefix("https://widget.test")
        if number == 1:
            world.see("pages/confirm", "GET", where, visitor)
            world.press(visitor, where, where, "pages/confirm-pressed")
            world.see("pages/confirm-done", "GET", where, visitor)
        elif number != 12:  # never confirmed
            world.press(visitor, where, where)
    world.settle()


def sign_in(world: World) -> None:
    for number, role in enumerate((*ROLES, "company")):
        visitor = world.people[role] = world.visitor(f"192.0.2.{number + 1}")
        given = {"email": f"{role}@zarechensk.test", "password": world.passwords[role]}
        name = "cabinet/signed-in" if role == "agent" else None
        world.press(visitor, "/cabinet/sign-in", "/cabinet/sign-in", name, **given)
    page = world.people["admin"].ask("GET", "/cabinet/problems").text
    world.ids = sorted(set(re.findall(r"/cabinet/problems/([0-9a-f-]{36})", page)))
    assert len(world.ids) == len(REPORTS), len(world.ids)


def decide_reports(world: World) -> None:
    agent = world.people["agent"]
    for number, to, fields in DECISIONS:
        path = f"/cabinet/problems/{world.ids[number - 1]}"
        name = "cabinet/decided" if number == 1 else None
        world.press(agent, path, path, name, to=to, **fields)
        wait_for(lambda: 'id="waiting"' not in agent.ask("GET", path).text, "a decision waits for ever")  # noqa: B023
    world.press(agent, f"/cabinet/problems/{world.ids[12]}", f"/cabinet/problems/{world.ids[12]}/spam", spam="yes")
    world.settle()
