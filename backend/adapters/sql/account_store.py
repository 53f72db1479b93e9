"""Chooses between our own account tables and those of a Better Auth server in the same database."""

from __future__ import annotations

import asyncio

from sqlalchemy import inspect

from backend.account_ports import AccountStore
from backend.adapters.sql.accounts import SqlAccounts
from backend.adapters.sql.better_auth import BetterAuthAccounts
from backend.adapters.sql.better_auth_tables import find_better_auth
from backend.adapters.sql.engine import Database
from backend.crypto import KeyRing


class AccountStoreChooser:
    """Gives the store; the database is looked at once, when it first answers.

    Args:
        database: Where accounts are.
        ring: The keys for personal data.
        shared: Whether a separate Better Auth server is configured, so that its tables count.
    """

    def __init__(self, database: Database, ring: KeyRing, *, shared: bool) -> None:
        self._db = database
        self._own = SqlAccounts(database, ring)
        self._chosen: AccountStore | None = None if shared else self._own
        self._lock = asyncio.Lock()

    async def __call__(self) -> AccountStore:
        """The store. Raises UpstreamError while the database has never answered."""
        if self._chosen is None:
            async with self._lock:
                if self._chosen is None:
                    self._chosen = await self._choose()
        return self._chosen

    async def _choose(self) -> AccountStore:
        tables = await self._db.read(lambda connection: find_better_auth(inspect(connection)))
        return BetterAuthAccounts(self._db, tables, self._own) if tables else self._own
