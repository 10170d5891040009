"""Two instances show the same count of an entry's voices and supporters, each the sum of what both counted."""

from __future__ import annotations

import random
import re
import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_participation import add_participant
from tests.api.test_two_instances_collections import NAME, Side, settle
from tests.api.test_two_instances_collections import sides as sides  # a fixture
from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, RESIDENT, existing
from tests.support.exchange import KEY, PlatformWorker
from widget_api import clock
from widget_api.database import Row
from widget_api.deliveries import queue
from widget_api.deliveries.model import LEASE
from widget_api.events import UPDATES_PATH
from widget_api.outbound import Failed
from widget_api.participation import service, store, tally
from widget_api.platform import entries, signature, webhook
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems import counts, lifecycle, support
from widget_api.problems.model import Change
from widget_api.sites import changes

DAY = 86_400
Sides = tuple[Side, Side]


class Crowd:
    """Acts on a side, and knows how many did."""

    def __init__(self, side: Side) -> None:
        self.side, self.voices, self.supporters = side, list[tuple[str, str]](), Counter[str]()

    async def vote(self, birth: str) -> None:
        problem = await find(self.side, birth)
        row_id = await add_participant(
            self.side.database, self.side.site, problem["id"], f"{clock.new_id()}@example.test"
        )
        row = existing(await store.find(self.side.database, row_id))
        if await service.confirm(self.side.database, row) == "done":
            self.voices.append((birth, row_id))

    async def withdraw(self, place: int) -> None:
        _, row_id = self.voices.pop(place)
        row = existing(await store.find(self.side.database, row_id))
        assert await service.leave(self.side.database, row)

    async def support(self, birth: str) -> None:
        problem, voice = await find(self.side, birth), support.hash_voice(self.side.site.id, uuid.uuid4())
        await support.support(self.side.database, self.side.site.id, problem["number"], voice, None)
        self.supporters[birth] += 1


async def find(side: Side, birth: str) -> Row:
    return existing(
        await side.database.row(
            "SELECT p.* FROM problems p JOIN events e ON e.problem_id = p.id WHERE e.id = :id", id=birth
        )
    )


async def add_accepted(here: Side, *others: Side) -> str:
    birth = await here.add()
    await here.act(birth, AGENT, Change(to="accepted"))
    await settle(here, *others)
    return birth


async def assert_sums(crowds: tuple[Crowd, ...], births: list[str]) -> None:
    """Each side shows what all counted, and sends what it counted itself."""
    for birth in births:
        own = [
            {"supporters": one.supporters[birth], "participants": [of for of, _ in one.voices].count(birth)}
            for one in crowds
        ]
        for one, counted in zip(crowds, own, strict=True):
            shown = await find(one.side, birth)
            assert {name: shown[name] for name in counts.NAMES} == {
                name: sum(each[name] for each in own) for name in counts.NAMES
            }
            assert (await counts.read_own(one.side.database, shown["id"])).items() >= counted.items()


