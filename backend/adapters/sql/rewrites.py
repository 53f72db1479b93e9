"""Finished texts in the database that replicas share: bounded in age and number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from backend.adapters.sql.content_tables import rewrites
from backend.adapters.sql.dialects import insert_ignoring_conflicts
from backend.adapters.sql.engine import Database

MAX_AGE = timedelta(days=30)
MAX_ROWS = 20_000
"""With texts of 8,000 characters at most some hundred megabytes; most are far shorter."""
PRUNE_EVERY = 200
"""Writes of this process between two prunings; the first one prunes."""


class SqlRewrites:
    """Implements :class:`backend.content_ports.RewriteCache`."""

    def __init__(
        self, database: Database, *, max_age: timedelta = MAX_AGE, max_rows: int = MAX_ROWS
    ) -> None:
        self._db = database
        self._max_age = max_age
        self._max_rows = max_rows
        self._writes = 0

    async def get(self, keys: Sequence[str]) -> dict[str, str]:
        """One statement by primary key."""
        statement = select(rewrites.c.key, rewrites.c.content).where(rewrites.c.key.in_(keys))

        def work(connection: Connection) -> dict[str, str]:
            return {row.key: row.content for row in connection.execute(statement)}

        return await self._db.read(work) if keys else {}

    async def put(self, texts: Mapping[str, str], now: datetime) -> None:
        """Insert what is missing, now and then delete what is old."""
        rows = [{"key": key, "content": text, "made_at": now} for key, text in texts.items()]
        if not rows:
            return
        prunes = self._writes % PRUNE_EVERY == 0
        self._writes += 1

        def work(connection: Connection) -> None:
            connection.execute(insert_ignoring_conflicts(connection, rewrites), rows)
            if prunes:
                self._prune(connection, now)

        await self._db.write(work)

    def _prune(self, connection: Connection, now: datetime) -> None:
        made_at = rewrites.c.made_at
        connection.execute(delete(rewrites).where(made_at < now - self._max_age))
        beyond = select(made_at).order_by(made_at.desc()).offset(self._max_rows).limit(1)
        oldest = connection.execute(beyond).scalar()
        if oldest is not None:
            connection.execute(delete(rewrites).where(made_at <= oldest))
