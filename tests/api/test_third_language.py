"""Another language needs only dictionaries: every page, list and letter is available in it without a code change."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from tests.api.test_collections import add_entry
from tests.api.test_comments import confirmed_comment
from tests.api.test_followers import follow
from tests.api.test_participation import add_participant
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, existing, make_site, submit_report
from tests.support.cabinet import Cabinet
from tests.support.letters import all_letters
from tests.support.public_api import Widget
from tests.support.registration import plant_application
from widget_api import clock, i18n, journal
from widget_api.browse import published_reports, regional_report
from widget_api.browse.statistics import Query
from widget_api.casework import bulk
from widget_api.casework.selection import Selection
from widget_api.comments import moderation
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.mail import links, messages
from widget_api.mailbox import store as letters
from widget_api.mailbox.model import Verdict
from widget_api.participation import tally
from widget_api.people import accounts as people_accounts
from widget_api.people import accounts_store as accounts
from widget_api.people import invitations, password_reset
from widget_api.people.sign_in import PendingSignIn, make_state
from widget_api.people.store import find_user, hash_token
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, join_entry
from widget_api.registration.mail import application_url
from widget_api.renewals import mail as renewals_mail
from widget_api.renewals import service as renewals
from widget_api.sites import collection, districts
from widget_api.sites import service as sites
from widget_api.sites.install import service as install
from widget_api.sites.model import Site
from widget_api.visits import mail as visits_mail
from widget_api.visits import service as visits
from widget_api.visits.model import Visit

pytestmark = ONE_DATABASE
CODE, NAME = "uk", "Мова"
# Files, pictures and machine-readable formats have no language.
WORDLESS = (
    "/api/v1/platform/", "/api/v1/openapi.json", "/photos/", "/documents/", "/tiles/", "/w/", "/static/", "/display",
    "/robots.txt", "/s/{key}/sitemap", "/s/{key}/c/{slug}/sitemap", "/healthz", "/readyz", "/metrics",
    "/.well-known/security.txt",
    "/cabinet/version", "/open311/", "/api/v1/sites/{key}/challenge", "/api/v1/sites/{key}/area",
    "/api/v1/sites/{key}/clusters", "/docs/packages/",
    "/api/v1/sites/{key}/collections/{slug}/clusters", "/api/v1/sites/{key}/collections/{slug}/area",
    "/api/v1/sites/{key}/stats.csv", "/cabinet/mail/{letter_id}/attached/",
    "/s/{key}/c/{slug}/calendar.ics", "/s/{key}/c/{slug}/{number}.ics",
    "/cabinet/operator/applications/{application_id}/letter",
)  # fmt: skip

# Pages of the cabinet for people of an agency; the operator reads the rest.
AGENCYS = ("organisation", "problems", "mail/", "collections/", "account", "analytics", "new-", "reg")


@pytest.fixture(autouse=True)
def _another_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The English texts under another code and name, as a new set of files would provide them."""
    folder = tmp_path / "locale"
    folder.mkdir()
    for path in (importlib.resources.files("widget_api") / "locale").iterdir():
        name, code, _ = path.name.split(".")
        if code == "en":
            tree = orjson.loads(path.read_bytes())
            if name == "common":
                tree["language"] = {"name": NAME, "locale": "uk_UA"}
                tree["footer"]["language"] = "Яка мова"
            (folder / f"{name}.{CODE}.json").write_bytes(orjson.dumps(tree))
    for code, language in i18n.read(folder).items():
        monkeypatch.setitem(i18n.LANGUAGES, code, language)


def readable(routes: Iterable[Any], prefix: str = "") -> Iterator[str]:
    """GET routes that answer with text in a language."""
    for route in routes:
        path = prefix + route.path
        if getattr(route, "routes", None):
            yield from readable(route.routes, path)
        elif "GET" in (getattr(route, "methods", None) or ()) and not path.startswith(WORDLESS):
            yield path


