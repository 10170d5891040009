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
from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, existing, make_site, submit_report
from tests.support.cabinet import Cabinet
from tests.support.letters import all_letters
from tests.support.public_api import Widget
from tests.support.registration import plant_application
from widget_api import clock, i18n, journal
from widget_api.browse import published_reports, regional_report
from widget_api.browse.statistics import Query
from widget_api.cabinet import bulk_service, moderation_by_mail
from widget_api.cabinet.selection import Selection
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
async def test_every_page_is_available_in_it(app: Any, client: httpx2.AsyncClient, context: Context) -> None:
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
    people, token = "/cabinet/organisation/people", await invited(context, site)
    service_below = {"name": "Water", "email": "water@gorod.test", "parent_id": site.agency.id}
    below = await sites.add_agency(context.database, **service_below)
    template_id = await a_template(context, site)
    border = '{"type": "Polygon", "coordinates": [[[38, 55], [39, 55], [39, 56], [38, 55]]]}'
    await districts.add_district(context.database, site, "North", border)
    (district,) = (await sites.by_id(context.database, site.id)).districts
    operator = existing(await find_user(context.database, user_id))
    bulk_id = await bulk_service.create_bulk(context.database, operator, "reject", Selection(), [problem_id])
    fresh = (await submit_report(context.database, site)).problem_id
    follower_id = follower["id"]
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
    in_collection = {"{key}": site.key, "{slug}": "volunteers", "{number}": str(entry.number), "{version}": of_child}
    budget = await collection.add_collection(context.database, site, "budget", "budgeting")
    asked = {
        **{
            route: re.sub(r"{\w+}", lambda name: in_collection[name[0]], route)
            for route in readable(app.routes)
            if route.startswith(("/api/", "/s/"))
            and ("/collections" in route or "/c/{slug}" in route)
            and "{token}" not in route
        },
        **forms,
        "/action/{token}": links.action_url(context, participant),
        "/my-action/{token}": links.own_action_url(context, participant),
        "/cabinet/problems/{problem_id}/participants.csv": f"/cabinet/problems/{voted}/participants.csv",
        "/api/v1/sites/{key}/problems": f"{api}/problems",
        "/api/v1/sites/{key}/problems/{number}": f"{api}/problems/{number}",
        "/api/v1/sites/{key}/similar": f"{api}/similar?category=roads&lat=55&lng=38",
        "/api/v1/sites/{key}": api,
        "/api/v1/sites/{key}/place": f"{api}/place?lat=55&lng=38",
        "/api/v1/sites/{key}/collections/{slug}/place": f"{api}/collections/volunteers/place?lat=55&lng=38",
        "/api/v1/sites/{key}/collections/{slug}/similar": (
            f"{api}/collections/volunteers/similar?category=social&lat=55&lng=38"
        ),
        "/api/v1/sites/{key}/collections/{slug}/coverage": f"{api}/collections/centres/coverage",
        "/s/{key}/c/{slug}": f"{own}/c/centres",
        "/api/v1/sites/{key}/stats": f"{api}/stats",
        "/api/v1/stats": "/api/v1/stats",
        "/stats": "/stats",
        "/api/v1/docs": "/api/v1/docs",
        "/docs": "/docs",
        "/docs/{path:path}": "/docs/embedding",
        "/api/v1/sites/{key}/problems.geojson": f"{api}/problems.geojson",
        "/api/v1/sites/{key}/problems.csv": f"{api}/problems.csv",
        "/api/v1/sites/{key}/numbers.csv": f"{api}/numbers.csv",
        "/api/v1/sites/{key}/problems/{number}/comments": f"{api}/problems/{number}/comments",
        "/s/{key}/consent": f"{own}/consent",
        "/s/{key}/consent/{version}": f"{own}/consent/{version}",
        "/sites/new": "/sites/new",
        "/status": "/status",
        "/sites/new/mailed": "/sites/new/mailed",
        "/sites/new/consent": "/sites/new/consent",
        "/sites/application/{token}": application_url(context, application_id),
        **{
            f"/sites/application/{{token}}/{step}": f"{application_url(context, application_id)}/{step}"
            for step in ("details", "work", "proof")
        },
        "/confirm/{token}": links.confirm_url(context, problem_id),
        "/unsubscribe/{token}": links.stop_url(context, problem_id),
        "/track": "/track",
        "/s/{key}/problems/{number}/follow": f"{own}/problems/{number}/follow",
        "/follow/{token}": links.follow_url(context, follower_id),
        "/unfollow/{token}": links.unfollow_url(context, follower_id),
        "/s/{key}/problems/{number}/comment": f"{own}/problems/{number}/comment",
        "/comment/{token}": links.comment_url(context, comment["id"]),
        "/my-comment/{token}": links.own_comment_url(context, comment["id"]),
        "/t/{token}": links.track_url(context, problem_id),
        "/t/{token}/{step}": f"{links.track_url(context, problem_id)}/erase",
        "/mine": "/mine",
        "/mine/{token}": links.reports_url(context, problem_id),
        "/to/{site_id:uuid}": site.printed_path,
        "/to/{site_id:uuid}/report": f"{site.printed_path}/report",
        "/s/{key}/report": f"{own}/report",
        "/s/{key}/feed.atom": f"{own}/feed.atom",
        "/s/{key}/reports/{period}": f"{own}/reports/2020-01-01--2020-01-31",
        "/s/{key}": own,
        "/s/{key}/embed": f"{own}/embed",
        "/s/{key}/problems/{number}": f"{own}/problems/{number}",
        "/s/{key}/install": f"{own}/install",
        "/s/{key}/install/check": install.make_check_url(context.settings, site),
        "/cabinet/sign-in": "/cabinet/sign-in",
        "/cabinet/sign-in/code": "/cabinet/sign-in/code",
        "/cabinet/sign-in/{agency_id}": f"/cabinet/sign-in/{site.agency.id}",
        "/cabinet/sign-in/{agency_id}/provider": f"/cabinet/sign-in/{site.agency.id}/provider",
        "/cabinet/sign-in/{agency_id}/callback": f"/cabinet/sign-in/{site.agency.id}/callback",
        "/cabinet/organisation/provider": "/cabinet/organisation/provider",
        "/cabinet/organisation/tokens": "/cabinet/organisation/tokens",
        "/cabinet/account": "/cabinet/account",
        "/cabinet/account/factor": "/cabinet/account/factor",
        "/cabinet/notices": "/cabinet/notices?after=0",
        "/cabinet/forgot": "/cabinet/forgot",
        "/cabinet/reset/{token}": password_reset.reset_url(context, user),
        "/cabinet/operator/agencies": "/cabinet/operator/agencies",
        "/cabinet/operator/agencies/{agency_id}": f"/cabinet/operator/agencies/{below}",
        "/cabinet/operator/site": "/cabinet/operator/site",
        "/cabinet/operator/applications": "/cabinet/operator/applications",
        "/cabinet/operator/applications/{application_id}": f"/cabinet/operator/applications/{application_id}",
        "/cabinet/operator/figures": "/cabinet/operator/figures",
        "/cabinet/operator/state": "/cabinet/operator/state",
        "/cabinet/organisation/people": people,
        "/cabinet/organisation/people/{user_id}": f"{people}/{admin_id}",
        "/cabinet/organisation/routing": "/cabinet/organisation/routing",
        "/cabinet/organisation/services": "/cabinet/organisation/services",
        "/cabinet/organisation/details": "/cabinet/organisation/details",
        "/cabinet/organisation/services/{agency_id}": f"/cabinet/organisation/services/{below}",
        "/cabinet/organisation/templates": "/cabinet/organisation/templates",
        "/cabinet/organisation/templates/{template_id}": f"/cabinet/organisation/templates/{template_id}",
        "/cabinet/organisation/journal": "/cabinet/organisation/journal",
        "/cabinet/organisation/journal.csv": "/cabinet/organisation/journal.csv",
        "/cabinet/invitation/{token}": f"/cabinet/invitation/{token}",
        "/cabinet/sites": "/cabinet/sites",
        "/cabinet/sites/{site_id}": f"/cabinet/sites/{site.id}",
        "/cabinet/problems/{problem_id}/photos": f"/cabinet/problems/{problem_id}/photos",
        "/cabinet/problems/{problem_id}/correct": f"/cabinet/problems/{problem_id}/correct",
        "/cabinet/sites/{site_id}/code": f"/cabinet/sites/{site.id}/code",
        "/cabinet/sites/{site_id}/access": f"/cabinet/sites/{site.id}/access",
        "/cabinet/sites/{site_id}/usage": f"/cabinet/sites/{site.id}/usage",
        "/cabinet/sites/{site_id}/announce": f"/cabinet/sites/{site.id}/announce",
        "/cabinet/sites/{site_id}/announce/poster": f"/cabinet/sites/{site.id}/announce/poster",
        "/cabinet/sites/{site_id}/settings": f"/cabinet/sites/{site.id}/settings",
        "/cabinet/sites/{site_id}/districts": f"/cabinet/sites/{site.id}/districts",
        "/cabinet/sites/{site_id}/districts/{district_id}": f"/cabinet/sites/{site.id}/districts/{district.id}",
        "/cabinet/sites/{site_id}/categories": f"/cabinet/sites/{site.id}/categories",
        "/cabinet/sites/{site_id}/categories/{code}": f"/cabinet/sites/{site.id}/categories/roads",
        "/cabinet/sites/{site_id}/collections": f"/cabinet/sites/{site.id}/collections?preset=experts",
        "/cabinet/sites/{site_id}/collections/{slug}": f"/cabinet/sites/{site.id}/collections/volunteers",
        **{
            f"/cabinet/sites/{{site_id}}/collections/{{slug}}/categories{route}": (
                f"/cabinet/sites/{site.id}/collections/volunteers/categories{path}"
            )
            for route, path in (("", ""), ("/{code}", "/other"))
        },
        **{
            f"/cabinet/sites/{{site_id}}/collections/{{slug}}/import{path}": (
                f"/cabinet/sites/{site.id}/collections/volunteers/import{path}"
            )
            for path in ("", "/template.xlsx", "/template.csv")
        },
        "/cabinet/sites/{site_id}/collections/{slug}/count": f"/cabinet/sites/{site.id}/collections/budget/count",
        "/s/{key}/c/{slug}/count/{token}": f"/s/{budget.key}/count/{await count_token(context, budget)}",
        "/cabinet/sites/{site_id}/territory": f"/cabinet/sites/{site.id}/territory",
        "/cabinet/sites/{site_id}/testing": f"/cabinet/sites/{site.id}/testing",
        "/cabinet/sites/{site_id}/collections/{slug}/links": f"/cabinet/sites/{site.id}/collections/inspectors/links",
        "/renew/{token}": renewals_mail.renewal_url(context, renewed),
        "/invited/{token}": visits_mail.invitation_url(context, invitation_id),
        "/cabinet/collections/{collection_id}/events": f"/cabinet/collections/{inspectors.id}/events",
        "/cabinet/collections/{collection_id}/events/{visit_id}": (
            f"/cabinet/collections/{inspectors.id}/events/{visit_id}"
        ),
        "/cabinet/collections/{collection_id}/agencies": f"/cabinet/collections/{inspectors.id}/agencies",
        "/cabinet/sites/{site_id}/consent": f"/cabinet/sites/{site.id}/consent",
        "/cabinet/sites/{site_id}/calendar": f"/cabinet/sites/{site.id}/calendar",
        "/cabinet/sites/{site_id}/platforms": f"/cabinet/sites/{site.id}/platforms",
        "/cabinet/comments": "/cabinet/comments",
        "/cabinet/mail": "/cabinet/mail",
        "/cabinet/mail/{letter_id}": f"/cabinet/mail/{letter_id}",
        "/moderate/{token}": moderation_by_mail.moderation_url(context, site, comment["id"], clock.now()),
        "/": "/",
        "/cabinet": "/cabinet",
        "/cabinet/": "/cabinet/",
        "/cabinet/problems": "/cabinet/problems",
        "/cabinet/problems.csv": "/cabinet/problems.csv",
        "/cabinet/problems.xlsx": "/cabinet/problems.xlsx",
        "/cabinet/bulk/{bulk_id}": f"/cabinet/bulk/{bulk_id}",
        "/cabinet/new-report": "/cabinet/new-report",
        "/cabinet/registration-numbers": "/cabinet/registration-numbers",
        "/cabinet/problems/{problem_id}/outside": f"/cabinet/problems/{fresh}/outside",
        "/cabinet/analytics": "/cabinet/analytics",
        "/cabinet/analytics/services": "/cabinet/analytics/services",
        "/cabinet/analytics/places": "/cabinet/analytics/places",
        "/cabinet/analytics/version": "/cabinet/analytics/version",
        "/cabinet/analytics/{table}.csv": "/cabinet/analytics/months.csv",
        "/cabinet/analytics/report": "/cabinet/analytics/report",
        "/cabinet/analytics/report.xlsx": "/cabinet/analytics/report.xlsx",
        "/cabinet/inbox": "/cabinet/inbox",
        "/cabinet/problems/{problem_id}": f"/cabinet/problems/{problem_id}",
        "/cabinet/deliveries": "/cabinet/deliveries",
    }
    assert sorted(readable(app.routes)) == sorted(asked)
    for route, address in asked.items():
        agencys = route == "/cabinet" or route.startswith(
            (
                "/cabinet/organisation",
                "/cabinet/problems",
                "/cabinet/mail/",
                "/cabinet/collections/",
                "/cabinet/account",
                "/cabinet/analytics",
                "/cabinet/new-",
                "/cabinet/reg",
            )
        )
        reader = admin if agencys else client
        answer = await reader.get(f"{address}{'&' if '?' in address else '?'}lang={CODE}", follow_redirects=True)
        assert answer.status_code == 200, f"{route}: {answer.status_code}\n{answer.text[:2000]}"
        if answer.headers["content-type"].startswith("text/html"):
            assert f'<html lang="{CODE}"' in answer.text, route
            if re.search("operator of the service|service operator|[Aa]sk the operator", answer.text):
                assert 'href="mailto:help@operator.test"' in answer.text, f"{route} sends people to nobody"
            if not address.endswith("/embed"):
                assert_offers_the_others(answer.text, route)


