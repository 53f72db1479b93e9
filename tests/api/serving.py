"""A real server on loopback around a fake container, and clients for it."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from fastapi import FastAPI

from backend.server import Server, create_app, make_server
from backend.services.limits import Limits, MemoryCounters
from tests.api.fakes import FakeContainer

KEEP_ALIVE_S = 2.0
UNLIMITED = Limits(None, MemoryCounters())


@dataclass
class Site:
    """A running server."""

    app: FastAPI
    container: FakeContainer
    server: Server
    port: int
    http: aiohttp.ClientSession

    def use(self, container: FakeContainer) -> None:
        """Serve from another container from now on."""
        self.container = self.app.state.container = container

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        """One request, its whole response."""
        options.setdefault("allow_redirects", False)
        if isinstance(options.get("data"), bytes) and len(options["data"]) > 2**20:
            options["data"] = io.BytesIO(options["data"])  # the client warns of large bytes
        async with self.http.request(method, path, **options) as response:
            return Reply(response.status, response.headers.copy(), await response.read())

    async def raw(self, data: bytes) -> Reply:
        """Send bytes as they are, read the response's head and whatever follows it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:-2])}
            length = int(headers.get("content-length", 0))
            return Reply(int(lines[0].split()[1]), headers, await reader.readexactly(length))
        finally:
            writer.close()


@dataclass
class Reply:
    """A response that was read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The events of a stream, read as a browser reads them."""
        return parse_events(self.body.decode())


def parse_events(text: str) -> list[tuple[str, Any]]:
    """Name and data of each event, by the rules of the standard; comments are dropped."""
    events = []
    name, data = "", []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line == "" and data:
            events.append((name, orjson.loads("\n".join(data))))
            name, data = "", []
        elif line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            data.append(line[6:])
    return events


@asynccontextmanager
async def serving(
    container: FakeContainer | None = None, *, limits: Limits | None = UNLIMITED, **options: Any
) -> AsyncIterator[Site]:
    """Serve until the block ends. ``limits`` None: as the settings say."""
    container = container or FakeContainer()
    app = create_app(container, limits=limits, **options)
    # with the protocol named: else asyncio leaves Nagle's algorithm on, at 40 ms a response
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = make_server(app, "127.0.0.1", port)
        server.capture_signals = nullcontext  # they are the test runner's
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            assert not running.done(), running.exception()
            await asyncio.sleep(0)
        try:
            # what the client keeps open would else count for longer than it is watched
            connector = aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE_S)
            async with aiohttp.ClientSession(
                f"http://127.0.0.1:{port}", connector=connector
            ) as http:
                yield Site(app, container, server, port, http)
        finally:
            server.should_exit = True
            await running
