"""Records what an earlier version leaves behind: a database, photos, a queue, and what people then hold of it.

    .venv/bin/python -m tests.recorded.upgrade.make CHECKOUT [sqlite|postgresql …]

CHECKOUT is a clean clone of the version to be recorded, in which `make environment-dev` was run. Its service and
commands are driven as residents, officials, platforms and mail programs do, and killed in the middle of its work.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import re
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.cabinet import PageText
from tests.support.exchange import KEY
from tests.support.mail import Letter
from tests.support.pictures import halves, photo
from tests.support.postgres import PostgreSQL
from tests.support.processes import Service, clean_environment, free_port, patched_program
from tests.support.upgrade import (
    ORIGIN,
    PUBLIC_URL,
    SECRET,
    VILLAGE,
    Peers,
    Visitor,
    Widget,
    make_event,
    path_of,
    sign_event,
    until,
)
from widget_api import clock

HERE = Path(__file__).parent
MOMENT = clock.parse_rfc3339("2026-11-26T09:00:00Z")  # a Thursday, noon in Moscow; the service's clock begins here
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
OFFICE, VILLAGE_OFFICE = "priem@gorod.test", "priem@posyolok.test"


def find_link(letter: Letter, door: str) -> str:
    (found,) = {one for one in letter.links if f"/{door}/" in one}
    return found


def picture(width: int) -> bytes:
    return photo(halves(width, 48), place=(55.0952, 38.7688))


class Official(Visitor):
    """Somebody signed in to the cabinet."""

    def __init__(self, url: str, email: str, password: str) -> None:
        super().__init__(url)
        form = self.read("/cabinet/sign-in").forms[0]
        answer = self.post(form.action, data=form.fields | {"email": email, "password": password})
        assert answer.status_code == 303, answer.text
        self.session = answer.headers["set-cookie"].partition("cabinet=")[2].partition(";")[0]
        self.headers["Cookie"] = f"cabinet={self.session}"

    def decide(self, page: str, to: str, files: Any = (), status: int = 303, **fields: str) -> str:
        """Choose in the form of a report's page, fill in, send."""
        form = self.read(page).form(page)
        typed = {name: value for name, value in form.fields.items() if name not in ("photos", "documents")}
        nothing = [("documents", ("", b"", "application/octet-stream"))]
        answer = self.post(page, data=typed | {"to": to} | fields, files=files or nothing)
        assert answer.status_code == status, answer.text
        return answer.text


