"""Entry points for a report's author: mailed links, the private page and its actions, number and code."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, EMAIL, add_platform, existing, submit_report
from tests.support.exchange import wait_until_nothing_due
from tests.support.mail import MailSink
from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.mail import links
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Actor, Change, Contact
from widget_api.problems.store import contacts, records
from widget_api.problems.submit import Receipt
from widget_api.signing import Purpose
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL)


def path(address: str) -> str:
    return address.removeprefix("https://widget.test")


async def move(context: Context, site: Site, receipt: Receipt, *statuses: str, **more: Any) -> None:
    """Change to each status, with the required fields."""
    for status in statuses:
        change = Change(to=status, text="Сделано", **more)  # type: ignore[arg-type]
        await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, change)


async def status_of(context: Context, receipt: Receipt) -> str:
    row = existing(await records.find(context.database, receipt.problem_id))
    return str(row["status"])


async def confirmed_at(context: Context, receipt: Receipt) -> int | None:
    row = existing(await contacts.find(context.database, receipt.problem_id))
    return row["confirmed_at"]  # type: ignore[no-any-return]


# --- confirming ---


async def test_the_button_of_the_mailed_link_alone_confirms(client: Client, context: Context, receipt: Receipt) -> None:
    address = path(links.confirm_url(context, receipt.problem_id))
    page = await client.get(address)
    await client.head(address)
    assert page.status_code == 200
    assert await confirmed_at(context, receipt) is None
    (form,) = FORM.findall(page.text)
    assert 'method="post"' in form
    assert "<textarea" not in form
    assert not re.search(r"<input(?![^>]*type=\"hidden\")", form)
    token = context.signer.sign(Purpose.TRACK, receipt.problem_id)
    assert (await client.post(f"/confirm/{token}")).status_code == 404
    page = await client.get(f"/t/{token}")
    assert "Почта не подтверждена" in page.text
    assert "/confirm/" not in page.text
    assert await confirmed_at(context, receipt) is None
    answer = await client.post(address)
    client.cookies.clear()
    assert answer.status_code == 303
    assert await confirmed_at(context, receipt) is not None
    page = await client.get(answer.headers["location"])
    assert FORM.findall(page.text) == []
    (link,) = re.findall(r'href="https://widget.test(/t/[^"]+)"', page.text)
    assert (await client.get(link)).status_code == 200
    assert (await client.post(address)).status_code == 303  # pressed twice


async def test_confirming_leads_to_an_open_question(
    client: Client, context: Context, site: Site, receipt: Receipt
) -> None:
    address = path(links.confirm_url(context, receipt.problem_id))
    await dialogue.ask(context.database, AGENT, site.id, receipt.problem_id, "У какого подъезда?")
    assert "У какого подъезда" not in (await client.get(address)).text
    await client.post(address)
    page = (await client.get(address)).text
    assert "Прочитать вопрос и ответить" in page
    assert FORM.findall(page) == []


@ONE_DATABASE
async def test_a_broken_link_is_explained(client: Client) -> None:
    for token in ("x", "a.b.c", "x" * 5000):
        for door in ("confirm", "t", "unsubscribe"):
            page = await client.get(f"/{door}/{token}")
            assert page.status_code == 404, door
            assert "Ссылка не действует" in page.text, token


async def test_an_expired_confirmation_link_does_nothing(
    client: Client, context: Context, receipt: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = path(links.confirm_url(context, receipt.problem_id))
    later = clock.now() + 31 * 86_400
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert (await client.post(address)).status_code == 404
    assert await confirmed_at(context, receipt) is None


# --- the private page ---


async def test_the_private_page_shows_the_complete_timeline_in_both_languages_to_nobody_else(
    client: Client, context: Context, receipt: Receipt, site: Site
) -> None:
    answer = await client.get(path(links.track_url(context, receipt.problem_id)))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert '<meta name="robots" content="noindex, nofollow">' in answer.text
    assert "Глубокая яма" in answer.text
    assert EMAIL not in answer.text
    await move(context, site, receipt, "accepted", "planned", expected_on="2099-12-12")
    await lifecycle.change(
        context.database, AGENT, site.id, receipt.problem_id, Change(to="resolved", text="Яма <b>заделана</b>")
    )

    await add_platform(context.database)
    link = {"problem_id": receipt.problem_id, "platform_id": "default", "site_id": site.id, "linked_at": 1}
    link |= {"remote_id": "777", "remote_url": "https://p.test/777"}
    await context.database.write(lambda tx: tx.insert("platform_links", **link))

    page = (await client.get(path(links.track_url(context, receipt.problem_id)))).text
    assert "Работы запланированы на 12\u00a0декабря 2099" in page
    assert "Яма &lt;b&gt;заделана&lt;/b&gt;" in page
    assert "Администрация города" in page
    assert 'href="https://p.test/777"' in page
    assert "№ 777" in page
    address = path(links.track_url(context, receipt.problem_id))
    page = (await client.get(f"{address}?lang=en")).text
    assert '<html lang="en">' in page
    assert "Report No. 1" in page
    words = LexborHTMLParser(page).css(".prose")
    assert len(words) >= 2
    assert {one.attributes.get("lang") for one in words} == {"ru"}, "of the author and of the agency"
    assert LexborHTMLParser((await client.get(f"{address}?lang=ru")).text).css(".prose[lang]") == []


async def test_the_author_confirms_the_solution(client: Client, context: Context, site: Site, receipt: Receipt) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    await move(context, site, receipt, "accepted", "resolved")
    assert (await client.post(f"{address}/confirmed")).status_code == 303
    assert await status_of(context, receipt) == "confirmed"
    again = await client.post(f"{address}/confirmed")
    assert again.status_code == 409
    assert "При нынешнем статусе" in again.text


async def test_the_author_reopens_with_a_reason(client: Client, context: Context, site: Site, receipt: Receipt) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    await move(context, site, receipt, "accepted", "resolved")
    refused = await client.post(f"{address}/reopened", data={"reason": "  "})
    assert refused.status_code == 422
    assert 'role="alert" tabindex="-1" autofocus' in refused.text
    assert 'href="#field-reason"' in refused.text
    assert await status_of(context, receipt) == "resolved"
    assert (await client.post(f"{address}/reopened", data={"reason": "Яма на месте"})).status_code == 303
    assert await status_of(context, receipt) == "reopened"
    assert "Яма на месте" in (await client.get(address)).text


async def test_reopening_is_possible_for_thirty_days(
    client: Client, context: Context, site: Site, receipt: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    await move(context, site, receipt, "accepted", "resolved")
    later = clock.now() + 31 * 86_400
    monkeypatch.setattr(clock, "now", lambda: later)
    page = (await client.get(address)).text
    assert f"{address}/reopened" not in page
    until = local_date(later - 86_400, site.time_zone)  # thirty days after the answer
    assert f"можно было до {i18n.format_date('ru', until)}" in page
    late = await client.post(f"{address}/reopened", data={"reason": "Яма на месте"})
    assert late.status_code == 409
    assert "в течение 30 дней после ответа." in late.text


async def test_the_author_erases_their_data_and_revokes_the_consent(
    client: Client, context: Context, receipt: Receipt
) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    await client.post(f"{address}/clarified", data={"words": "Живу в доме 5"})
    assert (await client.post(f"{address}/erased")).status_code == 303
    page = await client.get(f"{address}?done=erased")
    assert page.status_code == 200
    assert not any(text in page.text for text in ("Глубокая яма", "Живу в доме"))
    assert all(text in page.text for text in ("согласие отозвано", "Личные данные удалены"))
    assert FORM.findall(page.text) == []
    assert await contacts.find(context.database, receipt.problem_id) is None
    (consent,) = await context.database.rows("SELECT withdrawn_at, ip FROM consents")
    assert (consent["withdrawn_at"] is None, consent["ip"]) == (False, None)
    confirmation = await client.get(path(links.confirm_url(context, receipt.problem_id)))
    assert FORM.findall(confirmation.text) == []


async def test_the_author_unsubscribes_from_letters_and_subscribes_again(
    client: Client, context: Context, site: Site, receipt: Receipt
) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    assert f"{address}/started" not in (await client.get(address)).text
    assert (await client.post(f"{address}/stopped")).status_code == 303
    page = (await client.get(address)).text
    assert f"{address}/started" in page
    assert f"{address}/stopped" not in page
    assert (await client.post(f"{address}/started")).status_code == 303
    contact = existing(await contacts.find(context.database, receipt.problem_id))
    assert contact["stopped_at"] is None
    address = path(links.stop_url(context, receipt.problem_id))
    assert len(FORM.findall((await client.get(address)).text)) == 1
    one_click = await client.post(address, data={"List-Unsubscribe": "One-Click"})
    assert one_click.status_code == 200  # a mail program must not be redirected (RFC 8058, section 3.1)
    assert FORM.findall((await client.get(address)).text) == []
    contact = existing(await contacts.find(context.database, receipt.problem_id))
    assert contact["stopped_at"] is not None


# --- two steps before what is final ---


@pytest.mark.parametrize(
    ("step", "action", "expected"),
    [("erase", "erased", "отзываете согласие"), ("withdraw", "withdrawn", "прекратится")],
)
async def test_irreversible_actions_need_a_confirmation_page(
    client: Client, context: Context, site: Site, receipt: Receipt, step: str, action: str, expected: str
) -> None:
    await move(context, site, receipt, "accepted")
    assert (await client.get(f"/s/{site.key}/problems/1")).status_code == 200
    address = path(links.track_url(context, receipt.problem_id))
    page = await client.get(address)
    assert f'href="{address}/{step}"' in page.text
    assert f'action="{address}/{action}"' not in page.text
    page = await client.get(f"{address}/{step}")
    assert expected in page.text
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert await status_of(context, receipt) == "accepted"  # opening the page changes nothing
    (form,) = FORM.findall(page.text)
    assert f'action="{address}/{action}"' in form
    done = await client.post(f"{address}/{action}")
    assert f"done={action}" in done.headers["location"]
    assert (await client.get(done.headers["location"])).status_code == 200
    assert (await client.get(f"/s/{site.key}/problems/1")).status_code == 404
    again = await client.get(f"{address}/{step}")
    assert again.status_code == 303
    assert again.headers["location"] == address


async def test_erasure_by_retention_does_not_revoke_the_consent(context: Context, site: Site, receipt: Receipt) -> None:
    await lifecycle.erase(context.database, Actor(kind="system"), site.id, receipt.problem_id)
    (consent,) = await context.database.rows("SELECT withdrawn_at FROM consents")
    assert consent["withdrawn_at"] is None


# --- the conversation on the private page ---


async def test_an_open_question_is_shown_first_with_its_form(
    client: Client, context: Context, site: Site, receipt: Receipt
) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    await dialogue.ask(context.database, AGENT, site.id, receipt.problem_id, "У <b>какого</b> подъезда?")
    page = (await client.get(address)).text
    assert page.count(f'action="{address}/clarified"') == 1
    assert (
        page.index("У &lt;b&gt;какого&lt;/b&gt; подъезда?")
        < page.index("Почта не подтверждена")
        < page.index("Ход работы")
    )
    refused = await client.post(f"{address}/clarified", data={"words": " "})
    assert refused.status_code == 422
    assert 'href="#field-words"' in refused.text
    answered = await client.post(f"{address}/clarified", data={"words": "У <i>третьего</i>"})
    assert answered.status_code == 303
    page = (await client.get(answered.headers["location"])).text
    assert "У &lt;i&gt;третьего&lt;/i&gt;" in page
    assert "Дополнить сообщение" in page  # the question is answered; more text may be added


async def test_overlong_text_is_returned(client: Client, context: Context, receipt: Receipt) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    refused = await client.post(f"{address}/clarified", data={"words": "я" * 4001})
    assert refused.status_code == 422
    assert "я" * 4001 in refused.text
    assert (await client.post(f"{address}/clarified", data={"words": "x" * 70_000})).status_code == 413


async def test_a_mark_from_one_to_five_is_given_and_changed(
    client: Client, context: Context, site: Site, receipt: Receipt
) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    assert f"{address}/rated" not in (await client.get(address)).text
    assert (await client.post(f"{address}/rated", data={"mark": "5"})).status_code == 409
    await move(context, site, receipt, "accepted", "resolved")
    for mark in ("", "0", "6", "55", "²", "-1", "x", "5.0"):
        refused = await client.post(f"{address}/rated", data={"mark": mark, "opinion": "Долго <ждали>"})
        assert refused.status_code == 422, mark
        assert "Выберите оценку" in refused.text
        assert "Долго &lt;ждали&gt;" in refused.text
        row = existing(await records.find(context.database, receipt.problem_id))
        assert row["rating"] is None
    for mark, word in (("2", "плохо"), ("5", "отлично")):
        assert (await client.post(f"{address}/rated", data={"mark": mark})).status_code == 303
        assert f"Ваша оценка: {word}" in (await client.get(address)).text


@pytest.mark.parametrize("action", ["clarified", "reopened", "rated"])
async def test_nul_characters_and_lone_surrogates_are_harmless(
    client: Client, context: Context, site: Site, receipt: Receipt, action: str
) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    if action != "clarified":
        await move(context, site, receipt, "accepted", "resolved")
    for body in (b"words=a%00b&reason=a%00b&opinion=a%00b&mark=3", b"words=%ff%fe&reason=%ff&opinion=%ed%a0%80&mark=4"):
        answer = await client.post(
            f"{address}/{action}", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code in (303, 409, 422)
    assert (await client.get(address)).status_code == 200


@ONE_DATABASE
async def test_no_other_token_or_action_is_found(client: Client, context: Context, receipt: Receipt) -> None:
    assert (await client.post(path(links.track_url(context, receipt.problem_id)) + "/accepted")).status_code == 404
    assert await status_of(context, receipt) == "moderation"
    for purpose in [purpose for purpose in Purpose if purpose is not Purpose.TRACK]:
        token = context.signer.sign(purpose, receipt.problem_id)
        for method, door in (("GET", ""), ("GET", "/erase"), ("POST", "/erased"), ("POST", "/clarified")):
            assert (await client.request(method, f"/t/{token}{door}")).status_code == 404, purpose
        assert (await contacts.find(context.database, receipt.problem_id)) is not None


# --- the letter once more ---


async def test_the_confirmation_letter_can_be_resent_within_the_limit(
    client: Client, context: Context, site: Site, receipt: Receipt, mail_sink: MailSink
) -> None:
    address = path(links.track_url(context, receipt.problem_id))
    await wait_until_nothing_due(context.database)
    await lifecycle.mark_spam(context.database, AGENT, site.id, receipt.problem_id, True)
    assert "done=again" in (await client.post(f"{address}/again")).headers["location"], "the mark is not revealed"
    assert len(await context.database.rows("SELECT 1 FROM confirmation_letters")) == 1, "spam causes no mail"
    await lifecycle.mark_spam(context.database, AGENT, site.id, receipt.problem_id, False)
    for count in (2, 3):
        answer = await client.post(f"{address}/again")
        assert "done=again" in answer.headers["location"]
        await wait_until_nothing_due(context.database)  # requests during a delivery count once
        assert len(mail_sink.to(EMAIL)) == count
    answer = await client.post(f"{address}/again")
    assert "done=capped" in answer.headers["location"]
    assert "уже отправлено три письма" in (await client.get(answer.headers["location"])).text
    letters = mail_sink.to(EMAIL)
    assert len(letters) == 3
    assert len({letter.message["Message-ID"] for letter in letters}) == 3
    assert {letter.message["References"] for letter in letters[1:]} == {letters[0].message["Message-ID"]}


# --- number and code ---


@pytest.fixture
async def coded(context: Context, site: Site) -> tuple[Receipt, str]:
    receipt = await submit_report(context.database, site, contact=Contact())
    return receipt, orjson.loads(receipt.body)["code"]


async def test_number_and_code_open_the_private_page(client: Client, site: Site, coded: tuple[Receipt, str]) -> None:
    for written in (str, str.lower, lambda code: f"{code[:4]} {code[4:]}", lambda code: f" {code[:4]}-{code[4:]} "):
        for with_site in (True, False):
            receipt, code = coded
            data = {"number": f" № {receipt.number}", "code": written(code)} | ({"site": site.key} if with_site else {})
            answer = await client.post("/track", data=data)
            assert answer.status_code == 303, with_site
            page = await client.get(answer.headers["location"])
            assert "Глубокая яма" in page.text, with_site


async def test_a_wrong_code_is_refused_and_the_input_kept(client: Client, coded: tuple[Receipt, str]) -> None:
    for number, code in (
        ("1", "AAAABBBB"), ("2", None), ("", ""), ("1; DROP TABLE problems", None), ("-1", None), ("9" * 30, None),
        ("²", None),
    ):  # fmt: skip
        answer = await client.post("/track", data={"number": number, "code": coded[1] if code is None else code})
        assert answer.status_code == 422, number
        assert 'role="alert" tabindex="-1" autofocus' in answer.text
        assert "нет. Проверьте" in answer.text


# --- colours ---


@ONE_DATABASE
async def test_the_visitor_chooses_a_theme_and_returns_to_a_page_of_the_service(client: Client, site: Site) -> None:
    answer = await client.get("/display?theme=blue", headers={"Referer": "https://widget.test/track?site=x"})
    assert answer.headers["location"] == "/track?site=x"
    assert "Secure" in answer.headers["set-cookie"]
    assert 'data-theme="blue"' in (await client.get("/track")).text
    for page in ("/form", "/embed"):  # the widget in the page follows
        assert ' theme="contrast-blue"' in (await client.get(f"/s/{site.key}{page}")).text
    assert ' theme="light"' in (await client.get(f"/s/{site.key}/embed?theme=light")).text
    await client.get("/display?theme=off")
    assert "data-theme" not in (await client.get("/track")).text
    for referer in ("https://evil.test/x", "https://widget.test//evil.test/x", "", "https://[", "//x"):
        answer = await client.get("/display?theme=blue", headers={"Referer": referer} if referer else {})
        assert answer.headers["location"] == "/track", referer