@pytest.mark.settings(operator_contact="help@operator.test")
async def test_every_page_is_available_in_it(app: Any, client: Client, context: Context) -> None:
    site = await make_site(context.database, discussion="moderated", agency={"mode": "email"}, language=CODE)
    receipt = await submit_report(context.database, site)
    widget, problem_id, number = Widget(client, site), receipt.problem_id, receipt.number
    await lifecycle.confirm(context.database, site.id, problem_id)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="resolved", text="Done"))
    comment = await confirmed_comment(widget, context, number, lang=CODE)
    assert (await follow(widget, number, lang=CODE)).status_code == 202
    follower = existing(await context.database.row("SELECT id, language FROM followers"))
    assert follower["language"] == CODE
    held = Verdict(
        kind="answer", state="held", reason="dmarc", site_id=site.id, problem_id=problem_id, status="planned"
    )

    async def hold(tx: Transaction) -> str | None:
        return await letters.insert_letter(tx, "key", held, clock.now())

    letter_id = await context.database.write(hold)
    user_id, password = await people_accounts.add_user(
        context.database, email="o@gorod.test", role="operator", agency_id=None, language=CODE
    )
    assert (await Cabinet(client).sign_in("o@gorod.test", password)).status_code == 303

    admin_id, admin = await an_administrator(app, context, site, client)
    service_below = {"name": "Water", "email": "water@gorod.test", "parent_id": site.agency.id}
    below = await sites.add_agency(context.database, **service_below)
    template_id = await a_template(context, site)
    border = '{"type": "Polygon", "coordinates": [[[38, 55], [39, 55], [39, 56], [38, 55]]]}'
    await districts.add_district(context.database, site, "North", border)
    (district,) = (await sites.by_id(context.database, site.id)).districts
    operator = existing(await find_user(context.database, user_id))
    bulk_id = await bulk.create_bulk(context.database, operator, "reject", Selection(), [problem_id])
    fresh = (await submit_report(context.database, site)).problem_id
    user = existing(await accounts.find_by_id(context.database, user_id))
    pending = PendingSignIn(user_id=user_id, fingerprint=people_accounts.fingerprint(user))
    client.cookies.set("__Host-second-step", make_state(context.signer, pending))
    numbers = await regional_report.read(context.database, Query(sites=(site,)), clock.now())
    january = (context.database, site.id, "2020-01-01", "2020-01-31")
    await published_reports.publish(*january, numbers, journal.COMMAND_LINE)
    application_id = await plant_application(context, site.id)
    inspectors = await collection.add_collection(context.database, site, "inspectors", "inspectors")
    await add_entry(context.database, inspectors, "Housing", category="housing")
    centres = await collection.add_collection(context.database, site, "centres", "resource-centres")
    renewed = await add_entry(context.database, centres, "Centre", category="regional")
    await renewals.run(context.database, clock.now() + renewals.YEAR)
    visit = Visit(at=clock.now() + 9999, place="Main street, 5", text="A ramp")
    by = (site.agency.id, journal.COMMAND_LINE)
    visit_id = await visits.add_visit(context.database, inspectors, by[0], visit, by[1])
    await visits.invite(context.database, inspectors, visit_id, by[0], [1], by[1])
    invitation_id = (await context.database.rows("SELECT id FROM visit_invitations"))[0]["id"]
    api, own = f"/api/v1/sites/{site.key}", f"/s/{site.key}"
    version = (await client.get(api)).json()["consent"]["version"]
    child = await collection.add_collection(context.database, site, "volunteers", "volunteers")
    entry = await submit_report(context.database, child, category="other", description=join_entry("Штаб", "Тесно"))
    await lifecycle.change(context.database, AGENT, child.id, entry.problem_id, Change(to="accepted"))
    of_child = (await client.get(f"{api}/collections/volunteers")).json()["consent"]["version"]
    forms, participant, voted = dict[str, str](), "", ""
    for act, preset in (("contact", "experts"), ("join", "initiatives"), ("vote", "budgeting")):
        offering = await collection.add_collection(context.database, site, preset, preset)
        given: dict[str, Any] = {"category": offering.categories[0].code, "description": join_entry("Сквер", "Тесно")}
        voted = (await submit_report(context.database, offering, **given)).problem_id
        await lifecycle.change(context.database, AGENT, offering.id, voted, Change(to="accepted"))
        forms[f"/s/{{key}}/c/{{slug}}/{{number}}/{act}"] = f"{own}/c/{preset}/1/{act}"
        participant = await add_participant(context.database, offering, voted)
    budget = await collection.add_collection(context.database, site, "budget", "budgeting")
    parameters = {
        "key": site.key, "number": number, "version": version, "period": "2020-01-01--2020-01-31", "path": "embedding",
        "site_id": site.id, "agency_id": site.agency.id, "user_id": admin_id, "template_id": template_id,
        "district_id": district.id, "code": "roads", "application_id": application_id, "problem_id": problem_id,
        "letter_id": letter_id, "bulk_id": bulk_id, "table": "months", "collection_id": inspectors.id,
        "visit_id": visit_id, "name": "192",
    }  # fmt: skip
    of_a_collection = parameters | {
        "slug": "volunteers", "number": entry.number, "version": of_child, "code": "other",
    }  # fmt: skip

    def fill(route: str) -> str:
        known = of_a_collection if "{slug}" in route else parameters
        return re.sub(r"{(\w+)(:\w+)?}", lambda name: str(known[name[1]]), route)

    cabinet_site, application = f"/cabinet/sites/{site.id}", application_url(context, application_id)
    special = {
        **forms,
        "/action/{token}": links.action_url(context, participant),
        "/my-action/{token}": links.own_action_url(context, participant),
        "/api/v1/sites/{key}/similar": f"{api}/similar?category=roads&lat=55&lng=38",
        "/api/v1/sites/{key}/place": f"{api}/place?lat=55&lng=38",
        "/api/v1/sites/{key}/collections/{slug}/place": f"{api}/collections/volunteers/place?lat=55&lng=38",
        "/api/v1/sites/{key}/collections/{slug}/similar": (
            f"{api}/collections/volunteers/similar?category=social&lat=55&lng=38"
        ),
        "/api/v1/sites/{key}/collections/{slug}/coverage": f"{api}/collections/centres/coverage",
        "/s/{key}/c/{slug}": f"{own}/c/centres",
        "/s/{key}/c/{slug}/count/{token}": f"/s/{budget.key}/count/{await count_token(context, budget)}",
        "/s/{key}/install/check": install.make_check_url(context.settings, site),
        "/sites/application/{token}": application,
        **{f"/sites/application/{{token}}/{step}": f"{application}/{step}" for step in ("details", "work", "proof")},
        "/confirm/{token}": links.confirm_url(context, problem_id),
        "/unsubscribe/{token}": links.stop_url(context, problem_id),
        "/follow/{token}": links.follow_url(context, follower["id"]),
        "/unfollow/{token}": links.unfollow_url(context, follower["id"]),
        "/comment/{token}": links.comment_url(context, comment["id"]),
        "/my-comment/{token}": links.own_comment_url(context, comment["id"]),
        "/t/{token}": links.track_url(context, problem_id),
        "/t/{token}/{step}": f"{links.track_url(context, problem_id)}/erase",
        "/mine/{token}": links.reports_url(context, problem_id),
        "/renew/{token}": renewals_mail.renewal_url(context, renewed),
        "/invited/{token}": visits_mail.invitation_url(context, invitation_id),
        "/moderate/{token}": moderation.moderation_url(context, site, comment["id"], clock.now()),
        "/cabinet/reset/{token}": password_reset.reset_url(context, user),
        "/cabinet/invitation/{token}": f"/cabinet/invitation/{await invited(context, site)}",
        "/cabinet/notices": "/cabinet/notices?after=0",
        "/cabinet/operator/agencies/{agency_id}": f"/cabinet/operator/agencies/{below}",
        "/cabinet/organisation/services/{agency_id}": f"/cabinet/organisation/services/{below}",
        "/cabinet/problems/{problem_id}/participants.csv": f"/cabinet/problems/{voted}/participants.csv",
        "/cabinet/problems/{problem_id}/outside": f"/cabinet/problems/{fresh}/outside",
        "/cabinet/sites/{site_id}/collections": f"{cabinet_site}/collections?preset=experts",
        "/cabinet/sites/{site_id}/collections/{slug}/count": f"{cabinet_site}/collections/budget/count",
        "/cabinet/sites/{site_id}/collections/{slug}/links": f"{cabinet_site}/collections/inspectors/links",
    }
    routes = list(readable(app.routes))
    assert set(special) <= set(routes)
    asked = {route: special.get(route) or fill(route) for route in routes}
    for route, address in asked.items():
        agencys = route == "/cabinet" or route.startswith(tuple(f"/cabinet/{name}" for name in AGENCYS))
        reader = admin if agencys else client
        answer = await reader.get(f"{address}{'&' if '?' in address else '?'}lang={CODE}", follow_redirects=True)
        assert answer.status_code == 200, f"{route}: {answer.status_code}\n{answer.text[:2000]}"
        if answer.headers["content-type"].startswith("text/html"):
            assert f'<html lang="{CODE}"' in answer.text, route
            if re.search("operator of the service|service operator|[Aa]sk the operator", answer.text):
                assert 'href="mailto:help@operator.test"' in answer.text, f"{route} sends people to nobody"
            if not address.endswith("/embed"):
                assert_offers_the_others(answer.text, route)


