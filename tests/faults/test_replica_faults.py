"""Two replicas: one schema, one history, one limit."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fakeredis import TcpFakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.asyncio import ConnectionPool

from backend.adapters import redis_counters
from backend.adapters.redis_counters import RedisCounters
from tests.e2e.product import product
from tests.faults.figures import PATIENCE_S
from tests.faults.invariants import QUESTION, watched
from tests.faults.readers import sign_up, whole_pairs


async def test_f28_two_replicas_share_one_database(docs, tmp_path, postgres, caplog, seen):
    caplog.set_level(logging.INFO, "alembic.runtime.migration")
    url = postgres.dsn(postgres.database())
    shared = {"NEON_API_KEY": url, "BETTER_AUTH_SECRET": "a-secret-of-32-characters-not-real"}
    async with AsyncExitStack() as stack:
        starting = (product(docs, tmp_path / name, **shared) for name in ("first", "second"))
        one, two = await asyncio.gather(*(stack.enter_async_context(each) for each in starting))
        await stack.enter_async_context(watched(one, mode="extractive", spare=40))
        readers = await asyncio.gather(sign_up(one, "ada"), sign_up(two, "bob"))
        ran = [line for line in caplog.messages if line.startswith("Running")]
        assert len(ran) == len(set(ran)) > 0, ran
        ada = readers[0]
        asked = (await ada.chat(one, "same-key")).json
        again = (await ada.chat(two, "same-key")).json
        assert again["message_id"] == asked["message_id"]
        whole_pairs(await ada.messages(two, asked["session_id"]))
        assert len(await ada.messages(two, asked["session_id"])) == 2
        replies = await asyncio.gather(
            *(ada.chat(site, "racing") for site in (one, two, one, two, one, two))
        )
        statuses = sorted(reply.status for reply in replies)
        assert set(statuses) <= {200, 409}
        assert len({r.json["message_id"] for r in replies if r.status == 200}) == 1
        assert all("retry-after" in r.headers for r in replies if r.status == 409)
        seen(
            f"{len(ran)} migrations run once, same sessions, 1 answer for 6 racing requests "
            f"({statuses})"
        )


@asynccontextmanager
async def shared_counters() -> AsyncIterator[str]:
    """A server that speaks Redis' protocol; its address."""
    server = TcpFakeServer(("127.0.0.1", 0), bind_and_activate=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    url = f"redis://127.0.0.1:{server.server_address[1]}/0"
    # it hangs up where a real one says that it does not know a script yet
    inside = ConnectionPool(connection_class=FakeAsyncRedisConnection, server=server.fake_server)
    knowing = RedisCounters(url, pool=inside)
    for _ in range(2):
        await knowing.hit("scripts", amount=1, window_s=1)
    await knowing.aclose()
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


async def test_f28_limits_of_two_replicas_are_one(docs, tmp_path, monkeypatch, seen):
    """An hour's limit holds for both together, and for each while the counters are away."""
    monkeypatch.setattr(redis_counters, "TIMEOUT_S", PATIENCE_S)
    limits = {"RATE_LIMIT_CHAT": "8/hour"}
    async with AsyncExitStack() as stack:
        async with shared_counters() as url:
            one, two = [
                await stack.enter_async_context(
                    product(docs, tmp_path / name, limited=True, REDIS_URL=url, **limits)
                )
                for name in ("first", "second")
            ]
            statuses = [await _status(site) for site in (one, two) * 6]
            assert statuses == [200] * 8 + [429] * 4
        alone = [await _status(one) for _ in range(9)]
        assert alone == [200] * 8 + [429]
    seen("8 of 12 answered at a limit of 8; without the counters each replica counts its own")


async def _status(site) -> int:
    return (await site.ask("POST", "/chat", json={"query": QUESTION})).status
