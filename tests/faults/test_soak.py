"""Steady load with a random fault every few seconds: 10 minutes in the long form."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from tests.faults.figures import PATIENCE_S, scale
from tests.faults.invariants import SPARE, one_end
from tests.faults.models import keys
from tests.faults.process import running, watched_process
from tests.faults.proxy import FaultProxy
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.test_database_faults import through
from tests.faults.waiting import soon

CALLERS = 3
EVERY_S = 5.0
KEPT = 40
"""Connections and threads that the pools may have gained."""
MEGABYTE = 2**20
FLAT = 1.10
"""What the second half may have on top of the first one, in memory; and a little in any case."""
TOXICS = (
    {"hang": True}, {"refuse": True}, {"latency_s": 0.3}, {"reset_after": 700}, {"limit": 500},
    {"slice": 7}, {"bytes_per_s": 20_000.0},
)  # fmt: skip


class Load:
    """Callers who ask, each after the answer to the question before."""

    def __init__(self, site, readers) -> None:
        self._site = site
        self._readers = readers
        self.ends: Counter[str] = Counter()
        self.unanswered = 0
        self.acknowledged: dict[str, dict[str, str]] = {reader.token: {} for reader in readers}
        """By reader: message -> conversation."""
        self.over = asyncio.Event()

    async def run(self) -> None:
        await asyncio.gather(*(self._caller(reader, n) for n, reader in enumerate(self._readers)))

    async def _caller(self, reader, number: int) -> None:
        turn, session = 0, None
        while not self.over.is_set():
            turn += 1
            path = "/chat/stream" if (number + turn) % 2 else "/chat"
            headers = reader.headers | {"Idempotency-Key": f"{number}-{turn}"}
            body = {"query": "What is a topic?", "session_id": session}
            reply = await self._site.ask("POST", path, json=body, headers=headers)
            one_end(reply)
            session = self._count(reader, path, reply) or session
            await asyncio.sleep(0.05)

    def _count(self, reader, path: str, reply) -> str | None:
        """Book one reply; the conversation that it was saved in."""
        if reply.status == 200 and path == "/chat":
            answer, name = reply.json, "answer"
        elif reply.status == 200:
            name, answer = reply.events[-1]
        else:
            name, answer = str(reply.status), {}
            assert reply.status in (503, 409), reply.body
        self.ends[name] += 1
        self.unanswered += name not in ("answer", "done", "error", "503", "409")
        if answer.get("saved"):
            self.acknowledged[reader.token][answer["message_id"]] = answer["session_id"]
            return str(answer["session_id"])
        return None


@dataclass
class Held:
    """What the service held at the end of each fault."""

    bytes_: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def look(self, service) -> None:
        self.bytes_.append(service.rss)
        self.descriptors.append(service.descriptors)

    def flat(self) -> str:
        """Compare the halves of what came after the first quarter; the figures in words."""
        warm = len(self.bytes_) // 4
        middle = warm + (len(self.bytes_) - warm) // 2
        early, late = (median(part) for part in (self.bytes_[warm:middle], self.bytes_[middle:]))
        assert late <= early * FLAT + 8 * MEGABYTE, (self.bytes_, "memory grows")
        before, after = max(self.descriptors[:middle]), max(self.descriptors[middle:])
        assert after <= before + SPARE * CALLERS, (self.descriptors, "descriptors grow")
        return (
            f"memory {early / MEGABYTE:.0f} then {late / MEGABYTE:.0f} MB, "
            f"descriptors {before} then {after}"
        )


async def test_f32_soak_under_random_faults_loses_and_doubles_nothing(
    docs, tmp_path, openai, qdrant, postgres, seen
):
    """The service is a process of its own, so that its memory is nobody else's."""
    seconds = scale("SOAK_S", 8, 600)
    dice = random.Random(7)
    every = min(EVERY_S, seconds / 8)
    async with (
        FaultProxy(openai.port) as model,
        FaultProxy(qdrant.port) as index,
        FaultProxy(postgres.port) as database,
    ):
        variables = through(database, postgres)
        variables |= keys(model.port, QDRANT_URL=index.url)
        async with running(tmp_path, **variables) as service:
            readers = [await sign_up(service, f"reader{n}") for n in range(CALLERS)]
            await _recovered(service, readers[0])  # the book has been read in
            load, held, faults = Load(service, readers), Held(), 0
            async with watched_process(service, spare=KEPT):
                asking = asyncio.create_task(load.run())
                until = time.monotonic() + seconds
                while time.monotonic() < until and not asking.done():
                    line = dice.choice((model, index, database))
                    line.set(**dice.choice(TOXICS))
                    if dice.random() < 0.3:
                        line.cut()
                    faults += 1
                    await asyncio.sleep(every / 2)
                    line.heal()
                    await asyncio.sleep(every / 2)
                    held.look(service)
                    openai.requests.clear()
                load.over.set()
                await asyncio.wait_for(asking, 2 * PATIENCE_S)
                stored = await _stored(service, load, readers)
            assert load.unanswered == 0
            assert "Traceback" not in service.log.read_text()
        total = sum(load.ends.values())
        seen(
            f"{seconds} s, {faults} faults, {total} requests: 0 unanswered, {stored} kept, 0 lost, "
            f"0 doubled; {held.flat()}; /health p99 {service.health[0] * 1000:.0f} ms; "
            f"{dict(load.ends)}"
        )


async def _stored(service, load, readers) -> int:
    """Every message that was acknowledged is there, once; how many there are."""
    await _recovered(service, readers[0])
    count = 0
    for reader in readers:
        told = load.acknowledged[reader.token]
        stored: set[str] = set()
        for session in set(told.values()):
            messages = await reader.messages(service, session)
            whole_pairs(messages)
            stored |= {message["id"] for message in messages}
        assert told.keys() <= stored, "acknowledged, and lost"
        count += len(told)
    return count


async def _recovered(service, reader) -> None:
    """Everything is used again, without a restart."""

    def whole(reply) -> bool:
        answer = reply.json
        return bool(answer.get("saved")) and not answer["degraded"]

    await soon(lambda: reader.chat(service), whole)
