"""Who may use which address of the cabinet: route × role × agency of the user, in one table.

On SQLite alone: the SQL behind it is tested on both databases where it is used (test_services, test_organisation,
test_cabinet_access).
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.routing import Match, Route

from tests.conftest import Client, running
from tests.factories import AGENT, HOST_ORIGIN, existing, make_site, submit_report
from tests.support.cabinet import PASSWORD, Cabinet
from tests.support.mailbox import AgencyMailbox
from tests.support.pictures import noise, photo
from tests.support.registration import plant_application
from widget_api import clock
from widget_api.attachments.photos import service as photos
from widget_api.browse import published_reports
from widget_api.cabinet import form_tokens
from widget_api.casework import drafts
from widget_api.casework.answer_files import AnswerFiles
from widget_api.comments.moderation import moderation_url
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.deliveries import sinks
from widget_api.journal import COMMAND_LINE
from widget_api.mailbox import service as mailbox
from widget_api.mailbox.model import Arrival
from widget_api.people import accounts, store
from widget_api.people.model import User
from widget_api.permissions import Role
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle, pictures
from widget_api.problems.model import Change, Contact, Photo
from widget_api.settings import Settings
from widget_api.sites import collection, districts, entry_links, rights, routing_rules
from widget_api.sites import service as sites
from widget_api.sites.changes import update_agency, update_site
from widget_api.visits import service as visits
from widget_api.visits.model import Visit

UNKNOWN = "01900000-0000-7000-8000-000000000000"
CONTACT = Contact(email="canary@resident.test", name="Канарейкин", phone="+7 900 000-00-01")
CONTACTS = ("canary@resident.test", "Канарейкин", "900 000-00-01", "9000000001")
REPORT, NOTE, DRAFT, WORK = "Яма canary-report", "canary-note", "canary-draft", "canary-work"
NO_NUMBERS: Any = {"lines": {"rating": [], "rated": []}}
LETTER = "canary-letter.pdf"  # an answer given outside: it has the name and the address of its author

# Where the user works, as seen from the agency whose report it is: there, in a service to which the report is assigned,
# in another of its services, in the agency above, in a foreign one; in a service that answers by itself. An operator
# is one for a site that its agency moderates, or for one that the site says the operator moderates.
RELATIONS = ("own", "assigned", "beside", "parent", "foreign", "delegated")
OPERATORS_RELATIONS = ("operator", "moderating")
# A foreign agency that was named to moderate a collection: a foreign one, but where a row says otherwise.
NAMED = "named"
ROLES: tuple[str, ...] = ("viewer", "agent", "head", "admin")

# + done, 2: what was sent is read and refused (422), 3: 403, 4: 404, 9: 409. In the order of RELATIONS.
# viewer agent head admin operator, and the roles of a named agency
ANYBODY = "++++++ ++++++ ++++++ ++++++ ++"
MAILED = "+++++4 +++++4 +++++4 +++++4 +4"  # a link of a letter, which ends with the agency's moderation
NOBODY = "444444 444444 444444 444444 44"
READERS = "++4+4+ ++4+4+ ++4+4+ ++4+4+ 4+"  # of the report
NEW_READERS = "+44+44 +44+44 +44+44 +44+44 4+"  # nobody has forwarded it to a service
DECIDERS = "334343 ++4+4+ ++4+4+ ++4+4+ 4+"
NOTERS = "334343 +34+43 +34+43 +34+43 43"
NO_PARTICIPANTS = "334343 334343 334343 334343 43"  # of a report that is no entry: test_participation has one
ASKERS = "334343 +34+4+ +34+4+ +34+4+ 4+"
ANSWERERS = "334343 +34+43 +34+43 +34+43 43"  # those who see contacts
SERVICES = "334343 3+434+ 3+434+ 3+434+ 43"
COMMENTERS = "344344 +44+44 +44+44 +44+44 43"
APPROVERS = "334343 334343 +94949 +94949 43"
VISITORS = "344344 +44+44 +44+44 +44+44 43"  # of a collection, the agency above too
INVITERS = f"{VISITORS} 3+++"
OWN_VISITS = "344344 +44444 +44444 +44444 43 3444"  # its visits are its own
NAMING = "344344 344344 344344 +44+44 43 3333"
ENTRY_READERS = "+44+44 +44+44 +44+44 +44+44 4+ ++++"
ENTRY_DECIDERS = "344344 +44+44 +44+44 +44+44 4+ 3+++"
ENTRY_OWNERS = "344344 +44+44 +44+44 +44+44 43 3333"  # those who see contacts
ENTRY_MINDERS = "344344 +44+44 +44+44 +44+44 43 3+++"
ENTRY_SERVICES = "344344 344344 344344 344344 43 3333"
ENTRY_EXPORTERS = "444444 444444 +44+44 +44+44 44 4444"
MODERATORS = "344344 +44+44 +44+44 +44+44 4+"
SITE_READERS = "+44+44 +44+44 +44+44 +44+44 ++"
SITE_ADMINS = "344344 344344 344344 +44+44 ++"
CHECKED_FIRST = "333333 333333 333333 +44+44 ++"  # the role is refused before the site is looked for
ADMINS = "444444 444444 444444 ++++++ 44"  # of the agency's own organisation
ADMINS_OF_IT = "444444 444444 444444 +44+44 44"
EDITORS = "333333 333333 ++++++ ++++++ 33"
EDITORS_OF_IT = "333333 333333 +44444 +44444 33"
JOURNAL = "444444 444444 444444 ++++++ ++"
EXPORTERS = "444444 444444 ++++++ ++++++ 44"
STATISTICS_OF_IT = "444444 444444 ++4+4+ ++4+4+ 44"
WITH_SERVICES = "444444 444444 +44+44 +44+44 44"
EXPORTERS_OF_IT = "444444 444444 +44+44 +44+44 44"
DELIVERIES = "333333 333333 333333 ++++++ ++"
DELIVERIES_OF_IT = "344344 344344 344344 +44+44 ++"
HOLDERS = "344344 344344 344344 +44+44 33"  # of an origin that another agency asks for
OPERATORS = "444444 444444 444444 444444 ++"
BRINGERS = "333333 +44+44 +44+44 +44+44 33"  # of reports and numbers from outside
SEARCHERS = "333333 +33++3 +33++3 +33++3 33"  # by contacts: who sees those of any site
LISTERS = "333333 ++++++ ++++++ ++++++ ++"
OWN_BULK = "444444 ++++++ ++++++ ++++++ ++"
DROPPERS = "344344 344344 344344 344344 ++"
MAIL = "333333 ++++++ ++++++ ++++++ ++"
MAIL_OF_IT = "333333 +44+44 +44+44 +44+44 4+"

C, V = "/cabinet/collections/{collection}", "/cabinet/collections/{collection}/events/{visit}"
P, S, ORG = "/cabinet/problems/{problem}", "/cabinet/sites/{site}", "/cabinet/organisation"
E = "/cabinet/problems/{entry}"
D, B = S + "/districts/{district}", S + "/collections/budget"
AGENCIES, APPLICATIONS = "/cabinet/operator/agencies", "/cabinet/operator/applications"
Sent = tuple[str, Mapping[str, str]]
pytestmark = pytest.mark.settings(inbound="lmtp://127.0.0.1:9", rate_limits="off", work="off")


def get(*paths: str) -> list[Sent]:
    return [(f"GET {path}", {}) for path in paths]


def post(path: str, **fields: str) -> list[Sent]:
    return [(f"POST {path}", fields)]


TABLE: list[tuple[str, list[Sent]]] = [
    (ANYBODY, get("/cabinet", "/cabinet/", "/cabinet/problems", "/cabinet/version", "/cabinet/inbox")),
    (
        ANYBODY,
        get("/cabinet/sign-in", "/cabinet/forgot", "/cabinet/account", "/cabinet/notices?after=", "/cabinet/sites"),
    ),
    (ANYBODY, get("/cabinet/comments", "/cabinet/problems?q=canary-report")),
    (MAILED, get("/moderate/{moderation}") + post("/moderate/{moderation}", verdict="published")),
    (ANYBODY, post("/cabinet/sign-in", email="{email}", password=PASSWORD)),
    (ANYBODY, post("/cabinet/forgot", email="nobody@gorod.test") + post("/cabinet/language", language="ru")),
    (ANYBODY, post("/cabinet/account/password", old_password=PASSWORD, new_password="тихая река у мельницы")),
    (ANYBODY, post("/cabinet/account/notices", days="3") + post("/cabinet/account/sessions")),
    (ANYBODY, post("/cabinet/sign-out") + get("/cabinet/account/factor", "/cabinet/sign-in/code")),
    (ANYBODY, post("/cabinet/account/factor", password=PASSWORD) + post("/cabinet/sign-in/code", code="1")),
    (ANYBODY.replace("+", "2"), post("/cabinet/account/factor/confirm") + post("/cabinet/account/factor/change")),
    (NOBODY, get(*(link := ("/cabinet/reset/x", "/cabinet/invitation/x", "/moderate/x")))),
    (NOBODY, [one for path in link for one in post(path, password=PASSWORD, verdict="published")]),
    # the report
    (READERS, get(P, P + "?lang=en") + post(P + "/undo")),
    (NEW_READERS, get("/cabinet/problems/{new}")),
    (DECIDERS, post(P, to="in_progress", seen="{seen}")),
    (DECIDERS, post(P, to="in_progress", text="Засыпали", do="draft")),
    (DECIDERS, post(P, to="in_progress", text="Засыпали", do="preview")),
    (DECIDERS, post(P + "/draft", to="in_progress", text="Засыпали")),
    (APPROVERS, post(P + "/draft/return", author="{author}", remark="Укажите дату")),
    (ANSWERERS, get(P + "/photos", P + "/correct") + post(P + "/photos", do="hide", photo="{photo}")),
    (ANSWERERS, post(P + "/correct", category="roads", description="Яма у школы", address="Лесная", place="55; 38")),
    (ANSWERERS, post(P + "/document", document_number="1", document_date="2026-11-01")),
    (ANSWERERS, post(P + "/assign", user="") + get(P + "/outside")),
    (ANSWERERS, post(P + "/outside", to="answered", number="7", day="2020-01-01", text="Письмом", seen="{seen}")),
    (BRINGERS, get("/cabinet/new-report?site={site}", "/cabinet/registration-numbers?site={site}")),
    (BRINGERS, post("/cabinet/registration-numbers?site={site}", rows="")),
    (BRINGERS.replace("+", "2"), post("/cabinet/new-report?site={site}", description="Яма")),
    (ASKERS, post(P + "/ask", question="Какой подъезд?") + post(P + "/read")),
    (ASKERS, post(P, to="answered", text="Засыпали", seen="{seen}", anyway="yes")),
    (NOTERS, post(P + "/note", note="Позвонить")),
    (COMMENTERS, post(P + "/comment", comment="Едем")),
    (SERVICES, post(P + "/work", work_text="Засыпали 12 декабря") + post(P + "/return", return_reason="Не наше")),
    (MODERATORS, post("/cabinet/problems/{new}/spam", spam="yes")),
    (EXPORTERS, get("/cabinet/analytics", "/cabinet/analytics/places", "/cabinet/analytics/version")),
    (EXPORTERS, get("/cabinet/analytics/statuses.csv", "/cabinet/analytics/streets.csv")),
    (EXPORTERS, get("/cabinet/analytics/report", "/cabinet/analytics/report.xlsx")),
    (EXPORTERS, post("/cabinet/analytics/report/letters", every="week")),
    (EXPORTERS_OF_IT, post("/cabinet/analytics/report/publish?site={site}&from=2020-01-01&to=2020-01-31")),
    (EXPORTERS_OF_IT, post("/cabinet/analytics/report/{report}/withdraw")),
    (STATISTICS_OF_IT, get("/cabinet/analytics/report?site={site}", "/cabinet/analytics/report.xlsx?site={site}")),
    (STATISTICS_OF_IT, get("/cabinet/analytics?site={site}&from=all", "/cabinet/analytics/places?site={site}")),
    (WITH_SERVICES, get("/cabinet/analytics/services?site={site}")),
    (NOBODY, get("/cabinet/analytics/unknown.csv")),
    (NO_PARTICIPANTS, get(P + "/participants.csv")),
    (EXPORTERS, get("/cabinet/problems.csv", "/cabinet/problems.xlsx")),
    (EXPORTERS_OF_IT, get("/cabinet/problems.csv?site={site}", "/cabinet/problems.xlsx?site={site}")),
    (READERS, get("/cabinet/problems?site={site}", "/cabinet/version?site={site}")),
    # what comes in, what goes out
    (MODERATORS, post("/cabinet/comments/{comment}", verdict="published")),
    (MAIL, get("/cabinet/mail")),
    (MAIL_OF_IT, get("/cabinet/mail/{letter}", "/cabinet/mail/{letter}/attached/0")),
    (MAIL_OF_IT, post("/cabinet/mail/{letter}", action="decline")),
    (DELIVERIES, get("/cabinet/deliveries") + post("/cabinet/deliveries/retry", kind="agency")),
    (DELIVERIES_OF_IT, post("/cabinet/deliveries/{delivery}/retry")),
    (DROPPERS, post("/cabinet/deliveries/{delivery}/drop", reason="Устарело")),
    # many reports at once: the user's own bulk, another's; the filters that a user saved
    (LISTERS, post("/cabinet/bulk", action="reject", id="{problem}")),
    (OWN_BULK, get("/cabinet/bulk/{own_bulk}") + post("/cabinet/bulk/{own_bulk}", text="Не городское")),
    (NOBODY, get("/cabinet/bulk/{bulk}") + post("/cabinet/bulk/{bulk}", text="Не городское")),
    (SEARCHERS, post("/cabinet/problems/by-author", author=CONTACT.email or "")),
    (ANYBODY, post("/cabinet/bulk/{bulk}/discard") + post("/cabinet/views", view_name="Мои")),
    (ANYBODY, post("/cabinet/views/delete", view_name="Мои")),
    # sites
    (SITE_READERS, get(S, S + "/calendar", S + "/platforms", S + "/code", S + "/access", S + "/usage")),
    (SITE_READERS, get(S + "/announce", S + "/announce/poster")),
    (SITE_READERS.replace("+", "2"), post(S + "/check", url="")),
    (SITE_ADMINS, get(S + "/settings") + post(S + "/settings", photos="1")),
    (SITE_ADMINS, get(S + "/territory") + post(S + "/territory", time_zone="Asia/Omsk")),
    (SITE_ADMINS, get(S + "/districts", D) + post(D, name="Север") + post(D + "/delete", sure="yes")),
    (SITE_ADMINS.replace("+", "2"), post(S + "/districts", name="Юг")),
    (SITE_ADMINS, get(S + "/categories", S + "/categories/roads") + post(S + "/categories", name="Колодцы")),
    (SITE_ADMINS, post(S + "/categories/roads", do="preview")),
    (SITE_READERS, get(S + "/collections", S + "/collections?preset=experts", B, B + "/count")),
    (SITE_ADMINS.replace("+", "2"), post(S + "/collections", preset="experts", slug="<")),
    (SITE_ADMINS, post(B, title="Бюджет") + post(B + "/hide", do="hide")),
    (SITE_ADMINS, get(B + "/categories", B + "/categories/roads") + post(B + "/categories", name="Колодцы")),
    (SITE_ADMINS, post(B + "/categories/roads", do="preview")),
    (SITE_ADMINS, get(*(f"{B}/import{path}" for path in ("", "/template.xlsx", "/template.csv")))),
    (SITE_ADMINS.replace("+", "2"), post(B + "/import", do="store")),
    (SITE_ADMINS, get(S + "/testing") + post(S + "/testing", do="purge", sure="yes") + post(S + "/testing/key")),
    (SITE_ADMINS, get(S + "/collections/inspectors/links")),
    (SITE_ADMINS, post(S + "/collections/inspectors/links", organisation="Рядом")),
    (SITE_ADMINS, post(S + "/collections/inspectors/links/{link}/revoke")),
    (INVITERS, get(C + "/events")),
    (f"{VISITORS} 3444", get(V)),
    (INVITERS, post(C + "/events", day="2099-01-12", hour="10:00", place="Мира, 5", text="Пандус")),
    (OWN_VISITS, post(V + "/call-off") + post(V + "/invite", **{"entry.9": "yes"})),
    (OWN_VISITS.replace("+", "9"), post(V + "/result", result="Пандус есть")),
    (NAMING, get(C + "/agencies") + post(C + "/agencies/{agency}/remove")),
    (NAMING.replace("+", "2"), post(C + "/agencies", host="")),
    # an entry of that collection
    (ENTRY_READERS, get(E, "/cabinet/problems?site={collection}", "/cabinet/version?site={collection}")),
    (ENTRY_DECIDERS, post(E, to="accepted", seen="{entry_seen}") + post(E, to="accepted", do="preview")),
    (
        ENTRY_DECIDERS,
        post(E, to="rejected", reject_reason="other", text="Не по теме", seen="{entry_seen}", anyway="yes"),
    ),
    (ENTRY_DECIDERS, post(E + "/draft", to="accepted", text="Примем") + post(E + "/spam", spam="yes")),
    (ENTRY_DECIDERS, post(E + "/ask", question="Какой район?")),
    (ENTRY_MINDERS, post(E + "/assign", user="")),
    (ENTRY_SERVICES, post(E, to="forwarded", service="{service}", seen="{entry_seen}")),
    (ENTRY_SERVICES, post(E + "/work", work_text="Сделали") + post(E + "/return", return_reason="Не наше")),
    (ENTRY_OWNERS, post(E + "/note", note="Позвонить") + post(E + "/document", document_number="1")),
    (ENTRY_OWNERS, get(E + "/correct", E + "/photos")),
    (ENTRY_EXPORTERS, get("/cabinet/problems.csv?site={collection}", "/cabinet/analytics?site={collection}")),
    (SITE_ADMINS, get(S + "/consent") + post(S + "/consent", consent_text="Спросите Анну", do="save")),
    (SITE_ADMINS, post(S + "/proof")),
    (HOLDERS, post(S + "/handovers/{application}", answer="refused")),
    (SITE_ADMINS, post(S + "/calendar", day="2099-01-12", kind="off")),
    (SITE_ADMINS, post(S + "/origins/add", origin="new.gorod.test")),
    (SITE_ADMINS, post(S + "/origins/prove", origin=HOST_ORIGIN, method="file")),
    (SITE_ADMINS, post(S + "/origins/remove", origin=HOST_ORIGIN, sure="yes")),
    (SITE_ADMINS, post(S + "/letter", email="webmaster@gorod.test")),
    (SITE_ADMINS, post(S + "/key", key="{key}", overlap="30", sure="yes")),
    (CHECKED_FIRST, post(S + "/platforms/{platform}", **{"to-roads": "7"})),
    (CHECKED_FIRST.replace("+", "2"), post(S + "/origins", origin="https://nowhere.test", sure="yes")),
    # the organisation
    (ADMINS, get(ORG + "/people", ORG + "/services", ORG + "/routing")),
    (ADMINS, post(ORG + "/people", email="new@gorod.test", role="agent") + post(ORG + "/approval", approval="yes")),
    (ADMINS, get(ORG + "/details") + post(ORG + "/details", inn="5022000000", senders="a@gorod.test")),
    (ADMINS, post(ORG + "/services", name="Горсвет", email="svet@gorod.test", mode="cabinet")),
    (ADMINS_OF_IT, get(ORG + "/people/{author}") + post(ORG + "/people/{author}", name="Борис")),
    (ADMINS, get(ORG + "/tokens")),
    (ADMINS.replace("+", "2"), post(ORG + "/tokens")),
    (NOBODY, post(ORG + "/tokens/x/rotate") + post(ORG + "/tokens/x/revoke")),
    (ADMINS, post(ORG + "/factor") + get(ORG + "/provider")),
    (ADMINS.replace("+", "2"), post(ORG + "/provider", name="ЕСИА")),
    (NOBODY, post(ORG + "/provider/remove")),  # there is none
    (ANYBODY, get(*(f"/cabinet/sign-in/{{agency}}{step}" for step in ("", "/provider", "/callback")))),
    (ADMINS_OF_IT.replace("+", "2"), post(ORG + "/people/{author}/factor")),
    (ADMINS_OF_IT, post(ORG + "/people/{author}/access", enabled="no") + post(ORG + "/people/{author}/absence")),
    (ADMINS_OF_IT, post(ORG + "/invitations/{invitation}/send") + post(ORG + "/invitations/{invitation}/withdraw")),
    (ADMINS_OF_IT, get(ORG + "/services/{service}") + post(ORG + "/services/{service}", name="Горводоканал")),
    (ADMINS_OF_IT, get(ORG + "/routing?site={site}") + post(ORG + "/routing/{rule}/remove", site="{site}")),
    (ADMINS_OF_IT, post(ORG + "/routing", site="{site}", service="{service}", category="water")),
    (EDITORS, get(ORG + "/templates") + post(ORG + "/templates", title="Новый", body="Сделано")),
    (EDITORS_OF_IT, get(ORG + "/templates/{template}") + post(ORG + "/templates/{template}", title="Иной", body="Да")),
    (JOURNAL, get(ORG + "/journal", ORG + "/journal.csv")),
    # the operator's own
    (OPERATORS, get("/cabinet/operator/figures")),
    (OPERATORS, get("/cabinet/operator/state", "/cabinet/operator/site", AGENCIES, AGENCIES + "/{service}")),
    (OPERATORS, post(AGENCIES, name="Село", email="selo@gorod.test", mode="cabinet")),
    (OPERATORS, post(AGENCIES + "/{service}", name="Горводоканал") + post("/cabinet/operator/state")),
    (OPERATORS, post(AGENCIES + "/{service}/access", enabled="no")),
    (OPERATORS, post(AGENCIES + "/{service}/invitations", invitee_email="new@gorod.test", password=PASSWORD)),
    (OPERATORS, post(AGENCIES + "/{agency}/invitations/{invitation}/send")),
    (OPERATORS, post(AGENCIES + "/{agency}/invitations/{invitation}/withdraw")),
    (OPERATORS, get(APPLICATIONS, APPLICATIONS + "/{application}", APPLICATIONS + "/{application}/letter")),
    (OPERATORS, post(APPLICATIONS + "/{application}/approve")),
    (OPERATORS, post(APPLICATIONS + "/{application}/refuse", reason="Нет")),
    (OPERATORS.replace("+", "2"), post("/cabinet/operator/site", name="Сайт", agency="{agency}")),
]
CODES = {"+": (200, 303), "2": (422,), "3": (403,), "4": (404,), "9": (409,)}


@dataclass
class Person:
    role: str
    relation: str
    email: str
    client: Client
    token: str
    bulk: str = UNKNOWN

    @property
    def name(self) -> str:
        return f"{self.role} ({self.relation})"

    def expected(self, row: str) -> str:
        groups = row.split()
        if self.relation == NAMED and len(groups) > len(ROLES) + 1:
            return groups[-1][ROLES.index(self.role)]
        columns = dict(zip((*ROLES, "operator"), groups, strict=False))[self.role]
        if self.relation == NAMED:
            return columns[RELATIONS.index("foreign")]
        return columns[(OPERATORS_RELATIONS if self.role == "operator" else RELATIONS).index(self.relation)]


@dataclass
class World:
    context: Context
    ids: dict[str, str]
    people: list[Person] = field(default_factory=list)

    async def send(self, person: Person, sent: Sent, ids: Mapping[str, str]) -> httpx2.Response:
        """Send as this person: the same session each time, whatever an answer does to the cookie."""
        method, _, path = sent[0].partition(" ")
        values = {"own_bulk": person.bulk, **ids, "email": person.email}
        kept = dict(person.client.cookies)
        path = path.format_map(values)
        if method == "GET":
            mark = "&" if "?" in path else "?"
            answer = await person.client.get(f"{path}{mark}done=typed-by-hand")  # which no page may look up
        else:
            data = {name: value.format_map(values) for name, value in sent[1].items()}
            answer = await person.client.post(path, data={"form_token": person.token, **data})
        person.client.cookies.clear()
        person.client.cookies.update(kept)
        return answer


@pytest.fixture
def dialect() -> str:
    return "sqlite"


@pytest.fixture(params=[*ROLES, "operator", "delegated"])
async def world(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """One report with everything that there may be of it, and a person of a role, or of several, in each agency.

    In the last one the operator moderates the site, its service answers by itself, and people of all roles are there
    alone.
    """
    async with running(settings) as app:
        context = app.state.context
        made = World(context, {})
        agencies, roles, operators = await _fill(made), request.param.split(", "), {"operator": None}
        if request.param == "delegated":
            agencies, roles, operators = {"delegated": agencies["assigned"]}, [*ROLES, "operator"], {"moderating": None}
            await update_site(context.database, made.ids["site"], {"moderator": "operator"})
            await update_agency(context.database, agencies["delegated"], {"delegated": True})
        async with contextlib.AsyncExitStack() as ending:

            async def enter(role: str, relation: str, agency_id: str | None) -> Person:
                person = await _enter(app, settings, role, relation, agency_id)
                ending.push_async_callback(person.client.aclose)
                return person

            for role in roles:
                for relation, agency_id in (operators if role == "operator" else agencies).items():
                    made.people.append(await enter(role, relation, agency_id))
            for person in made.people:
                chosen = await made.send(
                    person, ("POST /cabinet/bulk", {"action": "reject", "id": "{problem}"}), made.ids
                )
                person.bulk = chosen.headers.get("location", UNKNOWN).rpartition("/")[2]
            reader = await enter("admin", "reading", next(iter(agencies.values())))
            for sent in (*get(P), *get("/cabinet/problems.csv")):  # which fill the journal
                await made.send(reader, sent, made.ids)
            monkeypatch.setattr(Database, "write", _roll_back(Database.write))
            yield made


async def _enter(app: Any, settings: Settings, role: str, relation: str, agency_id: str | None) -> Person:
    email = f"{role}-{relation}@gorod.test"
    user_id, _ = await accounts.add_user(
        app.state.context.database, email=email, role=role, agency_id=agency_id, password=PASSWORD
    )
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=settings.public_url)
    assert (await Cabinet(client).sign_in(email, PASSWORD)).status_code == 303
    token = form_tokens.form_token(app.state.context.signer, next(iter(client.cookies.values())), user_id)
    return Person(role, relation, email, client, token)


def _roll_back(write: Callable[..., Any]) -> Callable[..., Any]:
    """Do what is to be written, and undo it, so that everybody finds the same."""

    class Undone(Exception):
        pass

    async def instead(self: Database, work: Callable[[Any], Any], *rest: str) -> Any:
        results = []

        async def undo(tx: Any) -> None:
            results.append(await work(tx))
            raise Undone

        with contextlib.suppress(Undone):
            await write(self, undo, *rest)
        return results[-1]

    return instead


async def _fill(world: World) -> dict[str, str]:
    """Make the agencies, the report and what belongs to it. Returns the agency of each relation."""
    context, ids = world.context, world.ids
    database = context.database
    region = await sites.add_agency(database, name="Область", email="oblast@region.test")
    office = {"name": "Город", "mode": "email", "email": "priem@gorod.test", "parent_id": region}
    site = await make_site(database, agency=office, discussion="moderated")
    services = [
        await sites.add_agency(database, name=name, email=f"s{len(name)}@gorod.test", parent_id=site.agency.id)
        for name in ("Водоканал", "Горсветсбыт")
    ]
    foreign = (await make_site(database, agency={"name": "Соседи", "email": "x@other.test"})).agency.id
    await accounts.add_user(database, email="author@gorod.test", role="agent", agency_id=site.agency.id)
    await accounts.add_user(database, email="plumber@gorod.test", role="agent", agency_id=services[0])
    users = {one: found[0] for one in ("author", "plumber") if (found := await _find_user(database, one))}

    shown, hidden = [await photos.receive(context, site.id, photo(noise(64, 48))) for _ in range(2)]
    fields: dict[str, Any] = {"contact": CONTACT, "description": REPORT}
    receipt = await submit_report(database, site, photos=(Photo(shown.id), Photo(hidden.id)), **fields)
    new = await submit_report(database, site, **fields)
    ids |= {
        "problem": receipt.problem_id, "new": new.problem_id, "site": site.id, "key": site.key, "photo": shown.id,
        "hidden": hidden.id,
    }  # fmt: skip
    ids |= {"service": services[0], "author": users["author"].id}
    ids |= {name: clock.new_id() for name in ("template", "platform", "comment", "invitation", "bulk")}
    await lifecycle.confirm(database, site.id, receipt.problem_id)
    to_service = Change(to="forwarded", service=services[0])
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, to_service)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="in_progress"))
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, to_service)
    await database.write(lambda tx: pictures.hide(tx, receipt.problem_id, hidden.id, instead=None), site.id)
    row = existing(await database.row("SELECT status_event FROM problems WHERE id = :id", id=receipt.problem_id))
    ids["seen"] = row["status_event"]

    draft = (site.id, receipt.problem_id, {"to": "in_progress", "text": DRAFT}, AnswerFiles())
    await drafts.save_draft(database, users["author"], *draft, submitted_by=COMMAND_LINE)
    work = (site.id, receipt.problem_id, {"work_text": WORK}, AnswerFiles())
    await drafts.save_draft(database, users["plumber"], *work)
    raw = AgencyMailbox(context, site, receipt.problem_id, 0)
    letter = raw.letter("office").replace(b"dmarc=pass", b"dmarc=fail")
    await mailbox.receive_letter(context, Arrival(letter, None, (raw.reply,)))
    ids["letter"] = (await raw.last())["id"]
    await routing_rules.add_rule(database, site.id, {"service": services[0], "category": "roads"})
    border = '{"type": "Polygon", "coordinates": [[[38, 55], [39, 55], [39, 56], [38, 55]]]}'
    await districts.add_district(database, site, "Центр", border)
    ids["district"] = (await sites.by_id(database, site.id)).districts[0].id
    await published_reports.publish(database, site.id, "2020-02-01", "2020-02-29", NO_NUMBERS, COMMAND_LINE)
    ids["report"] = (await published_reports.list_reports(database, site.id))[0]["id"]
    await collection.add_collection(database, site, "budget", "budgeting")
    ids["rule"] = (await routing_rules.list_rules(database, site.id))[0].id
    platform: dict[str, Any] = {"protocol": "georeport", "jurisdiction": None, "contacts": "none", "site_id": None}
    platform |= {"name": "Центр", "url": "https://p.test", "key": "a-long-secret-key-of-platform"}
    await platforms.insert_platform(database, Platform(id=ids["platform"], **platform))
    ids["delivery"] = await _plant(database, site.id, site.agency.id, ids)
    child = await collection.add_collection(database, site, "inspectors", "inspectors")
    visit = Visit(at=clock.now() + 9999, place="Мира, 5", text="Пандус")
    ids["collection"] = child.id
    entry = await submit_report(database, child, contact=CONTACT, category=child.categories[0].code)
    await lifecycle.confirm(database, child.id, entry.problem_id)
    row = existing(await database.row("SELECT status_event FROM problems WHERE id = :id", id=entry.problem_id))
    ids |= {"entry": entry.problem_id, "entry_seen": row["status_event"]}
    named = (await make_site(database, agency={"name": "Совет", "email": "sovet@council.test"})).agency.id
    await rights.name_agency(database, child, named, "moderate", COMMAND_LINE)
    ids["link"] = await entry_links.add_link(database, child, "Рядом")
    ids["visit"] = await visits.add_visit(database, child, site.agency.id, visit, COMMAND_LINE)
    ids["agency"], ids["application"] = site.agency.id, await plant_application(context, site.id)
    ids["moderation"] = moderation_url(context, site, ids["comment"], clock.now()).rpartition("/")[2]
    return dict(zip((*RELATIONS[:5], NAMED), (site.agency.id, *services, region, foreign, named), strict=True))


async def _find_user(database: Database, name: str) -> tuple[User, Row] | None:
    return await store.find_enabled_user(database, f"{name}@gorod.test")


async def _plant(database: Database, site_id: str, agency_id: str, ids: Mapping[str, str]) -> str:
    """A note, a template, an invitation, a bulk and a comment of the agency. Returns a delivery that failed."""
    problem_id, user_id = ids["problem"], ids["author"]
    rows = await database.rows("SELECT id, sink FROM deliveries WHERE problem_id = :id", id=problem_id)
    delivery = next(row["id"] for row in rows if sinks.find_sink(row["sink"]).seen_by_agency)
    now = clock.now()

    async def work(tx: Any) -> None:
        await tx.insert("notes", id="n1", problem_id=problem_id, user_id=user_id, text=NOTE, at=now)
        await tx.insert(
            "answer_templates", id=ids["template"], agency_id=agency_id, title="Сделано", text="Сделано", changed_at=now
        )
        invited = {"email": "invited@gorod.test", "role": "agent", "language": "ru", "expires_at": now + 9999}
        await tx.insert("invitations", id=ids["invitation"], agency_id=agency_id, **invited)
        said = {"name": "Пётр", "body": "Согласен", "state": "moderation", "created_at": now, "official": False}
        await tx.insert("comments", id=ids["comment"], site_id=site_id, problem_id=problem_id, **said)
        bulk = {"user_id": user_id, "action": "reject", "state": "draft", "created_at": now, "execute_at": now}
        letter = {"name": LETTER, "media_type": "application/pdf", "bytes": 1, "internal": True}
        await tx.insert(
            "documents",
            id=clock.new_id(),
            site_id=site_id,
            problem_id=problem_id,
            event_id=ids["seen"],
            created_at=now,
            **letter,
        )
        await tx.insert("bulks", id=ids["bulk"], **bulk)
        await tx.run("UPDATE deliveries SET state = 'dead', last_error = 'x' WHERE id = :id", id=delivery)

    await database.write(work, site_id)
    return str(delivery)


def text_of(answer: httpx2.Response) -> str:
    """The words of an answer, those of a spreadsheet too."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        return " ".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


