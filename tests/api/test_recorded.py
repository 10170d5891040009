"""Some 780 answers of the service, compared byte for byte with recordings, as a safety net for refactoring.

The recordings are in tests/recorded/ and are rewritten with `UPDATE_RECORDED=1`.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import commands, recorded
from tests.support import made_up_city as city
from tests.support.cabinet import PageText
from tests.support.letters import all_letters
from tests.support.made_up_city import HOUR, ORIGIN, OTHER_ORIGIN, OWN, ROLES, UTILITY_OFFICE, World, body, picture
from tests.support.mail import MailSink
from tests.support.processes import Service, free_port
from tests.support.recorded import RecordingPlatform, Recordings, Visitor
from widget_api import __version__
from widget_api.mail import messages
from widget_api.mail.messages import Thread


@pytest.fixture
def world(serve: Callable[..., Service], mail_sink: MailSink, tmp_path: Path) -> Iterator[World]:
    moment = tmp_path / "moment"
    moment.write_text(str(float(city.START - HOUR)))
    elsewhere, inbound = RecordingPlatform(), free_port()
    service = serve(
        start=False,
        changes=(f"moment={moment}", *city.CHANGES),
        public_url="https://widget.test",
        smtp_url=mail_sink.url,
        inbound=f"lmtp://127.0.0.1:{inbound}",
        trusted_proxies="127.0.0.1",
        tiles_attribution="© Участники OpenStreetMap",
        processor="ООО «Оператор», Москва",
    )
    made = World(service, moment, mail_sink, elsewhere, inbound)
    yield made
    elsewhere.close()


@pytest.mark.long
def test_every_answer_is_as_recorded(world: World) -> None:
    try:
        live_through_a_day(world)
    except Exception as error:  # an earlier difference explains why the scenario could not continue
        error.add_note(world.kept.differences(so_far=True))
        raise
    world.kept.compare()


def live_through_a_day(world: World) -> None:
    city.create_the_city(world)
    world.service.start()
    world.at(0)
    world.wait(lambda: 'chore="purge"' in world.metrics(), "nothing was tidied up")
    city.submit_all_reports(world)
    city.sign_in(world)
    world.at(HOUR)
    city.decide_reports(world)
    world.at(2 * HOUR)
    residents_answer(world)
    world.settle()
    for part in (
        *(read_the_api, refuse, read_the_pages, work_in_the_cabinet, speak_georeport),
        *(report_by_form, work_by_mail, exchange_with_platforms, change_settings, command_the_service, come_late),
    ):
        part(world)
        world.count_sightings()


def residents_answer(world: World) -> None:
    """Residents answer on private pages, under reports and by following; the agency asks, moderates and continues."""
    for number, to in {number: to for number, to, _ in city.DECISIONS}.items():
        world.letter(f"news-{number:02}-{to}", str(city.REPORTS[number - 1][3]))
    agent, anna = world.people["agent"], world.visitor("198.51.100.1")
    page = {number: urlsplit(link).path for number, link in world.links.items() if link}
    third = f"/cabinet/problems/{world.ids[2]}"
    world.press(agent, third, f"{third}/ask", "cabinet/asked", question="С какой стороны торчит железо?")
    world.settle()
    world.letter("asked", "vera@example.test")
    world.see("pages/private-asked", "GET", page[3])
    world.press(anna, page[3], f"{page[3]}/clarified", "pages/private-clarified", words="Слева, у лесенки")
    world.press(anna, page[5], f"{page[5]}/confirmed", "pages/private-confirmed")
    world.press(anna, page[5], f"{page[5]}/rated", "pages/private-rated", mark="5", opinion="Быстро!")
    world.see("pages/private-reopened-without-reason", "POST", f"{page[10]}/reopened", form={"reason": ""})
    world.press(anna, page[10], f"{page[10]}/reopened", "pages/private-reopened", reason="Вывезли не всё")
    world.see("pages/private-withdraw", "GET", f"{page[11]}/withdraw")
    world.see("pages/private-erase", "GET", f"{page[11]}/erase")
    world.press(anna, f"{page[11]}/withdraw", f"{page[11]}/withdrawn", "pages/private-withdrawn")
    world.press(anna, page[2], f"{page[2]}/stopped", "pages/private-stopped")
    world.press(anna, page[2], f"{page[2]}/reports", "pages/private-reports-asked")
    world.see("pages/private-nothing-to-confirm", "POST", f"{page[1]}/again", form={})
    world.see("pages/private-nothing-to-rate", "POST", f"{page[1]}/rated", form={"mark": "5"})
    world.see("pages/private-no-mark", "POST", f"{page[5]}/rated", form={"mark": "9"})
    world.see("pages/private-clarified-closed", "POST", f"{page[5]}/clarified", form={"words": "Ещё"})
    for number in (1, 2, 4, 5, 10):
        world.see(f"pages/private-{number:02}", "GET", page[number])
    world.see("pages/private-en", "GET", page[1], world.english)
    world.see("pages/private-no-such-step", "GET", f"{page[1]}/dance")
    world.see("pages/private-wrong-link", "GET", page[1][:-4] + "AAAA")
    world.see("pages/private-wrong-action", "POST", f"{page[1]}/dance", form={})
    world.settle()
    world.letter("reports", "boris@example.test")
    follow_and_discuss(world)


def follow_and_discuss(world: World) -> None:
    agent, head = world.people["agent"], world.people["head"]
    visitor = world.visitor("198.51.100.50")
    agreed = {"version": world.consent, "processing": True}
    for number, (name, sent) in enumerate({
        "follow": {"email": "fan@example.test", "consent": agreed},
        "comments": {"email": "guest@example.test", "consent": agreed, "name": "Гость", "text": "У нас <b>так же</b>"},
    }.items()):  # fmt: skip
        path = world.path(f"/problems/1/{name}")
        world.send(f"api/{name}-wrong", path, visitor, {"ticket": world.ticket(visitor)})
        world.send(f"api/{name}", path, visitor, sent | {"ticket": world.ticket(visitor)})
        world.settle()
        kind = ("follow", "comment")[number]
        letter = world.letter(f"{kind}-confirmation", str(sent["email"]))
        where = urlsplit(letter.links[0]).path
        world.see(f"pages/{kind}-confirmation", "GET", where, visitor)
        world.press(visitor, where, where, f"pages/{kind}-confirmed")
    voice = {"ticket": world.ticket(visitor), "supporter": "0f8fad5b-d9cb-469f-a165-70867728950e"}
    for name in ("", "-again"):
        world.send(f"api/support{name}", world.path("/problems/1/support"), visitor, voice)
    world.see("cabinet/comments-waiting", "GET", "/cabinet/comments", agent)
    queue = PageText(agent.ask("GET", "/cabinet/comments").text)
    (path,) = {form.action for form in queue.forms if re.search("/cabinet/comments/[0-9a-f-]{36}", form.action)}
    form = next(form for form in queue.forms if form.action == path)
    world.see("cabinet/comment-undecided", "POST", path, agent, form=form.fields | {"verdict": "eat"}, **OWN)
    world.see("cabinet/comment-published", "POST", path, agent, form=form.fields | {"verdict": "published"}, **OWN)
    world.settle()
    world.letter("comment-decided", "guest@example.test")
    first = f"/cabinet/problems/{world.ids[0]}"
    world.press(head, first, f"{first}/comment", "cabinet/commented", comment="Бригада завтра с девяти")
    world.press(head, first, first, to="in_progress", text="Начали ремонт")
    world.settle()
    letter = world.letter("followed", "fan@example.test")
    where = next(urlsplit(link).path for link in letter.links if "/unfollow/" in link)
    world.see("pages/unfollow", "GET", where, visitor)
    world.press(visitor, where, where, "pages/unfollowed")


def read_the_api(world: World) -> None:
    """Every public read with valid answers, and its errors."""
    site, problems = world.path(), world.path("/problems")
    bbox = "38.70,55.07,38.84,55.12"
    wrong = {"limit": "101", "status": "eaten", "sort": "beauty", "bbox": "1,2,3", "cursor": "zzz"}
    world.look("api/list-wrong-", {name: f"{problems}?{name}={value}" for name, value in wrong.items()})
    pages = {
        "site": site,
        "place": f"{site}/place?lat=55.0952&lng=38.7688",
        "place-wrong": f"{site}/place?lat=north",
        "area": f"{site}/area",
        "list": problems,
        "list-limit": f"{problems}?limit=2",
        "list-status": f"{problems}?status=in_progress,planned",
        "list-category": f"{problems}?category=lighting&sort=updated",
        "list-search": f"{problems}?q=%D1%84%D0%BE%D0%BD%D0%B0%D1%80%D1%8C",
        "list-bbox": f"{problems}?bbox={bbox}",
        "list-unknown-parameter": f"{problems}?colour=red",
        "problem": f"{problems}/1",
        "problem-answered": f"{problems}/5",
        "problem-planned": f"{problems}/4",
        "problem-unpublished": f"{problems}/12",
        "problem-unknown": f"{problems}/4040",
        "problem-no-number": f"{problems}/one",
        "comments-list": f"{problems}/1/comments",
        "comments-list-unknown": f"{problems}/4040/comments",
        "comments-off": world.path("/problems/1/comments", world.other_key),
        "clusters": f"{site}/clusters?bbox={bbox}&zoom=12",
        "clusters-near": f"{site}/clusters?bbox={bbox}&zoom=18",
        "clusters-wrong": f"{site}/clusters?bbox={bbox}&zoom=99",
        "clusters-missing": f"{site}/clusters",
        "similar": f"{site}/similar?lat=55.0962&lng=38.7688&category=roads",
        "similar-wrong": f"{site}/similar?lat=55.0962",
        "stats": f"{site}/stats",
        "stats-wrong": f"{site}/stats?colour=red",
        "stats-period": f"{site}/stats?from=2026-06-01&to=2026-06-30",
        "stats-wrong-period": f"{site}/stats?from=2026-06-31",
        "stats-csv": f"{site}/stats.csv",
        "geojson": f"{problems}.geojson",
        "csv": f"{problems}.csv",
        "csv-filtered": f"{problems}.csv?status=resolved",
        "csv-wrong": f"{problems}.csv?status=eaten",
        "all-stats": "/api/v1/stats",
        "no-such-page": "/api/v1/nothing",
        "unknown-key": "/api/v1/sites/wk_unknown",
        "unknown-key-list": "/api/v1/sites/wk_unknown/problems",
        "openapi": "/api/v1/openapi.json",
        "platform-events-without-token": "/api/v1/platform/events",
        "other-site": world.path(key=world.other_key),
    }
    world.look("api/", pages)
    for name in ("site", "problem", "stats", "problem-unknown"):
        world.see(f"api/{name}-en", "GET", pages[name], world.english)
    world.see("api/list-wrong-status-en", "GET", f"{problems}?status=eaten", world.english)
    for path in ("", "/problems", "/problems/1", "/stats", "/place?lat=55&lng=38", "/problems/1/comments"):
        tag = world.anybody.ask("GET", site + path).header("etag")
        name = re.sub("[^a-z0-9]+", "-", path.partition("?")[0]).strip("-") or "site"
        world.see(f"api/{name}-not-modified", "GET", site + path, if_none_match=tag)
    more = world.anybody.ask("GET", f"{problems}?limit=2").json["next"]
    world.see("api/list-next", "GET", f"{problems}?limit=2&cursor={more}")
    for name, token in {"": "platform", "-wrong-scope": "georeport"}.items():
        given = f"Bearer {world.tokens[token]}"
        world.see(f"api/platform-events{name}", "GET", "/api/v1/platform/events", authorization=given)
    given = f"Bearer {world.tokens['platform']}"
    world.see("api/platform-stats", "GET", "/api/v1/platform/stats", authorization=given)
    photo = world.anybody.ask("GET", f"{problems}/1").json["photos"][0]
    for name in ("url", "thumb"):
        world.see(f"api/photo-{name}", "GET", photo[name])
    world.see("api/photo-unknown", "GET", "/photos/0190b5a0-0000-7000-8000-000000000000.jpg")
    for method, path in (("HEAD", problems), ("OPTIONS", problems), ("DELETE", problems), ("PUT", f"{problems}/1")):
        world.see(f"api/{method.lower()}", method, path, origin=ORIGIN, access_control_request_method="POST")
    world.see("api/compressed", "HEAD", problems, accept_encoding="gzip, br")


def refuse(world: World) -> None:
    """Every refusal of submissions, in the order of the contract."""
    visitor = world.visitor("198.51.100.60")
    site, problems = world.path(), world.path("/problems")
    ok: dict[str, Any] = {"idempotency_key": "refused", "origin": ORIGIN}
    whole = body(world, 2, visitor)
    world.see("api/refused-key", "POST", "/api/v1/sites/wk_unknown/problems", visitor, json_body=whole, **ok)
    wrong_heads: dict[str, dict[str, Any]] = {
        "origin": {"origin": "https://evil.test"},
        "null-origin": {"origin": "null"},
        "no-idempotency-key": {"idempotency_key": None},
        "wrong-idempotency-key": {"idempotency_key": "я"},
    }
    for name, more in wrong_heads.items():
        world.see(f"api/refused-{name}", "POST", problems, visitor, json_body=whole, **(ok | more))
    evil = ok | {"origin": "https://evil.test"}
    world.see("api/refused-origin-en", "POST", problems, world.english, json_body=whole, **evil)
    wrong_bodies: dict[str, dict[str, Any]] = {
        "bad-json": {"content": "{", "content_type": "application/json"},
        "list": {"content": "[]", "content_type": "application/json"},
        "type": {"content": "{}", "content_type": "text/plain"},
        "no-type": {"content": "{}"},
        "too-large": {"content": json.dumps({"a": "x" * 70_000}), "content_type": "application/json"},
        "another-body": {"json_body": whole | {"description": "Другое"}, "idempotency_key": "report-1"},
        "no-ticket": {"json_body": whole | {"ticket": None}},
        "wrong-ticket": {"json_body": whole | {"ticket": "zzz"}},
        "other-ticket": {"json_body": whole | {"ticket": world.ticket(visitor, world.other_key, OTHER_ORIGIN)}},
        "all-fields": {"json_body": {"ticket": whole["ticket"]}},
        "all-fields-wrong": {"json_body": {
            "ticket": whole["ticket"], "category": "dragons", "description": "я", "email": "x@", "phone": "12",
            "location": {"lat": 100, "lng": "east"}, "photos": ["zzz"], "name": 5, "lang": "tlh",
            "consent": {"version": "old", "processing": False}, "answers": {"unknown": 1},
        }},
        "answers-wrong": {"json_body": whole | {"category": "roads", "answers": {"size": "deep", "danger": "maybe"}}},
        "old-consent": {"json_body": whole | {"consent": {"version": "0" * 64, "processing": True}}},
        "many-photos": {"json_body": whole | {"photos": ["a", "b", "c", "d"]}},
        "no-answers": {"json_body": whole | {"category": "roads"}},
        "too-long": {"json_body": whole | {"description": "я" * 4001}},
    }  # fmt: skip
    for name, sent in wrong_bodies.items():
        world.see(f"api/refused-{name}", "POST", problems, visitor, **(ok | sent))
    english = {"ticket": whole["ticket"], "lang": "en"}
    world.see("api/refused-all-fields-en", "POST", problems, world.english, json_body=english, **ok)
    used = body(world, 3, visitor)
    visitor.ask("POST", problems, json_body=used, idempotency_key="used", origin=ORIGIN)
    world.see("api/refused-used-ticket", "POST", problems, visitor, json_body=used, **ok)
    challenge = visitor.ask("GET", f"{site}/challenge", origin=ORIGIN).json
    right, forged = city.solved(challenge), city.solved(challenge | {"signature": "0" * 64})
    for name, answer in {"malformed": 5, "invalid": "zzz", "forged": forged}.items():
        world.send(f"api/challenge-{name}", f"{site}/tickets", visitor, {"challenge": answer})
    world.send("api/challenge-missing", f"{site}/tickets", visitor, {})
    for name in ("", "-spent"):
        world.send(f"api/ticket{name}", f"{site}/tickets", visitor, {"challenge": right})
    world.see("api/challenge", "GET", f"{site}/challenge", visitor, origin=ORIGIN)
    world.see("api/challenge-refused-origin", "GET", f"{site}/challenge", visitor, origin="https://evil.test")
    world.see("api/challenge-seen", "GET", f"{site}/challenge?seen&v=9.9.9", visitor, origin=ORIGIN)
    text = {"ticket": world.ticket(visitor)}
    for name, files in {
        "type": {"file": ("a.txt", b"a text", "text/plain")},
        "broken": {"file": ("a.jpg", picture()[:200], "image/jpeg")},
        "missing": {"other": ("a.jpg", picture(), "image/jpeg")},
    }.items():
        world.see(f"api/photo-refused-{name}", "POST", f"{site}/photos", visitor, form=text, files=files, origin=ORIGIN)
    world.send("api/photo-refused-json", f"{site}/photos", visitor, {})
    long = {"content": b"", "content_length": "20000000", "content_type": "multipart/form-data; boundary=x"}
    world.see("api/photo-refused-too-large", "POST", f"{site}/photos", visitor, origin=ORIGIN, **long)
    world.late = {"ticket": world.ticket(visitor)} | whole
    world.late_challenge = {"challenge": city.solved(visitor.ask("GET", f"{site}/challenge", origin=ORIGIN).json)}
    agreed = {"version": world.consent, "processing": True}
    for name, called in {"official": "Администрация Зареченска", "mixed": "Aннa"}.items():
        said = {"email": "guest@example.test", "consent": agreed, "name": called, "text": "И у нас"}
        said |= {"ticket": world.ticket(visitor)}
        world.send(f"api/comments-refused-{name}-name", f"{problems}/1/comments", visitor, said)
    supporter = "0f8fad5b-d9cb-469f-a165-70867728950e"
    voices = {"closed": (5, supporter), "merged": (8, supporter), "no-uuid": (1, "zzz"), "unknown": (4040, "zzz")}
    for name, (number, who) in voices.items():
        voice = {"supporter": who, "ticket": world.ticket(visitor)}
        world.send(f"api/support-refused-{name}", f"{problems}/{number}/support", visitor, voice)
    world.send("api/comments-refused-merged", f"{problems}/8/comments", visitor, {})
    many = world.visitor("198.51.100.61")
    for _ in range(30):
        many.ask("POST", f"{problems}/1/comments", json_body={}, origin=ORIGIN)
    for name, asking in (("", many), ("-en", Visitor(world.service.port, many.address, "en"))):
        world.send(f"api/too-many{name}", f"{problems}/1/comments", asking, {})


def read_the_pages(world: World) -> None:
    """The pages for residents and webmasters."""
    site = f"/s/{world.key}"
    pages = {
        "city": site,
        "city-filtered": f"{site}?status=in_progress&category=roads",
        "city-search": f"{site}?q=%D1%84%D0%BE%D0%BD%D0%B0%D1%80%D1%8C",
        "city-nothing": f"{site}?q=zzzz",
        "city-wrong-filter": f"{site}?status=eaten",
        "problem": f"{site}/problems/1",
        "problem-answered": f"{site}/problems/5",
        "problem-merged": f"{site}/problems/8",
        "problem-unknown": f"{site}/problems/4040",
        "report": f"{site}/report",
        "report-category": f"{site}/report?category=roads",
        "follow": f"{site}/problems/1/follow",
        "comment": f"{site}/problems/1/comment",
        "consent": f"{site}/consent",
        "consent-name": f"{site}/consent/name",
        "consent-unknown": f"{site}/consent/0000",
        "embed": f"{site}/embed",
        "install": f"{site}/install",
        "install-check": f"{site}/install/check",
        "new-site": "/sites/new?origin=https://evil.test",
        "track": "/track",
        "track-of-site": f"/track?site={world.key}",
        "mine": "/mine",
        "no-such-page": "/nothing",
        "unknown-site": "/s/wk_unknown",
        "confirm-wrong": "/confirm/zzz",
    }
    world.look("pages/", pages)
    world.look("pages/", pages, world.english, "-en")
    world.see("pages/basic-site", "GET", f"/s/{world.other_key}")
    here, visitor = f"https://widget.test{site}", world.visitor("203.0.113.10")
    world.see("pages/display", "GET", "/display?theme=white-on-black", world.visitor("203.0.113.9"), referer=here)
    for name, code in {"found": world.code, "wrong": "AAAA"}.items():
        form = {"number": "14", "code": code, "site": world.key}
        world.see(f"pages/track-{name}", "POST", "/track", visitor, form=form, **OWN)
    world.press(visitor, "/mine", "/mine", "pages/mine-asked", email="anna@example.test")
    world.settle()
    letter = world.mail.wait("anna@example.test", matching=lambda one: "/mine/" in one.text)[-1]
    world.see("pages/mine-listed", "GET", next(link for link in letter.links if "/mine/" in link), visitor)
    files = {
        "robots": "/robots.txt",
        "feed": f"{site}/feed.atom",
        "feed-category": f"{site}/feed.atom?category=roads",
        "sitemap": f"{site}/sitemap.xml",
        "sitemap-part": f"{site}/sitemap-1.xml",
        "sitemap-part-unknown": f"{site}/sitemap-99.xml",
        "healthz": "/healthz",
        "readyz": "/readyz",
        "metrics-hidden": "/metrics",
        "tiles-none": "/tiles/12/2500/1300",
        "loader-unknown": "/w/0.0.0/loader.js",
        "static-unknown": "/static/nothing.css",
        "document-unknown": "/documents/0190b5a0-0000-7000-8000-000000000000/a.pdf",
    }
    world.look("files/", files)
    for name in ("loader.js", "loader.js.map"):
        head = world.anybody.ask("HEAD", f"/w/1/{name}").recorded
        head = re.sub(r"(?m)^((?:etag|content-length): ).*$", r"\1<of the build>", head)
        world.kept.keep(f"files/head-{name}", head)
    names = re.findall(r"(?m)^# .*$|^[a-z_]+", world.metrics())
    world.kept.keep("files/metrics", "\n".join(dict.fromkeys(names)))


def work_in_the_cabinet(world: World) -> None:
    """The cabinet's pages for each role and signed out."""
    paths = {
        "today": "/cabinet/",
        "list": "/cabinet/problems",
        "list-filtered": "/cabinet/problems?status=in_progress",
        "list-exported": "/cabinet/problems.csv?status=in_progress",
        "report": "/cabinet/analytics/report?from=2026-05-01&to=2026-05-31",
        "problem": f"/cabinet/problems/{world.ids[0]}",
        "problem-closed": f"/cabinet/problems/{world.ids[4]}",
        "site": f"/cabinet/sites/{world.site_id}",
        "settings": f"/cabinet/sites/{world.site_id}/settings",
        "platforms": f"/cabinet/sites/{world.site_id}/platforms",
    }
    paths |= {name: f"/cabinet/{name}" for name in ("inbox", "comments", "mail", "deliveries", "sites", "account")}
    for role in ROLES:
        world.look(f"cabinet/{role}-", paths, world.people[role])
    world.look("cabinet/nobody-", paths)
    agent = world.people["agent"]
    public = {"sign-in": "/cabinet/sign-in", "forgot": "/cabinet/forgot"}
    world.look("cabinet/", public | {"root": "/", "bare": "/cabinet", "reset-wrong": "/cabinet/reset/zzz"})
    world.look("cabinet/", {"moderate-wrong": "/moderate/zzz"})
    world.look("cabinet/", public, world.english, "-en")
    world.see("cabinet/problem-unknown", "GET", "/cabinet/problems/0190b5a0-0000-7000-8000-000000000000", agent)
    first = f"/cabinet/problems/{world.ids[0]}"
    world.press(agent, first, first, "cabinet/refused-no-answer", to="resolved", text="")
    world.press(agent, first, first, "cabinet/refused-not-allowed", to="confirmed")
    world.press(agent, first, first, "cabinet/refused-slower", to="resolved", text="Готово", seen="zzz")
    for name, origin in {"without-form-token": OWN["origin"], "foreign": "https://evil.test"}.items():
        world.see(f"cabinet/refused-{name}", "POST", first, agent, form={"to": "accepted"}, origin=origin)
    world.press(agent, first, first, "cabinet/refused-date", to="planned", expected_on="2020-01-01")
    world.press(agent, first, first, "cabinet/refused-number", to="duplicate", duplicate_of="777")
    form = PageText(agent.ask("GET", first).text).form(first).fields | {"to": "resolved", "text": "Акт"}
    act = {"documents": ("act.pdf", b"no document", "application/pdf")}
    world.see("cabinet/refused-document", "POST", first, agent, form=form, files=act, **OWN)
    token = {"form_token": form["form_token"]}
    gone = "/cabinet/comments/0190b5a0-0000-7000-8000-000000000000"
    world.see("cabinet/comment-unknown", "POST", gone, agent, form=token | {"verdict": "published"}, **OWN)
    version = world.see("cabinet/version", "GET", "/cabinet/version", agent)
    world.see("cabinet/version-same", "GET", "/cabinet/version", agent, if_none_match=version.header("etag"))
    world.see("cabinet/version-nobody", "GET", "/cabinet/version")
    stranger = world.visitor("203.0.113.70")
    given = {"email": "agent@zarechensk.test", "password": "wrong password"}
    world.press(stranger, "/cabinet/sign-in", "/cabinet/sign-in", "cabinet/sign-in-refused", **given)
    world.press(stranger, "/cabinet/forgot", "/cabinet/forgot", "cabinet/forgot-asked", email="head@zarechensk.test")
    letter = world.letter("password-reset", "head@zarechensk.test")
    world.see("cabinet/reset", "GET", letter.links[0], stranger)
    where = urlsplit(letter.links[0]).path
    world.press(stranger, where, where, "cabinet/reset-short", password="short")