@pytest.mark.parametrize("seed", range(2))
async def test_any_history_with_any_faults_ends_in_the_same_numbers(
    sides: Sides, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages are lost, come twice, late and in another order; workers end amid their work; people come and go."""
    chance, late = random.Random(seed), list[Any]()
    births = [await add_accepted(sides[0], sides[1]), await add_accepted(sides[1], sides[0])]
    crowds, workers = [Crowd(side) for side in sides], [PlatformWorker(side.context) for side in sides]
    for side in sides:
        request = side.context.outbound.request

        async def faulty(*args: Any, request: Any = request, **named: Any) -> Any:
            fault = chance.randrange(5)
            if fault == 0:
                raise Failed("lost")
            if fault == 1:  # arrives after what is sent later, perhaps more than once
                late.append((request, args, named))
                raise Failed("late")
            answer = await request(*args, **named)
            if fault == 2:
                late.append((request, args, named))
            elif fault == 3:
                raise Failed("the reply was lost")
            return answer

        monkeypatch.setattr(side.context.outbound, "request", faulty)
    for _ in range(60):
        which = chance.randrange(2)
        crowd, birth = crowds[which], chance.choice(births)
        match chance.randrange(8):
            case 0 | 1:
                await crowd.vote(birth)
            case 2 if crowd.voices:
                await crowd.withdraw(chance.randrange(len(crowd.voices)))
            case 3:
                await crowd.support(birth)
            case 4 if late:
                send, args, named = late[chance.randrange(len(late))]
                await send(*args, **named)
            case 5:
                await queue.claim(crowd.side.database, "gone", 50, workers[which].now)
                workers[which].now += LEASE + 1
            case _:
                workers[which].now += counts.GATHERED
                await workers[which].round()
    monkeypatch.undo()
    for _ in range(3):
        for worker in workers:
            worker.now += LEASE + 1
            await worker.until_idle()
    for send, args, named in late:
        await send(*args, **named)
    await assert_sums((crowds[0], crowds[1]), births)
    assert sum(len(one.voices) for one in crowds) > 0


@ONE_DATABASE
async def test_a_burst_is_one_message_and_other_webhooks_get_what_they_got(sides: Sides) -> None:
    here, there = sides
    birth = await add_accepted(here, there)
    plain = Platform(
        id=clock.new_id(), name="Область", url="https://hook.test/", key=KEY, protocol="webhook", site_id=here.city.id
    )
    await platforms.insert_platform(here.database, plain)
    crowd = Crowd(here)
    for _ in range(20):
        await crowd.vote(birth)
        await crowd.support(birth)
    waiting = await here.database.rows(
        "SELECT sink, next_at - created_at AS wait FROM deliveries WHERE state = 'pending'"
    )
    (own,) = await here.database.rows("SELECT id FROM platforms WHERE name = :name", name=NAME)
    assert [tuple(row) for row in waiting] == [(f"platform:{own['id']}", counts.GATHERED)]
    (delivery,) = await queue.claim(here.database, "test", 50, clock.now() + counts.GATHERED)
    instance = existing(await platforms.find_platform(here.database, own["id"]))
    problem = await find(here, birth)
    result = await webhook.build_event(here.context, instance, here.site, problem, delivery)
    event = await webhook.build_event(here.context, plain, here.site, problem, delivery)
    assert "counts" not in event["data"]
    assert event | {"data": event["data"] | {"counts": result["data"]["counts"]}} == result
    assert {name: result["data"]["counts"][name] for name in counts.NAMES} == {"supporters": 20, "participants": 20}
    signed = {own["id"]: instance}
    for signers, message in (({plain.id: plain}, result | {"source": "https://hook.test/"}), (signed, result)):
        await entries.find_or_import(here.context, signers, message)
    assert (await find(here, birth))["participants"] == 20, "of another system, and of this instance sent back"
    await entries.find_or_import(here.context, signed, result | {"source": "https://there.test/sites/x"})
    assert (await find(here, birth))["participants"] == 40
    await crowd.vote(birth)  # the message is on its way: what it does not say goes in another one
    unfinished = await here.database.rows("SELECT state FROM deliveries WHERE state <> 'delivered' AND sink LIKE 'pl%'")
    assert sorted(row["state"] for row in unfinished) == ["leased", "pending"]


@ONE_DATABASE
async def test_no_number_is_passed_on_and_a_platform_entered_anew_counts_once(sides: Sides) -> None:
    here, there = sides
    birth = await add_accepted(here, there)
    third = Platform(
        id=clock.new_id(), name="Третий", url=f"https://third.test{UPDATES_PATH}", key=KEY + "aaaa",
        protocol="webhook", site_id=there.city.id,
    )  # fmt: skip
    await platforms.insert_platform(there.database, third)
    await Crowd(here).vote(birth)
    worker = PlatformWorker(here.context)
    await worker.until_idle()
    problem = await find(there, birth)
    assert problem["participants"] == 1
    assert await there.database.rows("SELECT 1 FROM deliveries WHERE state = 'pending'") == []
    given = await counts.read_own(there.database, problem["id"])
    assert given["participants"] == 0
    (known,) = await there.database.rows("SELECT * FROM counts_elsewhere")
    newer = {name: known[name] for name in counts.FIELDS} | {"at": known["at"] + 1}
    await counts.take(there.database, there.site.id, problem["id"], third.id, newer, [third.id, known["source"]])
    assert (await find(there, birth))["participants"] == 2, "two instances counted"
    newest = newer | {"at": known["at"] + 2}
    await counts.take(there.database, there.site.id, problem["id"], "anew", newest, ["anew", third.id])
    assert (await find(there, birth))["participants"] == 2, "the first one has another row of its own now"


@ONE_DATABASE
async def test_erasure_takes_the_numbers_of_others_along(sides: Sides) -> None:
    here, there = sides
    birth = await add_accepted(here, there)
    await Crowd(here).vote(birth)
    await Crowd(there).support(birth)
    await settle(here, there)
    problem = await find(there, birth)
    (known,) = await there.database.rows("SELECT * FROM counts_elsewhere")
    newer = {name: known[name] for name in counts.FIELDS} | {"at": known["at"] + 1}
    await lifecycle.erase(there.database, RESIDENT, there.site.id, problem["id"])
    await counts.take(there.database, there.site.id, problem["id"], known["source"], newer, [known["source"]])
    assert await there.database.rows("SELECT * FROM counts_elsewhere") == []
    assert ((erased := await find(there, birth))["participants"], erased["supporters"]) == (0, 1)


async def test_what_another_instance_counted_after_the_end_changes_no_result(sides: Sides) -> None:
    here, there = sides
    birth, now = await add_accepted(here, there), clock.now()
    mine, theirs = Crowd(here), Crowd(there)
    for side, end in ((here, DAY), (there, DAY)):
        await changes.update_site(side.database, side.site.id, {"votes_close_at": now + end})
    await mine.vote(birth)
    await theirs.vote(birth)
    with time_machine.travel(now + 3 * DAY, tick=False):
        await settle(here, there)  # nothing came through before, but it was counted before
        await assert_sums((mine, theirs), [birth])
        await changes.update_site(there.database, there.site.id, {"votes_close_at": now + 9 * DAY})
        await theirs.vote(birth)
        await settle(here, there)
        assert ((await find(here, birth))["participants"], (await find(there, birth))["participants"]) == (2, 3)
        (known,) = await here.database.rows("SELECT at FROM counts_elsewhere")
        assert known["at"] == now + DAY
        await changes.update_site(here.database, here.site.id, {"votes_close_at": clock.now() - signature.TOLERANCE})
        await theirs.vote(birth)
        await settle(here, there)
        assert (await find(here, birth))["participants"] == 2
        await changes.update_site(
            here.database, here.site.id, {"votes_close_at": clock.now() + 1 - signature.TOLERANCE}
        )
        await theirs.vote(birth)
        await settle(here, there)
        await assert_sums((mine, theirs), [birth])
        # The period of a vote that it was once ends nothing else.
        for side in sides:
            await changes.update_site(side.database, side.site.id, {"action": "none", "votes_close_at": now})
        await theirs.support(birth)
        await settle(here, there)
        await assert_sums((mine, theirs), [birth])


@pytest.mark.parametrize(
    "wrong",
    [
        {"participants": True},
        {"participants": -1},
        {"participants": "5"},
        {"participants": counts.LARGEST + 1},
        {"version": 2**70},
        {"at": 2**40},
        {"at": None},
    ],
    ids=str,
)
def test_what_is_no_count_is_left_out(wrong: dict[str, Any]) -> None:
    given = {"supporters": 1, "participants": 2, "at": clock.now(), "version": 3}
    assert entries.read_counts({"counts": given}) == given
    assert entries.read_counts({"counts": given | wrong}) is None
    assert entries.read_counts({"counts": [given]}) is None


@ONE_DATABASE
async def test_lists_pages_and_the_councils_count_show_the_sum(sides: Sides) -> None:
    here, there = sides
    births = [await add_accepted(here, there), await add_accepted(here, there)]
    mine, theirs = Crowd(here), Crowd(there)
    await mine.vote(births[0])
    for _ in range(2):
        await theirs.vote(births[1])
    alone = await tally.read_tally(here.database, here.site, people=True)
    assert (alone.elsewhere, alone.given_here) == ([], 1)
    entries_url = f"{here.context.settings.public_url}/api/v1/sites/{here.city.key}/collections/budget/entries"
    async with httpx2.AsyncClient(params={"sort": "support"}) as client:
        before = (await client.get(entries_url)).headers["etag"]
        await settle(here, there)
        listed = await client.get(entries_url, headers={"If-None-Match": before})
    assert [one["participants"] for one in listed.json()["items"]] == [2, 1], "no list that was kept"
    found = await tally.read_tally(here.database, here.site, people=True)
    second = (await find(here, births[1]))["number"]
    assert next((line.number, line.voices, line.elsewhere) for line in found.lines) == (second, 2, 2)
    assert (found.voices, found.given_here, found.elsewhere, found.people["people"]) == (3, 1, [(NAME, 2)], 1)
    given_here = replace(found, lines=tuple(replace(line, elsewhere=0) for line in found.lines))
    assert found.make_digest(here.site) != given_here.make_digest(here.site)
    rules = tally.describe_rules(here.site, found, "ru")
    assert "и здесь, и там" in rules[-1]
    assert "и здесь, и там" not in " ".join(tally.describe_rules(here.site, alone, "ru"))
    token = tally.sign_tally(here.context.signer, here.site, found)
    async with httpx2.AsyncClient(base_url=here.context.settings.public_url) as client:
        page = (await client.get(f"/s/{here.site.key}/count/{token}", headers={"Accept-Language": "ru"})).text
    assert re.search(rf"«{NAME}»</dt><dd>2</dd>", page), page
    assert "Из них на других порталах" in page
