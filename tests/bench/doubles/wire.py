"""A server of HTTP/1.1 that costs next to nothing, so that what is measured is the product.

A handler gets method, path and body and returns a schedule: pairs of (seconds from now, bytes).
The bytes are written as they are; headers are the handler's business.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import httptools
import orjson
import uvloop

Schedule = Sequence[tuple[float, bytes]]
Handler = Callable[[str, str, bytes], Schedule]

REASONS = {200: b"OK", 404: b"Not Found", 409: b"Conflict"}


def reply(body: bytes, status: int = 200) -> bytes:
    """A whole answer with a JSON body."""
    return b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status, REASONS[status], len(body), body,
    )  # fmt: skip


def json_reply(value: object, status: int = 200) -> bytes:
    return reply(orjson.dumps(value), status)


class Connection(asyncio.Protocol):
    """One client, one request at a time."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._parser = httptools.HttpRequestParser(self)
        self._loop = asyncio.get_running_loop()
        self._url = b""
        self._body: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body, url = b"".join(self._body), self._url.decode()
        self._body, self._url = [], b""
        schedule = self._handler(self._parser.get_method().decode(), url.partition("?")[0], body)
        self._next(iter(schedule), self._loop.time())

    def _next(self, rest: Iterator[tuple[float, bytes]], began: float) -> None:
        for due, data in rest:
            if began + due > self._loop.time():
                self._timer = self._loop.call_at(began + due, self._write, data, rest, began)
                return
            self._transport.write(data)
        if not self._parser.should_keep_alive():
            self._transport.close()

    def _write(self, data: bytes, rest: Iterator[tuple[float, bytes]], began: float) -> None:
        self._transport.write(data)
        self._next(rest, began)


def serve(handler: Handler, port: int) -> None:
    """Serve on loopback until killed."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(handler), "127.0.0.1", port, backlog=2048
        )
        await server.serve_forever()

    uvloop.run(run())


def arguments(**milliseconds: float) -> argparse.Namespace:
    """``--port`` and one option per latency."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    for name, value in milliseconds.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=value)
    return parser.parse_args()