async def an_administrator(app: Any, context: Context, site: Site, operator: Client) -> tuple[str, Client]:
    """The id of an administrator and a signed-in client; operators have no part in an organisation."""
    user_id, password = await people_accounts.add_user(
        context.database, email="a@gorod.test", role="admin", agency_id=site.agency.id, language=CODE
    )
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=operator.base_url)
    assert (await Cabinet(client).sign_in("a@gorod.test", password)).status_code == 303
    return user_id, client


async def count_token(context: Context, site: Site) -> str:
    """That of the page which verifies a printed count."""
    return tally.sign_tally(context.signer, site, await tally.read_tally(context.database, site, people=True))


async def a_template(context: Context, site: Site) -> str:
    values = {"id": clock.new_id(), "agency_id": site.agency.id, "title": "Done", "text": "Done", "changed_at": 1}

    async def plant(tx: Transaction) -> None:
        await tx.insert("answer_templates", **values)

    await context.database.write(plant)
    return str(values["id"])


async def invited(context: Context, site: Site) -> str:
    """The token of an invitation's link."""
    invitee = invitations.Invitee(email="new@gorod.test", role="agent", agency_id=site.agency.id, language=CODE)
    await invitations.invite(context.database, invitee, journal.COMMAND_LINE)

    async def set_link(tx: Transaction) -> None:
        await tx.run("DELETE FROM letters")
        await tx.run("UPDATE invitations SET token_hash = :hash", hash=hash_token("link"))

    await context.database.write(set_link)
    return "link"


