"""Concurrent identical queries share one read."""

from __future__ import annotations

import asyncio

import pytest

from widget_api.web import Answers, make_etag


async def test_concurrent_queries_share_one_read_and_later_ones_use_the_cache() -> None:
    answers, made, going = Answers(), list[int](), asyncio.Event()

    async def make() -> dict[str, int]:
        made.append(1)
        await going.wait()
        return {"a": 1}

    crowd = [asyncio.create_task(answers.get("t", make)) for _ in range(10)]
    await asyncio.sleep(0)
    crowd[0].cancel()  # the first client disconnects
    await asyncio.sleep(0)
    going.set()
    assert await asyncio.gather(*crowd[1:]) == [b'{"a":1}'] * 9
    assert await answers.get("t", make) == b'{"a":1}'
    assert len(made) == 1


async def test_a_failed_read_is_repeated() -> None:
    answers, made = Answers(), list[int]()

    async def make() -> int:
        made.append(1)
        if len(made) == 1:
            raise ValueError
        return 2

    with pytest.raises(ValueError):
        await answers.get("t", make)
    assert await answers.get("t", make) == b"2"


def test_an_etag_depends_on_all_its_parts() -> None:
    assert len({make_etag("a", 1), make_etag("a", 2), make_etag("b", 1), make_etag("a1")}) == 4
    assert make_etag("a", 1) == make_etag("a", 1)
