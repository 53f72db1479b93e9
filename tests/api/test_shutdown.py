"""What a stop does to what is under way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.api.fakes import EVENTS, FakeContainer, FakeUi
from tests.api.serving import parse_events, serving

ROOT = Path(__file__).parent.parent.parent
QUESTION = {"query": "Why?"}


async def test_stream_that_outlives_the_grace_ends_with_an_error_event() -> None:
    async with serving(grace_s=0.01) as site:
        answering = site.container.answering
        answering.events = [EVENTS[1], asyncio.Event()]
        async with site.http.post("/chat/stream", json=QUESTION) as response:
            await answering.waiting.wait()
            site.server.should_exit = True
            events = parse_events((await response.read()).decode())
        assert [name for name, _ in events] == ["token", "error"]
        assert events[-1][1]["code"] == "shutdown"
        assert events[-1][1]["retryable"] is True
        assert answering.closed.is_set()
    assert site.container.closed


async def test_stream_that_ends_within_the_grace_is_whole() -> None:
    async with serving() as site:
        answering, go_on = site.container.answering, asyncio.Event()
        answering.events = [EVENTS[0], go_on, *EVENTS[1:]]
        async with site.http.post("/chat/stream", json=QUESTION) as response:
            await answering.waiting.wait()
            site.server.should_exit = True
            await site.container.stopping.wait()
            assert not site.container.closed
            go_on.set()
            events = parse_events((await response.read()).decode())
        assert [name for name, _ in events] == ["sources", "token", "token", "done"]


async def test_json_answer_that_outlives_the_grace_is_a_503() -> None:
    async with serving(grace_s=0.01) as site:
        answering = site.container.answering
        answering.events = [asyncio.Event()]
        asking = asyncio.create_task(site.ask("POST", "/chat", json=QUESTION))
        await answering.waiting.wait()
        site.server.should_exit = True
        reply = await asking
        assert (reply.status, reply.json["code"]) == (503, "shutdown")


async def test_nothing_new_begins_once_it_stops() -> None:
    async with serving(ui=FakeUi()) as site:
        site.container.stopping.set()
        for path in ("/chat", "/chat/stream", "/api/search", "/ingest"):
            reply = await site.ask("POST", path, json=QUESTION)
            assert (reply.status, reply.json["code"]) == (503, "shutdown")
            assert reply.headers["retry-after"] == "5"
        ready = await site.ask("GET", "/health/ready")
        assert (ready.status, ready.json["checks"][0]["name"]) == (503, "shutdown")
        assert (await site.ask("GET", "/health")).status == 200
        assert (await site.ask("GET", "/admin/")).status == 503


async def test_followers_and_ui_pages_are_let_go_at_once() -> None:
    ui = FakeUi()
    async with serving(ui=ui) as site:
        site.container.ingestion.hold = asyncio.Event()
        following = asyncio.create_task(site.ask("GET", "/ingest/job-1/events"))
        polling = asyncio.create_task(site.ask("GET", "/admin/poll"))
        await ui.polling.wait()
        site.server.should_exit = True
        assert (await following).events[-1][1]["code"] == "shutdown"
        assert (await polling).body == b"polling"
    assert ui.started
    assert ui.closed


SCRIPT = """
import asyncio, sys
from backend.server import create_app, serve
from tests.api.fakes import EVENTS, FakeContainer
container = FakeContainer()
container.answering.events = [EVENTS[1], asyncio.Event()]
serve(create_app(container, grace_s=0.2), "127.0.0.1", int(sys.argv[1]))
print("closed", container.closed)
"""


async def test_sigterm_ends_the_process_well_with_a_stream_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, str(port), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        while True:
            with contextlib.suppress(aiohttp.ClientConnectorError):
                async with http.get("/health"):
                    break
            await asyncio.sleep(0.01)
        async with http.post("/chat/stream", json=QUESTION) as response:
            first = await response.content.readuntil(b"\n\n")
            process.terminate()
            events = parse_events((first + await response.read()).decode())
    assert [name for name, _ in events] == ["token", "error"]
    assert await process.stdout.read() == b"closed True\n"
    assert await process.wait() == 0


async def test_start_that_is_still_running_does_not_hold_a_stop_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    container = FakeContainer()
    container.start_hold = asyncio.Event()
    async with serving(container):
        pass
    assert container.closed
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
