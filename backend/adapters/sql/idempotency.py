"""Requests with an ``Idempotency-Key`` and their outcomes, in the database that replicas share."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.sql.elements import ColumnElement

from backend.adapters.sql.dialects import insert_ignoring_conflicts
from backend.adapters.sql.engine import Database
from backend.adapters.sql.tables import idempotency_keys as keys
from backend.conversation_ports import Claim, Earlier


class SqlReplays:
    """Implements :class:`backend.conversation_ports.ReplayStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def claim(self, claim: Claim, expired_before: datetime) -> Claim | Earlier:
        """Insert a row, or take over one that has expired or was left behind."""
        same = (keys.c.scope == claim.scope, keys.c.key == claim.key)
        find = select(
            keys.c.holder, keys.c.fingerprint, keys.c.outcome, keys.c.made_at, keys.c.lease_ends_at
        ).where(*same)

        def work(connection: Connection) -> Claim | Earlier:
            found = None
            while found is None:  # the row in the way may be pruned before it is read
                connection.execute(insert_ignoring_conflicts(connection, keys).values(_row(claim)))
                # locked, so that of two that would take it over the second sees the first
                found = connection.execute(find.with_for_update()).first()
            if found.holder == claim.holder:
                return claim
            if found.made_at <= expired_before:
                ours = claim
            elif (
                found.outcome is None
                and found.lease_ends_at <= claim.made_at
                and found.fingerprint == claim.fingerprint
            ):
                ours = replace(claim, made_at=found.made_at)
            else:
                outcome = found.outcome.encode() if found.outcome is not None else None
                return Earlier(found.fingerprint, outcome, found.lease_ends_at)
            connection.execute(update(keys).where(*same).values(_row(ours)))
            return ours

        return await self._db.write(work)

    async def settle(self, claim: Claim, outcome: bytes) -> None:
        """Store the outcome."""
        await self._db.write(lambda connection: settle(connection, claim, outcome))

    async def release(self, claim: Claim, now: datetime) -> None:
        """End the lease, if it is still ours and without an outcome."""
        mine = update(keys).where(*_held(claim), keys.c.outcome.is_(None))
        ended = mine.values(lease_ends_at=now)
        await self._db.write(lambda connection: connection.execute(ended))

    async def prune(self, expired_before: datetime) -> None:
        """Delete what is too old."""
        old = delete(keys).where(keys.c.made_at <= expired_before)
        await self._db.write(lambda connection: connection.execute(old))


def settle(connection: Connection, claim: Claim, outcome: bytes) -> None:
    """Store an outcome inside a transaction that is under way."""
    connection.execute(update(keys).where(*_held(claim)).values(outcome=outcome.decode()))


def _held(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        keys.c.scope == claim.scope,
        keys.c.key == claim.key,
        keys.c.holder == claim.holder,
    )


def _row(claim: Claim) -> dict[str, Any]:
    return {
        "scope": claim.scope,
        "key": claim.key,
        "user_id": claim.user_id,
        "fingerprint": claim.fingerprint,
        "holder": claim.holder,
        "outcome": None,
        "made_at": claim.made_at,
        "lease_ends_at": claim.lease_ends_at,
    }
