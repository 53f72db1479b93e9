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
from tests.e2e.product import product
from tests.faults.invariants import QUESTION, watched
from tests.faults.models import keys
from tests.faults.process import running
from tests.faults.proxy import FaultProxy
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.scale import scale
from tests.faults.test_database_faults import through

GRACE_S = 1.0
STOP_S = 2.0
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
"""What a stop may take on top of the grace."""


async def _stream(service, reader, gone: asyncio.Event):
    body = {"query": QUESTION}
    async with service.http.post("/chat/stream", json=body, headers=reader.headers) as response:
        text = ""
        while "event: token" not in text:
            text += (await response.content.readline()).decode()
        gone.set()
        return parse_events(text + (await response.content.read()).decode())


async def test_f22_sigterm_lets_streams_finish_or_tells_them(docs, tmp_path, openai, seen):
    openai.reply = "A topic is a named bus over which nodes exchange messages [1]."
    openai.token_delay_s = 0.03
    async with running(tmp_path, grace_s=GRACE_S, **keys(openai.port)) as service:
        reader = await sign_up(service)
        openai.fail("hang_mid", on="chat", after=3)
        starts = [asyncio.Event(), asyncio.Event()]
        hanging = asyncio.create_task(_stream(service, reader, starts[0]))
        await starts[0].wait()
        whole = asyncio.create_task(_stream(service, reader, starts[1]))
        await starts[1].wait()
        stopped = time.monotonic()
        service.send(signal.SIGTERM)
        ends = [(await task)[-1] for task in (whole, hanging)]
        with suppress(aiohttp.ClientError):  # refused, or told
            reply = await service.ask("POST", "/chat", json={"query": QUESTION})
            assert (reply.status, reply.json["code"]) == (503, "shutdown")
        assert await service.gone(stopped + GRACE_S + STOP_S - time.monotonic()) == 0
        took = time.monotonic() - stopped
        assert [name for name, _ in ends] == ["done", "error"]
        assert ends[1][1]["code"] == "shutdown"
        assert openai.concurrent == 0
    async with running(tmp_path, grace_s=GRACE_S) as service:
        kept = [
            message
            for session in await reader.sessions(service)
            for message in await reader.messages(service, session["id"])
        ]
    assert len(kept) == 4, "the whole answer and the one that was cut, each with its question"
    assert "Traceback" not in service.log.read_text()
    seen(f"0 streams without an end; gone after {took:.1f} s at a grace of {GRACE_S:.0f} s")


@pytest.mark.skipif(not scale("LONG", 0), reason="takes the grace of ten seconds: make faults")
async def test_f22_sigterm_with_the_admin_ui_open_ends_in_time(docs, tmp_path, openai, seen):
    openai.reply = "A topic is a named bus over which nodes exchange messages [1]."
    async with running(tmp_path, whole=True, **keys(openai.port)) as service:
        async with asyncio.timeout(60):
            while "gradio" not in (await service.ask("GET", "/admin/")).body.decode():
                await asyncio.sleep(0.2)
        tab = await service.http.get("/admin/gradio_api/heartbeat/tab-1")
        openai.fail("hang_mid", on="chat", after=3)
        started = asyncio.Event()
        reader = await sign_up(service)
        hanging = asyncio.create_task(_stream(service, reader, started))
        await started.wait()
        stopped = time.monotonic()
        service.send(signal.SIGTERM)
        assert (await hanging)[-1][1]["code"] == "shutdown"
        assert await service.gone(stopped + 10 + STOP_S - time.monotonic()) == 0
        took = time.monotonic() - stopped
        tab.close()
        assert "Traceback" not in service.log.read_text()
        seen(f"with a tab open: gone after {took:.1f} s at a grace of 10 s")


async def test_f22_sigterm_with_a_database_that_hangs_ends_in_time(docs, tmp_path, postgres, seen):
    """Its driver's call cannot be interrupted, and nobody may wait for that thread."""
    async with FaultProxy(postgres.port) as line:
        variables = through(line, postgres)
        async with running(tmp_path, grace_s=GRACE_S, **variables) as service:
            reader = await sign_up(service)
            line.set(hang=True)
            asking = asyncio.create_task(reader.chat(service))
            await asyncio.sleep(0.5)  # it waits for the database by now
            stopped = time.monotonic()
            service.send(signal.SIGTERM)
            assert await service.gone(stopped + GRACE_S + STOP_S - time.monotonic()) == 0
            took = time.monotonic() - stopped
            await asyncio.gather(asking, return_exceptions=True)
            seen(f"with a database that hangs: gone after {took:.1f} s")


async def test_f23_kill_loses_nothing_that_was_acknowledged(docs, tmp_path, seen):
    kills = scale("KILLS", 2)
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
            await asyncio.sleep(dice.uniform(0.0, 0.25))
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
            await asyncio.sleep(0.3)
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
    async with asyncio.timeout(10):
        while True:
            told = (await service.ask("GET", "/health")).headers["date"]
            if abs(parsedate_to_datetime(told).timestamp() - time.time() - ahead_s) < 60:
                return
            await asyncio.sleep(0.1)


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
