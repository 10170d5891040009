"""A representative's browser without a real browser: signs in, reads pages, and sends their forms."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2

from widget_api.casework import bulk
from widget_api.context import Context
from widget_api.database import Database
from widget_api.people import accounts
from widget_api.sites.model import Site

PASSWORD = "a long enough password"
ADMIN = "admin@gorod.test"  # of the fixture `admin`


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class PageText(HTMLParser):
    """The parts of a page that tests read: forms, links and visible text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.text = ""
        self._textarea: tuple[Form, str] | None = None
        self._ids: dict[str, Form] = {}
        self.feed(source)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
            self._ids[given.get("id", "")] = self.forms[-1]  # fields before it are unticked boxes
        elif tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "button" and "formaction" in given:  # the same fields, sent to another address
            self.forms.append(Form(given["formaction"], "post", self._ids[given["form"]].fields))
        elif tag in ("input", "textarea") and self.forms and given.get("name"):
            kind, name, value = given.get("type"), given["name"], given.get("value", "")
            form = self._ids.setdefault(given["form"], Form("", "")) if "form" in given else self.forms[-1]
            if kind == "radio":
                form.choices.setdefault(name, []).append(value)
            if kind != "file" and (kind not in ("radio", "checkbox") or "checked" in given):
                form.fields[name] = value
            self._textarea = (form, name) if tag == "textarea" else None

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea is not None:
            (form, name), self._textarea = self._textarea, None
            form.fields[name] = form.fields[name].removeprefix("\n")  # as HTML parsers do

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            form, name = self._textarea
            form.fields[name] += data
        self.text += data + " "

    @property
    def links_without_query(self) -> list[str]:
        return [link.partition("?")[0] for link in self.links]

    def form(self, action: str) -> Form:
        """The form with this action path."""
        found = [form for form in self.forms if form.action.partition("?")[0] == action]
        assert len(found) == 1, f"{len(found)} forms for {action} among {[form.action for form in self.forms]}"
        return found[0]


async def pass_minute(database: Database) -> None:
    """Carry out the decisions that wait, without moving the clock."""
    sql = "UPDATE bulks SET execute_at = execute_at - :delay WHERE state = 'pending' AND action = 'decide'"
    await database.write(lambda tx: tx.run(sql, delay=bulk.DELAY))
    await bulk.execute_due(database)


class Cabinet:
    """One person in the cabinet of a service that runs inside the test."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def sign_in(self, email: str, password: str) -> httpx2.Response:
        page = PageText((await self.client.get("/cabinet/sign-in")).text)
        fields = page.forms[0].fields | {"email": email, "password": password}
        return await self.client.post(page.forms[0].action, data=fields)

    async def read(self, path: str, status: int = 200) -> PageText:
        answer = await self.client.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text}"
        return PageText(answer.text)

    async def decide(self, problem_id: str, to: str, **fields: str) -> httpx2.Response:
        """Open the report, choose a decision, fill in the form and send it."""
        form = (await self.read(f"/cabinet/problems/{problem_id}")).form(f"/cabinet/problems/{problem_id}")
        reason = {"reject_reason": "other"} if to == "rejected" else {}
        return await self.client.post(form.action, data=form.fields | {"to": to} | reason | fields)

    async def send(self, page_path: str, action: str, **fields: str) -> httpx2.Response:
        """Send the form with this `action` from a page."""
        form = (await self.read(page_path)).form(action)
        return await self.client.post(form.action, data=form.fields | fields)


async def signed_in(client: httpx2.AsyncClient, context: Context, site: Site | None, role: str = "agent") -> Cabinet:
    """A new person of the site's agency, or an operator, in the browser `client`."""
    agency_id = site.agency.id if site and role != "operator" else None
    email = f"{role}-{agency_id}@gorod.test"
    _, password = await accounts.add_user(context.database, email=email, role=role, agency_id=agency_id)
    cabinet = Cabinet(client)
    assert (await cabinet.sign_in(email, password)).status_code == 303
    return cabinet


Enter = Callable[..., Awaitable[Cabinet]]  # `enter(role, agency_id)` returns a signed-in person with that role
