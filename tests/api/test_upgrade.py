"""What an earlier version left behind is carried over by `migrate`, and what people were given then still works.

tests/recorded/upgrade/README.md says what was recorded, and how.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
import time_machine

from tests.conftest import DIALECTS
from tests.support.cabinet import PageText
from tests.support.lmtp import Lmtp
from tests.support.mailbox import letter
from tests.support.pictures import halves, photo
from tests.support.postgres import PostgreSQL
from tests.support.processes import Service, free_port, patched_program, run_command
from tests.support.upgrade import (
    ORIGIN,
    RECORDED,
    VILLAGE,
    Peers,
    Visitor,
    Widget,
    make_event,
    path_of,
    sign_event,
    unpack,
    until,
)

# seconds after the earlier version stopped: failed deliveries are due again, links and tickets are still valid
LATER = 370
MOVES = {"status", "updated_at", "comments", "has_answer", "answered_at", "answer", "responsible"}  # by the tests


@dataclass
class Upgraded:
    """The current service on the earlier version's data, with its peers, shortly after the upgrade."""

    recorded: Any  # links, tokens and sessions given out by the earlier version
    service: Service
    peers: Peers
    started: float  # on the monotonic clock, when the service's clock was LATER seconds after the earlier version's end
    ticket: str  # for a challenge issued by the earlier version

    def now(self) -> int:
        return int(self.recorded["moment"] + LATER + time.monotonic() - self.started)

    def cli(self, *arguments: str) -> Any:
        """Run a command with the service's clock: otherwise what it makes due now would be in the service's future."""
        with time_machine.travel(self.now()):
            return self.service.cli(*arguments)

    @cached_property
    def visitor(self) -> Visitor:
        return Visitor(self.service.url)

    @cached_property
    def widget(self) -> Widget:
        return Widget(self.service.url, self.recorded["keys"]["site"], ORIGIN)

    @cached_property
    def village(self) -> Widget:
        return Widget(self.service.url, self.recorded["keys"]["village"], VILLAGE)

    def number(self, name: str) -> int:
        return int(json.loads(self.recorded["reports"][name]["answer"])["number"])

    def problem(self, name: str) -> dict[str, Any]:
        widget = self.village if name == "village" else self.widget
        return dict(widget.get(f"/problems/{self.number(name)}"))

    def private_page(self, name: str) -> str:
        link = json.loads(self.recorded["reports"][name]["answer"])["track_url"]
        return self.visitor.read(path_of(link)).text

    def post(self, link: str, **fields: str) -> None:
        """Send the form of a letter's page with these fields."""
        (form, *_) = [one for one in self.visitor.read(path_of(link)).forms if one.method == "post"]
        answer = self.visitor.post(form.action or path_of(link), data=form.fields | fields)
        assert answer.status_code in (200, 303), answer.text

    def official(self) -> Visitor:
        """A browser with a session of the earlier version."""
        visitor = Visitor(self.service.url)
        visitor.headers["Cookie"] = f"cabinet={self.recorded['session']}"
        return visitor


@pytest.fixture(scope="module", params=DIALECTS)
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    directory = tmp_path_factory.mktemp("upgraded")
    recorded = json.loads((RECORDED / f"{request.param}.json").read_text())
    server: PostgreSQL | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    url = unpack(request.param, directory, server)
    peers = Peers()
    peers.platform.requests, peers.platform.news = recorded["platform"]["requests"], recorded["platform"]["news"]
    settings = {
        "WIDGET_DATA": str(directory / "data"),
        "WIDGET_DATABASE_URL": url,
        "WIDGET_SECRET_KEYS": recorded["secret"],
        "WIDGET_PUBLIC_URL": recorded["public_url"],
        "WIDGET_MAIL_FROM": "widget@widget.test",
        "WIDGET_SMTP_URL": peers.mail.url,
        "WIDGET_PLATFORM_URL": peers.platform.url,
        "WIDGET_PLATFORM_KEY": "secret",
        "WIDGET_INBOUND": f"lmtp://127.0.0.1:{free_port()}",
        "WIDGET_RATE_LIMITS": "off",
    }
    (directory / "clock").write_text(str(recorded["moment"] + LATER - int(time.time())))
    started = time.monotonic()
    at_once = (
        "widget_api.casework.bulk.DELAY=0",
        "widget_api.worker.TIDY=0.1",
    )  # decisions wait for no minute
    program = patched_program(f"clock={directory / 'clock'}", *at_once)
    service = Service(directory, settings, free_port(), program=program, fork=True)
    made = Upgraded(recorded, service, peers, started, ticket="")
    peers.clock = made.now
    try:
        run_command("migrate", settings=settings, directory=directory)
        # its receiver has another address than in the recording
        made.cli("platform", "set", "Область", "--url", peers.hook_url)
        service.start()
        made.ticket = made.widget.ticket(recorded["widget"]["challenge"])  # before it ends
        yield made
    finally:
        service.kill()
        peers.close()
        if server is not None:
            server.drop(url)


