"""The promises that hold after every fault, checked by one helper around the fault.

I1 every answered request has exactly one end; I2 no driver's words; I3 no conversation holds half
a pair; I4 ``/health`` answers throughout, in the long form as quickly as promised; I5 sockets,
tasks, answers and connections in use come back to where they were; I6 the first question after the
fault is answered as before.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.api.serving import Reply, Site
from tests.faults.figures import PATIENCE_S, within
from tests.faults.waiting import rested, soon

QUESTION = "What is a topic?"
HEALTH_EVERY_S = 0.02
HEALTH_P99_S = 0.05
"""For the work that is done while ``/health`` waits: CPU time of the thread with the event loop,
which is nearly the same on a machine that is busy with other things."""
BLOCKED_S = 1.0
"""For the wall clock, which also tells of a loop that waits for something by itself: clients,
service and upstreams share one loop here. A service that is a process has the bound above."""
HALVES = text(
    "SELECT session_id FROM chat_messages GROUP BY session_id "
    "HAVING SUM(CASE role WHEN 'user' THEN 1 ELSE -1 END) <> 0"
)
BACK_S = 10.0
SPARE = 6
FOREIGN = re.compile(
    r"Traceback|secret upstream words|psycopg2|sqlalchemy|aiohttp\.|asyncpg|OperationalError|"
    r"Errno|\.py\b|0x[0-9a-f]{6}|test-key-not-real|line \d+ of"
)


@dataclass(slots=True)
class Usage:
    """What a running service holds."""

    tasks: int
    descriptors: int
    under_way: int
    connections: float


@dataclass(slots=True)
class Watch:
    """One fault under observation: every request to the site is checked at its end."""

    site: Site
    replies: list[Reply] = field(default_factory=list)
    health_s: list[float] = field(default_factory=list)
    health_cpu_s: list[float] = field(default_factory=list)

    async def ask(self, **fields: Any) -> Reply:
        """Ask by JSON."""
        return await self._keep("/chat", fields)

    async def stream(self, **fields: Any) -> Reply:
        """Ask by stream, read to its end."""
        return await self._keep("/chat/stream", fields)

    async def call(self, method: str, path: str, **options: Any) -> Reply:
        """Any other request."""
        return await self.site.ask(method, path, **options)

    async def _keep(self, path: str, fields: dict[str, Any]) -> Reply:
        headers = fields.pop("headers", {})
        body = {"query": QUESTION, **fields}
        return await self.call("POST", path, json=body, headers=headers)

    async def circuit(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = (await self.call("GET", "/health/circuits")).json[name]
        return entry

    async def ready(self) -> dict[str, Any]:
        """Rows of the readiness by name, probed now."""
        prober = self.site.container.diagnostics._prober
        prober._known.clear()  # the promise is "within five seconds"; nobody waits for them here
        reply = await self.call("GET", "/health/ready")
        rows = {row["name"]: row for row in reply.json["checks"]}
        return {"http": reply.status, **rows}


@asynccontextmanager
async def watched(
    site: Site,
    *,
    heal: Callable[[], Any] | None = None,
    mode: str | None = "generated",
    spare: int = SPARE,
) -> AsyncIterator[Watch]:
    """Inject a fault inside the block; ``heal`` ends it, and the promises are checked.

    ``mode`` is how the first question after the fault must be answered; None: not asked. ``spare``
    tasks and descriptors may stay: what a pool keeps, and the proxy's own for each of those.
    """
    watch = Watch(site)
    await site.ask("GET", "/health")
    before = usage(site)
    gc.freeze()  # the tests' own objects: searching them for garbage would count as the service's
    over = asyncio.Event()
    pulse = asyncio.create_task(_pulse(watch, over))
    try:
        with _recorded(watch):
            yield watch
    finally:
        over.set()
        await asyncio.wait([pulse])  # its last question is asked while the fault is on
        gc.unfreeze()
        if heal is not None and (waiting := heal()) is not None:
            await waiting
    pulse.result()
    for reply in watch.replies:
        one_end(reply)
        no_foreign_words(reply)
    alive(watch.health_s, watch.health_cpu_s)
    await rested(site)
    assert not await _halves(site)
    if mode is not None:
        reply = await site.ask("POST", "/chat", json={"query": QUESTION})
        assert reply.status == 200, reply.body
        assert (reply.json["mode"], reply.json["degraded"]) == (mode, None), reply.json
    await back_to(site, before, spare)


@contextmanager
def _recorded(watch: Watch) -> Iterator[None]:
    """Keep every reply of the site."""
    ask = watch.site.ask

    async def recording(method: str, path: str, **options: Any) -> Reply:
        reply = await ask(method, path, **options)
        watch.replies.append(reply)
        return reply

    watch.site.ask = recording  # type: ignore[method-assign]
    try:
        yield
    finally:
        del watch.site.ask


async def _halves(site: Site) -> list[str]:
    """Conversations with a question or an answer too many."""
    database = site.container._adapters.database
    found = await database.read(lambda connection: connection.execute(HALVES).scalars().all())
    return list(found)


def one_end(reply: Reply) -> None:
    """I1."""
    kind = reply.headers.get("content-type", "")
    if kind.startswith("text/event-stream"):
        names = [name for name, _ in reply.events]
        assert sum(name in ("done", "error") for name in names) == 1, names
        assert names[-1] in ("done", "error"), names
    elif kind.startswith("application/json") and reply.status >= 400:
        assert reply.json.get("code") or "checks" in reply.json, reply.body


def no_foreign_words(reply: Reply) -> None:
    """I2."""
    found = FOREIGN.search(reply.body.decode("utf-8", "replace"))
    assert found is None, found
    assert reply.status != 500, reply.body


def alive(
    seconds: list[float], cpu_seconds: list[float], *, wall_s: float = BLOCKED_S
) -> tuple[float, float]:
    """The figure of I4: 99th percentiles of the wall clock and of the CPU time, in seconds."""
    if len(seconds) < 2:
        return 0.0, 0.0
    wall, cpu = (
        statistics.quantiles(each, n=100, method="inclusive")[98] for each in (seconds, cpu_seconds)
    )
    within("CPU seconds of the loop before /health", cpu, HEALTH_P99_S)
    within("seconds of /health", wall, wall_s)
    return wall, cpu


def usage(site: Site) -> Usage:
    gauges = site.container.gauges()
    return Usage(
        tasks=len(asyncio.all_tasks()),
        descriptors=len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0,
        under_way=site.server._drain.active,
        connections=gauges.get("database_connections_in_use", 0),
    )


async def back_to(site: Site, before: Usage, spare: int = SPARE) -> None:
    """I5. What grows with each question does not pass."""

    async def now() -> Usage:
        return usage(site)

    def well(now: Usage) -> bool:
        return (
            now.under_way <= before.under_way
            and now.connections <= before.connections
            and now.tasks <= before.tasks + spare
            and now.descriptors <= before.descriptors + spare
        )

    _, took = await soon(now, well)
    within("seconds until everything was given back", took, BACK_S)


async def _pulse(watch: Watch, over: asyncio.Event) -> None:
    """Ask ``/health`` all the time, once at least."""
    while True:
        started, computed = time.perf_counter(), time.thread_time()
        async with asyncio.timeout(PATIENCE_S):
            reply = await watch.site.ask("GET", "/health")
        watch.health_s.append(time.perf_counter() - started)
        watch.health_cpu_s.append(time.thread_time() - computed)
        assert reply.status == 200, reply.body
        if over.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(HEALTH_EVERY_S):
                await over.wait()