class UpgradeScenario:
    """Two sites of an earlier version, and everybody involved. `recorded` is what they have at the end."""

    def __init__(self, checkout: Path, directory: Path, database_url: str) -> None:
        self.peers = Peers()
        self.mail = self.peers.mail
        self.recorded: dict[str, Any] = {"secret": SECRET, "public_url": PUBLIC_URL}
        (directory / "clock").write_text(str(MOMENT - int(time.time())))
        _, *arguments = patched_program(f"clock={directory / 'clock'}")
        self.program = (str(checkout / ".venv/bin/python"), *arguments)
        settings = {
            "WIDGET_DATA": str(directory / "data"),
            "WIDGET_DATABASE_URL": database_url,
            "WIDGET_SECRET_KEYS": SECRET,
            "WIDGET_PUBLIC_URL": PUBLIC_URL,
            "WIDGET_MAIL_FROM": "widget@widget.test",
            "WIDGET_SMTP_URL": self.mail.url,
            "WIDGET_PLATFORM_URL": self.peers.platform.url,
            "WIDGET_PLATFORM_KEY": "secret",
            "WIDGET_INBOUND": f"lmtp://127.0.0.1:{free_port()}",
            "WIDGET_RATE_LIMITS": "off",
        }
        self.service = Service(directory, settings, free_port(), program=self.program)
        self.peers.clock = self.now
        self.url = self.service.url
        self.visitor = Visitor(self.url)

    def now(self) -> int:
        return int(time.time()) + int((self.service.directory / "clock").read_text())

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.program, *arguments],
            cwd=self.service.directory,
            env=clean_environment(self.service.settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return done.stdout

    def call(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def live(self) -> dict[str, Any]:
        try:
            self.run("migrate")
            self.found()
            self.service.start()
            self.answer_a_report()
            self.leave_open()
            self.follow_and_comment()
            self.hear_of_platforms()
            self.work_by_mail()
            self.look()
            self.hold_on()
            self.break_off()
        finally:
            self.service.kill()
            self.peers.close()
        return self.recorded

    def found(self) -> None:
        """Agencies, sites, users, tokens, platforms; a key that was replaced and is good for a month more."""
        agency = self.call("agency", "add", "--name", "Администрация города", "--email", OFFICE)["agency"]
        village = ("--name", "Администрация посёлка", "--email", VILLAGE_OFFICE, "--mode", "email")
        village_agency = self.call("agency", "add", *village)["agency"]
        options = ("--discussion", "moderated", "--bbox", "38.5,54.9,39.1,55.3")
        site = self.call("site", "add", "--name", "Город", "--agency", agency, "--origin", ORIGIN, *options)
        named = ("--name", "Посёлок", "--agency", village_agency, "--origin", VILLAGE)
        village_site = self.call("site", "add", *named, *options)
        key = self.call("site", "rotate-key", "gorod.test", "--overlap", "30")["key"]
        user = self.call("user", "add", "--email", "agent@gorod.test", "--agency", agency, "--role", "agent")
        tokens = {
            scope: self.call("token", "add", "--site", "gorod.test", "--scope", scope)["token"]
            for scope in ("georeport", "platform")
        }
        hook = ("--url", self.peers.hook_url, "--key", KEY, "--protocol", "webhook", "--site", "gorod.test")
        self.call("platform", "add", "--name", "Область", *hook)
        self.recorded["keys"] = {"earlier": site["key"], "site": key, "village": village_site["key"]}
        self.recorded["user"] = {"email": "agent@gorod.test", "password": user["password"]}
        self.recorded["tokens"] = tokens
        self.widget = Widget(self.url, key, ORIGIN)
        self.village = Widget(self.url, village_site["key"], VILLAGE)
        self.recorded["reports"] = {}

    def report(self, name: str, at: Widget, photos: tuple[bytes, ...] = (), **fields: Any) -> dict[str, Any]:
        ticket = at.ticket()
        sent = [at.upload(one, ticket).json()["photo"] for one in photos]
        body = at.body(f"Глубокая яма на переходе у школы, сообщение «{name}»") | {"photos": sent} | fields
        answer = at.send("/problems", body | {"ticket": ticket}, f"key-{name}")
        assert answer.status_code == 201, answer.text
        self.recorded["reports"][name] = {"body": body, "ticket": ticket, "answer": answer.text}
        return dict(answer.json())

    def confirm(self, name: str, at: Widget, email: str, **fields: Any) -> dict[str, Any]:
        receipt = self.report(name, at, email=email, **fields)
        self.visitor.press(find_link(self.mail.wait(email)[0], "confirm"))
        return receipt

    def page_of(self, name: str) -> str:
        """The report's page in the cabinet."""
        links = self.agent.read("/cabinet/").links_without_query
        pages = dict.fromkeys(link for link in links if link.startswith("/cabinet/problems/"))
        own = re.compile(rf'class="prose report"[^>]*>[^<]*«{name}»')
        (found,) = [page for page in pages if own.search(self.agent.get(page).text)]
        return found

    def answer_a_report(self) -> None:
        """All that can hang on one, from the resident's form to the agency's answer."""
        author = "anna@example.test"
        number = self.confirm("story", self.widget, author, photos=(picture(64), picture(66)))["number"]
        self.agent = Official(self.url, **self.recorded["user"])
        page = self.page_of("story")
        self.agent.decide(page, "accepted")
        self.recorded["supporter"] = "3f0c8a0e-8a6f-4a53-9f3a-0d2f6f4f7a11"
        support = {"ticket": self.widget.ticket(), "supporter": self.recorded["supporter"]}
        assert self.widget.send(f"/problems/{number}/support", support).status_code == 200
        self.agent.decide(page, "planned", expected_on="2026-12-10", text="Заделаем до десятого декабря")
        files = [
            ("photos", ("after.jpg", photo(halves(80, 48)), "image/jpeg")),
            ("documents", ("act.pdf", PDF, "application/pdf")),
        ]
        self.agent.decide(page, "resolved", files, text="Яма засыпана, акт приложен")
        letter = self.mail.wait(author, 4)[-1]
        assert self.visitor.post("/mine", data={"email": author}).status_code == 303
        mine = self.mail.wait(author, matching=lambda one: "/mine/" in one.text)[0]
        self.recorded["links"] = {
            "private page": find_link(letter, "t"),
            "no more letters": find_link(letter, "unsubscribe"),
            "document": find_link(letter, "documents"),
            "all reports": find_link(mine, "mine"),
        }

    def leave_open(self) -> None:
        """One report waits for its author's confirmation, another has no address; of a third the answer is begun."""
        self.report("unconfirmed", self.widget, email="boris@example.test", photos=(picture(68),))
        self.recorded["links"]["confirmation"] = find_link(self.mail.wait("boris@example.test")[0], "confirm")
        self.nameless = self.report("nameless", self.widget)["number"]
        self.agent.decide(self.page_of("nameless"), "accepted")
        self.confirm("draft", self.widget, "zoya@example.test")
        self.agent.decide(self.page_of("draft"), "accepted")

    def follow_and_comment(self) -> None:
        def ask(path: str, email: str, **fields: Any) -> str:
            """The link of the letter that asks whether they meant it."""
            body = {"email": email, "consent": self.widget.consent(), "ticket": self.widget.ticket(), "lang": "ru"}
            answer = self.widget.send(f"/problems/{self.nameless}{path}", body | fields)
            assert answer.status_code == 202, answer.text
            (link,) = self.mail.wait(email)[0].links
            return link

        links, name = self.recorded["links"], {"name": "Сосед"}
        self.visitor.press(ask("/follow", "vera@example.test"))
        links["following"] = ask("/follow", "gleb@example.test")
        self.visitor.press(ask("/comments", "dima@example.test", **name, text="И у соседнего дома такая же яма"))
        links["comment"] = ask("/comments", "egor@example.test", **name, text="Яма всё глубже")
        waiting = self.agent.read("/cabinet/comments").forms
        (form,) = {one.action: one for one in waiting if "/cabinet/comments/" in one.action}.values()
        verdict = form.fields | {"verdict": "published"}
        assert self.agent.post(form.action, data=verdict).status_code == 303
        links["own comment"] = find_link(self.mail.wait("dima@example.test", 2)[-1], "my-comment")

    def hear_of_platforms(self) -> None:
        """News of one, an update signed by another, a request by somebody else's program."""
        platform = self.peers.platform
        until("an empty queue", lambda: not self.call("deliveries", "list"))
        (remote,) = [n for n, one in enumerate(platform.requests, 1) if "«nameless»" in one["description"]]
        self.recorded["remote"] = str(remote)
        platform.news = [
            {
                "update_id": "theirs-1",
                "service_request_id": str(remote),
                "status": "IN_PROGRESS",
                "description": "Выехали",
                "updated_datetime": clock.rfc3339(self.now()),
            }
        ]
        shown = f"/problems/{self.nameless}"
        until("the platform's news", lambda: "Выехали" in str(self.widget.get(shown)))
        letter = self.mail.wait("vera@example.test", 2)[-1]
        self.recorded["links"]["no more news"] = find_link(letter, "unfollow")
        event = make_event("7f3c1a52-3f0e-4a55-9d86-4c8a9d7c0001", self.now() - 1, self.nameless, "Область знает")
        answer = self.visitor.post("/api/v1/platform/updates", **sign_event(event, self.now()))
        assert answer.status_code == 202, answer.text
        assert "Область знает" in str(self.widget.get(shown))
        self.recorded["event"] = event
        fields = {"api_key": self.recorded["tokens"]["georeport"], "jurisdiction_id": "gorod.test"}
        fields |= {"service_code": "lighting", "lat": "55.0794", "long": "38.7783", "description": "Нет света у дома 5"}
        posted = self.visitor.post("/open311/v2/requests.json", data=fields)
        assert posted.status_code == 200, posted.text
        self.recorded["posted"] = posted.json()[0]["service_request_id"]

    def work_by_mail(self) -> None:
        """The agency of the village answers and moderates from its mailbox."""
        number = self.confirm("village", self.village, "lena@example.test")["number"]
        (letter,) = self.mail.wait(VILLAGE_OFFICE)
        self.recorded["mailbox"] = {
            "reply_to": str(letter.message["Reply-To"]),
            "message_id": str(letter.message["Message-ID"]).strip("<>"),
            "number": number,
        }
        body: dict[str, Any] = {"name": "Сергей", "text": "Подтверждаю", "email": "sergey@example.test", "lang": "ru"}
        body |= {"consent": self.village.consent(), "ticket": self.village.ticket()}
        assert self.village.send(f"/problems/{number}/comments", body).status_code == 202
        self.visitor.press(self.mail.wait("sergey@example.test")[0].links[0])
        (waiting,) = self.mail.wait(VILLAGE_OFFICE, matching=lambda one: "/moderate/" in one.text)
        self.recorded["links"]["moderation"] = find_link(waiting, "moderate")

    def look(self) -> None:
        """What everybody can read at this moment."""
        pages = {
            f"{key}/problems/{json.loads(report['answer'])['number']}": report
            for name, report in self.recorded["reports"].items()
            for key in [self.recorded["keys"]["village" if name == "village" else "site"]]
            if name in ("story", "nameless", "village")
        }
        self.recorded["public"] = {path: self.visitor.get(f"/api/v1/sites/{path}").json() for path in pages}
        photos = {
            one[size]
            for found in self.recorded["public"].values()
            for one in [*found["photos"], *(found["answer"] or {}).get("photos", ())]
            for size in ("url", "thumb")
            if size in one
        }
        self.recorded["photos"] = {link: self.digest(path_of(link)) for link in sorted(photos)}
        self.recorded["comments"] = self.widget.get(f"/problems/{self.nameless}/comments")["items"]
        self.recorded["consent"] = self.widget.get("")["consent"]
        folder = Path(str(self.program[0])).parents[2] / "dist" / "1.0.0"
        files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.suffix == ".js"]
        self.recorded["pinned"] = {name: self.digest(f"/w/1.0.0/{name}") for name in files}
        headers = {"Authorization": f"Bearer {self.recorded['tokens']['platform']}"}
        feed = self.visitor.get("/api/v1/platform/events?after=0&limit=5", headers=headers).json()
        self.recorded["feed"] = {"read": [one["id"] for one in feed["events"]], "next": feed["next"]}

    def digest(self, path: str) -> str:
        answer = self.visitor.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return hashlib.sha256(answer.content).hexdigest()

    def hold_on(self) -> None:
        """What is open in browsers: tickets, a photo, forms, a session, an answer with a file that was taken in."""
        ticket = self.widget.ticket()
        self.recorded["widget"] = {
            "ticket": ticket,
            "photo": self.widget.upload(picture(70), ticket).json()["photo"],
            "consent": self.widget.consent(),
            "challenge": self.widget.challenge(),
        }
        page = f"/s/{self.recorded['keys']['site']}/report"
        (form,) = [one for one in self.visitor.read(page).forms if one.method == "post"]
        self.recorded["form"] = {"page": page, "action": form.action, "fields": form.fields}
        draft = self.page_of("draft")
        document = [("documents", ("plan.pdf", PDF, "application/pdf"))]
        shown = self.agent.decide(draft, "resolved", document, 422, text="")
        form = PageText(shown).form(draft)
        self.recorded["draft"] = {"page": draft, "fields": form.fields}
        self.recorded["session"] = self.agent.session

    def break_off(self) -> None:
        """Nobody takes what is delivered: one refuses, one is overloaded, one hangs; then the process is killed."""
        self.peers.hook_status = 400
        self.report("refused", self.widget)
        self.agent.decide(self.page_of("refused"), "accepted")
        until("a dead delivery", lambda: self.call("deliveries", "list", "--state", "dead"))
        self.peers.hook_status = 204
        self.confirm("last", self.widget, "igor@example.test")
        until("a queue with what was refused", lambda: len(self.call("deliveries", "list")) == 2)
        page, result = self.page_of("last"), len(self.peers.platform.posts("servicerequestupdates"))
        self.peers.hook_status, self.peers.platform.away, self.mail.behaviour = None, "500", "later"
        self.agent.decide(page, "accepted")
        until("the receiver of webhooks hanging", lambda: self.peers.hook_waiting)
        until("a letter put off", lambda: any("451" in line for line in self.mail.conversations[-1].lines))
        until("the platform failing", lambda: len(self.peers.platform.posts("servicerequestupdates")) > result)
        time.sleep(1)  # until it is written down
        self.service.kill()
        self.recorded["moment"] = self.now()
        rows = self.call("deliveries", "list")
        self.recorded["deliveries"] = [
            {name: one[name] for name in ("number", "sink", "kind", "status", "state", "attempts")} for one in rows
        ]
        assert {one["state"] for one in rows} == {"pending", "leased", "dead"}, rows
        self.recorded["platform"] = {"requests": self.peers.platform.requests, "news": self.peers.platform.news}
        self.recorded["delivered"] = [one["id"] for one in self.peers.hook_events]


def pack(files: dict[str, bytes]) -> bytes:
    """The same bytes of the same files, each time."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(written.getvalue(), mtime=0)


def dump_sqlite(path: Path, copy: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        target.execute("VACUUM")
    return copy.read_bytes()


def dump_postgres(server: PostgreSQL, url: str) -> bytes:
    assert server.server is not None
    options = ["--no-owner", "--no-acl", "--inserts", "--rows-per-insert=100", url]
    text = subprocess.check_output([server.server.programs / "pg_dump", *options]).decode()
    # `\restrict` is for psql alone; comments say which machine and which day.
    return re.sub(r"^(\\.*|--.*|)\n", "", text, flags=re.MULTILINE).encode()


def make(checkout: Path, dialect: str) -> None:
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = PostgreSQL() if dialect == "postgresql" else None
        if server is not None:
            stack.callback(server.stop)
            url = server.database()
        else:
            url = f"sqlite:///{directory / 'widget.db'}"
        held = UpgradeScenario(checkout, directory, url).live()
        if server is not None:
            files = {"widget.sql": dump_postgres(server, url)}
        else:
            files = {"widget.db": dump_sqlite(directory / "widget.db", directory / "copy.db")}
        data = directory / "data"
        files |= {f"data/{path.relative_to(data)}": path.read_bytes() for path in data.rglob("*") if path.is_file()}
    (HERE / f"{dialect}.tar.gz").write_bytes(pack(files))
    (HERE / f"{dialect}.json").write_text(json.dumps(held, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    print(f"{dialect}: {len(files)} files, {(HERE / f'{dialect}.tar.gz').stat().st_size} bytes")


if __name__ == "__main__":
    for wanted in sys.argv[2:] or ("sqlite", "postgresql"):
        make(Path(sys.argv[1]).resolve(), wanted)