def within(before: Any, now: Any) -> Any:
    """The data without later additions: other fields, and items at the end of a list."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {name: within(value, now.get(name)) for name, value in before.items()}
    if isinstance(before, list) and isinstance(now, list):
        return [within(*pair) for pair in zip(before, now, strict=False)]
    return now


def test_public_data_is_unchanged(upgraded: Upgraded) -> None:
    for path, before in upgraded.recorded["public"].items():
        now = upgraded.visitor.get(f"/api/v1/sites/{path}").json()
        moves = MOVES if before["number"] != upgraded.number("story") else set()
        kept = {name: value for name, value in before.items() if name not in moves}
        assert within(kept, now) == kept
    answer = upgraded.visitor.get(f"/api/v1/sites/{upgraded.recorded['keys']['earlier']}")
    assert answer.status_code == 200, "the key before the rotation"
    (comment,) = upgraded.recorded["comments"]
    shown = upgraded.widget.get(f"/problems/{upgraded.number('nameless')}/comments")["items"]
    unnamed = comment | {"name": "Житель"}  # the earlier version did not ask for consent to publish names
    assert within([unnamed], shown) == [unnamed]


def test_photos_and_the_pinned_release_are_served_byte_for_byte(upgraded: Upgraded) -> None:
    recorded = upgraded.recorded
    links = {path_of(link): digest for link, digest in recorded["photos"].items()}
    links |= {f"/w/1.0.0/{name}": digest for name, digest in recorded["pinned"].items()}
    assert len(links) > 10
    served = {path: upgraded.visitor.get(path) for path in links}
    assert {path: hashlib.sha256(one.content).hexdigest() for path, one in served.items()} == links


def test_links_that_show_a_page_work(upgraded: Upgraded) -> None:
    links = {name: path_of(link) for name, link in upgraded.recorded["links"].items()}
    page = upgraded.visitor.read(links["private page"]).text
    assert "Яма засыпана, акт приложен" in page
    assert "Заделаем до десятого декабря" in page
    document = upgraded.visitor.get(links["document"])
    assert (document.status_code, document.content[:5]) == (200, b"%PDF-")
    assert "«story»" in upgraded.visitor.read(links["all reports"]).text
    assert "И у соседнего дома такая же яма" in upgraded.visitor.read(links["own comment"]).text
    consent = upgraded.visitor.get(path_of(upgraded.recorded["consent"]["url"]))
    assert consent.status_code == 200
    assert "«nameless»" not in consent.text


@pytest.mark.parametrize("name", ["confirmation", "following", "no more letters", "no more news"])
def test_links_with_one_button_work(upgraded: Upgraded, name: str) -> None:
    link = upgraded.recorded["links"][name]
    upgraded.visitor.press(link)
    page = upgraded.visitor.read(path_of(link))
    if name == "no more letters":
        forms = upgraded.visitor.read(path_of(upgraded.recorded["links"]["private page"])).forms
        assert any(form.action.endswith("/started") for form in forms)
    else:
        assert [form for form in page.forms if form.method == "post"] == [], page.text


def test_comments_can_be_confirmed_and_moderated_by_mail(upgraded: Upgraded) -> None:
    upgraded.visitor.press(upgraded.recorded["links"]["comment"])
    assert "Яма всё глубже" in upgraded.official().read("/cabinet/comments").text
    upgraded.post(upgraded.recorded["links"]["moderation"], verdict="published")
    path = f"/problems/{upgraded.number('village')}/comments"
    assert [one["text"] for one in upgraded.village.get(path)["items"]] == ["Подтверждаю"]


def test_an_open_widget_continues(upgraded: Upgraded) -> None:
    """It has a ticket, an uploaded photo and the version of the consent document that its form shows."""
    recorded, widget = upgraded.recorded["widget"], upgraded.widget
    body = widget.body("Сообщение из формы, открытой до обновления", recorded["consent"]) | {
        "photos": [recorded["photo"]]
    }
    answer = widget.send("/problems", body | {"ticket": recorded["ticket"]}, "key-open")
    assert answer.status_code == 201, answer.text
    assert widget.upload(photo(halves(64, 48)), upgraded.ticket).status_code == 201
    spent = widget.send("/problems", body | {"ticket": upgraded.recorded["reports"]["story"]["ticket"]}, "key-spent")
    assert (spent.status_code, spent.json()["code"]) == (403, "ticket_spent")


@pytest.mark.parametrize("name", ["story", "unconfirmed", "nameless", "draft", "refused", "last", "village"])
def test_a_repeated_report_is_answered_with_the_same_bytes(upgraded: Upgraded, name: str) -> None:
    report = upgraded.recorded["reports"][name]
    widget = upgraded.village if name == "village" else upgraded.widget
    again = widget.send("/problems", report["body"], f"key-{name}")
    assert (again.status_code, again.text) == (201, report["answer"])
    other = widget.send("/problems", report["body"] | {"description": "Другая проблема"}, f"key-{name}")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_support_counts_once(upgraded: Upgraded) -> None:
    before = upgraded.problem("story")["supporters"]
    body = {"ticket": upgraded.widget.ticket(), "supporter": upgraded.recorded["supporter"]}
    assert upgraded.widget.send(f"/problems/{upgraded.number('story')}/support", body).status_code == 200
    assert upgraded.problem("story")["supporters"] == before == 1


def test_an_open_form_without_scripts_is_accepted(upgraded: Upgraded) -> None:
    form = upgraded.recorded["form"]
    typed = {"category": "yards", "description": "Сломана лавочка", "address": "ул. Ленина, 12", "consent": "yes"}
    sent = upgraded.visitor.post(form["action"], data=form["fields"] | typed, follow_redirects=True)
    assert sent.status_code == 200, sent.text
    assert re.search(r"№\s*\d+", PageText(sent.text).text), sent.text


def test_sessions_and_passwords_stay_valid(upgraded: Upgraded) -> None:
    assert "«story»" in upgraded.official().read(upgraded.recorded["draft"]["page"]).text
    visitor = Visitor(upgraded.service.url)
    form = visitor.read("/cabinet/sign-in").forms[0]
    signed_in = visitor.post(form.action, data=form.fields | upgraded.recorded["user"])
    assert signed_in.status_code == 303
    (token,) = re.findall(r"__Host-cabinet=([^;]+)", signed_in.headers["set-cookie"])
    # the earlier cookie name is for earlier sessions only
    for name, status in (("__Host-cabinet", 200), ("cabinet", 303)):
        assert visitor.get("/cabinet/", headers={"Cookie": f"{name}={token}"}).status_code == status, name


def test_an_unfinished_answer_is_sent_with_its_file(upgraded: Upgraded) -> None:
    draft, official = upgraded.recorded["draft"], upgraded.official()
    fields = {**draft["fields"], "to": "resolved", "text": "Сделано, план приложен"}
    nothing = [("documents", ("", b"", "application/octet-stream"))]
    sent = official.post(draft["page"], data=fields, files=nothing)
    assert (sent.status_code, sent.headers["location"]) == (303, f"{draft['page']}?done=waits"), sent.text
    answer = until("the decision is carried out", lambda: upgraded.problem("draft")["answer"])
    assert (answer["text"], [one["name"] for one in answer["documents"]]) == ("Сделано, план приложен", ["plan.pdf"])


def test_tokens_and_feed_positions_stay_valid(upgraded: Upgraded) -> None:
    tokens, feed = upgraded.recorded["tokens"], upgraded.recorded["feed"]
    params = {"api_key": tokens["georeport"], "jurisdiction_id": "gorod.test"}
    own = upgraded.visitor.get(f"/open311/v2/requests/{upgraded.recorded['posted']}.json", params=params)
    assert own.json()[0]["description"] == "Нет света у дома 5"

    def read(after: int) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {tokens['platform']}"}
        params = {"after": after, "limit": 500}
        answer = upgraded.visitor.get("/api/v1/platform/events", params=params, headers=headers)
        return list(answer.json()["events"])

    rest, whole = read(feed["next"]), read(0)
    assert [one["id"] for one in whole[:5]] == feed["read"]
    assert [one["id"] for one in rest] == [one["id"] for one in whole[5 : 5 + len(rest)]]
    assert len(rest) > 5


def test_pending_deliveries_are_delivered_once(upgraded: Upgraded) -> None:
    peers, recorded = upgraded.peers, upgraded.recorded
    number = upgraded.number("last")

    def hooked() -> list[str]:
        return [one["id"] for one in peers.hook_events if one["subject"] == str(number)]

    states = {one["state"] for one in recorded["deliveries"]}
    assert states == {"pending", "leased", "dead"}, "what was recorded"
    peers.mail.wait("igor@example.test")
    until("the last report's event", hooked)
    assert not {one["id"] for one in peers.hook_events} & set(recorded["delivered"])
    (dead,) = upgraded.cli("deliveries", "list", "--state", "dead")
    assert dead["number"] == upgraded.number("refused")
    assert upgraded.cli("deliveries", "retry", "--dead") == {"retried": [dead["id"]]}
    until("an empty queue", lambda: not upgraded.cli("deliveries", "list"))
    assert len(hooked()) == 1
    assert len(peers.mail.to("igor@example.test")) == 1
    ids = [one["id"] for one in peers.hook_events]
    assert len(ids) == len(set(ids))
    descriptions = [one["description"] for one in peers.platform.requests]
    assert len(descriptions) == len(set(descriptions))


def test_platform_updates_continue(upgraded: Upgraded) -> None:
    """One is polled from its last position; a known update from another changes nothing."""
    (news,) = upgraded.recorded["platform"]["news"]
    fresh = news | {"update_id": "theirs-2", "status": "CLOSED", "description": "Заделали"}
    upgraded.peers.platform.news = [news, fresh | {"updated_datetime": clock_text(upgraded.now())}]

    def texts() -> list[str]:
        return [one["text"] for one in upgraded.problem("nameless")["timeline"] if one["text"]]

    until("the platform's news", lambda: "Заделали" in texts())
    for event in (upgraded.recorded["event"], new_event(upgraded)):
        answer = upgraded.visitor.post("/api/v1/platform/updates", **sign_event(event, upgraded.now()))
        assert answer.status_code == 202, answer.text
    assert sorted(texts()) == sorted(["Выехали", "Область знает", "Заделали", "Область следит"])


def new_event(upgraded: Upgraded) -> dict[str, Any]:
    return make_event(str(uuid.uuid4()), upgraded.now(), upgraded.number("nameless"), "Область следит")


def clock_text(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def test_an_agency_can_answer_an_earlier_letter(upgraded: Upgraded) -> None:
    recorded = upgraded.recorded["mailbox"]
    raw = letter("resolved", reply=recorded["reply_to"], root=recorded["message_id"]).replace(
        b"gorod.test", b"posyolok.test"
    )

    async def conversation() -> str:
        client = await Lmtp.connect(int(upgraded.service.settings["WIDGET_INBOUND"].rpartition(":")[2]))
        (answer,) = await client.deliver(raw, [recorded["reply_to"]], "priem@posyolok.test")
        await client.close()
        return answer

    assert asyncio.run(conversation()).startswith("250")
    assert upgraded.problem("village")["answer"]["text"] == "Яму заделали 24 ноября."
