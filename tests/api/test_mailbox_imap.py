"""A remote mailbox read over IMAP: a real Dovecot with letters delivered by others."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from scripts.servers import dovecot, reason_without_dovecot
from tests.factories import existing, make_site, submit_report
from tests.support.dovecot import ELSEWHERE, PASSWORD, Dovecot
from tests.support.mailbox import AgencyMailbox
from widget_api.context import Context
from widget_api.database import Database
from widget_api.mailbox import imap, jobs, parse, service
from widget_api.mailbox.model import Arrival
from widget_api.ops import doctor_servers as servers
from widget_api.problems import lifecycle
from widget_api.settings import Settings

pytestmark = pytest.mark.skipif(dovecot() is None, reason=f"Dovecot: {reason_without_dovecot()}")


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    started = Dovecot()
    yield started
    started.stop()


@pytest.fixture
def inbox(server: Dovecot) -> Dovecot:
    """The same server with empty folders."""
    client = server.signed_in()
    for folder in ("INBOX", "Done"):
        status, many = client.select(folder)
        if status == "OK" and many != [b"0"]:
            client.store("1:*", "+FLAGS", "\\Deleted")
            client.expunge()
    client.logout()
    return server


def url(server: Dovecot, rest: str = "INBOX", password: str = PASSWORD) -> str:
    return f"imap://widget:{quote(password, safe='')}@127.0.0.1:{server.port}/{rest}"


@pytest.fixture
def settings(make_settings: Callable[..., Settings], database_url: str, server: Dovecot) -> Settings:
    """The application's worker is off: the tests poll by themselves."""
    return make_settings(database_url=database_url, inbound=url(server), work="off")


@pytest.fixture
async def mailbox(context: Context) -> AgencyMailbox:
    site = await make_site(context.database, agency={"mode": "email", "email": "priem@gorod.test"})
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    return AgencyMailbox(context, site, receipt.problem_id, 0)


async def test_unread_letters_are_processed_and_stay_in_the_mailbox(mailbox: AgencyMailbox, inbox: Dovecot) -> None:
    inbox.put(mailbox.letter("resolved"), mailbox.letter("out_of_office"))
    assert await imap.fetch(mailbox.context, url(inbox)) == 2
    assert (await mailbox.problem())["status"] == "resolved"
    assert sorted(row["kind"] for row in await mailbox.records()) == ["answer", "automatic"]
    assert (inbox.count(), inbox.count(criterion="SEEN")) == (2, 2)
    assert await imap.fetch(mailbox.context, url(inbox)) == 0


async def test_processed_letters_are_moved_to_the_configured_folder(mailbox: AgencyMailbox, inbox: Dovecot) -> None:
    inbox.create("Done")
    inbox.put(mailbox.letter("resolved"))
    await imap.fetch(mailbox.context, url(inbox, "INBOX?move=Done"))
    assert (inbox.count(), inbox.count("Done"), inbox.count("Done", "SEEN")) == (0, 1, 1)


@pytest.mark.parametrize("way", ["imaps", "starttls"])
async def test_remote_connections_require_tls_with_a_valid_certificate(
    way: str, mailbox: AgencyMailbox, inbox: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, port = ("imaps", inbox.secure_port) if way == "imaps" else ("imap", inbox.port)
    address = f"{scheme}://widget:{quote(PASSWORD, safe='')}@{ELSEWHERE}:{port}/INBOX"
    inbox.put(mailbox.letter("resolved"))
    with pytest.raises(ssl.SSLCertVerificationError):
        await imap.fetch(mailbox.context, address)
    assert inbox.count(criterion="UNSEEN") == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(inbox.certificate.authority))
    assert await imap.fetch(mailbox.context, address) == 1
    assert (await mailbox.problem())["status"] == "resolved"


async def test_a_letter_is_marked_only_after_it_is_stored(
    mailbox: AgencyMailbox, inbox: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.put(mailbox.letter("resolved"))

    async def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", away)
        with pytest.raises(OSError, match="away"):
            await imap.fetch(mailbox.context, url(inbox))
    assert inbox.count(criterion="UNSEEN") == 1
    assert await imap.fetch(mailbox.context, url(inbox)) == 1
    assert (await mailbox.problem())["status"] == "resolved"


async def test_a_failing_letter_does_not_block_others(
    mailbox: AgencyMailbox, inbox: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.put(mailbox.letter("out_of_office"), mailbox.letter("resolved"))
    take = service.receive_letter

    async def failing(context: Context, arrival: Arrival) -> None:
        if b"out_of_office" in arrival.raw:
            raise OSError("something nobody thought of")
        await take(context, arrival)

    monkeypatch.setattr(service, "receive_letter", failing)
    with pytest.raises(OSError, match="nobody"):
        await imap.fetch(mailbox.context, url(inbox))
    assert (await mailbox.problem())["status"] == "resolved"
    assert (inbox.count(criterion="UNSEEN"), inbox.count(criterion="SEEN")) == (1, 1)


async def test_a_poll_interrupted_before_marking_repeats_nothing(mailbox: AgencyMailbox, inbox: Dovecot) -> None:
    inbox.put(mailbox.letter("resolved"), mailbox.letter("resolved"))
    assert await imap.fetch(mailbox.context, url(inbox)) == 2
    assert len(await mailbox.records()) == 1


async def test_large_letters_remain(mailbox: AgencyMailbox, inbox: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "MAX_SIZE", 1000)
    inbox.put(mailbox.letter("resolved"))
    await imap.fetch(mailbox.context, url(inbox))
    (row,) = await mailbox.records()
    assert (row["state"], row["reason"]) == ("refused", "too_large")
    opened = imap._connect(imap.parse_account(url(inbox)))
    assert imap._fetch_raw(opened, "4711") is None, "another program has deleted it meanwhile"
    opened.logout()
    assert inbox.count(criterion="SEEN") == 1


async def test_one_process_polls_and_failures_are_reported(mailbox: AgencyMailbox, inbox: Dovecot) -> None:
    inbox.put(mailbox.letter("resolved"))
    await jobs.receive_letters(mailbox.context)
    assert (await mailbox.problem())["status"] == "resolved"
    inbox.put(mailbox.letter("in_progress_until"))
    await jobs.receive_letters(mailbox.context)  # another process in the same minute
    assert inbox.count(criterion="UNSEEN") == 1
    chore = existing(await mailbox.database.row("SELECT outcome FROM chores WHERE name = 'mailbox'"))
    assert chore["outcome"] == "1 letters"


async def test_doctor_checks_the_mailbox(make_settings: Callable[..., Settings], inbox: Dovecot) -> None:
    well = await servers.check_inbound(make_settings(inbound=url(inbox)))
    assert (well.ok, well.detail.endswith("INBOX can be read, 0 unread")) == (True, True)
    wrong = await servers.check_inbound(make_settings(inbound=url(inbox, password="another")))
    assert not wrong.ok
    assert "another" not in wrong.detail
    missing = await servers.check_inbound(make_settings(inbound=url(inbox, "INBOX?move=Nowhere")))
    assert not missing.ok
    assert "Nowhere" in missing.detail
