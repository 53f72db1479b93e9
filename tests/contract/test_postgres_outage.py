"""The database goes away and comes back; the service notices both by itself."""

from __future__ import annotations

import psycopg2
import pytest
from sqlalchemy import text

from backend.adapters.sql.engine import Database, make_engine
from backend.errors import UpstreamError
from tests.postgres import postgres_server


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


class Dead:
    """A driver's connection that broke where nobody had noticed yet."""

    closed = False

    def set_isolation_level(self, level: object) -> None:
        raise psycopg2.OperationalError("server closed the connection unexpectedly")

    def close(self) -> None:
        self.closed = True


def test_connection_that_died_after_a_read_is_closed_and_not_lost_to_the_pool() -> None:
    engine = make_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none")
    engine.dialect.default_isolation_level = "READ COMMITTED"
    dead = Dead()
    engine.dialect.reset_isolation_level(dead)
    assert dead.closed
