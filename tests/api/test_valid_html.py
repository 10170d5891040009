"""Every kind of page is valid HTML, in Russian and in English."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.test_answer_files import PDF, Answering, jpeg
from tests.api.test_collections import add_entry, answer_all
from tests.api.test_comments import confirmed_comment
from tests.api.test_third_language import count_token, invited
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, PUBLIC_URL, existing, submit_report
from tests.support import markup, second_factor
from tests.support.cabinet import Cabinet, signed_in
from tests.support.mailbox import AgencyMailbox
from tests.support.public_api import Widget
from tests.support.registration import plant_application
from widget_api import clock, journal
from widget_api.attachments.photos import service as photos
from widget_api.casework import bulk
from widget_api.comments import moderation
from widget_api.context import Context
from widget_api.mail import links
from widget_api.mailbox import service as mailbox
from widget_api.mailbox.model import Arrival
from widget_api.people import accounts
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Photo, join_entry
from widget_api.registration.mail import application_url
from widget_api.renewals import mail as renewals_mail
from widget_api.renewals import service as renewals
from widget_api.signing import Purpose
from widget_api.sites import changes, collection, districts, entry_links, rights, testing
from widget_api.sites import service as sites
from widget_api.sites.install.service import make_check_url
from widget_api.sites.model import Site
from widget_api.visits import mail
from widget_api.visits import service as visits
from widget_api.visits.model import Visit

pytestmark = [
    ONE_DATABASE,  # pages do not depend on it
    pytest.mark.settings(
        inbound="lmtp://127.0.0.1:9", work="off", platform_url="http://127.0.0.1:9/open311/v2", platform_key="secret"
    ),
    pytest.mark.site(discussion="moderated", agency={"mode": "email", "email": "priem@gorod.test"}),
]


async def test_pages_are_valid(client: Client, context: Context, site: Site, tmp_path: Path) -> None:
    pages = await rendered(client, context, site)
    assert len(pages) >= 60
    assert markup.faults(pages, tmp_path) == []
    # The title, which is announced first, mentions errors and contains the heading.
    titles = {name: re.findall(r"<title>([^<]*)</title>", page)[0] for name, page in pages.items()}
    wrong = {name for name, title in titles.items() if title.startswith(("Ошибка: ", "Error: "))}
    assert wrong == {name for name in pages if "-refused-" in name}
    for name, page in pages.items():
        if "-gone-" in name:
            (heading,) = re.findall(r"<h1>([^<]*)</h1>", page)
            assert titles[name].partition(" — ")[0] == heading


async def published_entry(context: Context, site: Site, preset: str) -> int:
    """The number of an entry of a new collection, with an answer to each question."""
    child = await collection.add_collection(context.database, site, preset, preset)
    given: dict[str, Any] = {"category": child.categories[0].code, "answers": answer_all(child)}
    text = join_entry("Сквер <у школы>", "Подробности")
    receipt = await submit_report(context.database, child, description=text, **given)
    await lifecycle.change(context.database, AGENT, child.id, receipt.problem_id, Change(to="accepted"))
    return receipt.number


async def rendered(client: Client, context: Context, site: Site) -> dict[str, str]:
    """Name → page, for every kind of page in every language."""
    received = [await photos.receive(context, site.id, jpeg(), sender="x") for _ in range(2)]
    taken = tuple(Photo(one.id, "Яма <сверху>") for one in received)
    receipt = await submit_report(context.database, site, photos=taken)
    problem, number = receipt.problem_id, receipt.number
    await lifecycle.confirm(context.database, site.id, problem)
    agency_mailbox = AgencyMailbox(context, site, problem, 0)
    await mailbox.receive_letter(
        context, Arrival(agency_mailbox.letter("spoofed"), "priem@gorod.test", (agency_mailbox.reply,))
    )
    waiting = (await submit_report(context.database, site, email="vera@example.test")).problem_id
    widget = Widget(client, site)
    comment = await confirmed_comment(widget, context, number)

    public, city = Public(client), f"/s/{site.key}"
    await public.read("documents", "/docs")
    await public.read("document", "/docs/embedding")
    await public.read("search", "/docs?q=wordpress")
    await public.read("city", city)
    await public.read("list", f"{city}?status=accepted&q=яма")
    await public.read("nothing", f"{city}?q=ничего")
    await public.read("embed", f"{city}/embed")
    await public.read("report", f"{city}/report")
    await public.read("report-refused", f"{city}/report", 422, data=await form_of(client, f"{city}/report"))
    await public.read("problem", f"{city}/problems/{number}")
    for name in ("comment", "follow"):
        await public.read(name, f"{city}/problems/{number}/{name}")
    await public.read("consent", f"{city}/consent")
    await public.read("install", f"{city}/install")
    await public.read("install-check", make_check_url(context.settings, site))
    await public.read("moderate", moderation.moderation_url(context, site, comment["id"], clock.now()))
    await public.read("private", links.track_url(context, problem))
    await public.read("private-waiting", links.track_url(context, waiting))
    await public.read("confirm", links.confirm_url(context, waiting))
    await public.read("stop", links.stop_url(context, problem))
    await public.read("my-comment", links.own_comment_url(context, comment["id"]))
    for name, purpose in (("comment", Purpose.COMMENT), ("my-comment", Purpose.OWN_COMMENT)):
        await public.read(f"{name}-gone", f"/{name}/{context.signer.sign(purpose, 'taken back')}")
    await public.read("reset-gone", "/cabinet/reset/withdrawn", 404)
    await public.read("invitation-gone", "/cabinet/invitation/withdrawn", 404)
    await public.read("invitation", f"/cabinet/invitation/{await invited(context, site)}")
    await public.read("sign-in-refused", "/cabinet/sign-in", 403, data={"email": "anna@gorod.test"})
    for name in (
        "", "stats", "status", "api/v1/docs", "track", "mine", "sites/new", "cabinet/sign-in", "cabinet/forgot",
    ):  # fmt: skip
        await public.read(name.replace("/", "-") or "front", f"/{name}")
    await read_applications(public, context, site)
    await public.read("missing", "/nowhere", 404)
    await public.read("missing-problem", f"{city}/problems/999", 404)

    cabinet = await signed_in(client, context, site, "admin")
    answering = Answering(client)
    documents = (("Акт № 1.pdf", PDF),)
    await answering.answer(problem, documents=documents, photos=(jpeg("blue"),))
    letter = (await agency_mailbox.last())["id"]
    await public.read("problem-answered", f"{city}/problems/{number}")
    await public.read("private-answered", links.track_url(context, problem))
    own = f"/cabinet/sites/{site.id}"
    version = (await client.get(f"/api/v1/sites/{site.key}")).json()["consent"]["version"]
    away: dict[str, Any] = {"role": "agent", "agency_id": site.agency.id, "name": "Вера", "post": "Юрист"}
    colleague, _ = await accounts.add_user(context.database, email="v@gorod.test", **away)
    below = await sites.add_agency(
        context.database, name="Водоканал", email="voda@gorod.test", parent_id=site.agency.id
    )
    await accounts.set_absence(context.database, colleague, "2099-12-12", None, journal.COMMAND_LINE)
    for name, path in {
        "today": "/cabinet/",
        "inbox": "/cabinet/problems",
        "incoming": "/cabinet/inbox",
        "analytics": "/cabinet/analytics?from=all",
        "analytics-refused": "/cabinet/analytics?from=2020-13-01",
        "analytics-places": "/cabinet/analytics/places?from=all&street=Лесная",
        "analytics-services": "/cabinet/analytics/services?from=all",
        "report": "/cabinet/analytics/report",
        "inbox-empty": "/cabinet/problems?q=ничего",
        "inbox-problem": f"/cabinet/problems/{problem}",
        "inbox-waiting": f"/cabinet/problems/{waiting}",
        **{name: f"/cabinet/{name}" for name in ("comments", "mail", "sites", "account")},
        "letter": f"/cabinet/mail/{letter}",
        "site": own,
        **{name: f"{own}/{name}" for name in ("code", "access", "usage", "announce", "settings", "districts")},
        **{name: f"{own}/{name}" for name in ("territory", "calendar", "categories", "testing", "platforms")},
        "poster": f"{own}/announce/poster",
        "photos": f"/cabinet/problems/{problem}/photos",
        "correction": f"/cabinet/problems/{problem}/correct",
        "category": f"{own}/categories/roads",
        "consent": f"{own}/consent?version={version}",
        "deliveries": "/cabinet/deliveries?tab=waiting",
        "factor": second_factor.PATH,
        **{name: f"/cabinet/organisation/{name}" for name in ("provider", "tokens", "people", "routing", "services")},
        **{name: f"/cabinet/organisation/{name}" for name in ("details", "journal")},
        "service": f"/cabinet/organisation/services/{below}",
        "journal-empty": "/cabinet/organisation/journal?person=nobody",
        "person": f"/cabinet/organisation/people/{colleague}",
    }.items():
        await public.read(f"cabinet-{name}", path)
    tokens = "/cabinet/organisation/tokens"
    await changes.add_token(context.database, site.id, "platform", name="Портал")
    _, password = await accounts.reset_password(context.database, f"admin-{site.agency.id}@gorod.test")
    await cabinet.sign_in(f"admin-{site.agency.id}@gorod.test", password)
    form = (await cabinet.read(tokens)).form(tokens)
    await public.read(
        "tokens-issued",
        tokens,
        data=form.fields | {"name": "Портал", "site": site.id, "scope": "platform", "days": "90", "password": password},
    )
    await public.read("tokens-refused", tokens, 422, data=form.fields)
    (issued, *_) = await changes.list_tokens(context.database)
    await public.read("tokens-rotate", f"{tokens}?rotate={issued['id']}")
    await _read_factor(public, cabinet, password)
    form = (await cabinet.read(f"{own}/access")).form(f"{own}/origins/remove")
    await public.read("cabinet-access-removing", form.action, 422, data=form.fields)
    form = (await cabinet.read(f"{own}/access")).form(f"{own}/key")
    await public.read("cabinet-access-refused", form.action, 422, data=form.fields)
    form = (await cabinet.read(f"{own}/code")).form(f"{own}/letter")
    await public.read("cabinet-code-refused", form.action, 422, data=form.fields | {"email": ""})
    month = "from=2026-01-01&to=2026-01-31"
    report = "/cabinet/analytics/report"
    await cabinet.send(f"{report}?{month}", f"{report}/publish")
    await public.read("cabinet-report-published", f"{report}?{month}")
    await public.read("published-report", f"{city}/reports/2026-01-01--2026-01-31")
    await _read_bulks(public, cabinet, context, [problem, waiting])
    new, numbers = "/cabinet/new-report", "/cabinet/registration-numbers"
    outside = f"/cabinet/problems/{waiting}/outside"
    for name, path in (("enter", new), ("numbers", numbers), ("outside", outside)):
        form = (await cabinet.read(path)).form(path)
        await public.read(f"cabinet-{name}", path)
        await public.read(f"cabinet-{name}-refused", form.action, 422, data=form.fields | {"email": "a@b.test"})
    called = {"channel": "phone", "category": "roads", "description": "Яма во дворе", "address": "Мира, 5"}
    form = (await cabinet.read(new)).form(new)
    await public.read("cabinet-entered", form.action, 200, data=form.fields | called)
    form = (await cabinet.read(numbers)).form(numbers)
    rows = ("file", ("n.csv", f"{number};вх-1;\n999;вх-2;\n".encode(), "text/csv"))
    await public.read("cabinet-numbers-found", form.action, 200, data=form.fields, files=[rows])
    form = (await cabinet.read(f"/cabinet/problems/{waiting}")).form(f"/cabinet/problems/{waiting}")
    refused = {name: value for name, value in form.fields.items() if name != "to"} | {"to": "rejected", "question": "?"}
    await public.read("cabinet-refused", form.action, 422, data=refused)
    token = {"form_token": (await cabinet.read(f"{own}/categories")).forms[-1].fields["form_token"]}
    await public.read("cabinet-categories-refused", f"{own}/categories", 422, data=token)
    test = await testing.add_test_site(context.database, site)
    await submit_report(context.database, test)
    await public.read("cabinet-testing-reports", f"{own}/testing")
    await public.read("test-form", f"/s/{test.key}/report")
    await read_collections(public, context, site, token)
    await public.read("cabinet-testing-refused", f"{own}/testing", 422, data=token | {"do": "purge"})
    far = '{"type":"Polygon","coordinates":[[[55,38],[56,38],[56,39],[55,38]]]}'  # latitude first: with a picture
    await public.read("cabinet-territory-refused", f"{own}/territory", 422, data=token | {"area": far})
    text = {"consent_text": "Ещё строка", "do": "preview"}
    await public.read("cabinet-consent-preview", f"{own}/consent", 200, data=token | text)
    await public.read("cabinet-consent-refused", f"{own}/consent", 422, data=token | {"consent_text": "<b>"})
    asked = {f"q1.{part}": "<b>" for part in ("description", "datatype", "options", "hint", "code")}
    await public.read("cabinet-category-refused", f"{own}/categories/roads", 422, data=token | asked)
    people = "/cabinet/organisation/people"
    form = (await cabinet.read(people)).form(people)
    await public.read("people-refused", people, 422, data=form.fields)
    await public.read("person-refused", f"{people}/{colleague}/absence", 422, data=form.fields | {"away_until": "x"})
    await public.read("cabinet-missing", "/cabinet/problems/nothing", 404)
    await read_visits(public, context, site)
    await read_operators_pages(public, context, site, below)
    for preset in ("budgeting", "programmes"):  # answered, and a directory
        entry = await published_entry(context, site, preset)
        for name, path in (("collection", ""), ("entry", f"/{entry}"), ("entry-form", "/report")):
            await public.read(f"{name}-{preset}", f"{city}/c/{preset}{path}")
    return public.pages


async def read_visits(public: Public, context: Context, site: Site) -> None:
    """The visits of a collection; one that lies ahead and one with its result."""
    database = context.database
    child = await collection.add_collection(database, site, "inspectors", "inspectors")
    await add_entry(database, child, "ЖКХ и <дворы>", category="housing", answers={"districts": "Центр"})
    own, agency, who = f"/cabinet/collections/{child.id}", site.agency.id, journal.COMMAND_LINE
    ahead, past = [
        await visits.add_visit(database, child, agency, Visit(at=at, place="Мира, 5", text="Пандус"), who)
        for at in (clock.now() + 86_400, clock.now() - 1)
    ]
    await public.read("visit-search", f"{own}/events/{ahead}?districts=центр")
    await visits.invite(database, child, ahead, agency, [1], who)
    await visits.publish_result(database, child, past, agency, "Пандус <есть>")
    await rights.name_agency(database, child, site.agency.id, "invite", who)
    row = existing(await database.row("SELECT id FROM visit_invitations"))
    await public.read("invited", mail.invitation_url(context, row["id"]))
    for name, path in {"visits": "events", "visit": f"events/{ahead}", "agencies": "agencies"}.items():
        await public.read(f"cabinet-{name}", f"{own}/{path}")
    form = await form_of(public.client, f"{own}/events")
    await public.read("cabinet-visits-refused", f"{own}/events", 422, data=form)
    await public.read("cabinet-agencies-refused", f"{own}/agencies", 422, data=form)
    await public.read("cabinet-visit-refused", f"{own}/events/{ahead}/invite", 422, data=form)
    centres = await collection.add_collection(database, site, "centres", "resource-centres")
    for name, west in (("Центр & <край>", 38), ("Окраина", 40)):
        ring = [[west, 55], [west + 1, 55], [west + 1, 56], [west, 55]]
        border = orjson.dumps({"type": "Polygon", "coordinates": [ring]}).decode()
        await districts.add_district(database, site, name, border)
    renewed = await add_entry(database, centres, "Центр <помощи>", category="regional", answers=answer_all(centres))
    await public.read("collection-coverage", f"/s/{centres.key}")
    await renewals.run(database, clock.now() + renewals.YEAR)
    await public.read("renew", renewals_mail.renewal_url(context, renewed))
    links = f"/cabinet/sites/{site.id}/collections/inspectors/links"
    await entry_links.add_link(database, child, "Рядом & <вместе>")
    await entry_links.revoke_link(database, child, await entry_links.add_link(database, child, "Закрытый"))
    await public.read("cabinet-links", links)
    await public.read("cabinet-links-refused", links, 422, data=form)
    await public.read("collection", f"/s/{child.key}?field.districts=центр")
    await public.read("collection-visits", f"/s/{child.key}")


async def read_applications(public: Public, context: Context, site: Site) -> None:
    """An application in each of its states, and what the page of a site says of its domain."""
    await public.read("sites-new-refused", "/sites/new", 422, data={"inn": "1"})
    for name in ("mailed", "consent"):
        await public.read(f"sites-new-{name}", f"/sites/new/{name}")
    await public.read("application-missing", "/sites/application/x", 404)
    states: dict[str, dict[str, Any]] = {
        "unconfirmed": {"state": "draft", "confirmed_at": None},
        "draft": {"state": "draft"},
        "sent": {"proof_method": "meta", "proven_at": 1},
        "refused": {"state": "refused", "decided_at": 1, "reason": "Нет <печати>"},
        "approved": {"state": "approved", "decided_at": 1},
    }
    for state, values in states.items():
        application_id = await plant_application(context, site.id if state == "sent" else None, **values)
        url = application_url(context, application_id)
        await public.read(f"application-{'declined' if state == 'refused' else state}", url)
        if state == "draft":
            for step in ("details", "work", "proof"):
                await public.read(f"application-{step}", f"{url}/{step}")
            for step in ("details", "work", "letter"):
                await public.read(f"application-refused-{step}", f"{url}/{step}", 422, data={"registry_number": "x"})
    proof = {"site_id": site.id, "origin": "https://gorod.test", "method": "meta", "token": "t", "proven_at": 1}
    failed = {"next_at": 1, "failed_since": 1, "failures": 3, "told_at": 1, "warned_at": 1}
    await context.database.write(lambda tx: tx.insert("site_proofs", **proof, **failed))


async def read_collections(public: Public, context: Context, site: Site, token: dict[str, str]) -> None:
    own = f"/cabinet/sites/{site.id}/collections"
    await public.read("cabinet-collections-none", own)
    child = await collection.add_collection(context.database, site, "budget", "budgeting")
    await collection.change_collection(context.database, child, {"principles": "Голосует каждый.\nРешает совет."})
    await public.read("collection-page", f"/s/{child.key}")
    await public.read("collection-count", f"/s/{child.key}/count/{await count_token(context, child)}")
    for path in (
        "",
        "?preset=experts",
        *(f"/budget{page}" for page in ("", "/categories", "/categories/roads", "/import", "/count")),
    ):
        await public.read(f"cabinet-collections{path.replace('/', '-')}", own + path)
    for name, path in (("collections", ""), ("collection", "/budget")):
        wrong = {"preset": "budgeting", "title": "", "slug": "<", "opens": "<", "who": "<"}
        await public.read(f"cabinet-{name}-refused", own + path, 422, data=token | wrong)
    path = f"{own}/budget/import"
    rows = "Название проекта;Категория;Описание;Адрес;cost;benefits;<b>\n<b>Сквер;<i>;Текст;Мира, 5;<;Все;1\n"
    await public.read("cabinet-import-refused", path, 422, data=token)
    bad = ("file", ("t.csv", rows.encode(), "text/csv"))
    await public.read("cabinet-import-refused", path, 422, data=token, files=[bad])
    good = ("file", ("t.csv", (rows + "<b>Сквер;yards;Текст;Мира, 5;7;Все;\n").encode(), "text/csv"))
    await public.read("cabinet-import-partly-refused", path, 200, data=token, files=[good])
    await changes.disable_site(context.database, child.id)
    await public.read("cabinet-collection-hidden", f"{own}/budget")


async def read_operators_pages(public: Public, context: Context, site: Site, below: str) -> None:
    """The shell of the service's operator, with what needs attention there."""
    await context.database.write(
        lambda tx: tx.run("UPDATE agencies SET email_failed_at = 1, email_failure = '550 <no such user>'")
    )
    await context.database.write(lambda tx: tx.run("UPDATE deliveries SET state = 'dead'"))
    public.client.cookies.clear()
    await signed_in(public.client, context, site, "agent")
    await public.read("cabinet-platforms-seen-only", f"/cabinet/sites/{site.id}/platforms")
    public.client.cookies.clear()
    cabinet = await signed_in(public.client, context, None, "operator")
    start = "/cabinet/operator"
    agency = f"{start}/agencies/{site.agency.id}"
    for name, path in {
        "today": "/cabinet/",
        "sites": "/cabinet/sites",
        "deliveries": "/cabinet/deliveries",
        "journal": "/cabinet/organisation/journal",
        "agencies": f"{start}/agencies",
        "agency": agency,
        "service": f"{start}/agencies/{below}",
        "new-site": f"{start}/site",
        "state": f"{start}/state",
    }.items():
        await public.read(f"operator-{name}", path)
    token = {"form_token": (await cabinet.read("/cabinet/")).forms[0].fields["form_token"]}
    await public.read("operator-state-found", f"{start}/state", data=token)
    for path in (f"{start}/agencies", f"{start}/site", f"{agency}/invitations"):
        await public.read(f"operator{path.removeprefix(start).replace('/', '-')}-refused", path, 422, data=token)


