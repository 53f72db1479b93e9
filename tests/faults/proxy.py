"""A TCP proxy on loopback that misbehaves as it is told: what Toxiproxy does, in the test's loop.

``async with FaultProxy(port) as proxy: proxy.set(latency_s=0.2)``. It stands before a double or a
real PostgreSQL. Toxics hold for connections that are open as well as for new ones; ``heal`` ends
all.
Memory is bounded: a connection holds at most :data:`PIECES` pieces of :data:`PIECE` bytes, so a
slow side slows the other one down.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Self

PIECE = 16 * 1024
PIECES = 32
HOST = "127.0.0.1"


@dataclass(slots=True)
class Toxics:
    """What is wrong at the moment. The downstream direction is the server's answers.

    ``connect_s``: a new connection waits so long before the server hears of it. ``latency_s``:
    each piece of an answer comes so much later, the pace stays. ``bytes_per_s``: no more of an
    answer in a second. ``hang``: nothing passes any more, in neither direction. ``slice``: answers
    come in pieces of so many bytes. ``limit``: after so many bytes of answers a connection ends
    properly. ``reset_after``: after so many it ends by RST. ``refuse``: a new connection is reset
    at once.
    """

    connect_s: float = 0.0
    latency_s: float = 0.0
    bytes_per_s: float | None = None
    hang: bool = False
    slice: int | None = None
    limit: int | None = None
    reset_after: int | None = None
    refuse: bool = False


Pieces = asyncio.Queue[tuple[float, bytes]]
"""When a piece of an answer came, and the piece; an empty one is the end."""


class FaultProxy:
    """Passes connections on to ``port`` of this machine."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.toxics = Toxics()
        self.accepted = 0
        self.held = 0
        """Pieces that a hang holds back at the moment."""
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._healed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0, limit=PIECE)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        if self._running:
            await asyncio.wait(self._running)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def open(self) -> int:
        """Connections that are open."""
        return len(self._running)

    def set(self, **toxics: object) -> None:
        """Change some toxics; the others stay."""
        for name, value in toxics.items():
            assert name in {field.name for field in fields(Toxics)}, name
            setattr(self.toxics, name, value)

    def heal(self) -> None:
        """End every toxic; what hung goes on."""
        self.toxics = Toxics()
        self._healed.set()
        self._healed = asyncio.Event()

    def cut(self) -> None:
        """Break every open connection."""
        for task in self._running:
            task.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # a task of ours: one that is cancelled before it has begun could not close its connection
        task = asyncio.create_task(self._serve(reader, writer))
        self.accepted += 1
        self._running.add(task)

        def over(_: object) -> None:
            self._running.discard(task)
            if not writer.is_closing():
                _reset(writer)

        task.add_done_callback(over)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):
            _reset(writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.toxics.refuse:
            _reset(writer)
            return
        await self._wait(self.toxics.connect_s)
        behind, to_server = await asyncio.open_connection(HOST, self.target, limit=PIECE)
        up = asyncio.create_task(self._upstream(reader, to_server))
        pieces: Pieces = asyncio.Queue(PIECES)
        collect = asyncio.create_task(self._collect(behind, pieces))
        down = asyncio.create_task(self._downstream(pieces, writer))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            for task in (up, down):
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            # closed before the wait: a second cut() may end it early
            to_server.close()
            writer.close()
            for task in (up, collect, down):
                task.cancel()
            await asyncio.wait((up, collect, down))

    async def _upstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            await self._while_hanging()
            writer.write(piece)
            await writer.drain()

    async def _collect(self, reader: asyncio.StreamReader, pieces: Pieces) -> None:
        now = asyncio.get_running_loop().time
        try:
            while piece := await reader.read(self.toxics.slice or PIECE):
                await pieces.put((now(), piece))
        finally:
            await pieces.put((now(), b""))

    async def _downstream(self, pieces: Pieces, writer: asyncio.StreamWriter) -> None:
        sent, now = 0, asyncio.get_running_loop().time
        while True:
            came, piece = await pieces.get()
            if not piece:
                return
            await self._while_hanging()
            toxics = self.toxics
            await self._wait(came + toxics.latency_s - now())
            if toxics.bytes_per_s:
                await self._wait(len(piece) / toxics.bytes_per_s)
            end = toxics.limit if toxics.limit is not None else toxics.reset_after
            if end is not None and sent + len(piece) >= end:
                writer.write(piece[: max(0, end - sent)])
                await writer.drain()
                if toxics.limit is None:
                    raise ConnectionResetError
                return
            writer.write(piece)
            await writer.drain()
            sent += len(piece)

    async def _while_hanging(self) -> None:
        self.held += 1
        try:
            while self.toxics.hang:
                await self._healed.wait()
        finally:
            self.held -= 1

    async def _wait(self, seconds: float) -> None:
        """Wait, but not longer than the toxics hold."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._healed.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # closed already
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