def speak_georeport(world: World) -> None:
    """GeoReport v2 in both formats."""
    of = "jurisdiction_id=zarechensk.test"
    root, key = "/open311/v2", world.tokens
    for form in ("json", "xml"):
        calls = {
            "discovery": f"/open311/discovery.{form}",
            "services": f"{root}/services.{form}?{of}",
            "definition": f"{root}/services/roads.{form}?{of}",
            "definition-plain": f"{root}/services/lighting.{form}?{of}",
            "definition-unknown": f"{root}/services/dragons.{form}?{of}",
            "requests": f"{root}/requests.{form}?{of}",
            "requests-filtered": f"{root}/requests.{form}?{of}&status=closed&service_code=garbage",
            "requests-extensions": f"{root}/requests.{form}?{of}&extensions=true&page_size=2",
            "requests-wrong-date": f"{root}/requests.{form}?{of}&start_date=yesterday",
            "requests-wrong-status": f"{root}/requests.{form}?{of}&status=eaten",
            "request": f"{root}/requests/1.{form}?{of}",
            "request-unknown": f"{root}/requests/4040.{form}?{of}",
            "request-unpublished": f"{root}/requests/12.{form}?{of}",
            "request-platform": f"{root}/requests/1.{form}?{of}&extensions=true&api_key={key['platform']}",
            "token": f"{root}/tokens/1.{form}?{of}",
            "updates": f"{root}/servicerequestupdates.{form}?{of}",
            "jurisdiction-unknown": f"{root}/requests.{form}?jurisdiction_id=nowhere.test",
            "jurisdiction-missing": f"{root}/requests.{form}",
            "no-such-call": f"{root}/nothing.{form}",
        }
        world.look("georeport/", calls, ending=f"-{form}")
        sent = {"jurisdiction_id": "zarechensk.test", "service_code": "lighting", "lat": "55.1", "long": "38.77",
                "description": f"Не горит свет, {form}", "api_key": key["georeport"]}  # fmt: skip
        path = f"{root}/requests.{form}"
        made = world.see(f"georeport/post-{form}", "POST", path, form=sent)
        (number,) = re.findall(r"service_request_id\W+(\d+)", made.text)
        for name, more in {
            "key": {"api_key": "zzz"},
            "no-key": {"api_key": ""},
            "fields": {"service_code": "dragons", "description": "", "lat": "north"},
            "missing": {"service_code": "", "lat": "", "long": ""},
            "jurisdiction": {"jurisdiction_id": "nowhere.test"},
        }.items():
            world.see(f"georeport/post-refused-{name}-{form}", "POST", path, form=sent | more)
        update = {"jurisdiction_id": "zarechensk.test", "service_request_id": number, "status": "open",
                  "description": "Подтверждаю", "update_id": f"u-{form}", "updated_datetime": "2026-06-01T10:00:00Z",
                  "api_key": key["georeport"]}  # fmt: skip
        path = f"{root}/servicerequestupdates.{form}"
        world.see(f"georeport/update-{form}", "POST", path, form=update)
        world.see(f"georeport/update-foreign-{form}", "POST", path, form=update | {"service_request_id": "1"})
        world.see(f"georeport/update-unknown-{form}", "POST", path, form=update | {"service_request_id": "4040"})
    world.see("georeport/wrong-form", "GET", f"{root}/requests.yaml?{of}")
    world.see("georeport/method", "DELETE", f"{root}/requests.json?{of}")
    world.see("georeport/options", "OPTIONS", f"{root}/requests.json", origin="https://evil.test")
    world.see("georeport/english", "GET", f"{root}/requests.json?jurisdiction_id=nowhere.test", world.english)


