"""Who speaks for the agency: every way in which another system can send an answer, for every kind of report."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Literal

import orjson
import pytest

from tests.api.test_followers import Followed
from tests.api.test_letters import letters
from tests.conftest import GOROD, Client
from tests.factories import AGENT, existing, make_site, run_statement, submit_report
from tests.support import migrations
from tests.support.cabinet import signed_in
from tests.support.exchange import KEY
from tests.support.mail import MailSink
from tests.support.public_api import Widget
from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database
from widget_api.open311.intake import derive_event_id
from widget_api.ops.schema import migrate
from widget_api.platform import signature
from widget_api.platform.model import DEFAULT, Platform
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites.model import Site

UPDATES = "/open311/v2/servicerequestupdates.json"
WORDS = "Фонарь заменён, приходите смотреть"
NAME = "Мой двор"
OFFICIAL = "Официальный ответ"
Voice = Literal["georeport", "platform", "platform off", "default", "default off", "of all", "of all on", "of the site"]
PLATFORM = {"platform_url": "http://127.0.0.1:1/hook", "platform_key": KEY, "platform_protocol": "webhook"}
pytestmark = [GOROD, pytest.mark.settings(**PLATFORM)]


class ExternalSystem:
    """Another system that sends WORDS about a report in its own way."""

    def __init__(self, context: Context, client: Client, site: Site, voice: Voice) -> None:
        self.context, self.client, self.site, self.voice = context, client, site, voice
        self.token = voice in ("georeport", "platform", "platform off")
        self.key, self.id = KEY, DEFAULT

    async def connect(self) -> ExternalSystem:
        database = self.context.database
        if self.token:
            scope: Any = self.voice.split()[0]
            self.key = await changes.add_token(database, self.site.id, scope, name=NAME)
            (row,) = await changes.list_tokens(database, self.site.id)
            self.id = row["id"]
        elif self.voice.startswith("of"):
            await platforms.disable(database, DEFAULT)
            self.id, self.key = clock.new_id(), "whsec_" + "QUJD" * 8
            own = self.site.id if self.voice == "of the site" else None
            await platforms.insert_platform(
                database,
                Platform(
                    id=self.id, name=NAME, url="http://127.0.0.1:1/", key=self.key, protocol="webhook", site_id=own
                ),
            )
        if (speaks := self.voice.rpartition(" ")[2]) in ("on", "off"):
            await database.write(
                lambda tx: platforms.set_speaks(tx, self.site.id, self.id, speaks == "on"), self.site.id
            )
        return self

    async def send(self, *, published: bool) -> int:
        form = {"api_key": self.key, "service_code": "lighting", "lat": "55.07", "long": "38.77"}
        form |= {"description": "Не горит фонарь", "extended_attributes[status_code]": "moderation"}
        answer = await self.client.post("/open311/v2/requests.json", data=form)
        number = int(answer.json()[0]["service_request_id"])
        if published:
            await self.accept(number)
        return number

    async def accept(self, number: int) -> None:
        row = existing(await self.context.database.row("SELECT id FROM problems WHERE number = :number", number=number))
        await lifecycle.change(self.context.database, AGENT, self.site.id, row["id"], Change(to="accepted"))

    async def say(self, number: int, *, at: int, **more: str) -> tuple[int, int | None]:
        """Send the answer. Returns the status and, for a webhook, the number of accepted events."""
        if self.token:
            form = {"api_key": self.key, "service_request_id": str(number), "status": "FIXED", "description": WORDS}
            extended = {f"extended_attributes[{name}]": value for name, value in {"actor": "agent", **more}.items()}
            form |= {"updated_datetime": clock.rfc3339(at), **extended}
            return (await self.client.post(UPDATES, data=form)).status_code, None
        data = {"number": number, "jurisdiction": "gorod.test", "status_code": "resolved", "text": WORDS}
        event = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "x", "type": "x", "time": clock.rfc3339(at)}
        body = orjson.dumps(event | {"data": {**data, "actor": "agent", **more}})
        headers = signature.sign(self.key, f"m-{uuid.uuid4()}", clock.now(), body)
        answer = await self.client.post("/api/v1/platform/updates", content=body, headers=headers)
        return answer.status_code, answer.json()["taken"]


async def report(context: Context, site: Site, *, published: bool) -> int:
    """A resident's report."""
    receipt = await submit_report(context.database, site)
    if published:
        await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt.number


TABLE: list[tuple[Voice, bool, bool, tuple[int, int | None], bool | None]] = [
    # sender, own request, published, expected status, counts as the agency's answer
    ("georeport", True, True, (200, None), False),
    ("georeport", True, False, (400, None), None),
    ("georeport", False, True, (403, None), None),
    ("georeport", False, False, (404, None), None),
    *(
        (voice, own, published, (200, None), official)
        for voice, official in (("platform", True), ("platform off", False))
        for own in (True, False)
        for published in (True, False)
    ),  # type: ignore[list-item]
    *(
        (voice, False, published, (202, int(published)), official if published else None)
        for voice, official in (
            ("default", True),
            ("default off", False),
            ("of all", False),
            ("of all on", True),
            ("of the site", True),
        )
        for published in (True, False)
    ),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("voice", "own", "published", "answered", "official"), TABLE)
