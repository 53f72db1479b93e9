"""What a stream does beside sending: framing, heartbeats, the client's leaving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from backend.api.sse import HEARTBEAT, EventStream, error_event, event, token_event
from backend.domain import TokenEvent
from backend.errors import UpstreamTimeout
from tests.api.fakes import ANSWER, EVENTS
from tests.api.serving import Site, parse_events


@pytest.mark.parametrize(
    "text",
    [
        "\n\nevent: done\ndata: {}\n\n",
        "\r\rdata: x\r\r",
        "\u2028\u2029\x85\x0b\x0c\x00",
        "\ufeff: comment",
        '"}\n\n',
        "اردو \U0001f916",
    ],
)
async def test_token_is_one_event_whatever_it_holds(site: Site, text: str) -> None:
    site.container.answering.events = [TokenEvent(text), EVENTS[-1]]
    reply = await site.ask("POST", "/chat/stream", json={"query": "Why?"})
    assert reply.body.count(b"\n\n") == 3, "the opening comment and two events"
    assert reply.events[0] == ("token", {"text": text})
    assert [name for name, _ in reply.events] == ["token", "done"]


def test_token_event_is_the_general_event() -> None:
    assert token_event('a"\n') == event("token", {"text": 'a"\n'})
    assert parse_events(": waiting\n\n") == []


async def test_client_leaving_closes_the_answer_at_once(site: Site) -> None:
    answering = site.container.answering
    answering.events = [EVENTS[1], asyncio.Event()]
    async with site.http.post("/chat/stream", json={"query": "Why?"}) as response:
        await response.content.readuntil(b"\n\n")
        await answering.waiting.wait()
        assert not answering.closed.is_set()
        response.close()
    await answering.closed.wait()


class Wire:
    """The server's side of one connection, for a response alone."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.left = asyncio.Event()
        self.news = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        await self.writable.wait()
        self.sent.append(message)
        self.news.set()

    async def until(self, body: bytes) -> None:
        while not any(message.get("body") == body for message in self.sent):
            self.news.clear()
            await self.news.wait()


async def frames(*items: bytes | asyncio.Event, closed: asyncio.Event) -> AsyncIterator[bytes]:
    try:
        for item in items:
            if isinstance(item, asyncio.Event):
                await item.wait()
            else:
                yield item
    finally:
        closed.set()


async def test_heartbeats_come_while_nothing_else_does() -> None:
    wire, go_on, closed = Wire(), asyncio.Event(), asyncio.Event()
    stream = EventStream(frames(go_on, b"last", closed=closed), heartbeat_s=0.001)
    running = asyncio.create_task(stream({"type": "http"}, wire.receive, wire.send))
    await wire.until(HEARTBEAT)
    go_on.set()
    await running
    assert [message.get("body") for message in wire.sent[-2:]] == [b"last", b""]
    assert wire.sent[-1]["more_body"] is False


@pytest.mark.parametrize("rest", [(b"two", b"three"), (asyncio.Event(),), ()])
async def test_reader_that_takes_nothing_is_given_up(rest: tuple[bytes | asyncio.Event]) -> None:
    wire, go_on, closed = Wire(), asyncio.Event(), asyncio.Event()
    stream = EventStream(frames(b"one", go_on, *rest, closed=closed), heartbeat_s=0.001)
    running = asyncio.create_task(stream({"type": "http"}, wire.receive, wire.send))
    await wire.until(b"one")
    wire.writable.clear()
    go_on.set()
    await running
    assert closed.is_set()
    assert all(message.get("more_body", True) for message in wire.sent)


async def test_cancelled_response_closes_its_frames() -> None:
    wire, closed = Wire(), asyncio.Event()
    stream = EventStream(frames(b"one", asyncio.Event(), closed=closed))
    running = asyncio.create_task(stream({"type": "http"}, wire.receive, wire.send))
    await wire.until(b"one")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert closed.is_set()


@pytest.mark.parametrize("cut", [True, False])
async def test_who_leaves_before_the_first_frame_is_told_of(cut: bool) -> None:
    wire, closed, unbegun = Wire(), asyncio.Event(), asyncio.Event()
    stream = EventStream(frames(b"one", closed=closed), unbegun=unbegun.set)
    if cut:
        wire.writable.clear()
    running = asyncio.create_task(stream({"type": "http"}, wire.receive, wire.send))
    await asyncio.sleep(0)
    if cut:
        running.cancel()
    await asyncio.wait([running])
    assert (unbegun.is_set(), closed.is_set()) == (cut, not cut)


@pytest.mark.parametrize("saved", [True, False])
def test_error_event_names_the_partial_where_it_was_kept(saved: bool) -> None:
    error = UpstreamTimeout("openai", "The model went silent.")
    error.partial = replace(ANSWER, saved=saved)
    (_, body) = parse_events(error_event(error).decode())[0]
    assert body["truncated"] is True
    ids = (ANSWER.session_id, ANSWER.message_id) if saved else (None, None)
    assert (body.get("session_id"), body.get("message_id")) == ids
