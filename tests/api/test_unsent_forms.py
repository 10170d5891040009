"""A form that could not be processed is stored with its files, for its author only and for a limited time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import time_machine
from starlette.routing import Route

from tests.factories import AGENT, run_statement, submit_report
from tests.support.cabinet import Cabinet, PageText
from tests.support.database_files import database_files_contain
from tests.support.pictures import halves, photo
from widget_api import clock
from widget_api.cabinet import refill
from widget_api.ops import retention
from widget_api.people import accounts
from widget_api.people import unsent_forms as unsent
from widget_api.people.unsent_forms import UnsentForm
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import Site

PASSWORD = "a long enough password"
ANSWER = "Засыпали яму <b>щебнем</b> & утрамбовали.\nПриходите смотреть"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
Browser = Callable[[], Cabinet]
pytestmark = pytest.mark.site(discussion="moderated")


@pytest.fixture
def database(app: Any) -> Any:
    return app.state.context.database


@pytest.fixture
async def problem(database: Any, site: Site) -> str:
    problem_id = (await submit_report(database, site)).problem_id
    row = await database.row("SELECT status_event FROM problems WHERE id = :id", id=problem_id)
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="accepted"), seen=row["status_event"])
    return problem_id


@pytest.fixture
async def anna(database: Any, site: Site, new_browser: Browser) -> Cabinet:
    for name in ("anna", "boris"):
        await accounts.add_user(
            database, email=f"{name}@gorod.test", role="admin", agency_id=site.agency.id, password=PASSWORD
        )
    cabinet = new_browser()
    assert (await cabinet.sign_in("anna@gorod.test", PASSWORD)).status_code == 303
    return cabinet


async def end_sessions(database: Any, cabinet: Cabinet) -> None:
    """As after twelve hours: the session has expired, and the browser has dropped its cookie."""

    await run_statement(database, "DELETE FROM sessions")
    for name in [cookie.name for cookie in cabinet.client.cookies.jar if cookie.name.endswith("cabinet")]:
        cabinet.client.cookies.delete(name)


async def signed_in_again(cabinet: Cabinet, answer: httpx2.Response, email: str = "anna@gorod.test") -> httpx2.Response:
    """Follow the link to the sign-in page, sign in, and open the page it redirects to."""
    assert answer.status_code == 303, answer.text
    page = PageText((await cabinet.client.get(answer.headers["location"])).text)
    answer = await cabinet.client.post("/cabinet/sign-in", data=page.forms[0].fields | credentials(email))
    assert answer.status_code == 303
    return await cabinet.client.get(answer.headers["location"])


def credentials(email: str) -> dict[str, str]:
    return {"email": email, "password": PASSWORD}


async def status(database: Any, problem: str) -> str:
    return str((await database.row("SELECT status FROM problems WHERE id = :id", id=problem))["status"])


async def kept(database: Any) -> list[Any]:
    return list(await database.rows("SELECT * FROM unsent_forms ORDER BY created_at"))


async def test_a_decision_with_files_is_restored_after_sign_in(anna: Cabinet, database: Any, problem: str) -> None:
    path = f"/cabinet/problems/{problem}"
    form = (await anna.read(path)).form(path)
    await end_sessions(database, anna)
    files = [
        ("photos", ("яма.jpg", photo(halves(80, 60)), "image/jpeg")),
        ("documents", ("Акт.pdf", PDF, "application/pdf")),
    ]
    sent = await anna.client.post(path, data=form.fields | {"to": "resolved", "text": ANSWER}, files=files)
    signing_in = await anna.client.get(sent.headers["location"])
    assert "Ничего не пропало" in signing_in.text

    shown = await signed_in_again(anna, sent)
    assert await status(database, problem) == "accepted", "it was acted upon by itself"
    page = PageText(shown.text)
    again = page.form(path)
    assert (again.fields["to"], again.fields["text"], again.fields["seen"]) == ("resolved", ANSWER, form.fields["seen"])
    assert "Это ещё не отправлено" in page.text
    assert "яма.jpg" in page.text
    assert "Акт.pdf" in page.text
    assert "<b>щебнем" not in shown.text

    done = await anna.client.post(path, data=again.fields, files=[("photos", ("", b"", "application/octet-stream"))])
    assert done.status_code == 303, done.text
    assert await status(database, problem) == "resolved"
    rows = await database.rows("SELECT name FROM documents WHERE problem_id = :id", id=problem)
    assert [row["name"] for row in rows] == ["Акт.pdf"]
    photos = await database.rows("SELECT id FROM photos WHERE problem_id = :id", id=problem)
    assert len(photos) == 1
    assert await kept(database) == []


async def test_a_form_of_a_replaced_session_is_shown_again(anna: Cabinet, database: Any, problem: str) -> None:
    path = f"/cabinet/problems/{problem}"
    form = (await anna.read(path)).form(path)
    await anna.client.post("/cabinet/sign-in", data=credentials("anna@gorod.test"))  # the other tab
    sent = await anna.client.post(path, data=form.fields | {"to": "answered", "text": ANSWER})
    assert sent.status_code == 303
    assert await status(database, problem) == "accepted", "an old form must not be acted upon"
    page = PageText((await anna.client.get(sent.headers["location"])).text)
    assert page.form(path).fields["text"] == ANSWER
    done = await anna.client.post(path, data=page.form(path).fields)
    assert done.status_code == 303
    assert await status(database, problem) == "answered"


async def test_files_are_removed_and_forms_survive_a_second_expiry(anna: Cabinet, database: Any, problem: str) -> None:
    path = f"/cabinet/problems/{problem}"
    form = (await anna.read(path)).form(path)
    await end_sessions(database, anna)
    files = [("documents", (name, PDF, "application/pdf")) for name in ("Акт.pdf", "Смета.pdf")]
    sent = await anna.client.post(path, data=form.fields | {"to": "resolved", "text": ANSWER}, files=files)
    again = PageText((await signed_in_again(anna, sent)).text).form(path)

    await end_sessions(database, anna)
    sent = await anna.client.post(path, data=again.fields | {"unsent_leave": "0"})
    shown = await signed_in_again(anna, sent)
    assert "Смета.pdf" in shown.text
    assert "Акт.pdf" not in shown.text
    assert len(await kept(database)) == 1
    assert (await anna.client.post(path, data=PageText(shown.text).form(path).fields)).status_code == 303
    rows = await database.rows("SELECT name FROM documents WHERE problem_id = :id", id=problem)
    assert [row["name"] for row in rows] == ["Смета.pdf"]


async def test_every_form_of_the_cabinet_is_restored(app: Any, anna: Cabinet, database: Any, problem: str) -> None:
    """One mechanism for all routes: every POST route of the cabinet stores the form of an ended session."""
    path = f"/cabinet/problems/{problem}"
    token = (await anna.read(path)).form(path).fields["form_token"]
    await end_sessions(database, anna)
    posts = [route for route in app.routes if isinstance(route, Route) and "POST" in (route.methods or ())]
    addresses = [one.path for one in posts if one.path.startswith("/cabinet/")]
    assert len(addresses) > 10
    silent = {"/cabinet/sign-out", "/cabinet/language", "/cabinet/account/sessions"}  # the form is empty
    silent |= {"/cabinet/account/password"}  # so nothing is stored
    silent |= {f"/cabinet/account/factor{form}" for form in ("", "/confirm", "/change")}  # secrets
    silent |= {f"/cabinet/problems/{{problem_id}}/{form}" for form in ("photos", "undo")}  # buttons
    silent |= {"/cabinet/sites/{site_id}/origins/prove", "/cabinet/problems/by-author"}  # a check, and a search
    silent |= {"/cabinet/problems/{problem_id}/draft"}  # sent by the script: the form itself is still to come
    assert {f"/cabinet/operator/{page}" for page in ("agencies", "site", "state")} <= set(addresses)
    silent |= {"/cabinet/bulk", "/cabinet/bulk/{bulk_id}/discard", "/cabinet/views/delete"}  # ticks and buttons
    silent |= {"/cabinet/sites/{site_id}/testing", "/cabinet/sites/{site_id}/testing/key"}  # buttons and a tick
    silent |= {"/cabinet/sites/{site_id}/collections/{slug}/hide"}  # a button
    collection = "/cabinet/collections/{collection_id}"
    silent |= {f"{collection}/events/{{visit_id}}/{form}" for form in ("invite", "call-off")}  # ticks and buttons
    silent |= {"/cabinet/sites/{site_id}/collections/{slug}/links/{link_id}/revoke"}
    silent |= {f"{collection}/agencies/{{agency_id}}/remove"}
    report = "/cabinet/analytics/report"
    silent |= {f"{report}/publish", f"{report}/letters", f"{report}/{{report_id}}/withdraw"}
    # and nobody is signed in
    silent |= {
        "/cabinet/sign-in",
        "/cabinet/sign-in/code",
        "/cabinet/forgot",
        "/cabinet/reset/{token}",
        "/cabinet/invitation/{token}",
    }
    for address in addresses:
        filled = address.replace("{problem_id}", problem)
        for name in ("site_id", "platform_id", "comment_id", "letter_id", "delivery_id", "session_id"):
            filled = filled.replace("{" + name + "}", "x")
        sent = await anna.client.post(filled, data={"form_token": token, "text": f"Написано для {address}"})
        if address in silent:
            assert "unsent" not in sent.headers.get("location", ""), address
        else:
            assert "unsent" in sent.headers["location"], address
    assert len(await kept(database)) == unsent.MAX_FORMS, "one user keeps no more than that"


async def test_settings_questions_and_comments_are_restored_in_their_forms(
    anna: Cabinet, database: Any, problem: str, site: Site
) -> None:
    path = f"/cabinet/problems/{problem}"
    settings = f"/cabinet/sites/{site.id}/settings"
    for page_path, action, changed in (
        (path, f"{path}/ask", {"question": "Какой подъезд?"}),
        (path, f"{path}/comment", {"comment": "Спасибо, едем."}),
        (settings, settings, {"name": "Новое имя", "discussion": "off"}),
    ):
        form = (await anna.read(page_path)).form(action)
        await end_sessions(database, anna)
        sent = await anna.client.post(action, data=form.fields | changed, headers={"Referer": f"http://x{page_path}"})
        shown = await signed_in_again(anna, sent)
        again = PageText(shown.text).form(action)
        assert changed.items() <= (again.fields | selected(shown.text)).items(), action
        await anna.client.post(action, data=again.fields | changed)


def selected(page: str) -> dict[str, str]:
    from selectolax.lexbor import LexborHTMLParser

    chosen = {}
    for select in LexborHTMLParser(page).css("select"):
        option = select.css_first("option[selected]")
        if option is not None:
            chosen[select.attributes["name"] or ""] = option.attributes["value"] or ""
    return chosen


async def test_sending_a_question_keeps_an_unfinished_decision(anna: Cabinet, database: Any, problem: str) -> None:
    path = f"/cabinet/problems/{problem}"
    form = (await anna.read(path)).form(f"{path}/ask")
    half = {"to": "planned", "text": "Почти дописано", "question": "Какой подъезд?"}
    files = [("documents", ("Акт.pdf", PDF, "application/pdf"))]
    asked = await anna.client.post(form.action, data=form.fields | half, files=files)
    assert asked.status_code == 303, asked.text
    page = PageText((await anna.client.get(asked.headers["location"])).text)
    again = page.form(path)
    assert (again.fields["to"], again.fields["text"], again.fields["question"]) == ("planned", "Почти дописано", "")
    assert "Акт.pdf" in page.text
    assert "Это ещё не отправлено" not in page.text

    # A refused question keeps it as well, and a decision keeps an unfinished question.
    refused = await anna.client.post(f"{path}/ask", data=again.fields | {"question": " "})
    assert refused.status_code == 422
    again = PageText(refused.text).form(path)
    assert again.fields["text"] == "Почти дописано"
    assert "Акт.pdf" in refused.text
    decided = await anna.client.post(path, data=again.fields | {"to": "in_progress", "question": "А корпус?"})
    assert decided.status_code == 303, decided.text
    page = PageText((await anna.client.get(decided.headers["location"])).text)
    assert (page.form(path).fields["question"], page.form(path).fields["text"]) == ("А корпус?", "")
    assert "Акт.pdf" in page.text, "it came with the decision"


async def test_stored_forms_are_visible_to_their_author_only(
    anna: Cabinet, new_browser: Browser, database: Any, problem: str
) -> None:
    path = f"/cabinet/problems/{problem}"
    form = (await anna.read(path)).form(path)
    await end_sessions(database, anna)
    sent = await anna.client.post(path, data=form.fields | {"to": "resolved", "text": ANSWER})
    address = parse_qs(urlsplit(sent.headers["location"]).query)["next"][0]

    shown = await signed_in_again(anna, sent, "boris@gorod.test")  # the same browser, another person
    assert "утрамбовали" not in shown.text
    elsewhere = new_browser()  # the same person, another browser
    await elsewhere.sign_in("anna@gorod.test", PASSWORD)
    assert "утрамбовали" not in (await elsewhere.client.get(address)).text
    stolen = PageText((await elsewhere.client.get(path)).text).form(path).fields | {
        "unsent": (await kept(database))[0]["id"]
    }
    await elsewhere.client.post(path, data=stolen)
    assert len(await kept(database)) == 1, "nor can another browser use it up"

    # Boris is signed in, Anna's old tab is sent: he is told, and the form is stored for her.
    refused = await anna.client.post(path, data=form.fields | {"to": "resolved", "text": ANSWER})
    assert refused.status_code == 403
    assert "под другой учётной записью" in refused.text
    answer = await anna.client.post("/cabinet/sign-in", data=credentials("anna@gorod.test"))
    assert "утрамбовали" in (await anna.client.get(answer.headers["location"])).text
    answer = await anna.client.post("/cabinet/sign-in", data=credentials("anna@gorod.test"))
    assert answer.headers["location"] != "/cabinet/", "the first of the two was not shown yet"
    await anna.client.get(answer.headers["location"])
    answer = await anna.client.post("/cabinet/sign-in", data=credentials("anna@gorod.test"))
    assert answer.headers["location"] == "/cabinet/", "each is shown once without being asked for"


async def test_strangers_store_nothing(anna: Cabinet, new_browser: Browser, database: Any, problem: str) -> None:
    path = f"/cabinet/problems/{problem}"
    token = (await anna.read(path)).form(path).fields["form_token"]
    user, session, seal = token.split(".")
    stranger = new_browser()
    for forged in (
        "",
        "x",
        f"{user}.{session}.",
        f"{user}.{session[::-1]}.{seal}",
        f"x.{session}.{seal}",
        f"{user}..{seal}",
    ):
        for client in (stranger.client, anna.client):
            answer = await client.post(path, data={"form_token": forged, "to": "resolved", "text": ANSWER})
            assert answer.status_code == (403 if client is anna.client else 303)
    cross = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    await stranger.client.post(path, data={"form_token": token, "text": ANSWER}, headers=cross)
    assert await kept(database) == []

    await run_statement(database, "UPDATE users SET disabled_at = 1 WHERE id = :id", id=user)
    await anna.client.post(path, data={"form_token": token, "text": ANSWER})
    assert await kept(database) == [], "who may not come in keeps nothing"


async def test_passwords_are_never_stored(anna: Cabinet, database: Any, problem: str) -> None:
    path = f"/cabinet/problems/{problem}"
    token = (await anna.read(path)).form(path).fields["form_token"]
    await end_sessions(database, anna)
    fields = {
        "form_token": token,
        "old_password": "секрет-раз",
        "password": "секрет-два",
        "code": "секрет-три",
        "text": "слово",
    }
    await anna.client.post(path, data=fields)
    only = await anna.client.post("/cabinet/account/password", data=fields | {"text": ""})
    assert "unsent" not in only.headers["location"], "there would be nothing to show"
    assert "слово" in (row := (await kept(database))[0])["fields"]
    assert "секрет" not in row["fields"]
    assert token not in row["fields"]


async def test_a_pasted_border_outlives_its_session(anna: Cabinet, database: Any, site: Site) -> None:
    path = f"/cabinet/sites/{site.id}/districts"
    form, border = (await anna.read(path)).form(path), "[39.125, 54.875], " * 10_000
    await end_sessions(database, anna)
    sent = await anna.client.post(
        path, data=form.fields | {"name": "Центр", "area": border}, files={"file": ("", b"", "application/json")}
    )
    again = PageText((await signed_in_again(anna, sent)).text).form(path)
    assert (again.fields["name"], again.fields["area"].strip()) == ("Центр", border.strip())


async def test_stored_forms_are_deleted_after_a_day(app: Any, anna: Cabinet, database: Any, problem: str) -> None:
    path, storage = f"/cabinet/problems/{problem}", app.state.context.storage
    form = (await anna.read(path)).form(path)
    await end_sessions(database, anna)
    files = [("documents", ("Акт.pdf", PDF, "application/pdf"))]
    sent = await anna.client.post(path, data=form.fields | {"to": "resolved", "text": ANSWER}, files=files)
    await storage.put_unsent("0198c0de-0000-7000-8000-000000000000", 0, b"left behind by a process that was killed")
    assert len(lying(storage)) == 2
    assert (await retention.purge(database, storage))["unsent_forms"] == 0
    with time_machine.travel(clock.now() + unsent.FORM_LIFETIME + 60, tick=True):
        shown = await signed_in_again(anna, sent)
        assert "утрамбовали" not in shown.text
        assert (await retention.purge(database, storage))["unsent_forms"] == 1
    assert await kept(database) == []
    assert lying(storage) == []
    assert not database_files_contain(database, "утрамбовали")


async def test_forms_are_erased_with_their_report(anna: Cabinet, database: Any, site: Site, problem: str) -> None:
    """The form of a correction has all that the author wrote."""
    path = f"/cabinet/problems/{problem}"
    form, other = (
        (await anna.read(path)).form(path),
        (await anna.read("/cabinet/account")).form("/cabinet/account/notices"),
    )
    await end_sessions(database, anna)
    for action, fields in ((path, form.fields | {"text": ANSWER}), (other.action, other.fields | {"days": "5"})):
        assert (await anna.client.post(action, data=fields)).status_code == 303
    assert len(await kept(database)) == 2
    await lifecycle.erase(database, AGENT, site.id, problem)
    assert [row["action"] for row in await kept(database)] == ["/cabinet/account/notices"]
    assert not database_files_contain(database, "утрамбовали")


def lying(storage: Any) -> list[Path]:
    return sorted(Path(storage.folder / "unsent").rglob("*.bin"))


def test_text_is_shown_if_the_page_no_longer_has_the_form() -> None:
    form = UnsentForm(
        id="1",
        page="/cabinet/mail",
        action="/cabinet/mail/1",
        fields=[("text", "<i>Слова</i>")],
        files=[],
        reason="session",
    )
    page = refill.refill_form(
        '<!doctype html><html><body><main id="content"><h1>Письма</h1></main></body></html>', form, str
    )
    assert "&lt;i&gt;Слова&lt;/i&gt;" in page
    assert "cabinet.unsent.no_form" in page


async def test_an_invalid_path_is_handled_like_any_other(anna: Cabinet, database: Any, problem: str) -> None:
    """PostgreSQL cannot store NUL; the form is still stored, for the list."""
    path = f"/cabinet/problems/{problem}"
    form = (await anna.read(path)).form(path)
    await end_sessions(database, anna)
    data = form.fields | {"to": "answered", "text": ANSWER}
    sent = await anna.client.post("/cabinet/problems/a%00b", data=data)
    assert sent.status_code == 303
    (row,) = await kept(database)
    assert "\0" not in row["page"] + row["action"]