def report_by_form(world: World) -> None:
    """The form without scripts: too fast, incomplete, and sent."""
    visitor, site = world.visitor("198.51.100.70"), f"/s/{world.key}/report"
    typed = {"category": "yards", "description": "Сломан забор детского сада", "address": "Садовая, 11"}
    typed |= {"email": "nina@example.test", "consent": "yes", "coordinates": "55.1, 38.77"}
    world.press(visitor, site, site, "pages/report-too-fast", **typed)
    form = PageText(visitor.ask("GET", site).text).form(site)
    world.at(2 * HOUR + 60)
    own = OWN | {"referer": f"https://widget.test{site}"}
    for name, more in {"incomplete": {"description": "", "consent": "", "email": "nina@"}, "sent": {}}.items():
        world.see(f"pages/report-{name}", "POST", site, visitor, form=form.fields | typed | more, **own)
    world.see("pages/report-foreign", "POST", site, visitor, form=form.fields | typed, origin="https://evil.test")
    world.settle()
    world.letter("confirmation-form", "nina@example.test")


def work_by_mail(world: World) -> None:
    """The utility company gets its reports by mail and answers by mail, and a platform is informed of both."""
    visitor, path = world.visitor("198.51.100.80"), world.path("/problems", world.other_key)
    consent = visitor.ask("GET", world.path(key=world.other_key)).json["consent"]["version"]
    sent: dict[str, Any] = {"category": "housing", "description": "Течёт крыша <b>в подъезде</b>", "name": "Олег"}
    sent |= {"email": "oleg@example.test", "location": {"address": "Связной, 3", "lat": 55.1, "lng": 38.77}}
    sent |= {"consent": {"version": consent, "processing": True, "publish_name": False}}
    sent |= {"ticket": world.ticket(visitor, world.other_key, OTHER_ORIGIN)}
    made = visitor.ask("POST", path, json_body=sent, origin=OTHER_ORIGIN, idempotency_key="company-1")
    assert made.status == 201, made.text
    page = urlsplit(made.json["track_url"]).path
    where = urlsplit(world.mail.wait("oleg@example.test")[0].links[0]).path
    world.press(visitor, where, where)
    world.settle()
    report = world.letter("agency-report", UTILITY_OFFICE)
    world.press(visitor, page, f"{page}/clarified", words="Третий этаж")
    world.settle()
    world.letter("agency-event", UTILITY_OFFICE)
    reply = str(report.message["Reply-To"].addresses[0].addr_spec)
    answers = {"held": ("pass", "Крышу починили 30 мая."), "untrusted": ("fail", "Ничего не будем чинить.")}
    for number, (name, (verdict, text)) in enumerate(answers.items()):
        head = f"Authentication-Results: widget.test; dmarc={verdict} header.from=uk.test\r\n"
        head += f"From: <{UTILITY_OFFICE}>\r\nTo: <{reply}>\r\nSubject: Re: 1\r\nMessage-ID: <{name}@uk.test>\r\n"
        head += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        with smtplib.LMTP("127.0.0.1", world.inbound) as server:
            server.sendmail(UTILITY_OFFICE, [reply], f"{head}\r\n{text}\r\n".encode())
        world.wait(partial(have_come, world, number + 1), "the answer by mail did not come")
        world.settle()
    world.letter("answer-taken", UTILITY_OFFICE, "Ответ на")
    people = world.people["company"]
    world.see("cabinet/company-mail", "GET", "/cabinet/mail", people)
    for number, address in enumerate(waiting(world)):
        world.see(f"cabinet/company-mail-{number}", "GET", address, people)
    form = next(f for f in PageText(people.ask("GET", waiting(world)[0]).text).forms if "text" in f.fields)
    for name, to in {"undecided": "", "accepted": "resolved"}.items():
        given = form.fields | {"action": "accept", "to": to}
        world.see(f"cabinet/company-mail-{name}", "POST", form.action, people, form=given, **OWN)
    world.settle()
    world.letter("news-by-mail", "oleg@example.test")
    world.see("cabinet/company-list", "GET", "/cabinet/problems", people)
    # The form is on a separate page.
    assert not any("link-changed" in form.action for form in PageText(visitor.ask("GET", page).text).forms)
    world.press(visitor, f"{page}/link", f"{page}/link-changed", "pages/private-link-changed")
    world.see("pages/private-old-link", "GET", page)
    world.settle()
    world.letter("link", "oleg@example.test")


