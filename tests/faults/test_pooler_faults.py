"""Few connections: a pooler in transaction mode, and fewer than two replicas would like."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import aiohttp
import pytest
from sqlalchemy import create_engine, text

from tests.api.serving import Reply
from tests.e2e.product import product
from tests.faults.conftest import durable
from tests.faults.figures import scale, within
from tests.faults.invariants import QUESTION, no_foreign_words, one_end, watched
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.test_database_faults import BACK_S, QUICK, SECRET
from tests.faults.waiting import soon
from tests.pgbouncer import PROGRAM, pgbouncer
from tests.postgres import postgres_server

CONNECTIONS = 15
READERS = 3
needs_pooler = pytest.mark.skipif(
    PROGRAM is None, reason="the Debian package pgbouncer is not installed"
)


@needs_pooler
async def test_f28b_pooler_keeps_no_session_and_needs_none(docs, tmp_path, postgres, seen):
    """Two connections for two replicas, so that the transactions of one caller change between them.

    Both replicas migrate an empty database at the same time.
    """
    name = postgres.database()
    with pgbouncer(postgres, connections=2) as pooler:
        variables = {"NEON_API_KEY": pooler.dsn(name), **SECRET}
        async with (
            product(docs, tmp_path / "one", **variables) as one,
            product(docs, tmp_path / "two", **variables) as two,
            watched(one, mode="extractive", spare=40),
        ):
            ada, bob = await asyncio.gather(sign_up(one, "ada"), sign_up(two, "bob"))
            asked = await asyncio.gather(
                *(reader.chat(site, f"{n}") for n in range(8)
                  for reader, site in ((ada, one), (bob, two)))
            )  # fmt: skip
            assert {reply.status for reply in asked} == {200}
            assert all(reply.json["saved"] for reply in asked)
            session = asked[0].json["session_id"]
            again = await ada.chat(two, "0")
            assert again.json["message_id"] == asked[0].json["message_id"]
            whole_pairs(await ada.messages(two, session))
            assert len(await ada.sessions(two)) == 8
            racing = await asyncio.gather(
                *(ada.chat(site, "racing") for site in (one, two, one, two))
            )
            assert len({r.json["message_id"] for r in racing if r.status == 200}) == 1
            title = {"title": "Topics"}
            renamed = await one.ask(
                "PATCH", f"/api/chat/sessions/{session}/title", json=title, headers=ada.headers
            )
            assert renamed.status == 200
            deleted = await two.ask("DELETE", f"/api/chat/sessions/{session}", headers=ada.headers)
            assert deleted.status in (200, 204)
            assert len(await ada.sessions(one)) == 8  # the racing one came, this one went
        locks, revisions = _left(postgres.url(name))
    assert (locks, revisions) == (0, 1)
    seen("2 connections, 2 replicas: 1 migration, 0 locks left, 20 answers, replays and deletions")


def _left(url: str) -> tuple[int, int]:
    """Advisory locks that nobody gave back, and revisions of the schema."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            locks = connection.execute(
                text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            )
            rows = connection.execute(text("SELECT count(*) FROM book_answers_version"))
            return int(locks.scalar_one()), int(rows.scalar_one())
    finally:
        engine.dispose()


@needs_pooler
async def test_f28b_server_behind_the_pooler_crashes_and_comes_back(
    docs, tmp_path, postgres_of_its_own, seen
):
    server = postgres_of_its_own
    with pgbouncer(server, connections=4) as pooler:
        variables = {"NEON_API_KEY": pooler.dsn(durable(server)), **SECRET}
        async with (
            product(docs, tmp_path / "data", policies=QUICK, **variables) as site,
            watched(site, mode="extractive", spare=40) as watch,
        ):
            reader = await sign_up(site)
            session = (await reader.chat(site)).json["session_id"]
            server.kill()
            for _ in range(3):
                reply = await watch.call(
                    "POST", "/chat", json={"query": QUESTION, "session_id": session},
                    headers=reader.headers,
                )  # fmt: skip
                assert (reply.status, reply.json["saved"]) == (200, False)
            server.start()
            _, back = await soon(
                lambda: reader.chat(site, session_id=session), lambda reply: reply.json["saved"]
            )
            within("seconds until it was used again", back, BACK_S)
            whole_pairs(await reader.messages(site, session))
    seen(f"crash behind it: 3 of 3 answered, back after {back:.1f} s")


async def test_f19b_fifteen_connections_answer_two_hundred_callers(docs, tmp_path, seen):
    """Two replicas want 20 connections, the server has 15 (its own 3 included)."""
    callers = scale("CALLERS", 200, 200)
    with postgres_server(connections=CONNECTIONS) as server:
        variables = {"NEON_API_KEY": server.dsn(server.database()), **SECRET}
        async with (
            product(docs, tmp_path / "one", **variables) as one,
            product(docs, tmp_path / "two", **variables) as two,
            watched(one, mode="extractive", spare=40),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        ):
            readers = [await sign_up(one, f"reader{n}") for n in range(READERS)]
            started = time.monotonic()
            replies = await asyncio.gather(
                *(
                    _ask(http, (one, two)[n % 2].port, readers[n % READERS], n)
                    for n in range(callers)
                )
            )
            took = time.monotonic() - started
            statuses = Counter(reply.status for reply in replies)
            for reply in replies:
                one_end(reply)
                no_foreign_words(reply)
                assert reply.status == 200 or (reply.status == 503 and reply.headers["retry-after"])
            saved = [
                (readers[n % READERS], reply.json)
                for n, reply in enumerate(replies)
                if reply.status == 200 and reply.json["saved"]
            ]
            for reader in readers:
                told = {a["message_id"]: a["session_id"] for r, a in saved if r is reader}
                stored = set()
                for session in set(told.values()):
                    messages = await reader.messages(one, session)
                    whole_pairs(messages)
                    stored |= {message["id"] for message in messages}
                assert told.keys() <= stored, "acknowledged, and lost"
    assert saved
    within("callers whose answer was not kept", callers - len(saved), callers * 0.1)
    seen(
        f"{callers} callers, 2 replicas, {CONNECTIONS} connections: {dict(statuses)}, "
        f"{len(saved)} saved, 0 lost, in {took:.1f} s"
    )


async def _ask(http, port: int, reader, number: int) -> Reply:
    url = f"http://127.0.0.1:{port}/chat"
    headers = reader.headers | {"Idempotency-Key": str(number)}
    async with http.post(url, json={"query": QUESTION}, headers=headers) as response:
        return Reply(response.status, response.headers.copy(), await response.read())
