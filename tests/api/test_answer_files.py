"""Photos and documents of an official answer: in the cabinet, in public, in letters, and their deletion."""

from __future__ import annotations

import io
import re
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, RESIDENT, run_statement, submit_report
from tests.support.cabinet import Cabinet
from widget_api import clock
from widget_api.attachments.documents import model
from widget_api.attachments.documents import service as documents
from widget_api.attachments.photos import service as photos
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.deliveries import queue
from widget_api.mail import links, sender
from widget_api.people.accounts import add_user
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor, Change
from widget_api.problems.store import records
from widget_api.problems.submit import Receipt
from widget_api.residents import author_mail
from widget_api.sites.model import Site

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
W = "https://widget.test"


def jpeg(colour: str = "green") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(written, "JPEG")
    return written.getvalue()


class Answering(Cabinet):
    async def answer(
        self,
        problem_id: str,
        *,
        documents: tuple[tuple[str, bytes], ...] = (),
        photos: tuple[bytes, ...] = (),
        to: str = "resolved",
        **fields: Any,
    ) -> httpx2.Response:
        """Fill in and send the decision form with files, as a browser does."""
        form = (await self.read(f"/cabinet/problems/{problem_id}")).form(f"/cabinet/problems/{problem_id}")
        data = {name: value for name, value in form.fields.items() if name not in ("photos", "documents")}
        files = [("photos", (f"{place}.jpg", content, "image/jpeg")) for place, content in enumerate(photos)]
        files += [("documents", (name, content, "application/octet-stream")) for name, content in documents]
        files = files or [("documents", ("", b"", "application/octet-stream"))]
        given = {"text": "Яма засыпана"} | fields
        return await self.client.post(form.action, data=data | {"to": to} | given, files=files)


@pytest.fixture
async def cabinet(client: Client, context: Context, site: Site) -> Answering:
    email, password = "agent@gorod.test", "correct horse battery"
    await add_user(context.database, email=email, role="agent", agency_id=site.agency.id, password=password)
    signed_in = Answering(client)
    await signed_in.sign_in(email, password)
    return signed_in


@pytest.fixture
async def accepted(context: Context, site: Site, receipt: Receipt) -> Receipt:
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt


async def detail(client: Client, site: Site, receipt: Receipt) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/sites/{site.key}/problems/{receipt.number}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def path(url: str) -> str:
    return url.replace("&amp;", "&").removeprefix(W)


