"""An applicant without a browser: fills in /sites/new, follows the letter, proves the domain on a real host."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.support.cabinet import PageText
from tests.support.mail import Letter, MailSink
from tests.support.pages import LocalServer, QuietHandler
from widget_api import clock
from widget_api.context import Context
from widget_api.mail import outbox as account_letters
from widget_api.people import invitations
from widget_api.registration import mail
from widget_api.registration.model import PROOF_PATH
from widget_api.signing import Purpose

NEW = "/sites/new"
INN, OTHER_INN = "7707083893", "7728168971"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
NAME, CONTACT = "Администрация города Зареченска", "webmaster@zarechensk.test"


class TownHost(LocalServer):
    """The web server of a town, on a loopback address of its own: each address is another host."""

    def __init__(self, address: str) -> None:
        self.pages: dict[str, tuple[int, str | bytes, dict[str, str]]] = {}
        self.asked: list[str] = []
        host = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:  # noqa: N802 - the base class names it so
                host.asked.append(self.path)
                status, text, headers = host.pages.get(self.path, (404, "", {}))
                body = text.encode() if isinstance(text, str) else text
                self.reply(status, body, **{"Content-Type": "text/html; charset=utf-8", **headers})

        super().__init__(Handler, address=address)
        self.host, self.origin = address, f"http://{address}:{self.port}"

    def put(self, path: str, text: str | bytes, status: int = 200, **headers: str) -> None:
        self.pages[path] = (status, text, headers)

    def put_file(self, token: str) -> None:
        self.put(PROOF_PATH, f"igrajdanin-widget={token}\n")


async def letters_to(context: Context, sink: MailSink, address: str = CONTACT) -> list[Letter]:
    """All letters to an address, after the worker has sent what is due."""
    while not await account_letters.send_due(context, mail.LETTERS, invitations.LETTERS):
        pass
    return sink.to(address)


class Applicant:
    """Whoever fills in the form, with the link of their letter."""

    def __init__(
        self, context: Context, client: httpx2.AsyncClient, sink: MailSink, origin: str, **fields: str
    ) -> None:
        self.context, self.client, self.sink = context, client, sink
        self.fields = {
            "origin": origin,
            "inn": INN,
            "name": NAME,
            "email": "priem@zarechensk.test",
            "contact_name": "Пётр Лукин",
            "contact_post": "Системный администратор",
            "contact_email": CONTACT,
            "consent": "yes",
        } | fields
        self.link = ""

    async def apply(self, **changes: str) -> httpx2.Response:
        return await self.client.post(NEW, data=self.fields | changes)

    async def begin(self) -> Applicant:
        assert (await self.apply()).status_code == 303
        address = self.fields["contact_email"]
        self.link = next(
            link
            for letter in reversed(await letters_to(self.context, self.sink, address))
            for link in letter.links
            if mail.PATH in link
        )
        return self

    async def confirm(self) -> Applicant:
        await self.begin()
        assert (await self.press_confirm()).status_code == 303
        return self

    async def press_confirm(self) -> httpx2.Response:
        (form,) = (await self.read()).forms
        return await self.post("/confirm", **form.fields)

    async def post(self, step: str, **fields: str) -> httpx2.Response:
        return await self.client.post(self.link + step, data={"sent": "", **fields})

    async def send_letter(self, name: str = "a.pdf", content: bytes = PDF) -> httpx2.Response:
        return await self.client.post(f"{self.link}/letter", files={"file": (name, content)})

    async def read(self, step: str = "", status: int = 200) -> PageText:
        answer = await self.client.get(self.link + step)
        assert answer.status_code == status, f"{step}: {answer.status_code}\n{answer.text}"
        return PageText(answer.text)

    async def row(self) -> Any:
        payload = self.context.signer.read(Purpose.APPLICATION, self.link.rpartition("/")[2])
        assert payload is not None
        return await self.context.database.row("SELECT * FROM applications WHERE id = :id", id=payload[0])

    async def prove(self, host: TownHost) -> Applicant:
        await self.confirm()
        return await self.prove_by_file(host)

    async def prove_by_file(self, host: TownHost) -> Applicant:
        host.put_file((await self.row())["proof_token"])
        answer = await self.post("/proof", method="file")
        assert answer.headers.get("location", "").endswith("done=found"), answer.text
        return self

    async def prove_by_meta(self, host: TownHost) -> Applicant:
        host.put("/", f'<meta name="igrajdanin-widget" content="{(await self.row())["proof_token"]}">')
        answer = await self.post("/proof", method="meta")
        assert answer.headers.get("location", "").endswith("done=found"), answer.text
        return self

    async def send(self, host: TownHost) -> Applicant:
        """Everything up to the operator's decision."""
        await self.prove(host)
        assert (await self.post("/send")).status_code == 303
        return self


async def plant_application(context: Context, site_id: str | None = None, **values: Any) -> str:
    """An application that was sent with a letter, and asks a site for its origin. Returns its id."""
    application_id, letter_id, now = clock.new_id(), clock.new_id(), clock.now()
    await context.storage.put_document(letter_id, b"%PDF-1.4\n%%EOF")
    columns = {
        "id": application_id,
        "state": "sent",
        "language": "ru",
        "origin": "https://selo.test",
        "host": "selo.test",
        "name": "Село <b>",
        "inn": INN,
        "email": "selo@selo.test",
        "mode": "cabinet",
        "contact_name": "Пётр",
        "contact_email": f"{application_id}@selo.test",
        "consent_at": now,
        "consent_hash": "0" * 64,
        "consent_ip": "203.0.113.7",
        "proof_token": application_id,
        "created_at": now,
        "updated_at": now,
        "confirmed_at": now,
        "sent_at": now,
        "letter_id": letter_id,
        "letter_name": "Письмо.pdf",
        "letter_type": "application/pdf",
        "letter_bytes": 14,
        **values,
    }

    async def work(tx: Any) -> None:
        await tx.insert("applications", **columns)
        if site_id is not None:
            await tx.insert("handovers", application_id=application_id, site_id=site_id, asked_at=now)

    await context.database.write(work)
    return application_id
