"""Which keys stored data may need, and whether they are at hand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from backend.adapters.sql.dialects import insert_ignoring_conflicts
from backend.adapters.sql.tables import data_keys, users
from backend.crypto import LEGACY_PREFIX, KeyRing, context_of, wrong_key
from backend.errors import NotConfigured


class KeyLedger:
    """Remembers the id of every key that has written.

    So a changed key is noticed before it could make a second account for an address that the first
    key hides.

    Args:
        ring: The keys at hand.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._checked = False
        self._recorded = False

    def check(self, connection: Connection) -> None:
        """Make sure that everything stored can be opened; looks once, then remembers.

        Raises:
            NotConfigured: A key is missing or wrong.
        """
        if self._checked:
            return
        known = set(connection.execute(select(data_keys.c.id)).scalars())
        if not known <= self._ring.key_ids:
            raise wrong_key()
        self._check_legacy(connection)
        self._recorded = self._ring.current.id in known
        self._checked = True

    def record(self, connection: Connection, now: datetime) -> None:
        """Note the current key in the transaction that writes with it. Raises NotConfigured."""
        self.check(connection)
        if self._recorded:
            return
        present = select(data_keys.c.id).where(data_keys.c.id == self._ring.current.id)
        if connection.execute(present).first() is not None:
            self._recorded = True  # committed by an earlier transaction
            return
        row = insert_ignoring_conflicts(connection, data_keys)
        connection.execute(row, {"id": self._ring.current.id, "created_at": now})

    def forget_others(self, connection: Connection) -> None:
        """After a rotation: only the current key is needed."""
        connection.execute(delete(data_keys).where(data_keys.c.id != self._ring.current.id))

    def _check_legacy(self, connection: Connection) -> None:
        sample = connection.execute(
            select(users.c.id, users.c.email)
            .where(users.c.email.like(f"{LEGACY_PREFIX}%"))
            .limit(1)
        ).first()
        if sample is not None:
            self._ring.decrypt(sample.email, context_of("users", "email", sample.id))


def problem(ledger: KeyLedger, connection: Connection) -> str | None:
    """The ledger's complaint as a sentence for the diagnostics report."""
    try:
        ledger.check(connection)
    except NotConfigured as error:
        return error.detail
    return None
