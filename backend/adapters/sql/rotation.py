"""Personal data rewritten under the current key, a batch at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select, update

from backend.adapters.sql.better_auth_sessions import PROVIDER
from backend.adapters.sql.data_keys import KeyLedger
from backend.adapters.sql.engine import Database
from backend.adapters.sql.tables import ENCRYPTED_COLUMNS, USERS, metadata
from backend.clock import utc_now
from backend.crypto import KeyRing, context_of


class SqlKeyRotation:
    """Implements :class:`backend.account_ports.KeyRotation` for every encrypted column."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._db = database
        self._ring = ring
        self._ledger = KeyLedger(ring)

    async def encrypted_tables(self) -> list[str]:
        """Every table with encrypted columns."""
        return list(ENCRYPTED_COLUMNS)

    async def rewrite_batch(self, table: str, after: str, size: int) -> tuple[int, int, str | None]:
        """Rows are read and rewritten in one transaction, so no change in between is lost."""

        def work(connection: Connection) -> tuple[int, int, str | None]:
            self._ledger.record(connection, utc_now())
            source = metadata.tables[table]
            rows = connection.execute(
                select(source)
                .where(source.c.id > after)
                .order_by(source.c.id)
                .limit(size)
                .with_for_update()
            ).mappings()
            found = rows.all()
            rewritten = 0
            for row in found:
                changes = self._changes(table, row)
                if changes:
                    rewritten += 1
                    statement = update(source).where(source.c.id == row["id"]).values(changes)
                    connection.execute(statement)
            return len(found), rewritten, found[-1]["id"] if len(found) == size else None

        return await self._db.write(work)

    async def count(self, table: str) -> int:
        """Rows of a table at this moment."""
        statement = select(func.count()).select_from(metadata.tables[table])
        return await self._db.read(lambda connection: connection.execute(statement).scalar_one())

    async def forget_older_keys(self) -> None:
        """Only the current key is needed from now on."""
        await self._db.write(self._ledger.forget_others)

    def _changes(self, table: str, row: Any) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for column in ENCRYPTED_COLUMNS[table]:
            if not self._ring.is_current(row[column]):
                context = context_of(table, column, row["id"])
                changes[column] = self._ring.encrypt(
                    self._ring.decrypt(row[column], context), context
                )
        if table == USERS and row["provider"] != PROVIDER:
            email = self._ring.decrypt(row["email"], context_of(table, "email", row["id"])) or ""
            lookup = self._ring.current.email_lookup(email)
            if row["email_lookup"] != lookup or row["email_hash"] != lookup:
                changes |= {"email_lookup": lookup, "email_hash": lookup}
        return changes
