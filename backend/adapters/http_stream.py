"""What an upstream sends bit by bit: payloads of server-sent events, a list for each read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from backend.adapters.http_errors import too_large, translated

if TYPE_CHECKING:
    import aiohttp

DONE = b"[DONE]"
MAX_LINE_BYTES = 2**20
STREAM_BUFFER_BYTES = 4 * 2**10
"""For the socket of a stream, and read ahead of it: whatever had come would be read at once, and
kept in hundreds of small pieces for a reader who takes none."""


class Payloads:
    """Iterator over the ``data:`` payloads of a server-sent event stream, a list for each read.

    ``unhurried`` may be set while it is iterated: the socket is then left alone for a moment after
    each read, and the next one has all that has come meanwhile.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        upstream: str,
        variable: str | None,
        gather_s: Callable[[], float],
    ) -> None:
        self.done = False
        self.unhurried = False
        self._response = response
        self._content = response.content
        self._upstream = upstream
        self._translated = translated(upstream, variable)
        self._gather_s = gather_s
        self._loop = asyncio.get_running_loop()
        self._read_at = 0.0
        self._held: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rest = b""
        self._ended = False

    def __aiter__(self) -> AsyncIterator[list[bytes]]:
        return self

    async def __anext__(self) -> list[bytes]:
        while not self._ended:
            if self.unhurried:
                self._hold()
            with self._translated:
                data = await self._content.readany()
            self._read_at = self._loop.time()
            if len(data) >= STREAM_BUFFER_BYTES:  # the server waits for room already
                self._read_at = 0.0
            if payloads := self._payloads_in(data):
                return payloads
        raise StopAsyncIteration

    def release(self) -> None:
        """Let the socket be read again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        transport, self._held = self._held, None
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    def _hold(self) -> None:
        """Leave what comes to the kernel for a while: taking it in piece by piece is what costs."""
        due = self._read_at + self._gather_s()
        connection = self._response.connection  # None once the answer was read to its end
        if self._held is None and connection is not None and due > self._loop.time():
            self._held = connection.transport
            if self._held is not None:
                self._held.pause_reading()
                self._timer = self._loop.call_at(due, self.release)

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