async def test_only_authorised_systems_speak_for_the_agency(
    client: Client,
    context: Context,
    site: Site,
    voice: Voice,
    own: bool,
    published: bool,
    answered: tuple[int, int | None],
    official: bool | None,
) -> None:
    elsewhere = await ExternalSystem(context, client, site, voice).connect()
    if own:
        number = await elsewhere.send(published=published)
    else:
        number = await report(context, site, published=published)
    ahead = clock.now() + 22 * 3600
    assert await elsewhere.say(number, at=ahead) == answered
    row = existing(await context.database.row("SELECT * FROM problems WHERE number = :number", number=number))
    address = f"/s/{site.key}/problems/{number}"
    if official is None:
        assert (row["status"], row["has_answer"]) == ("accepted" if published else "moderation", False)
        assert WORDS not in (await client.get(address)).text
        return
    assert row["status"] == "resolved"
    assert (bool(row["has_answer"]), row["answered_at"] is not None) == (official, official)
    answer = (await client.get(f"/api/v1{address.replace('/s/', '/sites/')}")).json()
    assert (answer["answer"] is not None, answer["has_answer"], answer["kept"] is not None) == (official,) * 3
    last = answer["timeline"][-1]
    assert (last["status"], last["text"]) == ("resolved", WORDS)
    name = (await context.database.rows("SELECT name FROM platforms WHERE id = :id", id=elsewhere.id)) or [
        {"name": NAME}
    ]
    assert last["sender"] == (None if official else name[0]["name"])
    page = (await client.get(address)).text
    assert (OFFICIAL in page, WORDS in page) == (official, True)
    assert (f'<p class="author">{name[0]["name"]}</p>' in page) is not official
    (request,) = (await client.get(f"/open311/v2/requests/{number}.json?extensions=true")).json()
    assert request["status_notes"] == (WORDS if official else None)
    (update,) = [one for one in (await client.get(UPDATES)).json() if one["status"] == "FIXED"]
    assert update["description"] == WORDS
    assert update["extended_attributes"].get("unofficial") == (None if official else "true")
    assert update["extended_attributes"].get("sender") == request["notes"][-1].get("sender") == last["sender"]
    early = ahead - clock.parse_rfc3339(last["at"])
    if voice == "georeport":
        assert early > 20 * 3600
    else:
        assert early == 0, "an instance of this service is believed"


async def test_a_note_of_another_system_is_not_headed_as_the_agencys_nor_older_than_the_report(
    client: Client, context: Context, site: Site
) -> None:
    elsewhere = await ExternalSystem(context, client, site, "georeport").connect()
    number = await elsewhere.send(published=True)
    form = {"api_key": elsewhere.key, "service_request_id": str(number), "description": WORDS}
    assert (await client.post(UPDATES, data=form | {"updated_datetime": "2001-01-01T00:00:00Z"})).status_code == 200
    address = f"/api/v1/sites/{site.key}/problems/{number}"
    for lang, label in (("ru", "Сообщение внешней системы"), ("en", "Note from an external system")):
        shown = (await client.get(address, params={"lang": lang})).json()["timeline"]
        assert (shown[-1]["text"], shown[-1]["label"]) == (WORDS, label)
        assert shown[-1]["at"] >= shown[0]["at"]
    assert "Сообщение ведомства" not in (await client.get(f"/s/{site.key}/problems/{number}")).text


@pytest.mark.parametrize("ahead", [None, 22 * 3600])
async def test_an_update_in_the_same_second_as_a_decision_comes_after_it(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, ahead: int | None
) -> None:
    """Whichever identifier the update gets."""
    elsewhere = await ExternalSystem(context, client, site, "georeport").connect()
    number, moment = await elsewhere.send(published=False), clock.now() + 1
    monkeypatch.setattr(clock, "now", lambda: moment)
    await elsewhere.accept(number)
    small = next(name for name in map(str, range(10**6)) if derive_event_id(elsewhere.id, name) < "0005")
    form = {"api_key": elsewhere.key, "service_request_id": str(number), "update_id": small, "status": "FIXED"}
    form |= {"updated_datetime": clock.rfc3339(moment + ahead)} if ahead else {}
    assert (await client.post(UPDATES, data=form)).status_code == 200
    row = existing(
        await context.database.row("SELECT status, status_at FROM problems WHERE number = :number", number=number)
    )
    assert (row["status"], row["status_at"]) == ("resolved", moment + 1)


async def test_a_text_cannot_be_added_to_another_senders_report(client: Client, context: Context, site: Site) -> None:
    elsewhere = await ExternalSystem(context, client, site, "georeport").connect()
    number = await report(context, site, published=True)
    form = {"api_key": elsewhere.key, "service_request_id": str(number), "description": WORDS}
    answer = await client.post(UPDATES, data=form)
    assert answer.status_code == 403
    assert answer.json() == [
        {"code": 403, "description": "Это сообщение отправлено не с вашим ключом: менять можно только свои."}
    ]
    other = await make_site(context.database, jurisdiction="selo.test")
    receipt = await submit_report(context.database, other)
    await lifecycle.change(context.database, AGENT, other.id, receipt.problem_id, Change(to="accepted"))
    # without a key
    assert (await client.post(UPDATES, data=form | {"jurisdiction_id": "selo.test"})).status_code == 403


