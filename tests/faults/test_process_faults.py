"""Kills and clocks, with processes of their own."""

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
from tests.doubles.qdrant import QdrantDouble
from tests.e2e.product import product, until
from tests.faults.figures import scale
from tests.faults.invariants import watched
from tests.faults.models import keys
from tests.faults.process import running
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.waiting import rested, soon

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


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
