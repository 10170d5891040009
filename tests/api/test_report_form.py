"""The report form as a page without scripts: what it shows, keeps, refuses, and sends once."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import Any

import httpx2
import orjson
import pytest
from PIL import Image

from tests.conftest import Client
from tests.factories import EMAIL, existing, make_site, run_statement
from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.problems import forms
from widget_api.problems.store import contacts
from widget_api.sites import changes
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does
FILLING_TIME = forms.MIN_FILLING_TIME

QUESTIONS = [
    {
        "code": "depth",
        "datatype": "singlevaluelist",
        "required": True,
        "description": "Глубина ямы",
        "order": 1,
        "values": [["small", "До 5 см"], ["deep", "Больше"]],
    },
    {
        "code": "where",
        "datatype": "multivaluelist",
        "required": False,
        "description": "Что повреждено",
        "order": 2,
        "values": [["road", "Дорога"], ["path", "Тротуар"]],
    },
]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every visitor had taken enough time."""
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)


@pytest.fixture
def address(site: Site) -> str:
    return f"/s/{site.key}/report"


@pytest.fixture
async def page(client: Client, address: str) -> str:
    """The empty form."""
    return (await client.get(address)).text


def hidden(page: str) -> dict[str, str]:
    return {
        match[1]: unescape(match[2])
        for match in re.finditer(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    }


def filled(page: str, **changes: str) -> dict[str, str]:
    typed = {
        "category": "yards",
        "description": "Сломана лавочка\nу подъезда",
        "address": "ул. Ленина, 12",
        "email": EMAIL,
        "consent": "yes",
        "website": "",
    }
    return {name: value for name, value in (hidden(page) | typed | changes).items() if value != "—"}


async def reports(context: Context) -> list[dict[str, Any]]:
    return [dict(row) for row in await context.database.rows("SELECT * FROM problems ORDER BY number")]


async def test_the_form_names_the_recipient_and_takes_what_its_link_knows(client: Client, site: Site) -> None:
    page = (await client.get(f"/s/{site.key}/report?category=roads")).text
    assert "Сообщение получит: Администрация города" in page
    assert ">Отправить сообщение</button>" in re.sub(r"\s*\n\s*", "", page)
    assert "59‑ФЗ" in page
    assert "Ответ — до" in page
    assert '<option value="roads" selected>' in page
    assert re.search(r'<input type="checkbox" id="field-consent"[^>]*>', page)
    assert "checked" not in page
    assert "<script" not in re.sub(
        r'<script src="/(static/place\.js\?v=[0-9a-f]+|w/1/photos\.js)" defer></script>', "", page
    )
    given = {"category": "roads", "lat": "54.51", "lng": "38.92", "address": 'ул. "Мира", 5', "description": "<b>Яма"}
    page = (await client.get(f"/s/{site.key}/report", params=given)).text
    assert '<option value="roads" selected>' in page
    assert 'value="54.51, 38.92"' in page
    assert "ул. &#34;Мира&#34;, 5" in page
    assert "&lt;b&gt;Яма</textarea>" in page
    assert "38.92" not in (await client.get(f"/s/{site.key}/report", params={"lng": "38.92"})).text


def test_coordinates_are_read_as_maps_and_as_people_write_them() -> None:
    for written in (
        "55.0794, 38.7783", "55.0794 38.7783", "55.0794;38.7783", "55,0794; 38,7783", "55,0794, 38,7783",
        " 55,0794 38,7783 ",
    ):  # fmt: skip
        assert forms.split_coordinates(written) == ("55.0794", "38.7783"), written


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_example_in_the_error_is_accepted(language: str) -> None:
    example = i18n.text(language, "fields.coordinates").partition("например " if language == "ru" else "example ")[2]
    assert forms.split_coordinates(example.rstrip(".")) == ("55.0952", "38.7688")


async def test_submitting_without_scripts(client: Client, context: Context, address: str) -> None:
    """With an empty file field, as sent by browsers. The referring page is stored if it belongs to the site."""
    foreign = (await client.get(address, headers={"Referer": "https://elsewhere.test/"})).text
    assert hidden(foreign)["page_url"] == ""
    page = (await client.get(address, headers={"Referer": "https://gorod.test/?q=secret"})).text
    empty = [("photos", ("", b"", "application/octet-stream"))]
    sent = await client.post(address, data=filled(page, coordinates="55.0794, 38.7783"), files=empty)
    assert sent.status_code == 200
    assert sent.headers["cache-control"] == "no-store"
    assert "№ 1" in sent.text
    assert re.search(r'href="https://widget.test/t/[^"]+"', sent.text)
    (report,) = await reports(context)
    assert report["description"] == "Сломана лавочка\nу подъезда"
    assert (report["lat"], report["lng"]) == (55.0794, 38.7783)
    assert (report["source"], report["photos"], report["page_url"]) == ("form", "[]", "https://gorod.test/")
    assert report["status"] == "moderation"
    consents = await context.database.rows("SELECT * FROM consents")
    assert [row["purpose"] for row in consents] == ["processing"]
    assert consents[0]["ip"] is not None


async def test_a_line_break_counts_as_one_character(client: Client, context: Context, address: str) -> None:
    longest = "\r\n".join("Сломана" for _ in range(500))  # 4,498 characters on the wire, 3,999 in the text area
    sent = await client.post(address, data=filled((await client.get(address)).text, description=longest))
    assert sent.status_code == 200
    (report,) = await reports(context)
    assert len(report["description"]) == 3999


async def test_without_an_email_address_a_code_is_shown_unless_the_site_requires_one(
    client: Client, context: Context, address: str
) -> None:
    sent = await client.post(address, data=filled((await client.get(address)).text, email=""))
    code = existing(re.search(r'<p class="code">(\w{4}-\w{4})</p>', sent.text))
    found = await client.post("/track", data={"number": "1", "code": code[1]})
    assert found.status_code == 303
    strict = f"/s/{(await make_site(context.database, contact='required')).key}/report"
    refused = await client.post(strict, data=filled((await client.get(strict)).text, email=""))
    assert 'href="#field-email"' in refused.text


async def test_consent_may_be_for_contacts_alone(client: Client, context: Context, site: Site, address: str) -> None:
    await changes.update_site(context.database, site.id, {"consent": "contacts"})
    page = (await client.get(address)).text
    assert not re.search(r'id="field-consent"[^>]* required', page)
    refused = await client.post(address, data=filled(page, consent="—"))
    assert refused.status_code == 422
    assert 'href="#field-consent"' in refused.text
    sent = await client.post(address, data=filled(page, consent="—", email=""))
    assert sent.status_code == 200
    assert await context.database.rows("SELECT * FROM consents") == []


async def test_a_form_sent_twice_creates_one_report(client: Client, context: Context, address: str, page: str) -> None:
    first = await client.post(address, data=filled(page))
    second = await client.post(address, data=filled(page))
    assert second.status_code == 200
    assert re.findall(r"/t/[^\"<]+", first.text) == re.findall(r"/t/[^\"<]+", second.text)
    other = await client.post(address, data=filled(page, description="Другая проблема"))
    assert other.status_code == 422
    assert "уже отправлено сообщение № 1" in other.text
    assert len(await reports(context)) == 1
    third = await client.post(address, data=filled(other.text, description="Другая проблема"))
    assert third.status_code == 200
    assert len(await reports(context)) == 2


async def test_all_errors_are_shown_and_input_kept(client: Client, context: Context, address: str, page: str) -> None:
    typed = filled(
        page,
        category="",
        description="аб",
        address="",
        email="не почта",
        phone="x",
        name='"><script>alert(1)</script>',
        consent="—",
        publish_name="yes",
    )
    refused = await client.post(address, data=typed)
    assert refused.status_code == 422
    assert '<div class="summary" role="alert" tabindex="-1" autofocus>' in refused.text
    linked = re.findall(r'<li><a href="#([\w-]+)">', refused.text)
    assert linked == [f"field-{name}" for name in ("category", "description", "address", "email", "phone", "consent")]
    for name in linked:
        assert f'id="{name}"' in refused.text
    assert ">\nаб</textarea>" in refused.text
    assert 'value="не почта"' in refused.text
    assert "<script>alert" not in refused.text
    assert re.search(r'id="field-publish_name"[^>]* checked', refused.text)
    assert re.search(r'id="field-email"[^>]*aria-describedby="field-email-error[^>]*aria-invalid="true"', refused.text)
    assert await reports(context) == []
    assert hidden(refused.text)["form"] == typed["form"]  # still the same attempt
    # One error needs no list of one.
    single = await client.post(address, data=filled(page, category=""))
    assert [link for link in re.findall(r'<a href="#([\w-]+)">', single.text) if link.startswith("field-")] == [
        "field-category"
    ]
    assert ("Проверьте, что заполнено" in refused.text, "Проверьте, что заполнено" in single.text) == (True, False)


async def test_the_honeypot_asks_again(
    client: Client, context: Context, address: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", FILLING_TIME)
    fast = await client.post(address, data=filled(page))
    assert fast.status_code == 422
    assert "слишком быстро" in fast.text
    assert "<title>Ошибка: " in fast.text
    later = clock.now() + forms.MIN_FILLING_TIME
    monkeypatch.setattr(clock, "now", lambda: later)
    trapped = await client.post(address, data=filled(page, website="https://spam.test"))
    assert trapped.status_code == 422
    assert "spam.test" not in trapped.text
    assert await reports(context) == []
    assert (await client.post(address, data=filled(page))).status_code == 200


async def test_forms_from_elsewhere_or_with_an_outdated_consent_are_refused(
    client: Client, context: Context, address: str, page: str
) -> None:
    other = await make_site(context.database)
    foreign = (await client.get(f"/s/{other.key}/report")).text
    for token in (hidden(foreign)["form"], "", "x.y.z"):
        refused = await client.post(address, data=filled(foreign, form=token))
        assert refused.status_code == 422
        assert "Сломана лавочка" in refused.text
    assert await reports(context) == []
    origins = ("https://evil.test", "null", "https://[", "https://widget.test.evil.test", "http://widget.test")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, *({"Origin": origin} for origin in origins)):
        assert (await client.post(address, data=filled(page), headers=headers)).status_code == 403
    assert await reports(context) == []
    refused = await client.post(address, data=filled(page, consent_version="000000000000"))
    assert refused.status_code == 422
    assert "Текст согласия изменился" in refused.text
    assert not re.search(r'id="field-consent"[^>]* checked', refused.text)
    assert await reports(context) == []


async def test_rate_limited_forms_keep_their_input(client: Client, context: Context, address: str, page: str) -> None:
    for _ in range(12):
        await client.post(address, data=filled(page, description=""))
    refused = await client.post(address, data=filled(page))
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "Сломана лавочка" in refused.text
    assert await reports(context) == []


async def test_a_category_shows_its_own_questions(client: Client, context: Context, site: Site, address: str) -> None:
    async def ask(tx: Transaction) -> None:
        await tx.run(
            "UPDATE site_categories SET questions = :questions, notice = :notice"
            " WHERE site_id = :id AND code = 'roads'",
            questions=orjson.dumps(QUESTIONS).decode(),
            notice="Угроза жизни — звоните 112",
            id=site.id,
        )
        await tx.run("UPDATE site_counters SET settings = settings + 1 WHERE site_id = :id", id=site.id)

    await context.database.write(ask, site.id)
    page = (await client.get(address)).text
    assert "Глубина ямы" not in page
    changed = await client.post(address, data=filled(page, category="roads", update="1"))
    assert changed.status_code == 200
    assert "Глубина ямы" in changed.text
    assert "звоните 112" in changed.text
    assert "Сломана лавочка" in changed.text
    refused = await client.post(address, data=filled(changed.text, category="roads"))
    assert 'href="#field-answers-depth"' in refused.text
    body: list[tuple[str, Any]] = list(filled(refused.text, category="roads").items())
    body += [("answers.depth", "deep"), ("answers.where", "road"), ("answers.where", "path")]
    sent = await client.post(
        address, content=str(httpx2.QueryParams(body)), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert sent.status_code == 200
    (report,) = await reports(context)
    assert orjson.loads(report["answers"]) == {"depth": "deep", "where": ["road", "path"]}


async def test_an_unknown_key_is_explained_and_a_disabled_site_accepts_no_reports(
    client: Client, context: Context, site: Site
) -> None:
    for address in ("/s/wk_nothing/report", "/s/wk_nothing", "/s/wk_nothing/embed", "/track?site=wk_nothing"):
        page = await client.get(address)
        assert page.status_code == 404
        assert "ключа сайта нет" in page.text
    await run_statement(context.database, "UPDATE sites SET disabled_at = 1 WHERE id = :id", id=site.id)
    assert (await client.get(f"/s/{site.key}/report")).status_code == 404


async def test_the_form_is_available_in_english(client: Client, context: Context, address: str) -> None:
    page = (await client.get(f"{address}?lang=en")).text
    assert "Describe the problem" in page
    sent = await client.post(f"{address}?lang=en", data=filled(page))
    assert "The report was sent" in sent.text
    (report,) = await reports(context)
    contact = existing(await contacts.find(context.database, report["id"]))
    assert contact["language"] == "en"


async def test_malformed_bodies_are_refused(client: Client, address: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post(address, content=b"x" * 70_000, headers=form)).status_code == 413
    assert (await client.post(address, content=b"{}", headers={"Content-Type": "application/json"})).status_code == 415
    assert (await client.post(address, content=b"&".join([b"a=1"] * 300), headers=form)).status_code == 400
    assert (await client.post(address, content=b"\xff=\xff", headers=form)).status_code == 400


# --- photos ---


def jpeg(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "JPEG")
    return out.getvalue()


def chosen(*files: bytes, name: str = "яма.jpg") -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("photos", (name, file, "image/jpeg")) for file in files]


def taken(page: str) -> list[str]:
    return re.findall(r'<input type="hidden" name="photo" value="([^"]+)">', page)


async def test_photos_are_sent_with_the_form_once(client: Client, context: Context, address: str, page: str) -> None:
    assert 'enctype="multipart/form-data"' in page
    files = chosen(jpeg("red"), jpeg("blue"))
    first = await client.post(address, data=filled(page), files=files)
    assert first.status_code == 200, first.text
    assert "№ 1" in first.text
    second = await client.post(address, data=filled(page), files=files)
    assert second.status_code == 200, "sent twice is one report"
    other = await client.post(address, data=filled(page), files=chosen(jpeg("green")))
    assert other.status_code == 422
    assert "уже отправлено сообщение № 1" in other.text
    assert "Выберите их ещё раз" in other.text
    (report,) = await reports(context)
    assert len(orjson.loads(report["photos"])) == 2
    assert len(await context.database.rows("SELECT 1 FROM photos")) == 2, "what is refused unseen is not kept either"


async def test_personal_data_in_the_public_text_is_warned_of_and_stops_nobody(
    client: Client, context: Context, address: str, page: str
) -> None:
    said = "Машина А123ВС77 стоит на газоне, звоните 8 900 123-45-67"
    warned = await client.post(address, data=filled(page, description=said))
    assert warned.status_code == 422
    assert "Ещё не отправлено" in warned.text
    assert "Похоже, в нём есть номер машины и телефон." in warned.text
    assert await reports(context) == []
    seen = filled(page, description=said) | hidden(warned.text)
    moved = await client.post(address, data=seen | {"personal_move": "yes"})
    assert moved.status_code == 200
    assert "Теперь в контактах: телефон." in moved.text
    assert "Машина А123ВС77 стоит на газоне</textarea>" in moved.text
    assert 'value="8 900 123-45-67"' in moved.text
    assert await reports(context) == [], "a move sends nothing"
    other = await client.post(address, data=seen | {"description": f"{said}, anna@example.test"})
    assert other.status_code == 422, "what was not warned of yet"
    assert (await client.post(address, data=seen)).status_code == 200
    assert [report["description"] for report in await reports(context)] == [said]


async def test_photos_are_kept_while_other_fields_are_invalid(
    client: Client, context: Context, address: str, page: str
) -> None:
    files = chosen(jpeg("red"), jpeg("blue"))
    wrong = await client.post(address, data=filled(page, description="—", email="нет"), files=files)
    assert wrong.status_code == 422
    assert 'value="ул. Ленина, 12"' in wrong.text
    kept = taken(wrong.text)
    assert len(kept) == 2
    thumb = existing(re.search(r'<img src="([^"]+)" alt="Фотография 1">', wrong.text))
    assert (await client.get(unescape(thumb[1]))).headers["content-type"] == "image/jpeg"
    typed: dict[str, Any] = filled(wrong.text) | {"photo": kept, "photo_remove": kept[1]}
    sent = await client.post(address, data=typed)
    assert sent.status_code == 200, sent.text
    again = await client.post(address, data=typed)
    assert re.findall(r"/t/[^\"<]+", sent.text) == re.findall(r"/t/[^\"<]+", again.text)
    (report,) = await reports(context)
    assert len(orjson.loads(report["photos"])) == 1


async def test_too_many_photos_and_bad_files_are_named_and_other_input_kept(
    client: Client, address: str, page: str, context: Context
) -> None:
    answer = await client.post(address, data=filled(page), files=chosen(*[jpeg()] * 5))
    assert answer.status_code == 422
    assert "Фотографий больше, чем можно: 3" in answer.text
    assert len(taken(answer.text)) == 3
    files = [
        *chosen(jpeg()),
        *chosen(b"<svg onload=alert(1)>", name="<b>.svg"),
        *chosen(jpeg()[:200], name="cut.jpg"),
        *chosen(b"", name="empty.jpg"),
        *chosen(b"\xff\xd8\xff" + bytes(10 * 1024 * 1024 + 1), name="large.jpg"),
        *chosen(jpeg("blue"), name="sixth.jpg"),  # two more than a report may have are looked at
    ]
    answer = await client.post(address, data=filled(page), files=files)
    assert answer.status_code == 422
    assert await reports(context) == []
    text = unescape(answer.text)
    assert "«<b>.svg»: Это не фотография" in text
    assert "<b>.svg" not in answer.text, "what a file is called is text, not markup"
    assert "«cut.jpg»: Файл повреждён" in text
    assert "«empty.jpg»: Файл повреждён" in text
    assert "«large.jpg»: Файл больше 10 МБ" in text
    assert "Фотографий больше, чем можно: 3" in text
    assert "Сломана лавочка" in text
    assert len(taken(answer.text)) == 1
    assert 'href="#field-photos"' in answer.text
    typed: dict[str, Any] = filled(answer.text) | {"photo": taken(answer.text)}
    assert (await client.post(address, data=typed)).status_code == 200


async def test_a_required_photo_is_enforced(client: Client, context: Context, site: Site, address: str) -> None:
    await changes.set_category(context.database, site.id, "yards", {"photo_required": True})
    page = (await client.get(address)).text
    answer = await client.post(address, data=filled(page))
    assert answer.status_code == 422
    assert "Добавьте хотя бы одно фото" in answer.text
    assert (await client.post(address, data=filled(answer.text), files=chosen(jpeg()))).status_code == 200


@pytest.mark.settings(min_free_space="999999999")
async def test_without_room_for_photos_the_form_says_so_and_goes_without(
    client: Client, context: Context, site: Site, address: str
) -> None:
    await changes.set_category(context.database, site.id, "yards", {"photo_required": True})
    page = (await client.get(address)).text
    wrong = await client.post(address, data=filled(page, email="нет"), files=chosen(jpeg()))
    assert wrong.status_code == 422
    assert "на сервере для них нет места" in wrong.text
    assert "Добавьте хотя бы одно фото" not in wrong.text
    sent = await client.post(address, data=filled(wrong.text), files=chosen(jpeg()))
    assert sent.status_code == 200, sent.text
    assert "Фото не приложены" in sent.text
    (report,) = await reports(context)
    assert report["photos"] == "[]"


async def test_photos_of_bots_are_not_decoded_and_others_kept_when_the_category_changes(
    client: Client, context: Context, address: str, page: str
) -> None:
    answer = await client.post(address, data=filled(page, website="spam"), files=chosen(jpeg()))
    assert answer.status_code == 422
    assert "Выберите их ещё раз" in answer.text
    assert await context.database.rows("SELECT 1 FROM photos") == []
    answer = await client.post(address, data=filled(page, update="1"), files=chosen(jpeg()))
    assert answer.status_code == 200
    assert len(taken(answer.text)) == 1
    forged = await client.post(address, data=filled(page, update="1", form="forged"), files=chosen(jpeg()))
    assert taken(forged.text) == [], "a program that did not even fetch the form has nothing decoded"
    assert len(await context.database.rows("SELECT 1 FROM photos")) == 1
