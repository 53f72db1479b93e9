"""Requests with an ``Idempotency-Key`` and their outcomes, in the database that replicas share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.sql.elements import ColumnElement

from backend.adapters.sql.dialects import insert_ignoring_conflicts
from backend.adapters.sql.engine import Database
from backend.adapters.sql.tables import idempotency_keys as keys
from backend.conversation_ports import Claim, Earlier, Settlement


class SqlReplays:
    """Implements :class:`backend.conversation_ports.ReplayStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def claim(self, claim: Claim, expired_before: datetime) -> Earlier | None:
        """Insert a row, or take over one that has expired or was left behind."""
        row: dict[str, Any] = {
            "scope": claim.scope,
            "key": claim.key,
            "user_id": claim.user_id,
            "fingerprint": claim.fingerprint,
            "holder": claim.holder,
            "outcome": None,
            "made_at": claim.made_at,
            "lease_ends_at": claim.lease_ends_at,
        }
        same = (keys.c.scope == claim.scope, keys.c.key == claim.key)
        find = select(
            keys.c.holder, keys.c.fingerprint, keys.c.outcome, keys.c.made_at, keys.c.lease_ends_at
        ).where(*same)

        def work(connection: Connection) -> Earlier | None:
            found = None
            while found is None:  # the row in the way may be released before it is read
                connection.execute(insert_ignoring_conflicts(connection, keys).values(row))
                # locked, so that of two that would take it over the second sees the first
                found = connection.execute(find.with_for_update()).first()
            if found.holder == claim.holder:
                return None
            left_behind = found.outcome is None and found.lease_ends_at <= claim.made_at
            same_request = found.fingerprint == claim.fingerprint
            if found.made_at <= expired_before or (left_behind and same_request):
                connection.execute(update(keys).where(*same).values(row))
                return None
            outcome = found.outcome.encode() if found.outcome is not None else None
            return Earlier(found.fingerprint, outcome, found.lease_ends_at)

        return await self._db.write(work)

    async def settle(self, settlement: Settlement) -> None:
        """Store the outcome."""
        await self._db.write(lambda connection: settle(connection, settlement))

    async def release(self, claim: Claim) -> None:
        """Delete the row, if it is still ours and without an outcome."""
        mine = delete(keys).where(*_held(claim), keys.c.outcome.is_(None))
        await self._db.write(lambda connection: connection.execute(mine))

    async def prune(self, expired_before: datetime) -> None:
        """Delete what is too old."""
        old = delete(keys).where(keys.c.made_at <= expired_before)
        await self._db.write(lambda connection: connection.execute(old))


def settle(connection: Connection, settlement: Settlement) -> None:
    """Store an outcome inside a transaction that is under way."""
    connection.execute(
        update(keys).where(*_held(settlement.claim)).values(outcome=settlement.outcome.decode())
    )


def _held(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        keys.c.scope == claim.scope,
        keys.c.key == claim.key,
        keys.c.holder == claim.holder,
    )