def waiting(world: World) -> list[str]:
    page = world.people["company"].ask("GET", "/cabinet/mail").text
    return sorted(set(re.findall(r"/cabinet/mail/[0-9a-f-]{36}", page)))


def have_come(world: World, many: int) -> bool:
    return len(waiting(world)) == many


def exchange_with_platforms(world: World) -> None:
    """Requests to a GeoReport platform, a webhook's event, and signed updates from it."""
    made = world.cli("platform", "add", "--name", "Шина", "--url", f"{world.elsewhere.url}/hook", "--key", city.SIGNED,
                     "--protocol", "webhook", "--site", world.key)  # fmt: skip
    world.kept.names[made["platform"]] = "hook"
    agent, path = world.people["agent"], f"/cabinet/problems/{world.ids[3]}"
    world.press(agent, path, path, to="in_progress", text="Вышли раньше")
    world.settle()
    for number, one in enumerate(world.elsewhere.taken):
        world.kept.keep(f"platform/sent-{number:02}", one)
    event = {
        "specversion": "1.0", "id": "0f8fad5b-d9cb-469f-a165-70867728950e", "source": "https://central.test",
        "type": "x", "time": "2026-06-01T13:30:00Z",
        "data": {"number": 2, "jurisdiction": "zarechensk.test", "kind": "status", "status_code": "in_progress"},
    }  # fmt: skip
    contents = {"taken": json.dumps(event), "again": json.dumps(event), "wrong-key": json.dumps(event)}
    for name, content in (contents | {"malformed": "{", "no-event": "[5]"}).items():
        key = "another key of somebody else" if name == "wrong-key" else city.SIGNED
        headers: dict[str, Any] = signed(key, world.now, content.encode())
        world.see(f"platform/update-{name}", "POST", "/api/v1/platform/updates", content=content, **headers)
    world.see("platform/update-unsigned", "POST", "/api/v1/platform/updates", content="{}")
    for role in ("admin", "operator"):
        path = f"/cabinet/sites/{world.site_id}/platforms"
        world.see(f"cabinet/{role}-platforms-now", "GET", path, world.people[role])


