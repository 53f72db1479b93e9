"""Steady load with a random fault every few seconds: 10 minutes in the long form."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import replace

from backend.guarded import CHAT_POLICY, DATABASE_POLICY, EMBED_POLICY, INDEX_POLICY
from tests.e2e.product import product
from tests.faults.invariants import SPARE, one_end, usage, watched
from tests.faults.models import keys
from tests.faults.proxy import FaultProxy
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.scale import scale

CALLERS = 3
EVERY_S = 5.0
POLICIES = {
    "openai": replace(CHAT_POLICY, first_token_timeout_s=1.0, idle_timeout_s=1.0, open_s=1.0),
    "embeddings": replace(EMBED_POLICY, attempt_timeout_s=1.0, open_s=1.0),
    "qdrant": replace(INDEX_POLICY, open_s=1.0),
    "database": replace(DATABASE_POLICY, attempt_timeout_s=3.0, open_s=1.0),
}
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


async def test_soak_under_random_faults_loses_and_doubles_nothing(
    docs, tmp_path, openai, qdrant, postgres, seen
):
    seconds = scale("SOAK_S", 5)
    dice = random.Random(7)
    every = min(EVERY_S, seconds / 4)
    async with (
        FaultProxy(openai.port) as model,
        FaultProxy(qdrant.port) as index,
        FaultProxy(postgres.port) as database,
    ):
        url = postgres.dsn(postgres.database()).replace(str(postgres.port), str(database.port))
        variables = keys(
            model.port, QDRANT_URL=index.url, NEON_API_KEY=url,
            BETTER_AUTH_SECRET="a-secret-of-32-characters-not-real",
        )  # fmt: skip
        async with (
            product(docs, tmp_path / "data", policies=POLICIES, **variables) as site,
            watched(site, spare=60),
        ):
            readers = [await sign_up(site, f"reader{n}") for n in range(CALLERS)]
            load = Load(site, readers)
            running = asyncio.create_task(load.run())
            until, faults, held = time.monotonic() + seconds, 0, []
            while time.monotonic() < until:
                line = dice.choice((model, index, database))
                line.set(**dice.choice(TOXICS))
                if dice.random() < 0.3:
                    line.cut()
                faults += 1
                await asyncio.sleep(every / 2)
                line.heal()
                await asyncio.sleep(every / 2)
                held.append(usage(site).descriptors)
            load.over.set()
            await asyncio.wait_for(running, 60)
            await asyncio.sleep(1.0)  # the longest of the circuits' rests
            for reader in readers:
                told = load.acknowledged[reader.token]
                stored: set[str] = set()
                for session in set(told.values()):
                    messages = await reader.messages(site, session)
                    whole_pairs(messages)
                    stored |= {message["id"] for message in messages}
                assert told.keys() <= stored, "acknowledged, and lost"
            assert load.unanswered == 0
            assert held[-1] <= max(held[: len(held) // 2 + 1]) + SPARE * CALLERS
        total = sum(load.ends.values())
        seen(f"{seconds} s, {faults} faults, {total} answers, 0 unanswered, 0 lost: {load.ends}")
