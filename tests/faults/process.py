"""The service as a process of its own: real signals, and memory that is nobody else's."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.api.serving import Reply
from tests.faults.figures import PATIENCE_S, within
from tests.faults.invariants import (
    BACK_S,
    HEALTH_P99_S,
    QUESTION,
    SPARE,
    alive,
    no_foreign_words,
    one_end,
)
from tests.faults.waiting import soon

ROOT = Path(__file__).parents[2]
PAGE = os.sysconf("SC_PAGE_SIZE")
PROBE_EVERY_S = 0.02


@dataclass
class Service:
    """A running process. ``log`` is the file of its standard error."""

    process: asyncio.subprocess.Process
    port: int
    http: aiohttp.ClientSession
    log: Path
    health: tuple[float, float] = (0.0, 0.0)
    """The figures of ``/health`` in the last fault, see ``invariants.alive``."""

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        """One request, whose response has one end and no driver's words."""
        async with self.http.request(method, path, **options) as response:
            reply = Reply(response.status, response.headers.copy(), await response.read())
        if response.content_type != "text/html":
            one_end(reply)
            no_foreign_words(reply)
        return reply

    def callers(self) -> aiohttp.ClientSession:
        """A client for any number of requests at once."""
        everybody = aiohttp.TCPConnector(limit=0)
        return aiohttp.ClientSession(f"http://127.0.0.1:{self.port}", connector=everybody)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    @property
    def rss(self) -> int:
        """Bytes in memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE

    @property
    def loop_cpu_s(self) -> float:
        """CPU seconds of the thread with the event loop."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    async def gone(self) -> int:
        """Wait for its end; the exit status."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def running(
    folder: Path,
    *,
    whole: bool = False,
    grace_s: float = 10.0,
    ready: bool = True,
    **variables: str,
) -> AsyncIterator[Service]:
    """Run until the block ends; ``whole``: ``python app.py`` with its UI, else without."""
    port, log = free_port(), folder / "service.log"
    environment = {
        "PATH": os.environ["PATH"], "PORT": str(port), "HOST": "127.0.0.1", "LOG_LEVEL": "WARNING",
        "DOCS_PATH": str(folder / "docs"), "DATA_DIR": str(folder / "data"), "HOME": str(folder),
        "RATE_LIMIT_CHAT": "off",
    }  # fmt: skip
    command = ["app.py"] if whole else ["-m", "tests.faults.serve", str(port), str(grace_s)]
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, env=environment | variables,
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            service = Service(process, port, http, log)
            await _answering(service, "/health/ready" if ready else "/health")
            yield service
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _answering(service: Service, path: str) -> None:
    async def asked() -> Reply | None:
        assert service.process.returncode is None, service.log.read_text()
        with suppress(aiohttp.ClientError):
            return await service.ask("GET", path)
        return None

    await soon(asked, lambda reply: reply is not None and reply.status == 200)


@asynccontextmanager
async def watched_process(
    service: Service, *, mode: str = "generated", spare: int = SPARE
) -> AsyncIterator[None]:
    """The promises I4 to I6 around a fault, as ``invariants.watched`` has them.

    ``spare``: threads and descriptors that may stay, for what pools keep.
    """
    await service.ask("POST", "/chat", json={"query": QUESTION})
    descriptors, threads = service.descriptors, service.threads
    async with _probed(service) as healths:
        yield
    service.health = alive(*healths, wall_s=HEALTH_P99_S)
    reply = await service.ask("POST", "/chat", json={"query": QUESTION})
    assert (reply.status, reply.json["mode"], reply.json["degraded"]) == (200, mode, None)

    async def held() -> tuple[int, int]:
        return service.descriptors, service.threads

    _, took = await soon(
        held, lambda now: now[0] <= descriptors + spare and now[1] <= threads + spare
    )
    within("seconds until everything was given back", took, BACK_S)


@asynccontextmanager
async def _probed(service: Service) -> AsyncIterator[tuple[list[float], list[float]]]:
    """Ask ``/health`` throughout the block: seconds, and CPU seconds of the service's loop.

    It is asked from a thread, so that the loop of callers and doubles is not measured.
    """
    over = threading.Event()
    seconds: list[float] = []
    computed: list[float] = []
    asking = asyncio.create_task(asyncio.to_thread(_probe, service, over, seconds, computed))
    try:
        yield seconds, computed
    finally:
        over.set()
        await asyncio.wait([asking])
    asking.result()


def _probe(
    service: Service, over: threading.Event, seconds: list[float], computed: list[float]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE_S)
    while True:
        started, used = time.perf_counter(), service.loop_cpu_s
        connection.request("GET", "/health")
        reply = connection.getresponse()
        assert (reply.status, bool(reply.read())) == (200, True)
        seconds.append(time.perf_counter() - started)
        computed.append(service.loop_cpu_s - used)
        if over.wait(PROBE_EVERY_S):
            break
    connection.close()
