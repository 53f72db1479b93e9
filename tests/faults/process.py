"""The service as a process of its own: real signals, and memory that is nobody else's."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.api.serving import Reply

ROOT = Path(__file__).parents[2]
START_S = 60.0
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Service:
    """A running process. ``log`` is the file of its standard error."""

    process: asyncio.subprocess.Process
    port: int
    http: aiohttp.ClientSession
    log: Path

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        async with self.http.request(method, path, **options) as response:
            return Reply(response.status, response.headers.copy(), await response.read())

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

    async def gone(self, seconds: float) -> int:
        """Wait for its end; the exit status."""
        async with asyncio.timeout(seconds):
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
    async with asyncio.timeout(START_S):
        while True:
            assert service.process.returncode is None, service.log.read_text()
            with suppress(aiohttp.ClientError):
                if (await service.ask("GET", path)).status == 200:
                    return
            await asyncio.sleep(0.02)
