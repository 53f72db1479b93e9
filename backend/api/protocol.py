"""The HTTP parser's side of a connection: heads must come in time, and refusals speak JSON."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT_S = 15.0
"""For a request's line and headers: who sends them byte by byte holds a connection for nothing."""

UNSENT_BYTES = 8 * 1024
"""What is kept for a reader who takes nothing, in many small pieces; the model then waits too."""

_HEAD = b"HTTP/1.1 "


class HeadFirst:
    """A transport that sends the head of a response with what follows it: one call to the system.

    A head that nothing follows at once goes out by itself in the loop's next round.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes) -> None:
        """Send in order; a head waits for its body."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close when everything was sent."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


class Protocol(HttpToolsProtocol):
    """Uvicorn's, which by itself waits for ever for the end of a request's head."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(HeadFirst(transport, self.loop))  # type: ignore[arg-type]
        transport.set_write_buffer_limits(high=UNSENT_BYTES)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the head of a further request on the same connection."""
        super().on_message_begin()
        if self._late is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Stop waiting, and let the app begin."""
        self._head_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the body that all errors have."""
        identity = uuid4().hex
        body = orjson.dumps(
            {
                "detail": "The request is not readable as HTTP/1.1.",
                "code": "bad_request",
                "request_id": identity,
            }
        )
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {identity}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._late = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _head_came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