def faults_of(person: Person, sent: Sent, expected: str, answer: httpx2.Response, hidden: str) -> list[str]:
    """What is wrong with an answer: its status, or words of it that are not for this person."""
    found = [] if answer.status_code in CODES[expected] else [f"{answer.status_code} instead of {expected}"]
    text, secret = text_of(answer), {WORK}  # a colleague's draft is shown to who approves it alone
    if person.role in ("viewer", "operator") or person.relation not in ("own", "parent") or "/journal" in sent[0]:
        secret |= {*CONTACTS, LETTER}
    if person.relation not in ("own", "parent"):
        secret |= {NOTE, hidden}
    if person.relation != "own" or person.role not in ("head", "admin"):
        secret |= {DRAFT}
    if person.relation in ("beside", "foreign", NAMED, "operator"):
        secret |= {REPORT, "photos/", "documents/"}
    return found + [f"has «{word}»" for word in sorted(secret) if word in text and "{moderation}" not in sent[0]]


def main_of(answer: httpx2.Response) -> str:
    """What a page says beside its header, which names the user and the agency; all of any other answer."""
    return answer.text.partition("<main")[2] or answer.text


async def test_everybody_gets_what_the_table_says(world: World) -> None:
    """And where a thing is nothing of theirs, exactly what they, or others of their role, get for an unknown one."""
    unknown, hidden, wrong = dict.fromkeys(world.ids, UNKNOWN), world.ids["hidden"], list[str]()
    for row, requests in TABLE:
        for sent in requests:
            of_an_unknown_one: dict[str, tuple[int, str]] = {}
            for person in world.people:
                expected, answer = person.expected(row), await world.send(person, sent, world.ids)
                wrong += [
                    f"{person.name} {sent}: {fault}" for fault in faults_of(person, sent, expected, answer, hidden)
                ]
                apart = expected == "4" or (expected != "+" and person.relation in ("beside", "foreign"))
                if "{" not in sent[0] or "{moderation}" in sent[0] or not apart:
                    continue
                text = main_of(answer)
                for value in world.ids.values():
                    text = text.replace(value, UNKNOWN)
                said = (answer.status_code, text)
                if said == of_an_unknown_one.get(person.role):  # another person's page, which is nearly always the same
                    continue
                other = await world.send(person, sent, unknown)
                of_an_unknown_one[person.role] = (other.status_code, main_of(other))
                if said != of_an_unknown_one[person.role]:
                    wrong.append(f"{person.name} {sent}: an unknown one looks different ({other.status_code})")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("world", ["agent, head"], indirect=True)
