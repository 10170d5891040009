"""The demonstration's collections have what their presets ask for, and every page of theirs opens."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

from tests.conftest import ONE_DATABASE, Client
from tests.factories import HOST_ORIGIN, make_site
from widget_api import clock
from widget_api.demo import entries
from widget_api.participation.model import COUNTED
from widget_api.problems.model import split_entry
from widget_api.settings import Settings
from widget_api.sites import presets
from widget_api.visits import store as visits

RUSSIAN, ENGLISH = {"Accept-Language": "ru"}, {"Accept-Language": "en"}


@ONE_DATABASE
async def test_every_collection_has_entries_its_preset_allows(client: Client, app: Any, settings: Settings) -> None:
    database = app.state.context.database
    city = await make_site(database)
    for child in await entries.add_collections(database, settings.database_url, city):
        assert child.collection is not None
        path, name = f"/api/v1/sites/{city.key}/collections/{child.collection.slug}/entries", child.collection.preset
        items = (await client.get(f"{path}?limit=100")).json()["items"]
        items += (await client.get(f"{path}?limit=100&past=true")).json()["items"] if child.is_dated else []
        assert 7 <= len(items) <= 12, name
        assert {item["category"] for item in items} <= {category.code for category in child.categories}
        asked = {question.code for question in child.fields}
        required = {question.code for question in child.fields if question.required}
        for item in items:
            assert required <= item["answers"].keys() <= asked, item["title"]
            assert item["title"], name
            assert item["description"], name
            assert item["status"] in presets.find(name).statuses
            assert (await client.get(f"/s/{city.key}/c/{name}/{item['number']}")).status_code == 200
        listed = (await client.get(f"/s/{city.key}/c/{name}", headers=RUSSIAN)).text
        counted = {"vote": " голос", "join": " участник"}.get(child.collection.action)
        assert ("Как это устроено" in listed) == (name in ("budgeting", "inspectors"))
        assert ("Голосование: с" in listed) == (child.collection.action == "vote"), name
        assert ("Поликлиника № 2" in listed, "от моста до рынка" in listed) == (name == "inspectors", False)
        assert counted is None or counted in listed.replace("\xa0", " "), name
        assert ("Просрочено" in listed, "Обычно отвечают" in listed) == (False, False), "figures of complaints"
        assert ("из них жители — 120\u202f000\xa0₽" in listed) == (name == "budgeting")
        assert (f"/c/{name}/1/{child.collection.action}" in listed) == (name in ("experts", "resource-centres")), name
        english, own = await client.get(f"/s/{city.key}/c/{name}", headers=ENGLISH), presets.find(name)
        for words in (own.title, own.summary, own.categories[0][1]):
            assert (words["ru"] in unescape(english.text), words["en"] in unescape(english.text)) == (False, True), name
        if name == "inspectors":
            numbers = [item["number"] for item in items]
            reached = await visits.list_reached(database, child.id, numbers)
            assert sorted(numbers) == [row["number"] for row in reached], "each can be invited"
        planned = next((item["number"] for item in items if item["status"] == "planned"), None)
        if planned is not None:
            page = (await client.get(f"/s/{city.key}/c/{name}/{planned}", headers=RUSSIAN)).text
            assert ("Срок ответа" in page, "Работы запланированы" in page) == (child.is_due, child.is_due)
            assert ("Назначено на" in page, "Назначенный день" in page) == (not child.is_due, not child.is_due)
        events = await database.rows("SELECT at FROM events WHERE site_id = :id", id=child.id)
        assert all(event["at"] <= clock.now() for event in events)
        waiting = await database.rows(
            "SELECT description FROM problems WHERE site_id = :id AND NOT published", id=child.id
        )
        people = await database.rows(
            "SELECT person, COUNT(*) AS many FROM participants WHERE site_id = :id GROUP BY person", id=child.id
        )
        assert sum(row["many"] for row in people) == sum(item["participants"] for item in items)
        assert max([row["many"] for row in people], default=0) <= child.collection.voting.per_person
        assert bool(people) == (child.collection.action in COUNTED), name
        shown = {item["title"] for item in items}
        assert shown.isdisjoint(split_entry(row["description"])[0] for row in waiting)


@ONE_DATABASE
async def test_a_collection_is_filled_for_trials_of_size(cli: Callable[..., Any]) -> None:
    agency = cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    key = cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", HOST_ORIGIN)["key"]
    for preset in ("resource-centres", "initiatives"):
        added = cli("collection", "add", "--site", key, "--preset", preset, "--slug", preset)["collection"]
        assert cli("load-demo", "--problems", "30", "--site", added) == {"site": added, "added": 30, "published": 30}
    counts = {one["slug"]: one["count"] for one in cli("collection", "list", "--site", key)}
    assert counts == {"resource-centres": 30, "initiatives": 30}
