"""The database goes away and comes back; the service notices both by itself."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from backend.adapters.sql.engine import Database
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
