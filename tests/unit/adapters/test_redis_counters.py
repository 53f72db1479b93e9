"""The shared counters with the real driver and scripts, on a Redis that runs in this process."""

from __future__ import annotations

import socket

import pytest
from fakeredis import FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.asyncio import ConnectionPool

from backend.adapters.redis_counters import RedisCounters
from backend.errors import UpstreamUnavailable

URL = "redis://127.0.0.1:6379/0"


def replica(server: FakeServer) -> RedisCounters:
    return RedisCounters(
        URL, pool=ConnectionPool(connection_class=FakeAsyncRedisConnection, server=server)
    )


async def test_two_replicas_count_together() -> None:
    server = FakeServer()
    one, two = replica(server), replica(server)
    try:
        assert await one.hit("a", amount=2, window_s=60) == 0
        assert await two.hit("a", amount=2, window_s=60) == 0
        assert 50 < await one.hit("a", amount=2, window_s=60) <= 60
        assert await two.hit("b", amount=2, window_s=60) == 0
        assert await one.total("day") == 0
        await one.add("day", 5)
        await two.add("day", 7)
        assert await one.total("day") == 12
    finally:
        await one.aclose()
        await two.aclose()


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
async def test_server_that_is_away_is_an_error_of_ours(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    counters = RedisCounters(f"{scheme}://user:test-key-not-real@127.0.0.1:{port}/0")
    for asking in (
        counters.hit("a", amount=1, window_s=60),
        counters.add("day", 1),
        counters.total("day"),
    ):
        with pytest.raises(UpstreamUnavailable) as caught:
            await asking
        assert "test-key" not in caught.value.detail
    await counters.aclose()


async def test_address_that_is_none_is_an_error_of_ours() -> None:
    with pytest.raises(UpstreamUnavailable, match="REDIS_URL"):
        await RedisCounters("redis://host:not-a-port/0").total("day")