async def test_the_words_looked_for_are_there(world: World) -> None:
    """The guards of the test above look for words that the right people see."""
    agent = next(one for one in world.people if one.name == "agent (own)")
    page = (await world.send(agent, (f"GET {P}", {}), world.ids)).text
    assert [word for word in (*CONTACTS[:3], REPORT, NOTE, LETTER, "photos/") if word not in page] == []
    head = next(one for one in world.people if one.name == "head (own)")
    assert DRAFT in (await world.send(head, (f"GET {P}", {}), world.ids)).text
    book = await world.send(head, ("GET /cabinet/problems.xlsx", {}), world.ids)
    assert CONTACTS[0] in text_of(book)


def test_the_table_has_every_route_of_the_cabinet() -> None:
    from widget_api.app import ROUTES

    routes = [one for one in ROUTES if isinstance(one, Route) and one.path.startswith(("/cabinet", "/moderate"))]
    missing = {(method, one.path) for one in routes for method in (one.methods or ()) if method != "HEAD"}
    assert len(missing) > 80
    for _, requests in TABLE:
        for line, _ in requests:
            method, _, path = line.partition(" ")
            scope = {"type": "http", "method": method, "path": path.partition("?")[0], "headers": []}
            found = next((one for one in routes if one.matches(scope)[0] == Match.FULL), None)
            assert found is not None, line
            missing.discard((method, found.path))
    assert missing == set()
    assert {*ROLES, "operator"} == {*Role}
