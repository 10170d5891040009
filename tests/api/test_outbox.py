"""The table of letters: kinds take turns, what is asked for again is not lost, nobody shut out is written to."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from functools import partial

import pytest

from tests.support.cabinet import Enter
from tests.support.mail import MailSink
from widget_api.context import Context
from widget_api.mail import outbox
from widget_api.mail.outbox import Handler, Letter
from widget_api.people import accounts, second_factor
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")


async def _enqueue(context: Context, kind: str, *subjects: str) -> None:
    for subject in subjects:
        await context.database.write(partial(outbox.enqueue, kind=kind, subject=subject))


async def test_kinds_take_turns(site: Site, context: Context, mail_sink: MailSink) -> None:
    async def write(context: Context, letter: Letter) -> EmailMessage:
        return outbox.compose(context, "password_reset", "en", letter.subject, "City", (letter.id,), url="", email="")

    many, one = Handler("many", write), Handler("one", write)
    await _enqueue(context, "many", "a@gorod.test", "b@gorod.test", "c@gorod.test")
    await _enqueue(context, "one", "d@gorod.test")
    assert await outbox.send_due(context, many, one) == 0
    assert len(mail_sink.letters) == 2
    assert mail_sink.to("d@gorod.test")


async def test_what_is_asked_for_again_while_it_is_being_sent_leaves_again(
    site: Site, context: Context, mail_sink: MailSink
) -> None:
    async def write_meanwhile(context: Context, letter: Letter) -> None:
        await _enqueue(context, "kind", letter.subject)

    async def write_again(context: Context, letter: Letter) -> None:
        again.append(letter)

    again = list[Letter]()
    handler = Handler("kind", write_meanwhile)
    await _enqueue(context, "kind", "subject")
    await outbox.send_due(context, handler)
    await outbox.send_due(context, replace(handler, write=write_again))
    assert [letter.subject for letter in again] == ["subject"]
    assert not await outbox.is_waiting(context.database, "kind", "subject")


async def test_nobody_who_was_shut_out_meanwhile_is_written_to(
    enter: Enter, site: Site, context: Context, mail_sink: MailSink
) -> None:
    await enter("agent", site.agency.id, "anna@gorod.test")
    (user,) = await context.database.rows("SELECT id FROM users WHERE email = 'anna@gorod.test'")
    await _enqueue(context, second_factor.LETTERS.kind, user["id"])
    await accounts.disable_user(context.database, "anna@gorod.test")
    await outbox.send_due(context, second_factor.LETTERS)
    assert mail_sink.letters == []
    assert not await outbox.is_waiting(context.database, second_factor.LETTERS.kind, user["id"])
