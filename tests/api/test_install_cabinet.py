"""The install check in the cabinet and on the command line: visibility, and who may add which origin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Client
from tests.factories import HOST_ORIGIN, PUBLIC_URL, make_site
from tests.support.cabinet import Cabinet, Enter, signed_in
from widget_api.context import Context
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.web import releases

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does


REFUSED = "https://www.gorod.test"


@pytest.fixture
async def site(context: Context) -> Site:
    site = await make_site(context.database, name="Сайт города")
    context.sightings.note(site, "seen", HOST_ORIGIN, releases.served_version("1"))
    context.sightings.note(site, "origin_refused", REFUSED, releases.served_version("1"))
    await context.sightings.flush(context.database)
    return site


@pytest.fixture
def enter(client: Client, context: Context, site: Site) -> Enter:
    async def entered(role: str, of: Site = site) -> Cabinet:
        return await signed_in(client, context, of, role)

    return entered


async def test_users_see_the_sites_of_their_agency(client: Client, context: Context, site: Site, enter: Enter) -> None:
    for path in ("/cabinet/sites", f"/cabinet/sites/{site.id}"):
        assert (await client.get(path)).headers["location"].startswith("/cabinet/sign-in"), "nobody has signed in"
    other = await make_site(context.database, name="Чужой сайт")
    cabinet = await enter("viewer")
    listed = await cabinet.read("/cabinet/sites")
    assert "Сайт города" in listed.text
    assert "Чужой сайт" not in listed.text
    assert f"/cabinet/sites/{site.id}" in listed.links
    assert f"/s/{site.key}/install" in listed.links
    page = await cabinet.read(f"/cabinet/sites/{site.id}")
    assert f"незарегистрированном адресе {REFUSED}" in page.text
    await cabinet.read(f"/cabinet/sites/{other.id}", 404)
    await cabinet.read("/cabinet/sites/nothing", 404)


async def test_an_administrator_adds_a_refused_origin_alone(context: Context, site: Site, enter: Enter) -> None:
    cabinet = await enter("admin")
    path = f"/cabinet/sites/{site.id}"
    others = ("https://evil.test", "null", "", "…", "https://WWW.gorod.test", "*", "x" * 5000)
    for given in ({"sure": ""}, *({"sure": "yes", "origin": origin} for origin in others)):
        assert (await cabinet.send(path, f"{path}/origins", **given)).status_code == 422, given
        assert (await sites.by_id(context.database, site.id)).origins == {HOST_ORIGIN}
    answer = await cabinet.send(path, f"{path}/origins", sure="yes")
    assert answer.status_code == 303, answer.text
    assert REFUSED in (await sites.by_id(context.database, site.id)).origins
    page = await cabinet.read(f"{path}?done=1")
    assert "Адрес добавлен" in page.text
    assert "незарегистрированном" not in page.text


@pytest.mark.parametrize("role", ["agent", "viewer"])
async def test_other_roles_see_the_command_and_may_inspect_a_page(site: Site, enter: Enter, role: str) -> None:
    cabinet, path = await enter(role), f"/cabinet/sites/{site.id}"
    page = await cabinet.read(path)
    assert [form for form in page.forms if form.action.endswith("/origins")] == []
    assert f"--add-origin {REFUSED}" in page.text
    answer = await cabinet.send(path, f"{path}/check#look", url="https://evil.test/")
    assert answer.status_code == 422
    assert "Это не страница сайта" in answer.text


async def test_commands_check_a_site_and_print_its_pages(cli: Callable[..., Any], site: Site, client: Client) -> None:
    shown = cli("site", "show", site.id)
    assert shown["install"] == f"{PUBLIC_URL}/s/{site.key}/install"
    assert shown["install_check"].startswith(f"{PUBLIC_URL}/s/{site.key}/install/check?token=")
    found = cli("site", "check", site.jurisdiction)
    assert [(place["origin"], place["versions"], place["count"]) for place in found["places"]] == [
        (HOST_ORIGIN, [releases.served_version("1")], 1)
    ]
    assert [(one["code"], one["origin"]) for one in found["findings"]] == [("origin_refused", REFUSED)]
    assert found["last_seen"].endswith("Z")
    assert len(found["days"]) == 30
    assert found["page"] is None
    assert (await client.get(found["link"].removeprefix(PUBLIC_URL))).status_code == 200
