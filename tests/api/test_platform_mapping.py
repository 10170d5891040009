"""A platform's services are read and mapped to the site's categories; missing counterparts are reported."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import GOROD, Client
from tests.factories import make_site
from tests.fake_platform import FakePlatform
from tests.support.cabinet import Cabinet, Enter, PageText, signed_in
from tests.support.exchange import PlatformWorker, accept_report, poll_platform
from widget_api.context import Context
from widget_api.platform import mapping
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.model import Site

SERVICES = [
    {"service_code": "7", "service_name": "Дороги и тротуары", "metadata": True, "group": "Город", "attributes": [
        {"variable": True, "code": "size", "datatype": "string", "required": True, "description": "Размер ямы"},
        {"variable": True, "code": "lane", "datatype": "string", "required": False, "description": "Полоса"},
        {"variable": True, "datatype": "string", "required": True, "description": "Без кода"},
        {"variable": False, "code": "note", "datatype": "text", "required": True, "description": "Просто подпись"},
    ]},
    {"service_code": "snow", "service_name": "Уборка", "metadata": False, "attributes": []},
    {"service_code": "99", "service_name": "Открытые люки", "metadata": False, "attributes": []},
    {"service_code": "9" * 500, "service_name": "Больше, чем хранится", "metadata": False, "attributes": []},
]  # fmt: skip
pytestmark = GOROD


@pytest.fixture
def settings(exchange_settings: Settings) -> Settings:
    return exchange_settings


@pytest.fixture
def enter(client: Client, context: Context, site: Site) -> Enter:
    async def entered(role: str) -> Cabinet:
        return await signed_in(client, context, site, role)

    return entered


async def pairs(context: Context, site: Site) -> dict[str, mapping.CategoryMapping]:
    return {pair.category: pair for pair in (await mapping.read_mapping(context.database, "default", site.id)).pairs}


@pytest.mark.parametrize("formats", [("json",), ("xml",)])
async def test_services_and_their_questions_are_imported(
    context: Context, site: Site, fake: FakePlatform, formats: Any
) -> None:
    fake.formats, fake.services = formats, SERVICES
    await poll_platform(context, site)
    found = await mapping.read_mapping(context.database, "default", site.id)
    by_category = {pair.category: pair for pair in found.pairs}
    assert by_category["snow"].state == "found"
    assert (by_category["roads"].state, by_category["roads"].suggestion) == ("unknown", found.offered[0])
    assert {one.code for one in found.unused} == {"7", "99"}
    await mapping.change_mapping(context.database, "default", site.id, {"roads": "7"})
    roads = (await pairs(context, site))["roads"]
    assert (roads.state, roads.unanswered) == ("found", ("Размер ямы",))


async def test_services_no_longer_offered_are_marked(context: Context, site: Site, fake: FakePlatform) -> None:
    fake.services = SERVICES
    await poll_platform(context, site)
    await mapping.change_mapping(context.database, "default", site.id, {"roads": "7"})
    fake.services = SERVICES[1:]
    await poll_platform(context, site)
    assert (await pairs(context, site))["roads"].state == "gone"
    fake.services = SERVICES
    await poll_platform(context, site)
    assert (await pairs(context, site))["roads"].state == "found"


async def test_without_a_service_list_it_gets_the_sites_codes(context: Context, site: Site, fake: FakePlatform) -> None:
    await poll_platform(context, site)
    assert {pair.state for pair in (await pairs(context, site)).values()} == {"unread"}
    await accept_report(context, site)
    await PlatformWorker(context).round()
    assert fake.requests[0]["service_code"] == "roads"


async def test_the_agency_edits_the_mapping_on_a_page(
    enter: Enter, context: Context, site: Site, fake: FakePlatform
) -> None:
    fake.services = SERVICES
    await poll_platform(context, site)
    await changes.set_category(context.database, site.id, "snow", {"name": "Снег во дворах"})
    cabinet = await enter("admin")
    path = f"/cabinet/sites/{site.id}/platforms"
    source = (await cabinet.client.get(f"{path}?lang=en")).text
    assert '<label for="field-default-roads">Roads and pavements</label>' in source
    assert '<label for="field-default-snow" lang="ru">Снег во дворах</label>' in source
    assert '<option value="7" lang="ru">Город: Дороги и тротуары (7)</option>' in source
    assert 'this one: <span lang="ru">Город: Дороги и тротуары (7)</span>' in source, "found by the site's own words"
    assert '<option value="" lang="ru">Уборка (snow)</option>' in source, "where it goes by itself is told by name"
    page = await cabinet.read(f"{path}?lang=ru")
    assert "У 11 категорий нет рубрики на платформе" in page.text
    assert "Похожа: Город: Дороги и тротуары (7)" in page.text
    answer = await cabinet.send(path, f"{path}/default", **{"to-roads": "7", "to-snow": ""})
    assert answer.status_code == 303
    page = await cabinet.read(path)
    assert "Платформа обязательно спрашивает: Размер ямы" in page.text
    assert "У 10 категорий" in page.text
    await accept_report(context, site)
    await PlatformWorker(context).round()
    assert fake.requests[0]["service_code"] == "7"


async def test_errors_are_shown_at_their_field(enter: Enter, site: Site, fake: FakePlatform) -> None:
    cabinet = await enter("admin")
    path = f"/cabinet/sites/{site.id}/platforms"
    answer = await cabinet.send(path, f"{path}/default", **{"to-roads": "7" * 201, "to-snow": "99", "to-gone": "1"})
    assert answer.status_code == 422
    assert '<a href="#field-default-roads">Дороги и тротуары: Слишком длинно' in answer.text
    assert re.search(
        r'<input type="text" id="field-default-roads"[^>]+ aria-describedby="field-default-roads-error "'
        r' aria-invalid="true"',
        answer.text,
    )
    assert 'id="field-default-roads-error"' in answer.text
    assert ">gone: " in answer.text, "a category that was switched off meanwhile"
    assert PageText(answer.text).form(f"{path}/default").fields["to-snow"] == "99"


async def test_sites_of_others_are_not_found(enter: Enter, context: Context, site: Site, fake: FakePlatform) -> None:
    other = await make_site(context.database, agency={"name": "Другой город", "email": "b@other.test"})
    cabinet = await enter("admin")
    await cabinet.read(f"/cabinet/sites/{other.id}/platforms", 404)
    own = f"/cabinet/sites/{site.id}/platforms"
    form = (await cabinet.read(own)).form(f"{own}/default")
    for action in (f"/cabinet/sites/{other.id}/platforms/default", f"{own}/nobodys"):
        answer = await cabinet.client.post(action, data=form.fields | {"to-roads": "7"})
        assert answer.status_code == 404


async def test_the_command_line_edits_the_mapping(
    cli: Callable[..., Any], context: Context, site: Site, fake: FakePlatform
) -> None:
    fake.services = SERVICES
    await poll_platform(context, site)
    cli("platform", "map", "default", "--site", "gorod.test", "roads=7", "snow=99")
    cli("platform", "map", "default", "--site", "gorod.test", "snow=")
    mapped = {one["category"]: one for one in cli("platform", "services", "default", "--site", "gorod.test")}
    assert (mapped["roads"]["service"], mapped["roads"]["state"], mapped["roads"]["unanswered"]) == (
        "7",
        "found",
        ["Размер ямы"],
    )
    assert (mapped["snow"]["service"], mapped["snow"]["mapped"]) == ("snow", False)
