"""What a database can do to us: a real PostgreSQL, and a real SQLite file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import create_engine, text

from backend.adapters.sql.connections import POOL_OVERFLOW, POOL_SIZE
from backend.errors import AppError
from backend.guarded import DATABASE_POLICY
from backend.metrics import DEGRADED
from tests.e2e.product import product, until
from tests.faults.conftest import durable
from tests.faults.figures import PATIENCE_S, scale, within
from tests.faults.invariants import watched
from tests.faults.models import keys
from tests.faults.proxy import FaultProxy
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.waiting import soon

SECRET = {"BETTER_AUTH_SECRET": "a-secret-of-32-characters-not-real"}
QUICK = {"database": replace(DATABASE_POLICY, base_delay_s=0.01, open_s=0.5)}
BACK_S = 5.0
SLOW = 50
ASLEEP_S = 600.0


def through(line: FaultProxy, server) -> dict[str, str]:
    """The variables for a database behind the proxy."""
    url = server.dsn(server.database()).replace(str(server.port), str(line.port))
    return {"NEON_API_KEY": url, **SECRET}


def unsaved() -> float:
    """Answers that the metrics count as not stored, for whatever reason."""
    return sum(n for (step, _), n in DEGRADED.values.items() if step == "unsaved")


def reconnect(site) -> None:
    """New sessions for settings of the database that have changed."""
    database = site.container._adapters.database
    database.engine.dispose()
    database._lines.close()


async def test_f14_database_down_at_start_is_found_when_it_comes(
    docs, tmp_path, postgres_of_its_own, seen
):
    server = postgres_of_its_own
    name = server.database()
    server.stop()
    variables = {"NEON_API_KEY": server.dsn(name), **SECRET}
    started = time.monotonic()
    async with (
        product(docs, tmp_path / "data", policies=QUICK, **variables) as site,
        watched(site, mode="extractive") as watch,
    ):
        up = time.monotonic() - started
        assert (await watch.call("GET", "/health")).status == 200
        assert (await watch.ask()).json["mode"] == "extractive"
        ready = await watch.ready()
        assert (ready["http"], ready["database"]["status"]) == (503, "down")
        assert "NEON_API_KEY" in ready["database"]["detail"]
        reply = await watch.call(
            "POST", "/api/auth/sign-in/email", json={"email": "a@example.org", "password": "x" * 12}
        )
        assert reply.status == 503
        assert "retry-after" in reply.headers
        server.start()
        body = {"email": "a@example.org", "password": "long-password", "name": "a"}
        _, back = await soon(
            lambda: watch.call("POST", "/api/auth/sign-up/email", json=body),
            lambda reply: reply.status == 200,
        )
        within("seconds until it answered", up, 5.0)
        within("seconds until the database was used", back, BACK_S)
        assert (await watch.ready())["http"] == 200
        seen(f"started in {up:.1f} s, readiness 503, back after {back:.1f} s")


async def test_f15_crash_costs_the_memory_of_answers_and_no_session(
    docs, tmp_path, postgres_of_its_own, seen
):
    server = postgres_of_its_own
    variables = {"NEON_API_KEY": server.dsn(durable(server)), **SECRET}
    async with (
        product(docs, tmp_path / "data", policies=QUICK, **variables) as site,
        watched(site, mode="extractive") as watch,
    ):
        reader = await sign_up(site)
        session = (await reader.chat(site)).json["session_id"]
        server.kill()
        counted = unsaved()
        held, answered = [], []
        for _ in range(5):
            reply = await watch.call(
                "POST", "/chat", json={"query": "What is a topic?", "session_id": session},
                headers=reader.headers,
            )  # fmt: skip
            answered.append(reply.status == 200 and reply.json["saved"] is False)
            reply = await watch.call("GET", "/api/auth/get-session", headers=reader.headers)
            held.append(reply.status == 503 or reply.json["user"]["email"] == "reader@example.org")
        assert all(answered)
        assert unsaved() == counted + 5
        assert all(held), "nobody is signed out by a database that is away"
        assert (await watch.ready())["database"]["status"] == "down"
        server.start()
        _, back = await soon(
            lambda: reader.chat(site, session_id=session), lambda reply: reply.json["saved"]
        )
        within("seconds until it was used again", back, BACK_S)
        for _ in range(3):
            assert (await reader.chat(site, session_id=session)).json["saved"] is True
        whole_pairs(await reader.messages(site, session))
        seen(f"0 x 401, 5 of 5 answered, back after {back:.1f} s, 0 lost calls after it")


async def test_f16_slow_wake_up_makes_nobody_else_wait(docs, tmp_path, postgres, seen):
    wake_s = scale("WAKE_S", 0, 5)
    async with FaultProxy(postgres.port) as line:
        variables = through(line, postgres)
        async with (
            product(docs, tmp_path / "data", **variables) as site,
            watched(site, mode="extractive", spare=40) as watch,
        ):
            reader = await sign_up(site)
            await reader.chat(site)
            line.cut()  # asleep: its connections are gone, and the next one takes its time
            line.set(connect_s=ASLEEP_S)
            watch.health_s.clear()
            started, accepted = time.monotonic(), line.accepted
            waiting = [asyncio.create_task(reader.chat(site)) for _ in range(5)]
            await until(lambda: line.accepted > accepted)
            other = await watch.ask()
            anonymous_s = time.monotonic() - started
            assert other.json["mode"] == "extractive"
            assert not any(task.done() for task in waiting), "it has not woken up yet"
            await asyncio.sleep(wake_s)
            line.heal()
            replies = [(await task).json for task in waiting]
            woken_s = time.monotonic() - started
            saved = [reply["saved"] for reply in replies]
            assert saved == [True] * 5, [reply["degraded"] for reply in replies]
            slowest_s = max(watch.health_s, default=0.0)
            within("seconds of who needs it", woken_s, wake_s + 1.0)
            within("seconds of the slowest /health", slowest_s, 0.1)
            seen(
                f"saved after {woken_s:.1f} s of waking for {wake_s} s; others "
                f"{anonymous_s * 1000:.0f} ms; slowest /health {slowest_s * 1000:.0f} ms"
                " (client, proxy and service in one loop)"
            )


async def test_f17_read_only_database_is_read(docs, tmp_path, postgres, seen):
    name = postgres.database()
    variables = {"NEON_API_KEY": postgres.dsn(name), **SECRET}
    async with (
        product(docs, tmp_path / "data", policies=QUICK, **variables) as site,
        watched(site, mode="extractive") as watch,
    ):
        reader = await sign_up(site)
        session = (await reader.chat(site)).json["session_id"]
        postgres.psql("postgres", f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        reconnect(site)
        answer = (await reader.chat(site, session_id=session)).json
        assert answer["saved"] is False
        assert "read-only" in answer["degraded"]
        assert len(await reader.messages(site, session)) == 2
        reply = await watch.call(
            "PATCH", f"/api/chat/sessions/{session}/title", json={"title": "x"},
            headers=reader.headers,
        )  # fmt: skip
        assert reply.status == 503
        assert reply.json["code"] == "storage_readonly"
        postgres.psql("postgres", f"ALTER DATABASE {name} RESET default_transaction_read_only")
        reconnect(site)
        await soon(lambda: reader.chat(site, session_id=session), lambda r: r.json["saved"])
        seen("reads 200, writes 503 storage_readonly, answers saved: false, 0 x 500")


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Whoever takes :data:`SLOWLY` in that database waits until the block ends."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(19)"))
            yield
    finally:
        engine.dispose()


SLOWLY = text("SELECT pg_advisory_xact_lock_shared(19)")


async def test_f19_exhausted_pool_is_a_bounded_wait_and_streams_hold_nothing(
    docs, tmp_path, postgres, openai, seen
):
    name = postgres.database()
    variables = {**keys(openai.port), "NEON_API_KEY": postgres.dsn(name), **SECRET}
    unhurried = {"database": replace(QUICK["database"], attempt_timeout_s=PATIENCE_S)}
    async with (
        product(docs, tmp_path / "data", policies=unhurried, **variables) as site,
        watched(site) as watch,
    ):
        reader = await sign_up(site)
        session = (await reader.chat(site)).json["session_id"]
        database = site.container._adapters.database
        openai.fail("hang_mid", on="chat", after=2)
        body = {"query": "What is a topic?"}
        async with site.http.post("/chat/stream", json=body, headers=reader.headers) as response:
            while b"event: token" not in await response.content.readline():
                pass
            held = database.connections_in_use
            assert held == 0
            response.close()
        openai.heal()
        with locked(postgres.url(name)):
            # fifty callers of few connections: whoever has none gives up after their patience
            slow = [
                asyncio.create_task(database.read(lambda c: c.execute(SLOWLY))) for _ in range(SLOW)
            ]
            await until(lambda: database.connections_in_use == POOL_SIZE + POOL_OVERFLOW)
            started = time.monotonic()
            assert (await watch.ask()).json["mode"] == "generated", "who needs none waits for none"
            free_s = time.monotonic() - started
            opening = f"/api/chat/sessions/{session}"  # several statements, so it needs one
            reply = await watch.call("GET", opening, headers=reader.headers)
            waited_s = time.monotonic() - started - free_s
            assert (reply.status, reply.headers["retry-after"]) == (503, "1")
            assert "busy" in reply.json["detail"]
            assert (await watch.circuit("database"))["failure_count"] == 0
            without = SLOW - POOL_SIZE - POOL_OVERFLOW
            await soon(_done(slow), lambda done: done == without)
        ends = await asyncio.gather(*slow, return_exceptions=True)
        busy = [end for end in ends if isinstance(end, AppError)]
        assert [end.retry_after_s for end in busy] == [1] * without
        # two attempts, and the pause between them
        within("seconds of who needs one", waited_s, 2 * database.patience_s + 2.0)
        seen(
            f"0 held by streams; {len(busy)} of {SLOW} slow queries told to wait; others "
            f"{free_s:.1f} s; who needs one {waited_s:.1f} s"
        )


def _done(tasks):
    async def count() -> int:
        return sum(task.done() for task in tasks)

    return count


async def test_f20_same_request_twice_is_one_answer(docs, tmp_path, openai, postgres, seen):
    variables = {**keys(openai.port), "NEON_API_KEY": postgres.dsn(postgres.database()), **SECRET}
    async with (
        product(docs, tmp_path / "data", **variables) as site,
        watched(site),
    ):
        reader = await sign_up(site)
        before = openai.calls("chat")
        openai.may_speak.clear()
        clicks = [asyncio.create_task(reader.chat(site, "click")) for _ in range(2)]
        await asyncio.wait(clicks, return_when=asyncio.FIRST_COMPLETED)
        openai.may_speak.set()  # not before: else the second might find the first one's answer
        done, refused = sorted(await asyncio.gather(*clicks), key=lambda reply: reply.status)
        assert (done.status, refused.status) == (200, 409)
        assert int(refused.headers["retry-after"]) >= 1
        again = await reader.chat(site, "click")
        assert again.json["message_id"] == done.json["message_id"]
        assert openai.calls("chat") - before == 1
        other = await reader.chat(site, "click", language="Urdu")
        assert other.status == 422
        messages = await reader.messages(site, done.json["session_id"])
        whole_pairs(messages)
        assert len(messages) == 2
        seen("1 model call, 1 pair; double 409, replay the same ids, other body 422")
