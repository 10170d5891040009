"""Who gets into the cabinet, how long a session lasts, and what each role may see."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from tests.conftest import Client
from tests.factories import AGENT, make_site, submit_report
from tests.support.cabinet import PASSWORD, Cabinet, Enter, PageText
from widget_api import clock
from widget_api.people import accounts
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import Site


async def add_anna(app: Any, site: Site, email: str = "anna@gorod.test") -> None:
    database, agency_id = app.state.context.database, site.agency.id
    await accounts.add_user(database, email=email, role="agent", agency_id=agency_id, password=PASSWORD)


async def test_a_signed_out_visitor_is_shown_the_form_and_unusual_credentials_are_refused(client: Client) -> None:
    answer = await client.get("/cabinet/", follow_redirects=True)
    first = PageText(answer.text).forms[0]
    assert {"email", "password"} <= first.fields.keys()
    assert first.method == "post"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    for email in ("", "a\0b@gorod.test", "'; --", "x" * 5000):
        for password in ("", "\0", "я" * 3000):
            assert (await Cabinet(client).sign_in(email, password)).status_code == 403


async def test_the_front_page_leads_to_the_cabinet(client: Client, site: Site, enter: Enter) -> None:
    assert "/cabinet/" in PageText((await client.get("/")).text).links
    answer = await (await enter("agent", site.agency.id)).client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/")


async def test_signing_in_redirects_to_the_list_and_sets_a_secure_cookie(app: Any, client: Client, site: Site) -> None:
    await add_anna(app, site, "Anna@Gorod.test")
    answer = await Cabinet(client).sign_in(" anna@gorod.TEST ", PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/")
    cookie = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")}
    assert any(part.startswith("__host-cabinet=") for part in cookie)
    assert not any(part.startswith("domain") for part in cookie)
    assert {"httponly", "samesite=lax", "path=/", "secure", "max-age=43200"} <= cookie
    assert (await client.get("/cabinet/")).status_code == 200
    token = client.cookies["__Host-cabinet"]
    stored = await app.state.context.database.rows("SELECT * FROM sessions")
    assert len(stored) == 1
    assert token not in str(dict(stored[0]))


async def test_wrong_credentials_look_the_same_and_right_ones_stay_here(app: Any, client: Client, site: Site) -> None:
    await add_anna(app, site)
    wrong = await Cabinet(client).sign_in("anna@gorod.test", "another password")
    unknown = await Cabinet(client).sign_in("oleg@gorod.test", "another password")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.text.replace("anna@", "oleg@") == unknown.text
    assert "set-cookie" not in wrong.headers
    assert "another password" not in wrong.text
    asked = await client.get("/cabinet/deliveries?x=1")
    assert asked.headers["location"] == "/cabinet/sign-in?next=/cabinet/deliveries%3Fx%3D1"
    for target, landed in (
        ("/cabinet/deliveries?x=1", "/cabinet/deliveries?x=1"),
        ("https://evil.test/", "/cabinet/"),
        ("//evil.test/cabinet/", "/cabinet/"),
        ("/cabinet/\\evil", "/cabinet/"),
        ("/cabinet/\r\nX: y", "/cabinet/"),
    ):
        data = {"email": "anna@gorod.test", "password": PASSWORD, "next": target}
        assert (await client.post("/cabinet/sign-in", data=data)).headers["location"] == landed


async def test_a_session_ends_with_its_time_its_user_or_by_signing_out(enter: Enter, site: Site, app: Any) -> None:
    cabinet = await enter("agent", site.agency.id)
    cookies = {"Cookie": f"__Host-cabinet={cabinet.client.cookies['__Host-cabinet']}"}
    now = clock.now()
    with time_machine.travel(now + 12 * 3600 - 60, tick=False):
        assert (await cabinet.client.get("/cabinet/version", headers=cookies)).status_code == 200
    with time_machine.travel(now + 12 * 3600 + 60, tick=False):
        assert (await cabinet.client.get("/cabinet/version", headers=cookies)).status_code == 401
    cabinet = await enter("agent", site.agency.id)
    kept = cabinet.client.cookies["__Host-cabinet"]
    assert (await cabinet.send("/cabinet/", "/cabinet/sign-out")).status_code == 303
    cabinet.client.cookies.set("__Host-cabinet", kept)
    assert (await cabinet.client.get("/cabinet/")).status_code == 303
    cabinet = await enter("agent", site.agency.id)
    await app.state.context.database.write(lambda tx: tx.run("UPDATE users SET disabled_at = 1"))
    assert (await cabinet.client.get("/cabinet/")).status_code == 303


async def test_cookies_have_the_host_prefix_and_a_duplicate_is_ignored(enter: Enter, site: Site) -> None:
    """A neighbouring host can set one for a parent domain; neither cookie signs anybody in."""
    mine, theirs = await enter("agent", site.agency.id), await enter("viewer", site.agency.id)
    own, foreign = (one.client.cookies["__Host-cabinet"] for one in (mine, theirs))
    client = mine.client
    client.cookies.clear()
    for sent in (
        [f"__Host-cabinet={own}; __Host-cabinet={foreign}"],
        [f"__Host-cabinet={foreign}; __Host-cabinet={own}"],
        [f"__Host-cabinet={own}; theme=blue; __Host-cabinet="],
        [f"__Host-cabinet={own}", f"__Host-cabinet={foreign}"],
        [f"cabinet={own}"],
    ):
        headers = [("Cookie", one) for one in sent]
        assert (await client.get("/cabinet/", headers=headers)).status_code == 303, sent
        assert (await client.get("/cabinet/version", headers=headers)).status_code == 401, sent
    once = [("Cookie", f"theme=blue; __Host-cabinet={own}; lang=ru; cabinet={foreign}")]
    answer = await client.get("/cabinet/", headers=once)
    assert answer.status_code == 200
    assert "agent-0@gorod.test" in answer.text
    cabinet = await enter("agent", site.agency.id)
    set_by = [
        await cabinet.client.get("/cabinet/?lang=en"),
        await cabinet.client.get("/display?theme=blue"),
        await cabinet.send("/cabinet/", "/cabinet/sign-out"),
    ]
    for answer in set_by:
        for header in answer.headers.get_list("set-cookie"):
            parts = [part.strip().lower() for part in header.split(";")]
            assert parts[0].startswith("__host-"), header
            assert {"secure", "path=/", "httponly", "samesite=lax"} <= set(parts), header
    assert all(answer.headers.get_list("set-cookie") for answer in set_by)


@pytest.mark.settings(public_url="http://127.0.0.1:8000")
async def test_development_without_tls_keeps_plain_names(app: Any, client: Client, site: Site) -> None:
    await add_anna(app, site)
    answer = await Cabinet(client).sign_in("anna@gorod.test", PASSWORD)
    assert answer.headers["set-cookie"].startswith("cabinet=")
    assert "secure" not in answer.headers["set-cookie"].lower()
    assert (await client.get("/cabinet/")).status_code == 200
    assert "strict-transport-security" not in answer.headers


async def test_forms_from_elsewhere_or_without_a_sessions_token_fail(app: Any, enter: Enter, site: Site) -> None:
    database = app.state.context.database
    problem = (await submit_report(database, site)).problem_id
    cabinet = await enter("agent", site.agency.id)
    path = f"/cabinet/problems/{problem}"
    form = (await cabinet.read(path)).form(path)
    for name, value in (
        ("Origin", "https://evil.test"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ):  # fmt: skip
        headers = {name: value}
        answer = await cabinet.client.post(path, data=form.fields | {"to": "accepted"}, headers=headers)
        assert answer.status_code == 403, headers
        signing_in = {"email": "agent-0@gorod.test", "password": PASSWORD}
        answer = await cabinet.client.post("/cabinet/sign-in", data=signing_in, headers=headers)
        assert answer.status_code == 403, headers
    other = await enter("agent", site.agency.id)
    of_another_session = (await other.read(path)).form(path).fields["form_token"]
    for token in ("", "0" * 64, "ё", of_another_session):
        answer = await cabinet.client.post(path, data=form.fields | {"to": "accepted", "form_token": token})
        assert answer.status_code == 403
        for action in (f"{path}/spam", "/cabinet/sign-out", "/cabinet/language", "/cabinet/deliveries/x/retry"):
            assert (await cabinet.client.post(action, data={"form_token": token})).status_code == 403
    row = await database.row("SELECT status, spam FROM problems WHERE id = :id", id=problem)
    assert (row["status"], bool(row["spam"])) == ("moderation", False)


async def test_the_not_found_page_links_back(enter: Enter, site: Site) -> None:
    cabinet = await enter("agent", site.agency.id)
    for path in ("/cabinet/problems/nothing", "/cabinet/nowhere", "/cabinet/mail/x"):
        assert "/cabinet/" in (await cabinet.read(path, 404)).links
    for path in (f"/s/{site.key}/problems/999", f"/s/{site.key}/nowhere"):
        assert f"/s/{site.key}" in (await cabinet.read(path, 404)).links
    assert "/s/wk_unknown" not in (await cabinet.read("/s/wk_unknown/problems/1", 404)).links, "there is no way back"


async def test_another_agencys_data_is_not_found(app: Any, enter: Enter, site: Site) -> None:
    database = app.state.context.database
    elsewhere = await make_site(database, agency={"name": "Соседи"})
    theirs = (await submit_report(database, elsewhere, description="Чужая тайна во дворе")).problem_id
    cabinet = await enter("admin", site.agency.id)
    assert "Чужая тайна" not in (await cabinet.read("/cabinet/")).text
    assert "Чужая тайна" not in (await cabinet.read("/cabinet/problems?q=тайна")).text
    await cabinet.read(f"/cabinet/problems?site={elsewhere.id}", 404)
    await cabinet.read(f"/cabinet/version?site={elsewhere.id}", 404)
    await cabinet.read(f"/cabinet/problems/{theirs}", 404)
    token = (await cabinet.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
    decision = {"form_token": token, "to": "accepted", "seen": await _seen(database, theirs)}
    assert (await cabinet.client.post(f"/cabinet/problems/{theirs}", data=decision)).status_code == 404
    spam = {"form_token": token, "spam": "yes"}
    assert (await cabinet.client.post(f"/cabinet/problems/{theirs}/spam", data=spam)).status_code == 404
    delivery = (await database.row("SELECT id FROM deliveries WHERE problem_id = :id", id=theirs))["id"]
    for action in ("retry", "drop"):
        data = {"form_token": token, "reason": "так надо"}
        assert (await cabinet.client.post(f"/cabinet/deliveries/{delivery}/{action}", data=data)).status_code == 404
    row = await database.row("SELECT status, spam FROM problems WHERE id = :id", id=theirs)
    assert (row["status"], bool(row["spam"])) == ("moderation", False)


async def test_a_parent_agency_sees_reports_of_children_not_the_reverse(app: Any, enter: Enter, site: Site) -> None:
    database = app.state.context.database
    child = await make_site(database, agency={"name": "Район", "parent_id": site.agency.id})
    grandchild = await make_site(database, agency={"name": "Посёлок", "parent_id": child.agency.id})
    below = (await submit_report(database, grandchild, description="Яма в посёлке")).problem_id
    above = (await submit_report(database, site, description="Яма в городе")).problem_id
    region, village = await enter("viewer", site.agency.id), await enter("viewer", grandchild.agency.id)
    assert "Яма в посёлке" in (await region.read("/cabinet/")).text
    await region.read(f"/cabinet/problems/{below}")
    await village.read(f"/cabinet/problems/{below}")
    await village.read(f"/cabinet/problems/{above}", 404)


async def test_a_viewer_reads_and_cannot_act(app: Any, enter: Enter, site: Site) -> None:
    database = app.state.context.database
    problem = (await submit_report(database, site)).problem_id
    accepted = (await submit_report(database, site)).problem_id
    await lifecycle.change(database, AGENT, site.id, accepted, Change(to="accepted"))
    viewer = await enter("viewer", site.agency.id)
    token = ""
    for one, to in ((accepted, "in_progress"), (problem, "accepted")):
        page = await viewer.read(f"/cabinet/problems/{one}")
        assert not [form for form in page.forms if "/problems/" in form.action]
        token = page.form("/cabinet/sign-out").fields["form_token"]
        decision = {"form_token": token, "to": to, "seen": await _seen(database, one)}
        assert (await viewer.client.post(f"/cabinet/problems/{one}", data=decision)).status_code == 403
    spam = {"form_token": token, "spam": "yes"}
    assert (await viewer.client.post(f"/cabinet/problems/{problem}/spam", data=spam)).status_code == 403
    await viewer.read("/cabinet/deliveries", 403)
    row = await database.row("SELECT status, spam FROM problems WHERE id = :id", id=problem)
    assert (row["status"], bool(row["spam"])) == ("moderation", False)


async def test_only_the_operator_moderates_where_the_site_says_so(app: Any, enter: Enter) -> None:
    database = app.state.context.database
    site = await make_site(database, moderator="operator")
    problem = (await submit_report(database, site)).problem_id
    agent, operator = await enter("agent", site.agency.id), await enter("operator", None)
    page = await agent.read(f"/cabinet/problems/{problem}")
    assert "проверяет оператор" in page.text
    decision = {
        "form_token": page.form("/cabinet/sign-out").fields["form_token"],
        "to": "accepted",
        "seen": await _seen(database, problem),
    }
    assert (await agent.client.post(f"/cabinet/problems/{problem}", data=decision)).status_code == 403
    assert (await operator.decide(problem, "accepted")).status_code == 303
    assert (await agent.decide(problem, "in_progress")).status_code == 303


async def _seen(database: Any, problem_id: str) -> str:
    row = await database.row("SELECT status_event FROM problems WHERE id = :id", id=problem_id)
    return str(row["status_event"])