def assert_offers_the_others(page: str, route: str) -> None:
    """Every other language is offered by its own name, in the cabinet by a button, elsewhere by a link."""
    offered = re.findall(r'lang="(\w+)"(?: hreflang="\w+")?>([^<]+)</(?:a|button)>', page)
    assert offered == [("ru", "Русский"), ("en", "English")], route


async def test_pages_in_other_languages_offer_it(client: Client, site: Site) -> None:
    page = (await client.get(f"/s/{site.key}/install?lang=en")).text
    assert f'hreflang="{CODE}">{NAME}</a>' in page
    assert f'<option value="{CODE}">{NAME}</option>' in page
    chosen = (await client.get(f"/s/{site.key}/install?lang=en&language={CODE}")).text
    assert f"lang=&#34;{CODE}&#34;" in chosen
    page = (await client.get(f"/s/{site.key}?lang={CODE}")).text
    assert 'property="og:locale" content="uk_UA"' in page
    assert f'hreflang="{CODE}"' in page
    assert CODE in (await client.get(f"/api/v1/sites/{site.key}")).json()["languages"]


async def test_errors_are_in_it(client: Client, site: Site) -> None:
    headers = {"Accept-Language": f"{CODE}-UA,{CODE};q=0.9,ru;q=0.8"}
    missing = await client.get(f"/s/{site.key}/problems/99", headers=headers)
    assert missing.status_code == 404
    assert "Яка мова" in missing.text
    refused = await client.post(f"/s/{site.key}/report", data={"category": "none"}, headers=headers)
    assert refused.status_code == 422, refused.text
    assert "Яка мова" in refused.text


async def test_a_report_is_stored_with_it(client: Client, context: Context, site: Site) -> None:
    answer = await Widget(client, site).send(lang=CODE)
    assert answer.status_code == 201, answer.text
    row = existing(
        await context.database.row("SELECT language FROM problems WHERE site_id = :site_id", site_id=site.id)
    )
    assert row["language"] == CODE


async def test_an_invalid_language_falls_back_to_the_sites(client: Client, context: Context, site: Site) -> None:
    """JSON may contain any value instead of a code."""
    for number, lang in enumerate((["uk"], {"uk": 1}, 5, "xx")):
        answer = await Widget(client, site).send(f"key-{number}", lang=lang)
        assert answer.status_code == 201, answer.text
    rows = await context.database.rows("SELECT DISTINCT language FROM problems")
    assert [row["language"] for row in rows] == [site.language]


def test_every_letter_is_available_in_it(dialect: str) -> None:
    thread = messages.Thread(root="<a@widget.test>", own="<b@widget.test>")
    sender: dict[str, Any] = {"mail_from": "widget@widget.test", "sender_name": "Agency"}
    for name, template, values in all_letters(CODE):
        letter = messages.compose(template, CODE, to="anna@example.ru", thread=thread, values=values, **sender)
        body = existing(letter.get_body(("html",)))
        assert f'<html lang="{CODE}"' in body.get_content(), name
