"""A town on a running service: a site, and the people of its agency, for browser tests of pages and the cabinet."""

from __future__ import annotations

import json
import secrets
import urllib.request
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from tests.factories import HOST_ORIGIN, make_site, problem_body
from tests.support import cabinet
from tests.support.event_loop_thread import run_in_thread
from tests.support.processes import Service
from widget_api import journal
from widget_api.cabinet.http import SESSION_COOKIE
from widget_api.database import Database, Transaction
from widget_api.people import accounts, accounts_store
from widget_api.people import sign_in as people_sign_in
from widget_api.sites.model import Site

# Forms are sent at once: without it, one sent within two seconds counts as a machine's (tests/api/test_report_form.py).
NO_FILLING_TIME = "widget_api.problems.forms.MIN_FILLING_TIME=0"


def use_database(service: Service, work: Callable[[Database], Awaitable[Any]]) -> Any:
    """The result of `work` on the database of a service, which may be running."""

    async def connected() -> Any:
        database = Database(service.settings["WIDGET_DATABASE_URL"], readers=1)
        await database.connect()
        try:
            return await work(database)
        finally:
            await database.disconnect()

    return run_in_thread(connected())


def sign_in(page: Page, service: Service, email: str, password: str, arrive: str = "/cabinet/") -> Page:
    """Enter the cabinet, as somebody does who comes for the first time. Returns the page at `arrive`."""
    page.goto(f"{service.url}/cabinet/sign-in")
    page.fill("[name=email]", email)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{service.url}{arrive}")
    return page


@dataclass(frozen=True)
class Town:
    """A site and its people, each with an e-mail address of its own."""

    service: Service
    site: Site
    people: dict[str, tuple[str, str]]  # e-mail address and password

    @classmethod
    def found(cls, service: Service, *roles: str, speaking: str = "ru", **options: Any) -> Town:
        """An agency with a site (`options` are those of make_site), and a person of each role."""

        async def work(database: Database) -> Town:
            site = await make_site(database, **options)
            people = {}
            for role in roles:
                email = f"{role}-{uuid.uuid4().hex[:8]}@gorod.test"
                agency_id = None if role == "operator" else site.agency.id
                _, password = await accounts.add_user(
                    database, email=email, role=role, agency_id=agency_id, language=speaking
                )
                people[role] = (email, password)
            return cls(service, site, people)

        made: Town = use_database(service, work)
        return made

    @property
    def email(self) -> str:
        """The address of the first person."""
        return next(iter(self.people.values()))[0]

    @property
    def password(self) -> str:
        return next(iter(self.people.values()))[1]

    @property
    def page(self) -> str:
        """The address of the residents' page."""
        return f"{self.service.url}/s/{self.site.key}"

    @property
    def desk(self) -> str:
        """The address of the site in the cabinet."""
        return f"{self.service.url}/cabinet/sites/{self.site.id}"

    def use_database(self, work: Callable[[Database], Awaitable[Any]]) -> Any:
        return use_database(self.service, work)

    def sign_in(self, page: Page, role: str | None = None, to: str = "") -> Page:
        """Enter the cabinet as the person of this role, or as the first one, and open the page `to`.

        The session begins in the database: three pages and the check of a password take longer than most tests.
        """
        email, _ = self.people[next(iter(self.people)) if role is None else role]
        token = secrets.token_urlsafe()

        async def start(tx: Transaction) -> None:
            user = await accounts_store.find_by_email(tx, email)
            assert user is not None
            who = journal.Who(role=user["role"], user_id=user["id"], agency_id=user["agency_id"])
            await people_sign_in.start_session(tx, token, who, "")

        self.use_database(lambda database: database.write(start))
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": self.service.url}])
        page.goto(f"{self.service.url}/cabinet/{to}")
        return page

    def pass_minute(self) -> None:
        """Carry out the decisions that can still be undone."""
        self.use_database(cabinet.pass_minute)

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer of the API of the site."""
        headers = {"Origin": HOST_ORIGIN, "Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.service.url}/api/v1/sites/{self.site.key}{path}", data, headers)
        with urllib.request.urlopen(request) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def report(self, description: str, **changes: Any) -> dict[str, Any]:
        """Send a resident's report. Returns its receipt."""
        consent = self.call("")["consent"]["version"]
        return self.call("/problems", problem_body(consent, description=description, **changes))
