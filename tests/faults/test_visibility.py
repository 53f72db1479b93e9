"""What is away shows by itself, where somebody looks, and comes back without a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from backend.guarded import CHAT_POLICY
from tests.e2e.product import product
from tests.faults.conftest import durable
from tests.faults.figures import within
from tests.faults.invariants import watched
from tests.faults.models import keys
from tests.faults.readers import sign_up
from tests.faults.waiting import soon

SEEN_S = 5.0
PARTS = ("openai", "qdrant", "database")
POLICY = replace(CHAT_POLICY, attempt_timeout_s=2.0, open_s=1.0, max_attempts=1)


async def test_f30_upstreams_turned_off_one_by_one_are_seen_and_come_back(
    docs, tmp_path, openai, qdrant, postgres_of_its_own, seen
):
    database = postgres_of_its_own
    variables = keys(
        openai.port, QDRANT_URL=qdrant.url, NEON_API_KEY=database.dsn(durable(database))
    )
    policies = dict.fromkeys((*PARTS, "embeddings"), POLICY)
    async with (
        product(docs, tmp_path / "data", policies=policies, **variables) as site,
        watched(site) as watch,
    ):
        reader = await sign_up(site)
        figures = []
        for name, stop, start in (
            ("openai", openai.stop, openai.start),
            ("qdrant", qdrant.stop, qdrant.start),
            ("database", database.kill, database.start),
        ):
            await asyncio.gather(*(_until(look, watch, name, False) for look in LOOKS))
            await _done(stop)
            off = await asyncio.gather(*(_until(look, watch, name, True) for look in LOOKS))
            within(f"seconds until {name} was seen to be away", max(off), SEEN_S)
            await _what_needs_it_not(watch, reader, name)
            await _done(start)
            on = await asyncio.gather(*(_until(look, watch, name, False) for look in LOOKS[::2]))
            assert (await watch.call("GET", "/health/ready")).status == 200
            reply = await reader.chat(site)
            assert (reply.json["mode"], reply.json["saved"]) == ("generated", True)
            figures.append(f"{name}: gone after {max(off):.1f} s, back after {max(on):.1f} s")
        seen("; ".join(figures))


async def _what_needs_it_not(watch, reader, name: str) -> None:
    """The parts that are not away do their work."""
    reply = await reader.chat(watch.site)
    assert reply.status == (503 if name == "qdrant" else 200), reply.body
    if name == "openai":
        assert reply.json["mode"] == "extractive"
    if name == "database":
        assert (reply.json["mode"], reply.json["saved"]) == ("generated", False)
    else:
        assert await reader.sessions(watch.site) is not None
    assert (await watch.call("GET", "/health")).status == 200


async def _until(look, watch, name: str, away: bool) -> float:
    """Poll one endpoint as a monitor does; the seconds until it tells that."""
    _, took = await soon(lambda: look(watch, name), lambda told: told is away)
    return took


async def _readiness(watch, name: str) -> bool:
    rows = (await watch.call("GET", "/health/ready")).json["checks"]
    return {row["name"]: row["status"] for row in rows}[name] == "down"


async def _circuits(watch, name: str) -> bool:
    entry = (await watch.call("GET", "/health/circuits")).json[name]
    return entry["failure_count"] > 0 or entry["state"] != "closed"


async def _report(watch, name: str) -> bool:
    rows = (await watch.call("GET", "/health/config")).json["upstreams"]
    return {row["name"]: row["status"] for row in rows}[name] == "down"


LOOKS = (_readiness, _circuits, _report)


async def _done(change) -> None:
    if (waiting := change()) is not None:
        await waiting
