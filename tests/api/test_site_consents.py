"""An administrator adds to the consent document and reads its versions; what residents agreed to never changes."""

from __future__ import annotations

import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client
from tests.support.cabinet import Cabinet, PageText
from widget_api import clock
from widget_api.cabinet.sites.consents import list_changes
from widget_api.context import Context
from widget_api.sites import changes, consent
from widget_api.sites import service as sites
from widget_api.sites.model import Site

OWN = "За данные отвечает Анна Петрова."


@pytest.fixture
async def admin(context: Context, admin: Cabinet) -> Cabinet:
    await context.database.write(lambda tx: tx.run("UPDATE users SET name = 'Вера Орлова'"))
    return admin


def address(site: Site) -> str:
    return f"/cabinet/sites/{site.id}/consent"


async def current(client: Client, site: Site) -> str:
    return str((await client.get(f"/api/v1/sites/{site.key}")).json()["consent"]["version"])


async def test_a_saved_paragraph_makes_a_version_and_leaves_the_earlier_one(
    client: Client, context: Context, site: Site, admin: Cabinet
) -> None:
    before = await current(client, site)
    former = (await client.get(f"/s/{site.key}/consent/{before}")).text
    with time_machine.travel(clock.now() + 3600, tick=False):
        shown = await admin.send(address(site), address(site), consent_text=OWN, do="preview")
        assert shown.status_code == 200
        assert f'<ins><span class="unseen">Добавлено: </span>{OWN}' in shown.text
        assert await current(client, site) == before, "nothing is saved yet"
        saved = await admin.send(address(site), address(site), consent_text=f" {OWN}\n\n\nКабинет 12. ", do="save")
        assert saved.status_code == 303, saved.text
        after = await current(client, site)
    assert after != before
    assert (await sites.by_id(context.database, site.id)).consent_text == f"{OWN}\nКабинет 12."
    page = (await client.get(f"/s/{site.key}/consent/{after}")).text
    assert OWN in page
    assert "Дополнительно" in page
    kept = (await client.get(f"/s/{site.key}/consent/{before}")).text
    assert OWN not in kept
    assert PageText(kept).text != PageText(former).text  # it says that it is not the current one, and is the same else
    stored = await consent.find_document(context.database, site, before)
    assert stored is not None
    assert all(line in former for line in stored.body.split("\n") if "«" not in line)
    listed = await admin.read(f"{address(site)}?version={after}")
    assert "Вера Орлова" in listed.text
    assert "действует" in listed.text
    assert f"Добавлено: {OWN}" in listed.text
    for version in (before, after):
        assert f"/s/{site.key}/consent/{version}" in listed.links
    english = await consent.current_document(context.database, await sites.by_id(context.database, site.id),
                                             context.settings, "en")  # fmt: skip
    assert OWN in english.body


async def test_a_withdrawn_text_stays_withdrawn_when_the_earlier_one_returns(context: Context, site: Site) -> None:
    """A, B, A again, C: each is accepted for a day after another one replaced it."""
    versions: dict[str, str] = {}

    async def save(text: str) -> None:
        await changes.update_site(context.database, site.id, {"consent_text": text})
        now = await sites.by_id(context.database, site.id)
        versions[text] = (await consent.current_document(context.database, now, context.settings, "ru")).version

    async def accepted() -> str:
        now = await sites.by_id(context.database, site.id)
        found = [
            text
            for text, version in versions.items()
            if await consent.find_agreed(context.database, now, context.settings, version)
        ]
        return "".join(found)

    with time_machine.travel(clock.now(), tick=False) as moment:
        for text in "ABA":
            await save(text)
            moment.shift(3600)
        assert await accepted() == "AB", "B was replaced an hour ago"
        moment.shift(23 * 3600)
        assert await accepted() == "A"
        await save("C")
        moment.shift(86_399)
        assert await accepted() == "AC", "a draft under A is kept for a day"
        moment.shift(1)
        assert await accepted() == "C"
        listed = await consent.list_documents(context.database, site.id)
        assert [row["version"] for row in listed if row["version"] in versions.values()] == [
            versions[text] for text in "CAB"
        ]


@ONE_DATABASE
async def test_missing_details_are_named_with_the_way_to_them(context: Context, site: Site, admin: Cabinet) -> None:
    page = await admin.read(address(site))
    assert "не хватает по закону 152‑ФЗ: ИНН, почтовый адрес, номер в реестре операторов." in page.text
    assert "/cabinet/organisation/details" in page.links
    details = {"inn": "5022000000", "postal_address": "Мира, 1", "registry_number": "77-22-123456"}
    await changes.update_agency(context.database, site.agency.id, details)
    page = await admin.read(address(site))
    assert "не хватает" not in page.text
    assert "изменились реквизиты или настройки" in page.text


@ONE_DATABASE
async def test_bad_text_is_kept_and_explained(context: Context, site: Site, admin: Cabinet) -> None:
    for text, sentence in (("<b>Важно</b>", "Теги HTML"), ("а" * 3001, "Сократите до 3"), ("<script>", "Теги HTML")):
        for do in ("save", "preview"):
            answer = await admin.send(address(site), address(site), consent_text=text, do=do)
            assert answer.status_code == 422, text
            assert sentence in answer.text
            assert PageText(answer.text).form(address(site)).fields["consent_text"] == text
        assert (await sites.by_id(context.database, site.id)).consent_text == ""


def test_only_lines_that_differ_are_listed() -> None:
    assert list_changes("а\n\nб\nв", "а\nб!\nв") == [("-", "б"), ("+", "б!")]
    assert list_changes("а", "а") == []
