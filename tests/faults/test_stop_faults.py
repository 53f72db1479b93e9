"""Stops: what is under way, with a process of its own and real signals."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from tests.api.serving import parse_events
from tests.e2e.product import until
from tests.faults.figures import LONG, within
from tests.faults.invariants import QUESTION
from tests.faults.models import keys
from tests.faults.process import running
from tests.faults.proxy import FaultProxy
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.test_database_faults import through
from tests.faults.waiting import soon

GRACE_S = 1.0
LONG_GRACE_S = 600.0
STOP_S = 2.0
"""What a stop may take on top of the grace."""
REPLY = "A topic is a named bus over which nodes exchange messages [1]."


async def _stream(service, reader, gone: asyncio.Event):
    body = {"query": QUESTION}
    async with service.http.post("/chat/stream", json=body, headers=reader.headers) as response:
        text = ""
        while "event: token" not in text:
            text += (await response.content.readline()).decode()
        gone.set()
        return parse_events(text + (await response.content.read()).decode())


async def _refuses(service) -> bool:
    """Whether a new question is turned away: told, or not connected any more."""
    try:
        reply = await service.ask("POST", "/chat", json={"query": QUESTION})
    except aiohttp.ClientError:
        return True
    assert reply.status == 200 or (reply.status, reply.json["code"]) == (503, "shutdown")
    return reply.status == 503


async def _kept(folder: Path, reader) -> int:
    """How many messages the service knows after a restart, all in pairs."""
    count = 0
    async with running(folder) as service:
        for session in await reader.sessions(service):
            messages = await reader.messages(service, session["id"])
            whole_pairs(messages)
            count += len(messages)
    return count


async def test_f22_sigterm_lets_streams_finish(docs, tmp_path, openai, seen):
    openai.reply = REPLY
    async with running(tmp_path, grace_s=LONG_GRACE_S, **keys(openai.port)) as service:
        reader = await sign_up(service)
        started = asyncio.Event()
        openai.may_end.clear()
        whole = asyncio.create_task(_stream(service, reader, started))
        await started.wait()
        service.send(signal.SIGTERM)
        await soon(lambda: _refuses(service), bool)
        assert not whole.done()
        openai.may_end.set()
        assert (await whole)[-1][0] == "done"
        assert await service.gone() == 0, "at once, not when the grace is over"
        assert "Traceback" not in service.log.read_text()
    assert await _kept(tmp_path, reader) == 2
    seen("0 streams cut that could finish")


async def test_f22_sigterm_tells_streams_that_do_not_end(docs, tmp_path, openai, seen):
    openai.reply = REPLY
    openai.fail("hang_mid", on="chat", after=3)
    async with running(tmp_path, grace_s=GRACE_S, **keys(openai.port)) as service:
        reader = await sign_up(service)
        name, error, took = await _stopped(service, reader)
        assert (name, error["code"]) == ("error", "shutdown")
        assert openai.concurrent == 0
        assert "Traceback" not in service.log.read_text()
    assert await _kept(tmp_path, reader) == 2, "the answer that was cut, with its question"
    within("seconds until it was gone", took, GRACE_S + STOP_S)
    seen(f"0 streams without an end; gone after {took:.1f} s at a grace of {GRACE_S:.0f} s")


async def _stopped(service, reader):
    """Stop it while a stream runs that hangs: the stream's last event, and how long it took."""
    started = asyncio.Event()
    hanging = asyncio.create_task(_stream(service, reader, started))
    await started.wait()
    stopped = time.monotonic()
    service.send(signal.SIGTERM)
    name, data = (await hanging)[-1]
    assert await service.gone() == 0
    return name, data, time.monotonic() - stopped


@pytest.mark.skipif(not LONG, reason="takes the grace of ten seconds: make faults")
async def test_f22_sigterm_with_the_admin_ui_open_ends_in_time(docs, tmp_path, openai, seen):
    openai.reply = REPLY
    openai.fail("hang_mid", on="chat", after=3)
    async with running(tmp_path, whole=True, **keys(openai.port)) as service:
        await soon(lambda: service.ask("GET", "/admin/"), lambda page: b"gradio" in page.body)
        tab = await service.http.get("/admin/gradio_api/heartbeat/tab-1")
        name, error, took = await _stopped(service, await sign_up(service))
        tab.close()
        assert (name, error["code"]) == ("error", "shutdown")
        assert "Traceback" not in service.log.read_text()
        within("seconds until it was gone", took, 10 + STOP_S)
        seen(f"with a tab open: gone after {took:.1f} s at a grace of 10 s")


async def test_f22_sigterm_with_a_database_that_hangs_ends_in_time(docs, tmp_path, postgres, seen):
    """Its driver's call cannot be interrupted, and nobody may wait for that thread."""
    async with FaultProxy(postgres.port) as line:
        variables = through(line, postgres)
        async with running(tmp_path, grace_s=GRACE_S, **variables) as service:
            reader = await sign_up(service)
            line.set(hang=True)
            asking = asyncio.create_task(reader.chat(service))
            await until(lambda: line.held)
            stopped = time.monotonic()
            service.send(signal.SIGTERM)
            assert await service.gone() == 0
            took = time.monotonic() - stopped
            await asyncio.gather(asking, return_exceptions=True)
            within("seconds until it was gone", took, GRACE_S + STOP_S)
            seen(f"with a database that hangs: gone after {took:.1f} s")
