"""What an upstream sends bit by bit: payloads of server-sent events, a list for each read."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable

from backend.adapters.http_connection import STREAM_BUFFER_BYTES, Connection
from backend.adapters.http_errors import too_large, translated

DONE = b"[DONE]"
MAX_LINE_BYTES = 2**20
GRID_S = 0.01


class Pauses:
    """Lets streams lie still for a while: taking in piece by piece what they send is what costs.

    Those whose pauses end at about the same time are read in one round of the event loop.
    """

    def __init__(self) -> None:
        self._ending: dict[int, list[Connection]] = {}

    def hold(self, connection: Connection, until: float) -> None:
        """Leave what comes to the kernel until this time of the loop, or a little longer."""
        connection.hold()
        slot = math.ceil(until / GRID_S)
        ending = self._ending.get(slot)
        if ending is None:
            ending = self._ending[slot] = []
            asyncio.get_running_loop().call_at(slot * GRID_S, self._end, slot)
        ending.append(connection)

    def _end(self, slot: int) -> None:
        for connection in self._ending.pop(slot):
            connection.release()


class Payloads:
    """Iterator over the ``data:`` payloads of a server-sent event stream, a list for each read.

    ``unhurried`` may be set while it is iterated: the socket is then left alone for a moment after
    each read, and the next one has all that has come meanwhile.
    """

    def __init__(
        self,
        connection: Connection,
        upstream: str,
        variable: str | None,
        pauses: Pauses,
        gather_s: Callable[[], float],
    ) -> None:
        self.done = False
        self.unhurried = False
        self._connection = connection
        self._upstream = upstream
        self._translated = translated(upstream, variable)
        self._pauses = pauses
        self._gather_s = gather_s
        self._loop = asyncio.get_running_loop()
        self._read_at = 0.0
        self._rest = b""
        self._ended = False

    def __aiter__(self) -> AsyncIterator[list[bytes]]:
        return self

    async def __anext__(self) -> list[bytes]:
        while not self._ended:
            if self.unhurried:
                self._hold()
            with self._translated:
                data = await self._connection.read()
            self._read_at = self._loop.time()
            if len(data) >= STREAM_BUFFER_BYTES:  # the server waits for room already
                self._read_at = 0.0
            if payloads := self._payloads_in(data):
                return payloads
        raise StopAsyncIteration

    def _hold(self) -> None:
        due = self._read_at + self._gather_s()
        if due > self._loop.time() and not self._connection.held and not self._connection.finished:
            self._pauses.hold(self._connection, due)

    def _payloads_in(self, data: bytes) -> list[bytes]:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if not data:
            self._ended = True
            lines.append(self._rest)
        elif len(self._rest) > MAX_LINE_BYTES:
            raise too_large(self._upstream)
        payloads = [line[5:].strip() for line in lines if line.startswith(b"data:")]
        if DONE in payloads:
            self.done = self._ended = True
            del payloads[payloads.index(DONE) :]
        return payloads