async def test_an_answer_stores_its_files(client: Client, cabinet: Answering, site: Site, accepted: Receipt) -> None:
    sent = await cabinet.answer(
        accepted.problem_id, documents=(("Акт № 1.pdf", PDF), ("Смета.PDF", PDF + b"\n")), photos=(jpeg(), jpeg("blue"))
    )
    assert sent.status_code == 303, sent.text
    answer = (await detail(client, site, accepted))["answer"]
    assert [(one["name"], one["bytes"], one["type"]) for one in answer["documents"]] == [
        ("Акт № 1.pdf", len(PDF), "application/pdf"),
        ("Смета.pdf", len(PDF) + 1, "application/pdf"),
    ]
    assert len(answer["photos"]) == 2
    for photo in answer["photos"]:
        assert (await client.get(path(photo["url"]))).headers["content-type"] == "image/jpeg"
        assert (await client.get(path(photo["thumb"]))).status_code == 200
    got = await client.get(path(answer["documents"][0]["url"]))
    assert got.content == PDF
    headers = got.headers
    assert headers["content-type"] == "application/pdf"
    assert headers["content-disposition"].startswith("attachment;")
    assert "filename*=UTF-8''%D0%90%D0%BA%D1%82%20%E2%84%96%201.pdf" in headers["content-disposition"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    again = await client.get(path(answer["documents"][0]["url"]), headers={"If-None-Match": headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_attachments_are_public_with_the_answer(
    client: Client, cabinet: Answering, context: Context, site: Site, accepted: Receipt
) -> None:
    await cabinet.answer(accepted.problem_id, documents=(("Акт.pdf", PDF),), photos=(jpeg(),))
    for address in (
        f"/s/{site.key}/problems/{accepted.number}",
        path(links.track_url(context, accepted.problem_id)),
        f"/cabinet/problems/{accepted.problem_id}",
    ):
        page = (await client.get(address)).text
        (document,) = set(re.findall(rf'href="{W}(/documents/[^"]+)"', page))
        assert (await client.get(path(document))).content == PDF, address
        shown = set(re.findall(rf'href="{W}(/photos/[^"]+)"', page))
        assert len(shown) == 1, address
        assert (await client.get(path(shown.pop()))).status_code == 200


async def test_each_photo_is_shown_once_across_several_decisions(
    client: Client, cabinet: Answering, context: Context, site: Site, accepted: Receipt
) -> None:
    """Answered, reopened, worked on, answered again: the photos of the newest answer are on top, the others below."""
    await cabinet.answer(accepted.problem_id, photos=(jpeg(), jpeg("blue")))
    wish = Change(to="reopened", text="Яма осталась")
    await lifecycle.change(context.database, RESIDENT, site.id, accepted.problem_id, wish)
    await cabinet.answer(accepted.problem_id, photos=(jpeg("red"),), to="in_progress")
    await cabinet.answer(accepted.problem_id, photos=(jpeg("grey"), jpeg("black")))
    page = (await client.get(f"/s/{site.key}/problems/{accepted.number}")).text
    shown = re.findall(rf'<a href="{W}(/photos/[^"]+)"', page)
    assert len(shown) == len(set(shown)) == 5
    answer, below = page.partition("</section>")[0], page.partition('class="timeline"')[2]
    newest = [photo["url"] for photo in (await detail(client, site, accepted))["answer"]["photos"]]
    assert [url in answer for url in newest] == [True, True]
    assert len(re.findall(rf'<a href="{W}/photos/', below)) == 3


async def test_the_detail_tells_the_deadline(client: Client, context: Context, site: Site, accepted: Receipt) -> None:
    answer = await detail(client, site, accepted)
    assert answer["url"] == f"{W}/s/{site.key}/problems/{accepted.number}"
    wanted = {"kept": None, "expected_on": None, "responsible": None, "duplicate_of": None, "discussion": "off"}
    assert {name: answer[name] for name in wanted} == wanted
    assert (answer["answered_at"], answer["answer"]) == (None, None)
    for wish in (
        Change(to="forwarded", responsible="Дорожная служба"),
        Change(to="planned", expected_on="2099-12-01"),
        Change(to="resolved", text="Готово"),
    ):
        await lifecycle.change(context.database, AGENT, site.id, accepted.problem_id, wish)
        answer = await detail(client, site, accepted)
        assert answer["expected_on"] == ("2099-12-01" if wish.to == "planned" else None)
        assert answer["responsible"] == "Дорожная служба"
    assert answer["kept"] is True
    assert answer["answered_at"] == answer["answer"]["at"]
    assert (answer["answer"]["photos"], answer["answer"]["documents"]) == ([], [])
    # Computed when the answer was given: later changes of the deadline have no effect.
    await _set(context, accepted, answer_due="2020-01-01")
    assert (await detail(client, site, accepted))["kept"] is True


async def _set(context: Context, receipt: Receipt, **columns: Any) -> None:
    async def work(tx: Transaction) -> None:
        await records.update(tx, receipt.problem_id, columns)
        await tx.run("UPDATE site_counters SET version = version + 1")

    await context.database.write(work)


async def test_a_late_answer_is_not_in_time(client: Client, context: Context, site: Site, accepted: Receipt) -> None:
    await _set(context, accepted, answer_due="2020-01-01")
    assert (await detail(client, site, accepted))["kept"] is False


BROKEN = {
    "no PDF at all": (b"MZ\x90\x00 program", "Это не документ PDF"),
    "HTML with the name of a PDF": (b"<html>%PDF-1.7 %%EOF", "Это не документ PDF"),
    "cut off": (PDF[:-8], "файл неполный"),
    "empty": (b"", "Это не документ PDF"),
    "too large": (PDF[:-6] + b" " * model.MAX_FILE_SIZE + b"%%EOF\n", "Документ больше 10 МБ"),
}


@ONE_DATABASE
@pytest.mark.parametrize("name", BROKEN)
async def test_a_bad_file_is_named_and_the_other_input_kept(
    client: Client, cabinet: Answering, site: Site, accepted: Receipt, name: str
) -> None:
    content, reason = BROKEN[name]
    refused = await cabinet.answer(
        accepted.problem_id,
        documents=(("Хороший.pdf", PDF), ("Плохой <b>.pdf", content)),
        photos=(jpeg(),),
        text="Яма <засыпана>",
    )
    assert refused.status_code == 422
    assert f"«Плохой &lt;b&gt;.pdf»: {reason}" in refused.text or reason in refused.text
    assert "Яма &lt;засыпана&gt;" in refused.text
    assert 'href="#field-documents"' in refused.text
    assert (await detail(client, site, accepted))["status"] == "accepted"
    (document,) = re.findall(r'name="document" value="([^"]+)"', refused.text)
    (photo,) = re.findall(r'name="photo" value="([^"]+)"', refused.text)
    assert "Хороший.pdf" in refused.text
    done = await cabinet.answer(accepted.problem_id, document=document, photo=photo)
    assert done.status_code == 303, done.text
    answer = (await detail(client, site, accepted))["answer"]
    assert [one["name"] for one in answer["documents"]] == ["Хороший.pdf"]
    assert len(answer["photos"]) == 1


async def test_errors_of_files_are_in_the_readers_language(cabinet: Answering, accepted: Receipt) -> None:
    cabinet.client.headers["accept-language"] = "en"
    form = (await cabinet.read(f"/cabinet/problems/{accepted.problem_id}?lang=en")).form(
        f"/cabinet/problems/{accepted.problem_id}"
    )
    files = [("documents", ("a.doc", b"\xd0\xcf\x11\xe0", "application/msword"))]
    data = {name: value for name, value in form.fields.items() if name not in ("photos", "documents")}
    refused = await cabinet.client.post(
        f"/cabinet/problems/{accepted.problem_id}?lang=en", data=data | {"to": "resolved", "text": "Done"}, files=files
    )
    assert "“a.doc”: This is not a PDF document" in refused.text


async def test_at_most_five_files_and_none_without_a_text(
    client: Client, cabinet: Answering, site: Site, accepted: Receipt
) -> None:
    six = tuple((f"{place}.pdf", PDF) for place in range(6))
    refused = await cabinet.answer(accepted.problem_id, documents=six)
    assert refused.status_code == 422
    assert "не больше 5 документов" in refused.text
    assert len(re.findall(r'name="document" value', refused.text)) == 5
    refused = await cabinet.answer(accepted.problem_id, documents=six[:1], to="in_progress", text=" ")
    assert refused.status_code == 422
    assert "файлы без текста не отправить" in refused.text
    assert (await detail(client, site, accepted))["status"] == "accepted"


async def test_removed_files_are_not_sent(client: Client, cabinet: Answering, site: Site, accepted: Receipt) -> None:
    refused = await cabinet.answer(accepted.problem_id, documents=(("Не тот.pdf", PDF),), text="")
    (token,) = re.findall(r'name="document" value="([^"]+)"', refused.text)
    assert (await cabinet.answer(accepted.problem_id, document=token, document_remove=token)).status_code == 303
    assert (await detail(client, site, accepted))["answer"]["documents"] == []


async def test_a_file_token_is_valid_once_for_its_own_problem(
    client: Client, cabinet: Answering, context: Context, site: Site, accepted: Receipt
) -> None:
    other = await submit_report(context.database, site)
    await lifecycle.change(context.database, AGENT, site.id, other.problem_id, Change(to="accepted"))
    refused = await cabinet.answer(accepted.problem_id, documents=(("Акт.pdf", PDF),), text="")
    (token,) = re.findall(r'name="document" value="([^"]+)"', refused.text)
    assert (await cabinet.answer(other.problem_id, document=token)).status_code == 303
    assert (await detail(client, site, other))["answer"]["documents"] == []
    assert (await cabinet.answer(accepted.problem_id, document=token)).status_code == 303
    assert len((await detail(client, site, accepted))["answer"]["documents"]) == 1
    await lifecycle.change(context.database, AGENT, site.id, accepted.problem_id, Change(to="in_progress"))
    assert (await cabinet.answer(accepted.problem_id, document=token)).status_code == 303
    assert (await detail(client, site, accepted))["answer"]["documents"] == []


async def test_files_of_unpublished_answers_need_a_signed_link(
    client: Client, cabinet: Answering, context: Context, site: Site, receipt: Receipt
) -> None:
    """A report rejected before it was published: its author reads the reason, the public nothing."""
    sent = await cabinet.answer(
        receipt.problem_id, documents=(("Причина.pdf", PDF),), photos=(jpeg(),), to="rejected", text="Не наш город",
        reject_reason="no_place",
    )  # fmt: skip
    assert sent.status_code == 303, sent.text
    (row,) = await documents.list_attached(context.database, site.id, receipt.problem_id)
    bare = model.document_path(row["id"], row["name"])
    page = (await client.get(path(links.track_url(context, receipt.problem_id)))).text
    (signed,) = set(re.findall(rf'href="{W}(/documents/[^"]+)"', page))
    client.cookies.clear()
    assert (await client.get(bare)).status_code == 404
    assert (await client.get(bare + "?s=99999999999.x")).status_code == 404
    opened = await client.get(path(signed))
    assert opened.content == PDF
    assert opened.headers["cache-control"] == "private, no-store"
    assert (await client.get(bare.replace(row["id"], "0" * 8 + row["id"][8:]))).status_code == 404
    assert (await client.get(f"/documents/{row['id']}/other.pdf")).status_code == 404


@pytest.mark.parametrize("way", ["withdrawn", "erased"])
async def test_withdrawal_and_erasure_remove_the_files_at_once(
    client: Client, cabinet: Answering, context: Context, site: Site, accepted: Receipt, way: str
) -> None:
    await cabinet.answer(accepted.problem_id, documents=(("Иванов И. И.pdf", PDF),), photos=(jpeg(),))
    page = (await client.get(path(links.track_url(context, accepted.problem_id)))).text
    addresses = [path(one) for one in re.findall(rf'href="{W}(/(?:documents|photos)/[^"]+)"', page)]
    assert len(addresses) == 2
    (row,) = await documents.list_attached(context.database, site.id, accepted.problem_id)
    author = Actor(kind="resident")
    if way == "erased":
        await lifecycle.erase(context.database, author, site.id, accepted.problem_id)
    else:
        await lifecycle.change(context.database, author, site.id, accepted.problem_id, Change(to="withdrawn"))
    for address in (*addresses, model.document_path(row["id"], row["name"])):
        assert (await client.get(address)).status_code == 404
    names = await context.database.rows("SELECT name FROM documents")
    assert [one["name"] for one in names] == [""], "a name may be a person's"
    assert await documents.sweep(context.database, context.storage) == 1
    assert await context.storage.get_document(row["id"]) is None
    assert await context.database.rows("SELECT id FROM documents") == []
    assert await photos.sweep(context.database, context.storage) == 1


async def test_unused_files_are_deleted_in_time(cabinet: Answering, context: Context, accepted: Receipt) -> None:
    await cabinet.answer(accepted.problem_id, documents=(("Акт.pdf", PDF),), text="")
    (row,) = await context.database.rows("SELECT id FROM documents")
    assert await documents.purge(context.database, context.storage) == 0
    assert await context.storage.get_document(row["id"]) == PDF

    await run_statement(
        context.database, "UPDATE documents SET created_at = created_at - :life", life=model.UNATTACHED_LIFETIME + 1
    )
    assert await documents.purge(context.database, context.storage) == 1
    assert await context.storage.get_document(row["id"]) is None


async def test_restoring_a_backup_keeps_the_files_it_references(
    cabinet: Answering, context: Context, site: Site, accepted: Receipt
) -> None:
    await cabinet.answer(accepted.problem_id, documents=(("Акт.pdf", PDF),))
    (row,) = await documents.list_attached(context.database, site.id, accepted.problem_id)
    unknown = clock.new_id()
    await context.storage.put_document(unknown, PDF)
    await documents.reconcile(context.database, context.storage)
    assert await context.storage.get_document(unknown) is None
    assert await context.storage.get_document(row["id"]) == PDF


async def test_the_letter_links_to_the_files(
    client: Client, cabinet: Answering, context: Context, accepted: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cabinet.answer(accepted.problem_id, documents=(("Акт.pdf", PDF),), photos=(jpeg(),))
    sent: list[Any] = []

    async def keep(settings: Any, letter: Any, bounces_to: Any = None) -> None:
        sent.append(letter)

    monkeypatch.setattr(sender, "send_message", keep)
    now = clock.now() + 60
    while claimed := await queue.claim(context.database, "w", 50, now):
        for one in claimed:
            if one.sink == "resident":
                await author_mail.deliver_to_author(context, one)
            await queue.finish(context.database, "w", one, now)
    text = sent[-1].get_body(("plain",)).get_content()
    found = re.findall(rf"{W}(/(?:photos|documents)/\S+)", text)
    assert len(found) == 2
    assert [(await client.get(one)).status_code for one in found] == [200, 200]
    assert found[1] in sent[-1].get_body(("html",)).get_content().replace("&amp;", "&")


async def test_georeport_returns_the_first_photo(
    client: Client, cabinet: Answering, site: Site, accepted: Receipt
) -> None:
    await cabinet.answer(accepted.problem_id, photos=(jpeg(), jpeg("blue")), documents=(("Акт.pdf", PDF),))
    shown = (await detail(client, site, accepted))["answer"]["photos"]
    query = f"?jurisdiction_id={site.jurisdiction}"
    answer = (await client.get(f"/open311/v2/servicerequestupdates.json{query}")).json()
    assert [one["media_url"] for one in answer] == [None] * (len(answer) - 1) + [shown[0]["url"]]


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ("Акт.pdf", "Акт.pdf"),
        ("C:\\Users\\Анна\\Акт.PDF", "Акт.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("счёт\u202efdp.exe", "счёт fdp.exe.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "a Set-Cookie x.pdf"),
        ("", "document.pdf"),
        (".pdf", "document.pdf"),
        ("я" * 300 + ".pdf", "я" * model.MAX_NAME_LENGTH + ".pdf"),
    ],
)
def test_file_names_are_sanitised(given: str, called: str) -> None:
    assert model.sanitize_name(given) == called
