"""The head of a response goes out with its body, and alone where none follows."""

from __future__ import annotations

import asyncio
from typing import cast

from backend.api.protocol import HeadFirst

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire:
    """A transport that notes each call to the system."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def close(self) -> None:
        self.calls.append(b"closed")

    def is_closing(self) -> bool:
        return b"closed" in self.calls


def _head_first(wire: Wire) -> HeadFirst:
    return HeadFirst(cast(asyncio.Transport, wire), asyncio.get_running_loop())


async def test_head_is_sent_with_its_body_and_nothing_is_sent_twice() -> None:
    wire = Wire()
    transport = _head_first(wire)
    transport.write(HEAD)
    transport.write(b"body")
    transport.write(b"more")
    await asyncio.sleep(0)
    assert wire.calls == [HEAD + b"body", b"more"]


async def test_head_that_nothing_follows_is_not_kept_back() -> None:
    wire = Wire()
    _head_first(wire).write(HEAD)
    await asyncio.sleep(0)
    assert wire.calls == [HEAD]


async def test_closing_sends_a_head_before() -> None:
    wire = Wire()
    transport = _head_first(wire)
    transport.write(HEAD)
    transport.close()
    assert wire.calls == [HEAD, b"closed"]
    assert transport.is_closing()