def signed(key: str, at: int, content: bytes) -> dict[str, str]:
    """Standard Webhooks 1.0."""
    secret = base64.b64decode(key.removeprefix("whsec_")) if key.startswith("whsec_") else key.encode()
    seal = base64.b64encode(hmac.digest(secret, f"m-1.{at}.".encode() + content, "sha256")).decode()
    return {"webhook_id": "m-1", "webhook_timestamp": str(at), "webhook_signature": f"v1,{seal}"}


def change_settings(world: World) -> None:
    """Forms of the cabinet that change something other than reports."""
    admin, agent = world.people["admin"], world.people["agent"]
    site, account = f"/cabinet/sites/{world.site_id}", "/cabinet/account"
    world.press(admin, f"{site}/settings", f"{site}/settings", "cabinet/settings-wrong", name="")
    world.press(admin, f"{site}/settings", f"{site}/settings", "cabinet/settings-kept")
    world.press(agent, account, f"{account}/password", "cabinet/password-wrong", old_password="x", new_password="short")
    token = PageText(admin.ask("GET", account).text).form(f"{account}/password").fields
    world.see("cabinet/origin-wrong", "POST", f"{site}/origins", admin, form=token | {"origin": "nonsense"}, **OWN)
    world.see("cabinet/retry", "POST", "/cabinet/deliveries/retry", admin, form=token, **OWN)
    world.press(agent, account, "/cabinet/language", "cabinet/language", language="en")
    world.see("cabinet/agent-list-in-english", "GET", "/cabinet/problems", agent)
    world.see("cabinet/agent-problem-in-english", "GET", f"/cabinet/problems/{world.ids[0]}", agent)
    world.press(agent, account, "/cabinet/sign-out", "cabinet/signed-out")


