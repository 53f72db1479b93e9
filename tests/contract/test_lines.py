"""Single statements over the event loop's own connections to a real PostgreSQL."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, insert, literal, select, text

from backend.adapters.sql import lines
from backend.adapters.sql.connections import PING_AFTER_S
from backend.adapters.sql.engine import Database
from backend.adapters.sql.lines import LINES, Lines
from backend.adapters.sql.types import UtcTime
from backend.errors import Conflict, UpstreamRateLimited, UpstreamRefused, UpstreamTimeout
from tests.contract.postgres import postgres  # noqa: F401
from tests.postgres import PostgresServer, postgres_server

notes = Table(
    "notes",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime),
    Column("said", Text),
)
PUT = insert(notes).returning(notes.c.id)
NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ONE = select(literal(1).label("one"))


@pytest.fixture
async def database(postgres: PostgresServer) -> AsyncIterator[Database]:  # noqa: F811
    database = Database(postgres.url(postgres.database()))
    await database.write(lambda c: notes.metadata.create_all(c))
    yield database
    await database.aclose()


def lines_of(database: Database) -> Lines:
    found = database._lines
    assert found is not None
    return found


async def test_rows_come_by_name_and_in_the_columns_types(database: Database) -> None:
    said = "50 % of \\ 'words'\n" * 100_000  # more than a socket takes at once
    assert await database.ask(PUT, {"id": 1, "at": NOW, "said": said}) == [{"id": 1}]
    (row,) = await database.ask(select(notes), {})
    assert row == {"id": 1, "at": NOW, "said": said}
    assert row["at"].tzinfo is UTC


async def test_statement_at_fault_costs_no_connection(database: Database) -> None:
    await database.ask(PUT, {"id": 1, "at": NOW, "said": ""})
    (line,) = lines_of(database)._idle
    with pytest.raises(Conflict):
        await database.ask(PUT, {"id": 1, "at": NOW, "said": ""})
    assert await database.ask(ONE, {}) == [{"one": 1}]
    assert lines_of(database)._idle == [line]


async def test_caller_that_leaves_takes_the_connection_along(database: Database) -> None:
    await database.ask(ONE, {})
    waiting = asyncio.create_task(
        database.ask(select(func.pg_sleep(30).cast(Text).label("slept")), {})
    )
    while lines_of(database)._idle:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert lines_of(database)._idle == []
    assert database.connections_in_use == 0
    assert await database.ask(ONE, {}) == [{"one": 1}]


async def test_who_finds_no_free_line_waits_for_a_while(database: Database) -> None:
    database.patience_s = 0.05
    held = [asyncio.create_task(database._free_lines.acquire()) for _ in range(LINES)]
    await asyncio.gather(*held)
    with pytest.raises(UpstreamRateLimited):
        await database.ask(ONE, {})
    database._free_lines.release()
    assert await database.ask(ONE, {}) == [{"one": 1}]


async def test_ended_connections_cost_no_call(database: Database) -> None:
    await asyncio.gather(*(database.ask(ONE, {}) for _ in range(LINES)))
    found = lines_of(database)._idle
    assert len(found) == LINES
    end_others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " \
        "datname = current_database() AND pid <> pg_backend_pid()"  # fmt: skip
    while await database.read(lambda c: c.execute(text(end_others)).all()):
        pass
    for _ in range(3):
        assert await database.ask(ONE, {}) == [{"one": 1}]


async def test_restart_and_crash_cost_no_call_afterwards() -> None:
    with postgres_server() as server:
        database = Database(server.url(server.database()))
        try:
            await database.ask(ONE, {})
            for stop in (server.stop, server.kill):
                await asyncio.to_thread(stop)
                with pytest.raises(UpstreamRefused):
                    await database.ask(ONE, {})
                await asyncio.to_thread(server.start)
                for _ in range(3):
                    assert await database.ask(ONE, {}) == [{"one": 1}]
        finally:
            await database.aclose()


async def test_line_that_was_idle_for_long_is_tried_first(database: Database) -> None:
    await database.ask(ONE, {})
    (line,) = lines_of(database)._idle
    asked: list[str] = []
    ask = line.ask

    async def noted(sql: str, parameters: Any) -> Any:
        asked.append(sql)
        return await ask(sql, parameters)

    line.ask = noted  # type: ignore[method-assign]
    await database.ask(ONE, {})
    assert len(asked) == 1
    line.used_at -= PING_AFTER_S
    await database.ask(ONE, {})
    assert asked[1] == "SELECT 1"
    line._connection.close()  # as if it had been dropped on the way
    line.used_at -= PING_AFTER_S
    assert await database.ask(ONE, {}) == [{"one": 1}]
    assert not line.usable


async def test_server_that_never_greets_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CONNECT_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        database = Database(f"postgresql+psycopg2://nobody@127.0.0.1:{port}/none")
        with pytest.raises(UpstreamTimeout):
            await database.ask(ONE, {})
        await database.aclose()
