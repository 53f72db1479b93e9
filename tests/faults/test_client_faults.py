"""What callers can do to us: leave, read nothing, send too much or nonsense, come all at once."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from itertools import count

import orjson
import pytest

from backend.api.middleware.guards import MAX_BODY_BYTES
from backend.guarded import CHAT_POLICY
from backend.metrics import REQUESTS
from tests.api.serving import parse_events
from tests.e2e.product import product, until
from tests.faults.figures import PATIENCE_S, scale, within
from tests.faults.invariants import QUESTION, SPARE, watched
from tests.faults.models import keys
from tests.faults.process import Service, running, watched_process
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.waiting import soon

FOR_EVER = {"openai": replace(CHAT_POLICY, idle_timeout_s=600.0)}
"""So that only a caller's leaving stops the model."""
BODY = orjson.dumps({"query": QUESTION})
NUMBERS = count(1)
"""Each caller asks something else, so that no answer is one that was kept."""


def head(path: str, *lines: str) -> bytes:
    rows = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *lines]
    return "\r\n".join(rows).encode() + b"\r\n\r\n"


async def test_f21_caller_that_leaves_stops_the_model(docs, tmp_path, openai, qdrant, seen):
    variables = keys(openai.port, QDRANT_URL=qdrant.url)
    async with (
        product(docs, tmp_path / "data", policies=FOR_EVER, **variables) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        reader = await sign_up(site)
        openai.fail("hang_mid", on="chat", after=2)
        asking = {"json": {"query": QUESTION}, "headers": reader.headers}
        async with site.http.post("/chat/stream", **asking) as response:
            while b"event: token" not in await response.content.readline():
                pass
            left = time.perf_counter()
            response.close()
        await until(openai.client_left.is_set)
        closed_s = time.perf_counter() - left
        within("seconds until the model was stopped", closed_s, 1.0)
        assert openai.concurrent == 0
        sessions, _ = await soon(lambda: reader.sessions(site), bool)
        messages = await reader.messages(site, sessions[0]["id"])
        whole_pairs(messages)
        assert [message["status"] for message in messages] == ["complete", "truncated"]
        entry = await watch.circuit("openai")
        assert (entry["state"], entry["failure_count"]) == ("closed", 0)
        seen(f"model closed after {closed_s * 1000:.0f} ms, 0 failures; what was said is kept")


async def test_f21_leaving_early_is_not_free(docs, tmp_path, openai, qdrant, seen):
    variables = keys(openai.port, QDRANT_URL=qdrant.url, DAILY_TOKEN_BUDGET="1000")
    async with (
        product(docs, tmp_path / "data", limited=True, policies=FOR_EVER, **variables) as site,
        watched(site, heal=openai.heal, mode=None) as watch,
    ):
        openai.fail("hang_mid", on="chat", after=2)
        async with site.http.post("/chat/stream", json={"query": QUESTION}) as response:
            while b"event: token" not in await response.content.readline():
                pass
            response.close()
        await until(openai.client_left.is_set)
        await until(lambda: site.server._drain.active == 0)
        reply = await watch.ask()
        assert (reply.status, reply.json["code"]) == (429, "budget_exhausted")
        seen("tokens booked by estimate")


async def test_f21b_readers_that_take_nothing_hold_little(docs, tmp_path, openai, seen):
    openai.reply = "sentence " * 890 + "[1]"  # as long as an answer may be
    readers = scale("READERS", 40, 200)
    async with (
        running(tmp_path, **keys(openai.port)) as service,
        watched_process(service, spare=readers + SPARE),
    ):
        await many_streams(service, 20)
        cold = service.rss
        # what as many readers cost who take everything: connections, tasks, the allocator's own
        await many_streams(service, readers)
        asked, before = openai.calls("chat"), service.rss
        sockets = [await slow_reader(service.port) for _ in range(readers)]
        most = before

        def sent() -> bool:
            nonlocal most
            most = max(most, service.rss)
            return openai.calls("chat") == asked + readers and not openai.concurrent

        try:
            await until(sent)
            grown = (most - before) / readers
        finally:
            for each in sockets:
                each.close()
        assert (await service.ask("GET", "/health")).status == 200
        openai.reply = ("x" * 999 + " ") * 4000
        answer = (
            await service.ask("POST", "/chat", json={"query": QUESTION, "page_url": "/docs/new"})
        ).json
        assert answer["degraded"], "no model talks without end"
        assert len(answer["response"]) < 15_000
        assert grown < 64 * 1024
        whole = (most - cold) / readers
        seen(
            f"{grown / 1024:.0f} KB per stream more than with {readers} readers who read; "
            f"{whole / 1024:.0f} KB with the streams themselves"
        )


async def slow_reader(port: int) -> socket.socket:
    """Asks for a stream and never reads."""
    each = socket.socket()
    each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    each.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(each, ("127.0.0.1", port))
    body = orjson.dumps({"query": QUESTION, "page_url": f"/docs/{next(NUMBERS)}"})
    await loop.sock_sendall(each, head("/chat/stream", f"Content-Length: {len(body)}") + body)
    return each


async def test_f24_giant_bodies_are_refused_before_they_are_kept(docs, tmp_path, seen):
    megabytes = scale("BODY_MB", 100, 1000)
    async with (
        running(tmp_path) as service,
        watched_process(service, mode="extractive"),
    ):
        for declared in (True, False) * 2:  # what grows once
            await send_giant(service.port, 16, declared=declared)
        before = service.rss
        for declared in (True, False):
            assert await send_giant(service.port, megabytes, declared=declared) == 413
        grown = service.rss - before
        assert (await service.ask("GET", "/health")).status == 200
        assert grown < 2 * MAX_BODY_BYTES
        seen(f"2 x 413; {grown / 1024:.0f} KB more after 2 x {megabytes} MB")


async def send_giant(port: int, megabytes: int, *, declared: bool) -> int:
    """Send until the service closes; the status it answered."""
    return await asyncio.to_thread(_pour, port, megabytes * 2**20, declared=declared)


def _pour(port: int, size: int, *, declared: bool) -> int:
    piece = b"x" * 65_536
    framed = piece if declared else b"%x\r\n%b\r\n" % (len(piece), piece)
    length = f"Content-Length: {size}" if declared else "Transfer-Encoding: chunked"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        try:
            connection.sendall(head("/chat", length))
            for _ in range(size // len(piece)):
                connection.sendall(framed)
        except ConnectionError:
            pass  # closed in the middle; what it had answered is still there to read
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(
    "lines",
    [tuple(f"X-H{n}: v" for n in range(10_000)), ("X-Long: " + "v" * 2**20,)],
    ids=["10,000", "1 MB"],
)
async def test_f25_giant_heads_reach_no_route(docs, tmp_path, seen, lines):
    async with (
        product(docs, tmp_path / "data") as site,
        watched(site, mode="extractive"),
    ):
        entered = sum(count for labels, count in REQUESTS.values.items() if labels[1] == "/chat")
        reply = await site.raw(head("/chat", *lines, f"Content-Length: {len(BODY)}") + BODY)
        assert reply.status in (400, 431)
        assert reply.json["code"] in ("bad_request", "headers_too_large")
        now = sum(count for labels, count in REQUESTS.values.items() if labels[1] == "/chat")
        assert now == entered
        seen(f"{reply.status}, 0 reached a route")


NONSENSE = {
    "not UTF-8": b'{"query": "\xff\xfe"}',
    "NUL": b'{"query": "a\\u0000b"}',
    "lone surrogate": b'{"query": "\\ud800"}',
    "NaN": b'{"query": "x", "extra": NaN}',
    "10,000 digits": b'{"query": "x", "extra": ' + b"9" * 10_000 + b"}",
    "depth 100,000": b"[" * 100_000 + b"]" * 100_000,
    "half": b'{"query": "x',
    "list": b"[1, 2]",
    "nothing": b"",
    "UTF-16": '{"query": "x"}'.encode("utf-16"),
}


async def test_f26_bodies_that_are_no_clean_json_are_400_or_422(docs, tmp_path, seen):
    async with (
        product(docs, tmp_path / "data") as site,
        watched(site, mode="extractive") as watch,
    ):
        statuses = {}
        for path in ("/chat", "/chat/stream", "/api/search"):
            for name, body in NONSENSE.items():
                reply = await watch.call(
                    "POST", path, data=body, headers={"content-type": "application/json"}
                )
                statuses[path, name] = reply.status
                assert reply.status in (400, 422), (path, name, reply.body)
                assert isinstance(reply.json["detail"], str)
        seen(f"{len(statuses)} bodies, 0 x 5xx")


async def test_f31_many_streams_at_once_starve_nobody(docs, tmp_path, openai, seen):
    """500 streams in the long form."""
    streams = scale("STREAMS", 100, 500)
    openai.token_delay_s = 0.05
    openai.reply = "A topic is a named bus over which nodes exchange messages. " * 4 + "[1]"
    async with running(tmp_path, **keys(openai.port)) as service:
        async with watched_process(service, spare=streams + SPARE):  # its lines to the model
            before = service.rss
            openai.may_end.clear()
            asking = asyncio.create_task(many_streams(service, streams))
            await until(lambda: openai.concurrent == streams or asking.done())
            grown = (service.rss - before) / streams
            openai.may_end.set()
            replies = await asking
            assert [events[-1] for events in replies if events[-1][0] != "done"] == []
            assert len({events[-1][1]["message_id"] for events in replies}) == streams
            assert openai.max_concurrent >= streams, "at once, not after each other"
            assert grown < 256 * 1024
        wall, cpu = service.health
    seen(
        f"{streams} streams whole; /health p99 {wall * 1000:.0f} ms, {cpu * 1000:.0f} ms of CPU; "
        f"{grown / 1024:.0f} KB per stream"
    )


async def many_streams(service: Service, count: int):
    """So many at once, read to their ends by a client of their own; their events."""
    async with service.callers() as http:
        return await asyncio.gather(*(one_stream(http) for _ in range(count)))


async def one_stream(http):
    body = {"query": QUESTION, "page_url": f"/docs/{next(NUMBERS)}"}
    async with http.post("/chat/stream", json=body) as response:
        return parse_events((await response.read()).decode())