async def _read_factor(public: Public, cabinet: Cabinet, password: str) -> None:
    """A second factor: the drawing, a wrong password, and the page of one in use."""
    path = second_factor.PATH
    form = (await cabinet.read(path)).form(path)
    await public.read("factor-drawing", path, data=form.fields | {"password": password})
    await public.read("factor-refused", path, 422, data=form.fields)
    await second_factor.set_up(cabinet, password)
    await public.read("factor-in-use", path)


async def _read_bulks(public: Public, cabinet: Cabinet, context: Context, problem_ids: list[str]) -> None:
    """The list with a saved filter, on a map, and with decisions about many reports at once in each state."""
    await cabinet.send("/cabinet/problems?q=яма", "/cabinet/views", view_name="Ямы <все>")
    await public.read("cabinet-map", "/cabinet/problems?view=map")
    for action in bulk.ACTIONS:
        form = (await cabinet.read("/cabinet/problems")).form("/cabinet/bulk")
        fields = form.fields | {"action": action, "id": problem_ids}
        page = (await cabinet.client.post(form.action, data=fields)).headers["location"]
        await public.read(f"cabinet-bulk-{action}", page)
        form = (await cabinet.read(page)).form(page)
        if action == "reject":
            await public.read("cabinet-bulk-refused", form.action, 422, data=form.fields)
        given = {"text": "Не наше", "service": form.fields.get("service", ""), "user": "x"}
        await cabinet.client.post(form.action, data=form.fields | given)
    await public.read("cabinet-bulks", "/cabinet/problems")
    await context.database.write(lambda tx: tx.run("UPDATE bulks SET state = 'done' WHERE action = 'reject'"))
    await context.database.write(lambda tx: tx.run("UPDATE bulks SET state = 'running' WHERE state = 'pending'"))
    await public.read("cabinet-bulks-done", "/cabinet/problems?done=late")


class Public:
    def __init__(self, client: Client) -> None:
        self.client, self.pages = client, dict[str, str]()

    async def read(
        self, name: str, address: str, status: int = 200, data: dict[str, str] | None = None, **files: Any
    ) -> None:
        path = address.removeprefix(PUBLIC_URL)
        for language in ("ru", "en"):
            asked = f"{path}{'&' if '?' in path else '?'}lang={language}"
            answer = await (self.client.get(asked) if data is None else self.client.post(asked, data=data, **files))
            assert answer.status_code == status, f"{name}: {answer.status_code}\n{answer.text}"
            assert f'<html lang="{language}"' in answer.text
            self.pages[f"{name}-{language}"] = answer.text


async def form_of(client: Client, path: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    page = (await client.get(path)).text
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
