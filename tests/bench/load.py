"""A closed loop of clients over kept-alive connections, cheap enough to share two cores."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools

MakeRequest = Callable[[int], bytes]
"""The bytes of the request with this number: every request asks something else."""


def request(method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
    """One request with keep-alive."""
    length = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n{headers}{length}\r\n"
    return head.encode() + body


@dataclass
class Tally:
    """What came back. Times in seconds; ``first`` is until ``Ask.first`` stood in the body."""

    whole: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.whole) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Ask:
    """A kind of request and what a right answer holds; ``pause_s`` is left after each answer."""

    port: int
    make: MakeRequest
    must: bytes = b""
    first: bytes = b""
    status: int = 200
    timeout_s: float = 60.0
    pause_s: float = 0.0


class Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._done: asyncio.Future[None] | None = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._end(ConnectionError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(error)

    def on_body(self, body: bytes) -> None:
        self._body += body
        if self.first_at is None and self._ask.first and self._ask.first in self._body:
            self.first_at = time.perf_counter()

    def on_message_complete(self) -> None:
        self._end(None)

    async def send(self, data: bytes) -> bytearray:
        """The body of the answer; raises ValueError for a wrong one."""
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self.first_at: float | None = None
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        async with asyncio.timeout(self._ask.timeout_s):
            await self._done
        if (status := self._parser.get_status_code()) != self._ask.status:
            raise ValueError(f"status {status}: {bytes(self._body[:200])!r}")
        if self._ask.must not in self._body:
            raise ValueError(f"a wrong answer: {bytes(self._body[:200])!r}")
        if not self._parser.should_keep_alive():
            self.close()
        return self._body

    def close(self) -> None:
        self.closed = True
        self._transport.close()

    def _end(self, error: Exception | None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


async def connect(ask: Ask) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(ask), "127.0.0.1", ask.port)
    return connection


class Numbers:
    """Counts requests up over the whole run, so that no two are alike."""

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> int:
        self._next += 1
        return self._next


NUMBERS = Numbers()


async def run(
    ask: Ask, *, clients: int, requests: int, seconds: float, stop: asyncio.Event | None = None
) -> Tally:
    """``clients`` ask one after the other until ``requests`` or ``seconds`` are used up."""
    tally, left = Tally(), requests
    began = time.perf_counter()

    def go_on() -> bool:
        stopped = stop is not None and stop.is_set()
        return left > 0 and not stopped and time.perf_counter() - began < seconds

    async def client() -> None:
        nonlocal left
        connection: Connection | None = None
        while go_on():
            left -= 1
            if connection is None or connection.closed:
                connection = await connect(ask)
            await _one(ask, connection, tally)
            if ask.pause_s:
                await asyncio.sleep(ask.pause_s)
        if connection is not None:
            connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    tally.seconds = time.perf_counter() - began
    return tally


async def _one(ask: Ask, connection: Connection, tally: Tally) -> None:
    began = time.perf_counter()
    try:
        await connection.send(ask.make(NUMBERS.take()))
    except (ValueError, OSError, TimeoutError, httptools.HttpParserError) as error:
        tally.failures[f"{type(error).__name__}: {error}"[:300]] += 1
        connection.close()
        return
    tally.whole.append(time.perf_counter() - began)
    if connection.first_at is not None:
        tally.first.append(connection.first_at - began)


def quantile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies; NaN of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
