"""`widget-api platform add` and `set`: invalid options are refused at once instead of failing at the first delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, make_site, submit_report
from tests.fake_platform import FakePlatform
from tests.support.processes import CommandFailed
from widget_api.database import Database
from widget_api.problems import lifecycle
from widget_api.problems.model import Change

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def given(name: str = "Регион", url: str = "https://region.test/v2", key: str = "k", *more: str) -> tuple[str, ...]:
    return "platform", "add", "--name", name, "--url", url, "--key", key, *more


@ONE_DATABASE
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (given(), "--name"),
        (given(name="default"), "--name"),
        (given(name=" "), "--name"),
        (given("Город", url="city.test/v2"), "--url"),
        (given("Город", url="city.test:8100/v2"), "--url"),
        (given("Город", url="http://"), "--url"),
        (given("Город", "https://city.test/", "whsec_abc", "--protocol", "webhook"), "--key"),
        (("platform", "set", "Регион", "--url", "region.test/v2"), "--url"),
        (("platform", "set", "Регион", "--name", "Область"), "--name"),
    ],
)
async def test_options_that_cannot_work_are_refused(
    cli: Callable[..., Any], database: Database, arguments: tuple[str, ...], named: str
) -> None:
    cli(*given())
    cli(*given("Область"))
    with pytest.raises(CommandFailed) as refusal:
        cli(*arguments)
    (line,) = str(refusal.value).strip().splitlines()[-1:]
    assert line.startswith(named)
    assert {(one["name"], one["url"]) for one in cli("platform", "list")} == {
        ("Регион", "https://region.test/v2"),
        ("Область", "https://region.test/v2"),
    }


async def test_a_webhook_url_keeps_its_trailing_slash(cli: Callable[..., Any], database: Database) -> None:
    cli(*given("Приёмник", "https://city.test/hook/", KEY, "--protocol", "webhook"))
    cli(*given(url="https://region.test/v2/"))
    cli("platform", "set", "Регион", "--name", "Регион", "--url", "https://region.test/v3/")
    assert [one["url"] for one in cli("platform", "list")] == ["https://city.test/hook/", "https://region.test/v3"]


async def test_a_site_cannot_move_to_a_disabled_platform(cli: Callable[..., Any], database: Database) -> None:
    site = await make_site(database, jurisdiction="gorod.test")
    receipt = await submit_report(database, site)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    cli(*given())
    cli(*given("Область"))
    cli("platform", "set", "Область", "--disabled")
    move = ("platform", "move", "--site", "gorod.test", "--from", "Регион", "--to", "Область", "--unread")
    with pytest.raises(CommandFailed, match="--to: Область is switched off"):
        cli(*move)
    assert cli("deliveries", "list", "--platform", "Область") == []
    cli("platform", "set", "Область", "--enabled")
    assert cli(*move)["owed"] == 2


async def test_unknown_names_are_answered_with_a_hint(cli: Callable[..., Any], database: Database) -> None:
    await make_site(database, jurisdiction="gorod.test")
    cli(*given())
    for site, pair, said in (("selo.test", "roads=7", "`site list`"), ("gorod.test", "raods=7", "raods: no category")):
        with pytest.raises(CommandFailed, match=said):
            cli("platform", "map", "Регион", "--site", site, pair)


async def test_a_platform_that_does_not_know_a_site_is_named_at_once(
    cli: Callable[..., Any], database: Database, fake: FakePlatform
) -> None:
    """The first report would fail there otherwise: `add` and `serve` ask the platform."""
    site = await make_site(database, jurisdiction="gorod.test")
    asked = "warning: Регион does not know Официальный сайт города as gorod.test"
    serve = ("platform", "serve", "Регион", "--site", site.key)
    for arguments in (given(url=fake.url), serve):
        (unknown,) = (await asyncio.to_thread(cli, *arguments))["unknown"]
        assert unknown.startswith(asked)
    fake.services = [{"service_code": "yards", "service_name": "Дворы"}]
    assert "unknown" not in await asyncio.to_thread(cli, *serve)
