"""Guessing a secret is slowed down; whoever knows it gets in, whatever others do."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import httpx2
import orjson
import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client
from tests.factories import make_site, submit_report
from tests.support.brute_force import client_from, record_delays
from tests.support.cabinet import PASSWORD
from tests.support.waiting import wait_for
from widget_api import clock
from widget_api.context import Context
from widget_api.people import accounts
from widget_api.sites.model import Site
from widget_api.web.brute_force import FREE_ATTEMPTS, MAX_DELAY, MAX_WAITING, MAX_WAITING_PER_SECRET

# Counters are in memory; the delayed sign-ins are tested on both databases in test_account_page.py.
pytestmark = ONE_DATABASE
EMAIL = "anna@gorod.test"
OFFICE = "192.0.2.10"
HOME = "2001:db8:ffff::7"


@pytest.fixture
async def anna(context: Context, site: Site) -> str:
    _, password = await accounts.add_user(
        context.database, email=EMAIL, role="agent", agency_id=site.agency.id, password=PASSWORD
    )
    return password


async def sign_in(client: Client, password: str, email: str = EMAIL) -> httpx2.Response:
    return await client.post("/cabinet/sign-in", data={"email": email, "password": password})


async def guess(app: Any, address: str, email: str = EMAIL) -> int:
    async with client_from(app, address) as stranger:
        return (await sign_in(stranger, "a wrong password", email)).status_code


def attackers(number: int) -> list[str]:
    """An address in each of several /64 networks, as one customer of a provider may have them."""
    first = int(ipaddress.ip_address("2001:db8:1::1"))
    return [str(ipaddress.ip_address(first + (one << 64))) for one in range(number)]


async def test_a_distributed_attack_locks_nobody_out(app: Any, anna: str) -> None:
    """34 networks of /64 and 1,000 wrong passwords; then the official signs in from a known and from a new device."""
    waited = record_delays(app)
    async with client_from(app, OFFICE) as desk:
        assert (await sign_in(desk, anna)).status_code == 303
        networks = attackers(34)
        for number in range(1000):
            assert await guess(app, networks[number % 34]) == 403
        assert len(waited) > 900
        waited.clear()
        desk.cookies.delete("__Host-cabinet")
        assert (await sign_in(desk, anna)).status_code == 303
        assert waited == [], "a device that has signed in before does not wait"
        assert (await desk.get("/cabinet/")).status_code == 200
    async with client_from(app, HOME) as laptop:
        answer = await sign_in(laptop, anna)
        assert answer.status_code == 303
        assert waited == [MAX_DELAY], "a new one waits once, and gets in"
        waited.clear()
        assert (await sign_in(laptop, anna)).status_code == 303
        assert waited == []
        cookie = answer.headers.get_list("set-cookie")[1].lower()
    assert cookie.startswith("__host-device=")
    assert {"httponly", "secure", "path=/", "samesite=lax"} <= {part.strip() for part in cookie.split(";")}
    assert "anna" not in cookie


async def test_the_official_gets_in_while_guesses_take_all_places(app: Any, anna: str) -> None:
    """The guesses wait concurrently, so the delay alone does not limit them; no delay ends before the official signs
    in.
    """
    going = asyncio.Event()

    async def hold(seconds: float) -> None:
        await going.wait()

    record_delays(app)
    for address in attackers(FREE_ATTEMPTS + 1):
        await guess(app, address)  # the free guesses of this account are used up
    app.state.context.guesses.sleep = hold
    under_way = [asyncio.create_task(guess(app, address)) for address in attackers(34) * 3]
    await asyncio.to_thread(
        wait_for, lambda: sum(task.done() for task in under_way) == len(under_way) - MAX_WAITING_PER_SECRET
    )
    refused = [task.result() for task in under_way if task.done()]
    assert set(refused) == {429}, "the others are sent away, nothing piles up"
    async with client_from(app, HOME) as laptop, client_from(app, OFFICE) as other:
        entering = asyncio.create_task(sign_in(laptop, anna))
        await asyncio.to_thread(wait_for, lambda: sum(task.done() for task in under_way) > len(refused))
        assert not entering.done(), "it waits, in a place that one of them had to leave"
        going.set()
        assert (await entering).status_code == 303
        assert (await sign_in(other, anna, "oleg@gorod.test")).status_code == 403, "another account is another room"
    await asyncio.gather(*under_way)


async def test_a_device_is_known_for_its_own_account_only(app: Any, context: Context, anna: str, site: Site) -> None:
    await accounts.add_user(
        context.database, email="oleg@gorod.test", role="agent", agency_id=site.agency.id, password=PASSWORD
    )
    waited = record_delays(app)
    for address in attackers(FREE_ATTEMPTS + 1):
        await guess(app, address)
        await guess(app, address, "oleg@gorod.test")
    waited.clear()
    async with client_from(app, OFFICE) as desk:
        assert (await sign_in(desk, anna)).status_code == 303
        assert waited == [2]
        assert (await sign_in(desk, PASSWORD, "oleg@gorod.test")).status_code == 303
        assert waited == [2, 2], "of Oleg it knows nothing yet"
        for email in (EMAIL, "oleg@gorod.test"):  # two people at one desk
            assert (await sign_in(desk, PASSWORD, email)).status_code == 303
        assert waited == [2, 2]
        cookie = desk.cookies["__Host-device"]
        name, end, seal = cookie.split(":")[0].split(".")
        for forged in (f"{name}.{int(end) + 1}.{seal}", f"{name[:-1]}x.{end}.{seal}", f"{name}.{end}.", "", ":::", "é"):
            async with client_from(app, OFFICE) as other:
                headers = {b"Cookie": f"__Host-device={forged}".encode()}
                data = {"email": "oleg@gorod.test", "password": "wrong"}
                assert (await other.post("/cabinet/sign-in", data=data, headers=headers)).status_code == 403
        assert len(waited) == 2 + 6


async def test_a_known_device_may_not_guess_more_often(app: Any, anna: str) -> None:
    """Somebody else may use it."""
    waited = record_delays(app)
    async with client_from(app, OFFICE) as desk:
        assert (await sign_in(desk, anna)).status_code == 303
        for _ in range(FREE_ATTEMPTS + 3):
            assert (await sign_in(desk, "a wrong password")).status_code == 403
        assert waited == [1, 2, 4]
        answer = await sign_in(desk, "a wrong password")
        assert "ответ пришёл с задержкой" in answer.text
        waited.clear()
        assert await guess(app, OFFICE) == 403
        assert waited == [], "and what it guesses counts against nobody else"


async def test_a_known_device_expires_after_half_a_year(app: Any, anna: str) -> None:
    async with client_from(app, OFFICE) as desk:
        await sign_in(desk, anna)
        cookie = {"Cookie": f"__Host-device={desk.cookies['__Host-device']}"}
    data = {"email": EMAIL, "password": anna}
    for days, known in ((179, True), (181, False)):
        with time_machine.travel(clock.now() + days * 86_400, tick=False):
            waited = record_delays(app)
            for address in attackers(FREE_ATTEMPTS + 1):
                await guess(app, address)
            waited.clear()
            async with client_from(app, OFFICE) as desk:
                assert (await desk.post("/cabinet/sign-in", data=data, headers=cookie)).status_code == 303
            assert (waited == []) is known, days


async def test_correct_passwords_are_not_counted_and_without_limits_nobody_waits(
    app: Any, anna: str, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = record_delays(app)
    for _ in range(2 * FREE_ATTEMPTS):
        async with client_from(app, OFFICE) as stranger:
            assert (await sign_in(stranger, anna)).status_code == 303
    assert waited == []
    monkeypatch.setattr(context.limits, "_on", False)
    waited = record_delays(app)
    for _ in range(FREE_ATTEMPTS + 5):
        assert await guess(app, OFFICE) == 403
    assert waited == []


@pytest.mark.parametrize(
    ("same", "free"),
    [
        ("192.0.2.1", FREE_ATTEMPTS),
        ("192.0.2.{}", 2 * FREE_ATTEMPTS),
        ("2001:db8:1:1::{}", FREE_ATTEMPTS),
        ("2001:db8:1:1{:02x}::1", 2 * FREE_ATTEMPTS),
        ("2001:db8:1:{:02x}00::1", 4 * FREE_ATTEMPTS),
    ],
)
async def test_guesses_are_counted_for_every_network_width(app: Any, same: str, free: int) -> None:
    """Each guess is for another account, so only the network is counted."""
    waited = record_delays(app)
    for number in range(free + 2):
        await guess(app, same.format(number), f"somebody-{number}@gorod.test")
    assert waited == [1, 2]


async def test_guesses_for_made_up_accounts_use_no_memory(app: Any, context: Context) -> None:
    """Each attempt is for another account; refused attempts leave no counter for the account they name."""
    going = asyncio.Event()

    async def hold(seconds: float) -> None:
        await going.wait()

    context.guesses.sleep = hold
    number = FREE_ATTEMPTS + MAX_WAITING + 40
    under_way = [asyncio.create_task(guess(app, OFFICE, f"{one}-{'x' * 200}@gorod.test")) for one in range(number)]
    await asyncio.to_thread(wait_for, lambda: sum(task.done() for task in under_way) >= number - MAX_WAITING)
    counted = context.limits._memory.storage.storage  # type: ignore[attr-defined]
    secrets = [name for name in counted if "/secret/" in name]
    assert len(secrets) == FREE_ATTEMPTS, "those alone whose passwords were looked at"
    assert max(map(len, counted)) < 100
    assert not any("gorod.test" in name for name in counted)
    going.set()
    assert [await task for task in under_way].count(429) == 40


# --- the code of a report ------------------------------------------------------------------------------------------


async def test_guessing_report_codes_is_slow_and_the_owner_gets_in(app: Any, context: Context, site: Site) -> None:
    waited = record_delays(app)
    receipt = await submit_report(context.database, site, email=None)
    fields = {"site": site.key, "number": str(receipt.number)}
    networks, answers = attackers(34), list[httpx2.Response]()
    for number in range(200):
        async with client_from(app, networks[number % 34]) as stranger:
            answers.append(await stranger.post("/track", data=fields | {"code": "AAAABBBB"}))
            assert answers[-1].status_code == 422
    assert "ответ пришёл с задержкой" in answers[-1].text
    waited.clear()
    async with client_from(app, HOME) as owner:
        answer = await owner.post("/track", data=fields | {"code": orjson.loads(receipt.body)["code"]})
    assert answer.status_code == 303
    assert waited == [MAX_DELAY]
    other = await make_site(context.database)
    async with client_from(app, HOME) as owner:
        await owner.post("/track", data=fields | {"site": other.key, "code": "AAAABBBB"})
    assert len(waited) == 1, "the same number elsewhere is another report"


async def test_invalid_signed_links_do_not_count_as_guesses(client: Client) -> None:
    """Signed links cannot be guessed; invalid ones must not keep a neighbour from confirming."""
    for page in ("confirm", "follow", "comment", "moderate"):
        statuses = {
            (await client.post(f"/{page}/nonsense", data={"verdict": "published"})).status_code for _ in range(70)
        }
        assert statuses == {404}, page
