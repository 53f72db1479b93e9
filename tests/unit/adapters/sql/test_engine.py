from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from backend.adapters.sql.engine import Database, sqlite_url
from backend.errors import UpstreamRefused, UpstreamUnavailable


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(tmp_path))
    await database.write(lambda c: c.execute(text("CREATE TABLE counters (n INTEGER)")))
    await database.write(lambda c: c.execute(text("INSERT INTO counters VALUES (0)")))
    yield database
    await database.aclose()


def _value(connection: Connection) -> int:
    return int(connection.execute(text("SELECT n FROM counters")).scalar_one())


async def test_read_then_write_loses_no_update(database: Database) -> None:
    def increment(connection: Connection) -> None:
        value = _value(connection)
        connection.execute(text("UPDATE counters SET n = :n"), {"n": value + 1})

    await asyncio.gather(*(database.write(increment) for _ in range(100)))
    assert await database.read(_value) == 100


async def test_write_that_raises_leaves_nothing(database: Database) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(text("UPDATE counters SET n = 7"))
        raise KeyError("n")

    with pytest.raises(KeyError):
        await database.write(fail)
    assert await database.read(_value) == 0


async def test_sqlite_has_one_writer_and_readers_beside_it(database: Database) -> None:
    began, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> int:
        began.set()
        assert go_on.wait(10)
        return _value(connection)

    first = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(began.wait, 10)
    others = [asyncio.create_task(database.write(_value)) for _ in range(20)]
    for _ in range(20):
        assert await database.read(_value) == 0
    assert database.connections_in_use == 1, "who waits to write holds no connection"
    go_on.set()
    assert await asyncio.gather(first, *others) == [0] * 21


async def test_sqlite_is_set_up(database: Database) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "foreign_keys", "busy_timeout")
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in names]

    assert await database.read(pragmas) == ["wal", 1, 5000]


async def test_preparation_runs_once_and_again_after_a_failure(tmp_path: Path) -> None:
    runs: list[Connection] = []

    def prepare(connection: Connection) -> None:
        runs.append(connection)
        if len(runs) == 1:
            raise UpstreamUnavailable("database", "not yet")

    database = Database(sqlite_url(tmp_path), on_first_use=prepare)
    with pytest.raises(UpstreamUnavailable):
        await database.read(lambda c: None)
    await asyncio.gather(*(database.read(lambda c: None) for _ in range(5)))
    assert len(runs) == 2
    await database.aclose()


async def test_guard_is_around_every_transaction_and_ping_is_not(tmp_path: Path) -> None:
    calls = 0

    async def guard(fn):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        return await fn()

    database = Database(sqlite_url(tmp_path), guard=guard)
    await database.read(lambda c: None)
    await database.write(lambda c: None)
    await database.ping()
    assert calls == 2
    await database.aclose()


async def test_nobody_listening_is_told_in_words() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = Database(f"postgresql+psycopg2://user:password-not-real@127.0.0.1:{port}/x")
    with pytest.raises(UpstreamRefused) as caught:
        await database.ping()
    assert "password-not-real" not in str(caught.value)
    assert "NEON_API_KEY" in caught.value.detail
    await database.aclose()