def command_the_service(world: World) -> None:
    """Commands that read and change data while the service runs."""
    site = ["--site", "zarechensk.test"]
    admin = ["--email", "admin@zarechensk.test"]
    for name, line in {
        "agency-list": ["agency", "list"],
        "agency-set": ["agency", "set", "Управляющая компания", "--senders", "@uk.test"],
        "agency-unknown": ["agency", "set", "Никто", "--email", "a@b.test"],
        "site-list": ["site", "list"],
        "site-show": ["site", "show", "zarechensk.test"],
        "site-unknown": ["site", "show", "nowhere.test"],
        "site-check": ["site", "check", "zarechensk.test"],
        "site-set": ["site", "set", "zarechensk.test", "--photos", "2", "--add-origin", "https://zarechensk.test"],
        "site-set-wrong": ["site", "set", "zarechensk.test", "--bbox", "1,2,3"],
        "site-add-taken": ["site", "add", "--name", "Ещё", "--agency", "Управляющая компания", "--origin",
                           "https://zarechensk.test"],
        "category-list": ["category", "list", *site],
        "category-set": ["category", "set", "snow", *site, "--off"],
        "category-set-wrong": ["category", "set", "snow", *site, "--questions", "{"],
        "user-list": ["user", "list"],
        "user-add-again": ["user", "add", *admin, "--role", "viewer", "--agency", "Управляющая компания"],
        "user-add-wrong": ["user", "add", "--email", "x", "--role", "viewer", "--agency", "Управляющая компания"],
        "user-set": ["user", "set", *admin, "--role", "head"],
        "user-disable": ["user", "disable", *admin],
        "user-enable": ["user", "enable", *admin],
        "user-sessions": ["user", "sessions", "--email", "head@zarechensk.test"],
        "user-unknown": ["user", "sessions", "--email", "nobody@zarechensk.test"],
        "token-list": ["token", "list"],
        "token-revoke-unknown": ["token", "revoke", "zzz"],
        "platform-list": ["platform", "list"],
        "platform-services": ["platform", "services", "Центр", "--site", "uk.test"],
        "platform-map": ["platform", "map", "Центр", "housing=77", "--site", "uk.test"],
        "platform-speak": ["platform", "speak", "Шина", *site],
        "platform-serve-off": ["platform", "serve", "Шина", *site, "--off"],
        "platform-unknown": ["platform", "set", "zzz", "--name", "Имя"],
        "platform-erasures": ["platform", "erasures"],
        "deliveries-list": ["deliveries", "list"],
        "deliveries-delivered": ["deliveries", "list", "--state", "delivered", "--sink", "platform"],
        "deliveries-of-problem": ["deliveries", "list", "--state", "delivered", "--problem", world.ids[0]],
        "deliveries-retry-unknown": ["deliveries", "retry", "zzz"],
        "journal": ["journal", "--kind", "user_changed"],
        "journal-unknown": ["journal", "--kind", "danced"],
        "migrate": ["migrate"],
        "erase": ["erase", "--email", "vera@example.test"],
        "erase-nobody": ["erase", "--email", "nobody@example.test"],
        "purge": ["purge"],
        "load-demo": ["load-demo", "--problems", "0", "--site", "uk.test"],
        "backup": ["backup", "copy.backup"],
        "restore-missing": ["restore", "nowhere.backup"],
        "doctor": ["doctor"],
        "site-disable": ["site", "disable", "zarechensk.test"],
        "site-enable": ["site", "enable", "zarechensk.test"],
    }.items():  # fmt: skip
        world.command(name, *line)
        if "list" in name or name in ("site-show", "migrate", "journal"):
            world.command(f"{name}-json", *line, "--json")
        if name == "site-disable":
            world.see("api/site-disabled", "GET", world.path())
            world.see("pages/site-disabled", "GET", f"/s/{world.key}")