async def an_administrator(
    app: Any, context: Context, site: Site, operator: httpx2.AsyncClient
) -> tuple[str, httpx2.AsyncClient]:
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
    await context.database.write(
        lambda tx: tx.run("UPDATE invitations SET token_hash = :hash, next_at = NULL", hash=hash_token("link"))
    )
    return "link"


def assert_offers_the_others(page: str, route: str) -> None:
    """Every other language is offered by its own name, in the cabinet by a button, elsewhere by a link."""
    offered = re.findall(r'lang="(\w+)"(?: hreflang="\w+")?>([^<]+)</(?:a|button)>', page)
    assert offered == [("ru", "Русский"), ("en", "English")], route


async def test_pages_in_other_languages_offer_it(client: httpx2.AsyncClient, site: Site) -> None:
    page = (await client.get(f"/s/{site.key}/install?lang=en")).text
    assert f'hreflang="{CODE}">{NAME}</a>' in page
    assert f'<option value="{CODE}">{NAME}</option>' in page
    chosen = (await client.get(f"/s/{site.key}/install?lang=en&language={CODE}")).text
    assert f"lang=&#34;{CODE}&#34;" in chosen
    page = (await client.get(f"/s/{site.key}?lang={CODE}")).text
    assert 'property="og:locale" content="uk_UA"' in page
    assert f'hreflang="{CODE}"' in page
    assert CODE in (await client.get(f"/api/v1/sites/{site.key}")).json()["languages"]


async def test_errors_are_in_it(client: httpx2.AsyncClient, site: Site) -> None:
    headers = {"Accept-Language": f"{CODE}-UA,{CODE};q=0.9,ru;q=0.8"}
    missing = await client.get(f"/s/{site.key}/problems/99", headers=headers)
    assert missing.status_code == 404
    assert "Яка мова" in missing.text
    refused = await client.post(f"/s/{site.key}/report", data={"category": "none"}, headers=headers)
    assert refused.status_code == 422, refused.text
    assert "Яка мова" in refused.text


async def test_a_report_is_stored_with_it(client: httpx2.AsyncClient, context: Context, site: Site) -> None:
    answer = await Widget(client, site).send(lang=CODE)
    assert answer.status_code == 201, answer.text
    row = existing(
        await context.database.row("SELECT language FROM problems WHERE site_id = :site_id", site_id=site.id)
    )
    assert row["language"] == CODE


async def test_an_invalid_language_falls_back_to_the_sites(
    client: httpx2.AsyncClient, context: Context, site: Site
) -> None:
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
