"""The page of days off and working days by which a site's due dates are counted."""

from __future__ import annotations

import re

import time_machine

from tests.factories import existing, make_site, submit_report
from tests.support.cabinet import Enter
from widget_api.context import Context
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site


@time_machine.travel("2026-08-15T09:00:00+00:00", tick=False)
async def test_the_month_of_today_is_open(context: Context, enter: Enter, site: Site) -> None:
    """Two years are long on a phone: the others are folded, but for the site's own days."""
    await changes.update_site(context.database, site.id, {"calendar": {"2027-08-05": False}})
    shown = await (await enter("agent", site.agency.id)).client.get(f"/cabinet/sites/{site.id}/calendar")
    months = re.findall(r'<details class="fold"( open)?>\s*<summary>(\S+)', shown.text)
    assert [name for is_open, name in months if is_open] == ["Ноябрь", "Август"], "the next that has such days"
    assert len(months) > 10


@time_machine.travel("2026-11-02T09:00:00+00:00", tick=False)
async def test_an_administrator_corrects_the_calendar(context: Context, enter: Enter, site: Site) -> None:
    path, database = f"/cabinet/sites/{site.id}/calendar", context.database
    admin, agent = await enter("admin", site.agency.id), await enter("agent", site.agency.id)
    shown = await admin.read(path)
    for words in ("4 ноября", "День народного единства", "2027"):
        assert words in shown.text.replace("\xa0", " ")
    for given, words in (
        ({"day": "", "kind": "off"}, "дат"),
        ({"day": "2026-11-10", "kind": ""}, "Заполните"),
    ):
        refused = await admin.client.post(path, data=shown.form(path).fields | given)
        assert refused.status_code == 422
        assert words in refused.text
    sent = await admin.send(path, path, day="2026-11-10", kind="off")
    assert sent.status_code == 303
    assert "указан для этого сайта" in (await admin.read(path)).text
    await submit_report(database, await sites.by_id(database, site.id))
    row = existing(await database.row("SELECT first_due FROM problems"))
    assert row["first_due"] == "2026-11-18", "a day later than by the calendar of Russia"
    seen = await agent.read(path)
    assert [form for form in seen.forms if form.action == path] == []
    token = seen.form("/cabinet/sign-out").fields["form_token"]
    forged = {"form_token": token, "day": "2026-11-11", "kind": "off"}
    assert (await agent.client.post(path, data=forged)).status_code == 403
    stranger = await enter("admin", (await make_site(database, agency={"name": "Соседи"})).agency.id)
    assert (await stranger.client.get(path)).status_code == 404
    token = (await admin.read(path)).form("/cabinet/sign-out").fields["form_token"]
    await admin.client.post(path, data={"form_token": token, "remove": "2026-11-10"})
    assert (await sites.by_id(database, site.id)).calendar.own_days == {}
