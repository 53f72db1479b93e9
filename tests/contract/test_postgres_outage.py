"""The database goes away and comes back; the service notices both by itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psycopg2
import pytest
from sqlalchemy import Connection, text

from backend.adapters.sql.connections import PING_AFTER_S, is_alive
from backend.adapters.sql.engine import Database
from backend.errors import UpstreamError
from tests.contract.postgres import postgres  # noqa: F401
from tests.postgres import PostgresServer, postgres_server


async def test_restart_and_crash_cost_no_call_afterwards() -> None:
    with postgres_server() as server:
        database = Database(server.url(server.database()))
        try:
            await database.ping()
            for stop in (server.stop, server.kill):
                stop()
                with pytest.raises(UpstreamError) as caught:
                    await database.read(lambda c: c.execute(text("SELECT 1")))
                assert caught.value.upstream == "database"
                server.start()
                for _ in range(3):
                    assert await database.read(lambda c: c.execute(text("SELECT 1")).scalar()) == 1
        finally:
            await database.aclose()


async def test_failed_transaction_leaves_nothing_on_its_connection(
    postgres: PostgresServer,  # noqa: F811
) -> None:
    database = Database(postgres.url(postgres.database()))

    def fail(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE halves (n INTEGER)"))
        raise KeyError("n")

    def state(connection: Connection) -> tuple[object, ...]:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        tables = connection.execute(text("SELECT to_regclass('halves')")).scalar()
        return tables, driver.autocommit, driver.info.transaction_status

    try:
        with pytest.raises(KeyError):
            await database.write(fail)
        assert await database.read(state) == (
            None, True, psycopg2.extensions.TRANSACTION_STATUS_IDLE,
        )  # fmt: skip
    finally:
        await database.aclose()


class Line:
    """A driver's connection over a socket pair, and how often its server was asked."""

    Error = psycopg2.Error

    def __init__(self, ours: socket.socket) -> None:
        self.fileno = ours.fileno
        self.pings = 0
        self.broken = False

    def ping(self, _connection: object) -> bool:
        self.pings += 1
        if self.broken:
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return True


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_server_is_asked_only_where_a_connection_is_doubtful(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    line = Line(ours)
    assert is_alive(line, 0.0, line.ping)
    assert line.pings == 0
    assert is_alive(line, PING_AFTER_S, line.ping)
    assert line.pings == 1, "idle for long: whatever is in between may have dropped it"
    theirs.send(b"a notice")
    assert is_alive(line, 0.0, line.ping)
    assert line.pings == 2
    theirs.close()
    line.broken = True
    assert not is_alive(line, 0.0, line.ping)
    line.fileno = _closed
    assert not is_alive(line, 0.0, line.ping)


def _closed() -> int:
    raise psycopg2.InterfaceError("connection already closed")
