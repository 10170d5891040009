"""An agency's administrator edits the public settings of a site in the cabinet, with the command line's rules."""

from __future__ import annotations

import pytest

from tests.conftest import ONE_DATABASE, Client
from tests.factories import make_site
from tests.support.cabinet import Cabinet, Enter, signed_in
from widget_api.context import Context
from widget_api.errors import Invalid
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site

pytestmark = pytest.mark.site(name="Сайт города")


@pytest.fixture
def enter(client: Client, context: Context, site: Site) -> Enter:
    async def entered(role: str = "admin") -> Cabinet:
        return await signed_in(client, context, site, role)

    return entered


def settings_of(site: Site) -> str:
    return f"/cabinet/sites/{site.id}/settings"


@pytest.mark.parametrize("role", ["admin", "operator"])
async def test_changed_settings_are_visible_in_the_api_at_once(
    client: Client, context: Context, site: Site, enter: Enter, role: str
) -> None:
    api = f"/api/v1/sites/{site.key}"
    before = (await client.get(api)).json()
    cabinet = await enter(role)
    assert settings_of(site) in (await cabinet.read(f"/cabinet/sites/{site.id}")).links
    changed = {"discussion": "moderated", "license": "https://gorod.test/license", "contact": "required"}
    more = {"name": " Город ", "photos": "5", "accent": "#AA0000"}
    answer = await cabinet.send(settings_of(site), settings_of(site), **changed, **more)
    assert answer.status_code == 303, answer.text
    after = (await client.get(api)).json()
    assert (before["name"], after["name"], after["contact"]) == ("Сайт города", "Город", "required")
    assert (await client.get(f"{api}/problems.geojson")).json()["license"] == "https://gorod.test/license"
    found = await sites.by_id(context.database, site.id)
    assert (found.discussion, found.photos, found.accent) == ("moderated", 5, "#aa0000")
    page = await cabinet.read(answer.headers["location"])
    assert "Настройки сохранены" in page.text
    assert page.form(settings_of(site)).fields["license"] == "https://gorod.test/license"
    assert (await cabinet.send(settings_of(site), settings_of(site), accent="")).status_code == 303
    assert (await sites.by_id(context.database, site.id)).accent is None


@ONE_DATABASE
async def test_values_refused_by_the_command_line_are_refused(context: Context, site: Site, enter: Enter) -> None:
    cabinet = await enter()
    for field, value, sentence in (
        ("name", " ", "Напишите название"), ("license", "CC BY 4.0", "не адрес лицензии"),
        ("license", "javascript:alert(1)", "не адрес лицензии"), ("license", "", "не адрес лицензии"),
        ("accent", "red", "Это не цвет"), ("photos", "11", "от 0 до 10"), ("photos", "-1", "от 0 до 10"),
        ("photos", "²", "от 0 до 10"), ("photos", "9" * 4000, "от 0 до 10"),
        ("discussion", "open", "Такого варианта нет"), ("contact", "never", "Такого варианта нет"),
    ):  # fmt: skip
        answer = await cabinet.send(settings_of(site), settings_of(site), **{field: value})
        assert answer.status_code == 422, field
        assert sentence in answer.text
        assert await sites.by_id(context.database, site.id) == site
        if field != "photos" and value:
            with pytest.raises(Invalid):
                await changes.update_site(context.database, site.id, {field: value})


async def test_cross_site_forms_and_other_agencies_change_nothing(
    client: Client, context: Context, site: Site, enter: Enter
) -> None:
    other = await make_site(context.database)
    cabinet = await enter()
    form = (await cabinet.read(settings_of(site))).form(settings_of(site))
    wish = form.fields | {"discussion": "moderated"}
    for fields, headers, path, status in (
        (wish | {"form_token": "x"}, {}, settings_of(site), 403),
        (wish, {"Origin": "https://evil.test"}, settings_of(site), 403),
        (wish, {}, settings_of(other), 404),
    ):
        assert (await client.post(path, data=fields, headers=headers)).status_code == status
    for one in (site, other):
        assert (await sites.by_id(context.database, one.id)).discussion == "off"


async def test_only_fields_of_the_form_are_changed(context: Context, site: Site, enter: Enter) -> None:
    """Fields added by hand do not change moderation, retention or visibility."""
    cabinet = await enter()
    more = {"moderation": "after", "moderator": "operator", "type": "basic", "retention_days": "1", "agency_id": "x"}
    assert (await cabinet.send(settings_of(site), settings_of(site), photos="4", **more)).status_code == 303
    found = await sites.by_id(context.database, site.id)
    assert found.photos == 4
    kept = ("moderation", "moderator", "type", "retention_days", "agency")
    assert [getattr(found, name) for name in kept] == [getattr(site, name) for name in kept]
