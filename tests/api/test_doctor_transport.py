"""`doctor` reports where a key or a password crosses a network in clear text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fake_platform import FakePlatform
from tests.support.redis import Redis
from widget_api.ops import doctor_servers as servers
from widget_api.settings import Settings

ELSEWHERE = "0.0.0.0"


@pytest.fixture
def dialect() -> str:
    """No database is used."""
    return "sqlite"


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_a_platforms_key_in_clear_text_is_an_error_in_production(
    make_settings: Callable[..., Settings], fake: FakePlatform, environment: str
) -> None:
    fake.services = [{"service_code": "roads", "service_name": "Дороги", "attributes": []}]
    chosen = {"environment": environment, "platform_key": "a-key-of-the-platform"}
    (near,) = await servers.check_platforms(make_settings(**chosen, platform_url=fake.url), None)
    assert near.ok
    assert "on its way" not in near.detail
    far_away = fake.url.replace("127.0.0.1", ELSEWHERE)
    (far,) = await servers.check_platforms(make_settings(**chosen, platform_url=far_away), None)
    assert "can be read on its way: use https://" in far.detail
    assert far.ok is (environment == "development")


async def test_a_redis_password_in_clear_text_is_reported(make_settings: Callable[..., Settings], redis: Redis) -> None:
    (near,) = await servers.check_limits(make_settings(redis_url=redis.url))
    (far,) = await servers.check_limits(make_settings(redis_url=redis.url.replace("127.0.0.1", ELSEWHERE)))
    assert (near.ok, near.detail) == (True, "shared by all processes")
    assert far.ok
    assert "password goes there in clear text" in far.detail