def come_late(world: World) -> None:
    """What expires after two hours, and after one."""
    world.at(6 * HOUR)
    visitor, site = world.visitor("198.51.100.60"), world.path()
    late = {"idempotency_key": "late", "origin": ORIGIN}
    world.see("api/refused-late-ticket", "POST", f"{site}/problems", visitor, json_body=world.late, **late)
    world.send("api/challenge-late", f"{site}/tickets", visitor, world.late_challenge)


def test_every_letter_is_as_recorded() -> None:
    """Every letter in every language, with everything a reader receives."""
    kept = Recordings(("letter-kinds",))
    for language in ("ru", "en"):
        for name, template, values in all_letters(language):
            made = messages.compose(
                template,
                language,
                to="anna@example.test",
                mail_from="widget@widget.test",
                sender_name="Администрация",
                thread=Thread(root="<a@widget.test>", own="<b@widget.test>"),
                values=values,
            )
            kept.keep(f"letter-kinds/{name.replace(' ', '-')}-{language}", recorded.message(made))
    kept.compare()


def test_the_help_and_errors_of_every_command_are_as_recorded(tmp_path: Path) -> None:
    """Help of every command, and errors: one line and an exit code."""
    kept = Recordings(("help",), names={str(tmp_path): "directory", __version__: "version"})
    usual = {"COLUMNS": "100", "WIDGET_DATA": str(tmp_path / "data")}

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return commands.attempt(*arguments, settings=usual | settings, directory=tmp_path)

    def explain(*path: str) -> None:
        done = run(*path, "--help")
        kept.keep(f"help/{'-'.join(path) or 'all'}", recorded.command(done))
        for name in re.findall(r"(?m)^  ([a-z-]+)", done.stdout.partition("\nCommands:\n")[2]):
            explain(*path, name)

    explain()
    for name, (line, settings) in {
        "nothing": ([], {}),
        "version": (["--version"], {}),
        "unknown-command": (["dance"], {}),
        "unknown-option": (["site", "list", "--colour"], {}),
        "missing-option": (["agency", "add", "--name", "Имя"], {}),
        "missing-argument": (["site", "show"], {}),
        "wrong-choice": (["token", "add", "--site", "x", "--scope", "all"], {}),
        "no-database": (["site", "list"], {}),
        "no-database-json": (["site", "list", "--json"], {}),
        "wrong-database": (["site", "list"], {"WIDGET_DATABASE_URL": "mysql://x"}),
        "wrong-smtp": (["site", "list"], {"WIDGET_SMTP_URL": "http://x"}),
        "wrong-choice-of-setting": (["site", "list"], {"WIDGET_CHALLENGE": "maybe"}),
        "short-secret": (["site", "list"], {"WIDGET_SECRET_KEYS": "short"}),
        "wrong-proxies": (["site", "list"], {"WIDGET_TRUSTED_PROXIES": "here"}),
        "production-without-address": (["serve"], city.PRODUCTION | {"WIDGET_PUBLIC_URL": ""}),
        "production-without-keys": (["serve"], city.PRODUCTION | {"WIDGET_SECRET_KEYS": ""}),
        "production-without-tls": (["serve"], city.PRODUCTION | {"WIDGET_PUBLIC_URL": "http://widget.test"}),
        "production-without-sender": (["serve"], city.PRODUCTION | {"WIDGET_MAIL_FROM": ""}),
        "production-without-database": (["serve"], city.PRODUCTION),
        "demo-in-production": (["demo"], city.PRODUCTION),
        "restore-missing": (["restore", "nowhere"], {}),
    }.items():  # fmt: skip
        kept.keep(f"help/mistake-{name}", recorded.command(run(*line, **settings)))
    kept.compare()
