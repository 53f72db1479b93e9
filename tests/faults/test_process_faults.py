"""Stops, kills, clocks and replicas, with processes of their own and real signals."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import time
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import pytest

from backend.guarded import CHAT_POLICY
from tests.api.serving import parse_events
from tests.doubles.qdrant import QdrantDouble
from tests.e2e.product import product, until
from tests.faults.figures import LONG, scale, within
from tests.faults.invariants import QUESTION, watched
from tests.faults.models import keys
from tests.faults.process import running
from tests.faults.proxy import FaultProxy
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.test_database_faults import through
from tests.faults.waiting import rested, soon

GRACE_S = 1.0
LONG_GRACE_S = 600.0
STOP_S = 2.0
"""What a stop may take on top of the grace."""
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
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


async def test_f23_kill_loses_nothing_that_was_acknowledged(docs, tmp_path, seen):
    kills = scale("KILLS", 2, 200)
    dice = random.Random(23)
    acknowledged: dict[str, str] = {}
    unanswered: dict[str, str] = {}
    session = None
    async with running(tmp_path) as service:
        reader = await sign_up(service)
        session = (await reader.chat(service)).json["session_id"]
    for round_ in range(kills):
        async with running(tmp_path) as service:
            for key in list(unanswered):  # a client repeats what it got no answer to
                reply = await reader.chat(service, key, session_id=session)
                if reply.status == 200:
                    acknowledged[key] = reply.json["message_id"]
                    unanswered.pop(key)
            asking = [
                asyncio.create_task(_ask(service, reader, f"{round_}-{n}", session, acknowledged))
                for n in range(20)
            ]
            known, told = len(acknowledged), dice.randrange(len(asking))
            await until(lambda known=known, told=told: len(acknowledged) >= known + told)
            await asyncio.sleep(dice.uniform(0.0, 0.01))  # anywhere in the writes of the others
            service.send(signal.SIGKILL)
            for key in await asyncio.gather(*asking):
                if key not in acknowledged:
                    unanswered[key] = key
    async with running(tmp_path) as service:
        messages = await reader.messages(service, session)
    whole_pairs(messages)
    stored = {message["id"] for message in messages}
    lost = set(acknowledged.values()) - stored
    assert not lost
    assert len(set(acknowledged.values())) == len(acknowledged)
    for file in (tmp_path / "data").glob("*.sqlite3"):
        with sqlite3.connect(file) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()
    seen(f"{kills} kills, {len(acknowledged)} acknowledged, 0 lost, 0 halves")


async def _ask(service, reader, key, session, acknowledged) -> str:
    with suppress(aiohttp.ClientError):
        reply = await reader.chat(service, key, session_id=session)
        if reply.status == 200 and reply.json["saved"]:
            acknowledged[key] = reply.json["message_id"]
    return key


async def test_f27_wall_clock_jumps_free_and_lock_nobody(docs, tmp_path, openai, monkeypatch, seen):
    chat = replace(CHAT_POLICY, max_attempts=1, failure_threshold=2, open_s=0.3)
    async with QdrantDouble() as index:
        variables = keys(openai.port, QDRANT_URL=index.url, RATE_LIMIT_CHAT="8/hour")
        async with (
            product(
                docs, tmp_path / "data", limited=True, policies={"openai": chat}, **variables
            ) as site,
            watched(site, heal=openai.heal, mode=None) as watch,
        ):
            openai.fail("status", on="chat", status=500, times=2)
            for _ in range(2):
                assert (await watch.ask()).json["mode"] == "extractive"
            genuine = time.time
            for hours in (1, -1):
                monkeypatch.setattr(time, "time", lambda hours=hours: genuine() + hours * 3600)
                assert (await watch.circuit("openai"))["state"] in ("open", "half_open")
                rest = (await watch.circuit("openai"))["retry_after_s"]
                assert rest <= 0.3
            await rested(site)
            assert (await watch.ask()).json["mode"] == "generated"
            statuses = [(await watch.ask()).status for _ in range(6)]
            assert statuses == [200] * 5 + [429], "the ninth in this hour, whatever hour it is"
            monkeypatch.setattr(time, "time", lambda: genuine() + 3600)
            assert (await watch.ask()).status == 429
            seen("circuit closed on time, limit held, over jumps of +1 h and -1 h")


@pytest.mark.skipif(not FAKETIME, reason="the Debian package faketime is not installed")
async def test_f27_wall_clock_of_a_whole_process_jumps(docs, tmp_path, seen):
    clock = tmp_path / "clock"
    clock.write_text("+0")
    wrong = {
        "LD_PRELOAD": str(FAKETIME[0]), "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    async with running(tmp_path, RATE_LIMIT_CHAT="6/hour", **wrong) as service:
        reader = await sign_up(service)
        first = (await reader.chat(service, "key")).json
        for jump in ("+3600", "-3600", "+0"):
            clock.write_text(jump)
            await _until_clock_shows(service, int(jump))
            again = await reader.chat(service, "key")
            assert again.json["message_id"] == first["message_id"], "repeated, not made again"
            assert (await reader.sessions(service))[0]["id"] == first["session_id"], "signed in"
        statuses = [(await reader.chat(service)).status for _ in range(3)]
        clock.write_text("+3600")
        await _until_clock_shows(service, 3600)
        statuses.append((await reader.chat(service)).status)
    assert statuses == [200, 200, 429, 429], "six in this hour, whatever hour it is"
    seen("whole process under libfaketime: limit, key and sign-in held over +1 h and -1 h")


async def _until_clock_shows(service, ahead_s: int) -> None:
    """It looks at its file once a second."""

    def shown(reply) -> bool:
        told = parsedate_to_datetime(reply.headers["date"]).timestamp()
        return abs(told - time.time() - ahead_s) < 600

    await soon(lambda: service.ask("GET", "/health"), shown)


async def test_f28_two_replicas_share_one_database(docs, tmp_path, postgres, seen):
    url = postgres.dsn(postgres.database())
    first, second = tmp_path / "first", tmp_path / "second"
    shared = {"NEON_API_KEY": url, "BETTER_AUTH_SECRET": "a-secret-of-32-characters-not-real"}
    async with (
        product(docs, first, **shared) as one,
        product(docs, second, **shared) as two,
    ):
        readers = await asyncio.gather(sign_up(one, "ada"), sign_up(two, "bob"))
        ada = readers[0]
        asked = (await ada.chat(one, "same-key")).json
        again = (await ada.chat(two, "same-key")).json
        assert again["message_id"] == asked["message_id"]
        whole_pairs(await ada.messages(two, asked["session_id"]))
        assert len(await ada.messages(two, asked["session_id"])) == 2
        replies = await asyncio.gather(
            *(ada.chat(site, "racing") for site in (one, two, one, two, one, two))
        )
        statuses = sorted(reply.status for reply in replies)
        assert set(statuses) <= {200, 409}
        assert len({r.json["message_id"] for r in replies if r.status == 200}) == 1
        assert all("retry-after" in r.headers for r in replies if r.status == 409)
        seen(f"1 schema, same sessions, 1 answer for 6 racing requests ({statuses})")
