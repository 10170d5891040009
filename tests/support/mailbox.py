"""Letters from tests/unit/mailbox/letters, addressed to a report of the test and delivered to the service."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.factories import AGENT, existing
from tests.support.lmtp import Lmtp
from widget_api.attachments.documents import service as documents
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.mail import messages, verp
from widget_api.mailbox import store
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.problems.store import records
from widget_api.sites.model import Site

LETTERS = Path(__file__).parent.parent / "unit" / "mailbox" / "letters"


def letter(name: str, **placed: str) -> bytes:
    """A letter with its placeholders (@REPLY@, @BOUNCE@, @ROOT@) replaced."""
    raw = (LETTERS / f"{name}.eml").read_bytes()
    for key, value in placed.items():
        raw = raw.replace(f"@{key.upper()}@".encode(), value.encode())
    return raw


@dataclass
class AgencyMailbox:
    """The mailbox of a report's agency: it answers with real letters over a real LMTP session."""

    context: Context
    site: Site
    problem_id: str
    port: int

    @property
    def database(self) -> Database:
        return self.context.database

    @property
    def reply(self) -> str:
        return existing(
            verp.reply_address(
                self.context.settings, self.context.signer, self.problem_id, self.site.id, self.site.agency.id
            )
        )

    @property
    def root(self) -> str:
        return messages.message_id(self.context.settings.public_url, self.problem_id, "agency").strip("<>")

    def letter(self, name: str, **placed: str) -> bytes:
        return letter(name, **({"reply": self.reply, "root": self.root} | placed))

    async def send(
        self, name: str, *, to: str | None = None, sender: str = "priem@gorod.test", raw: bytes | None = None
    ) -> str:
        """Deliver a letter. Returns the server's answer."""
        client = await Lmtp.connect(self.port)
        (answer,) = await client.deliver(raw or self.letter(name), [to or self.reply], sender)
        await client.close()
        return answer

    async def change(self, to: Any, **wish: Any) -> None:
        """Decide about the report in the cabinet."""
        await lifecycle.change(self.database, AGENT, self.site.id, self.problem_id, Change(to=to, **wish))

    async def list_documents(self) -> list[Row]:
        """The documents of the report's answers."""
        return await documents.list_attached(self.database, self.site.id, self.problem_id)

    async def records(self) -> list[dict[str, Any]]:
        """What the service recorded about every letter, in order."""
        rows = await self.database.rows("SELECT * FROM mailbox_messages ORDER BY id")
        return [dict(row) for row in rows]

    async def last(self) -> dict[str, Any]:
        return (await self.records())[-1]

    async def problem(self) -> Row:
        return existing(await records.find(self.database, self.problem_id))

    async def answer(self) -> str | None:
        """The text of the newest decision."""
        row = await self.database.row(
            "SELECT t.body FROM problems p JOIN events e ON e.id = p.status_event AND e.site_id = p.site_id"
            " LEFT JOIN texts t ON t.id = e.text_id WHERE p.id = :id",
            id=self.problem_id,
        )
        return row["body"] if row else None

    async def held_letters(self) -> list[Row]:
        return list(await store.list_held(self.database, [self.site.id], 100))
