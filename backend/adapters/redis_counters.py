"""Counters that replicas share, in Redis through the ``limits`` package.

Used only where REDIS_URL is set, and loaded with the first question: the driver's import would
otherwise stand on the way to the first health check.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from backend.errors import UpstreamUnavailable

if TYPE_CHECKING:
    from limits.aio.storage import RedisStorage
    from redis.asyncio import ConnectionPool

TIMEOUT_S = 0.5
"""Per connection attempt and per command: a limit is not worth more of a reader's time."""
TOTAL_KEPT_S = 2 * 86400
PREFIX = "book-answers"


class RedisCounters:
    """Exact moving windows and totals in Redis.

    Args:
        url: ``redis://`` or ``rediss://``.
        pool: redis-py's connections, where they are made elsewhere.
    """

    def __init__(self, url: str, *, pool: ConnectionPool | None = None) -> None:
        self._url = url
        self._pool = pool
        self._storage: RedisStorage | None = None
        self._opening = asyncio.Lock()

    async def hit(self, key: str, *, amount: int, window_s: int) -> float:
        """Count a call; 0.0 when at most ``amount`` fell into the window, else seconds to wait.

        Raises:
            UpstreamUnavailable: Redis did not answer.
        """
        from limits.errors import StorageError

        storage = await self._open()
        try:
            if await storage.acquire_entry(key, amount, window_s):
                return 0.0
            start, _ = await storage.get_moving_window(key, amount, window_s)
        except StorageError as error:
            raise _away() from error
        return max(start + window_s - time.time(), 1.0)

    async def add(self, key: str, amount: int) -> None:
        """Add to a total, which is kept for two days.

        Raises:
            UpstreamUnavailable: Redis did not answer.
        """
        from limits.errors import StorageError

        storage = await self._open()
        try:
            await storage.incr(key, TOTAL_KEPT_S, amount)
        except StorageError as error:
            raise _away() from error

    async def total(self, key: str) -> int:
        """A total; 0 when nothing was added.

        Raises:
            UpstreamUnavailable: Redis did not answer.
        """
        from limits.errors import StorageError

        storage = await self._open()
        try:
            return await storage.get(key)
        except StorageError as error:
            raise _away() from error

    async def aclose(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.aclose()
        self._storage = None

    async def _open(self) -> RedisStorage:
        async with self._opening:
            if self._storage is not None:
                return self._storage
            pool, storage = await asyncio.to_thread(_connect, self._url, self._pool)
            self._pool, self._storage = pool, storage
            return storage


def _connect(url: str, pool: ConnectionPool | None) -> tuple[ConnectionPool, RedisStorage]:
    """Import the driver and make its client, which connects with the first command only."""
    from limits.aio.storage import RedisStorage
    from limits.errors import ConfigurationError
    from redis.asyncio import ConnectionPool

    try:
        pool = pool or ConnectionPool.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        options: dict[str, Any] = {"connection_pool": pool}
        storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=PREFIX,
            **options,
        )
    except (ConfigurationError, ValueError) as error:
        raise UpstreamUnavailable(
            "redis", "REDIS_URL cannot be used; write it as redis://host:6379/0."
        ) from error
    return pool, storage


def _away() -> UpstreamUnavailable:
    return UpstreamUnavailable("redis", "Redis does not answer at the address in REDIS_URL.")