@pytest.mark.parametrize("voice", ["platform", "default"])
async def test_unofficial_answers_stay_unofficial_on_other_instances(
    client: Client, context: Context, site: Site, voice: Voice
) -> None:
    elsewhere = await ExternalSystem(context, client, site, voice).connect()
    number = await report(context, site, published=True)
    await elsewhere.say(number, at=clock.now() + 1, unofficial="true", actor="source")
    answer = (await client.get(f"/api/v1/sites/{site.key}/problems/{number}")).json()
    assert (answer["status"], answer["answer"], answer["answered_at"]) == ("resolved", None, None)


async def test_letters_and_the_cabinet_name_the_sender(
    client: Client, context: Context, site: Site, mail_sink: MailSink
) -> None:
    await platforms.disable(context.database, DEFAULT)  # no further action
    elsewhere = await ExternalSystem(context, client, site, "georeport").connect()
    number = await elsewhere.send(published=True)
    await Followed(Widget(client, site), context, mail_sink, number).following("vera@example.test")
    assert (await elsewhere.say(number, at=clock.now() + 1))[0] == 200
    letter = (await letters(context, mail_sink, "vera@example.test"))[-1]
    assert f"{NAME} сообщает, что проблема решена." in letter.text
    for part in (letter.text, letter.html or ""):
        assert NAME in part
        assert WORDS in part
        assert OFFICIAL not in part
        assert "Ведомство сообщает" not in part
    await signed_in(client, context, site, "viewer")
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :number", number=number))
    page = (await client.get(f"/cabinet/problems/{row['id']}")).text
    assert NAME in page
    history = page[page.index(WORDS) - 800 : page.index(WORDS)]
    assert 'class="official' not in history


async def test_the_private_page_names_who_closed_the_report(
    client: Client, context: Context, site: Site, mail_sink: MailSink
) -> None:
    await platforms.disable(context.database, DEFAULT)
    elsewhere = await ExternalSystem(context, client, site, "platform off").connect()
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await elsewhere.accept(receipt.number)
    await elsewhere.say(receipt.number, at=clock.now() + 1)
    letter = (await letters(context, mail_sink, "anna@example.test"))[-1]
    assert f"{NAME} сообщает, что проблема решена." in letter.text
    page = (await client.get(letter.links[0].removeprefix("https://widget.test"))).text
    assert f"{NAME} сообщает, что проблема решена." in page
    assert '<div class="official">' not in page


async def test_a_command_lets_a_token_speak_officially(cli: Callable[..., Any], context: Context, site: Site) -> None:
    async def tokens_and_flags() -> list[tuple[str, bool]]:
        rows = await context.database.rows("SELECT source, speaks FROM agency_voices")
        return [(row["source"], bool(row["speaks"])) for row in rows]

    assert cli("platform", "speak", DEFAULT, "--site", site.key, "--off") == {
        "source": DEFAULT,
        "site": site.key,
        "on": False,
    }
    assert await tokens_and_flags() == [(DEFAULT, False)]
    cli("platform", "speak", DEFAULT, "--site", site.key)
    assert await tokens_and_flags() == [(DEFAULT, True)]
    cli("token", "add", "--site", site.key, "--scope", "platform", "--name", NAME)
    (token,) = cli("token", "list")
    assert token["name"] == NAME
    cli("platform", "speak", token["id"], "--site", site.key, "--off")
    assert sorted(await tokens_and_flags()) == sorted([(DEFAULT, True), (token["id"], False)])


async def test_the_migration_marks_earlier_answers_of_tokens_as_unofficial(database_url: str) -> None:
    """The agency's own answers stay official."""
    database = Database(database_url)
    await database.connect()
    site = await make_site(database)
    await changes.add_token(database, site.id, "georeport")
    (token,) = await changes.list_tokens(database, site.id)
    numbers = []
    for source in (token["id"], None):
        receipt = await submit_report(database, site)
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="resolved", text=WORDS))
        said = "UPDATE events SET source = :source WHERE status = 'resolved' AND source IS NULL"
        await run_statement(database, said, source=source)
        numbers.append(receipt.number)
    await database.write(lambda tx: tx.run("UPDATE projections SET version = version - 1"))  # as in the release before
    await database.disconnect()
    await migrations.run(database_url, "version_1_1_0", "mark_unofficial")
    await migrate(database_url)
    database = Database(database_url)
    await database.connect()
    rows = await database.rows("SELECT number, has_answer, answered_at FROM problems ORDER BY number")
    assert [(row["number"], bool(row["has_answer"]), row["answered_at"] is not None) for row in rows] == [
        (numbers[0], False, False),
        (numbers[1], True, True),
    ]
    items = await database.rows("SELECT item FROM problem_items ORDER BY id")
    assert [b'"has_answer":true' in bytes(row["item"]) for row in items] == [False, True]
    await database.disconnect()
