"""One HTTP/1.1 connection to another server: httptools reads, this keeps what was read.

A question makes three requests, and a general client spends more on each than everything else that
is done for it; what it would do beyond this (redirects, cookies, proxies, compression) is not
wanted on these ways.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple, cast

import httptools

STREAM_BUFFER_BYTES = 4 * 2**10
"""Read ahead of whoever takes a stream; what is beyond waits in the kernel, and then at the server.
The sockets of streams are as narrow."""
ERROR_BYTES = 64 * 2**10
"""Read of the body of an answer that is not 2xx."""
_UNBOUNDED = 2**62

Headers = list[tuple[bytes, bytes]]


class Reply(NamedTuple):
    """A whole answer. Names of headers are in lower case."""

    status: int
    headers: Headers
    body: bytes


class NotHttp(Exception):
    """The other side does not speak HTTP/1.1 as expected."""


class AnswerTooLarge(Exception):
    """The body is longer than whoever asked wants to keep."""


class Connection(asyncio.Protocol):
    """Carries one request at a time; may be used again after a whole answer.

    Raises OSError where the connection breaks, :class:`NotHttp` for what cannot be read as an
    answer, :class:`AnswerTooLarge`, and whatever :meth:`fail` was given.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._size = 0
        self._most = _UNBOUNDED
        self._streamed = False
        self._under_way = False
        self._whole = False
        self._ends_with_connection = True
        self._full = False
        self.held = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether another request may follow."""
        return (
            not self._under_way
            and self._error is None
            and self._transport is not None
            and not self._transport.is_closing()
        )

    @property
    def finished(self) -> bool:
        """Whether the answer has come to its end, read or not."""
        return self._whole

    async def ask(self, request: bytes, most: int) -> Reply:
        """Send a request and return its answer.

        Of an answer that is not 2xx at most :data:`ERROR_BYTES` are read; one that is longer than
        ``most`` bytes is an error.
        """
        self._begin(request, most, streamed=False)
        while not self._whole:
            await self._more()
        return Reply(self.status, self.headers, self._taken())

    async def open(self, request: bytes) -> None:
        """Send a request and wait for the head of its answer: ``status`` and ``headers``.

        :meth:`read` gives the rest.
        """
        self._begin(request, _UNBOUNDED, streamed=True)
        while not self.status:
            await self._more()

    async def read(self) -> bytes:
        """All that has come, at least one byte; nothing at the answer's end."""
        while not self._parts and not self._whole:
            await self._more()
        return self._taken()

    async def rest(self) -> bytes:
        """What is left of an answer that is not 2xx, :data:`ERROR_BYTES` at most."""
        data = b""
        while len(data) < ERROR_BYTES and (part := await self.read()):
            data += part
        return data[:ERROR_BYTES]

    def hold(self) -> None:
        """Leave what comes to the kernel until :meth:`release`."""
        self.held = True
        self._let_read()

    def release(self) -> None:
        """Take in again what comes."""
        self.held = False
        self._let_read()

    def fail(self, error: Exception) -> None:
        """End the request under way with an error, and the connection with it."""
        if self._error is None and not self._whole:
            self._error = error
        self.close()
        self._wake()

    def close(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def _begin(self, request: bytes, most: int, *, streamed: bool) -> None:
        if self._transport is None or not self.usable:  # closed since it was made or taken
            raise self._error or ConnectionResetError
        self._under_way, self._whole, self._streamed, self._most = True, False, streamed, most
        self.status, self.headers = 0, []
        self._size, self._ends_with_connection = 0, True
        self._parts.clear()
        self._full = self.held = False  # of a stream that was left with something unread
        self._let_read()
        self._transport.write(request)

    async def _more(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._error is not None and not self._parts:
            raise self._error

    def _taken(self) -> bytes:
        if len(self._parts) == 1:
            data = self._parts[0]
        else:
            data = b"".join(self._parts)
        self._parts.clear()
        if self._streamed:
            self._size, self._full = 0, False
            self._let_read()
        return data

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _let_read(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self.held or self._full:
            transport.pause_reading()
        else:
            transport.resume_reading()

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Have it parsed. An idle server has nothing to say, so then the connection ends."""
        if not self._under_way:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(NotHttp())
            return
        if self._streamed and (self._parts or self.status):
            self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits gets what there is: an answer that had no other end, or an error."""
        self._transport = None
        if self._under_way and not self._whole:
            if self.status and self._ends_with_connection and error is None:
                self._whole = True
            elif self._error is None:
                self._error = error or ConnectionResetError()
        self._wake()

    # what the parser tells

    def on_message_begin(self) -> None:
        """Stop the parser at a second answer, for which nobody has asked."""
        if self._whole:
            raise NotHttp

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header of the answer."""
        name = name.lower()
        if name == b"content-length" or name == b"transfer-encoding":
            self._ends_with_connection = False
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The status; that of an interim answer is dropped with its headers."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = []
        else:
            self.status = status

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(part)
        self._size += len(part)
        if self._streamed:
            if self._size >= STREAM_BUFFER_BYTES and not self._full:
                self._full = True
                self._let_read()
        elif not 200 <= self.status < 300:
            if self._size >= ERROR_BYTES:
                self._end(again=False)
        elif self._size > self._most:
            self.fail(AnswerTooLarge())

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self.status:
            self._end(again=self._parser.should_keep_alive())

    def _end(self, *, again: bool) -> None:
        self._whole = True
        if again:
            self._under_way = False
        else:
            self.close()
        self._wake()
