"""Tables of a Better Auth server (1.4 to 1.7) that shares the database.

They are its own: nothing here creates or alters them. Source: the DDL that its migration writes.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Inspector, MetaData, Table, Text

from backend.adapters.sql.types import IsoTime

_TABLES = ("user", "session", "account")


class BetterAuthTables:
    """``user``, ``session``, ``account``; ``proficiency`` is an additional field if it is there."""

    def __init__(self, *, has_proficiency: bool) -> None:
        metadata = MetaData()
        additional = [Column("proficiency", Text)] if has_proficiency else []
        self.has_proficiency = has_proficiency
        self.user = Table(
            "user",
            metadata,
            Column("id", Text, primary_key=True),
            Column("name", Text, nullable=False),
            Column("email", Text, nullable=False, unique=True),
            Column("emailVerified", Boolean, nullable=False),
            Column("image", Text),
            Column("createdAt", IsoTime, nullable=False),
            Column("updatedAt", IsoTime, nullable=False),
            *additional,
        )
        self.session = Table(
            "session",
            metadata,
            Column("id", Text, primary_key=True),
            Column("expiresAt", IsoTime, nullable=False),
            Column("token", Text, nullable=False, unique=True),
            Column("createdAt", IsoTime, nullable=False),
            Column("updatedAt", IsoTime, nullable=False),
            Column("ipAddress", Text),
            Column("userAgent", Text),
            Column("userId", Text, nullable=False),
        )
        self.account = Table(
            "account",
            metadata,
            Column("id", Text, primary_key=True),
            Column("accountId", Text, nullable=False),
            Column("providerId", Text, nullable=False),
            Column("userId", Text, nullable=False),
            Column("password", Text),
            Column("createdAt", IsoTime, nullable=False),
            Column("updatedAt", IsoTime, nullable=False),
        )


def find_better_auth(inspector: Inspector) -> BetterAuthTables | None:
    """The tables, if this database holds them."""
    if not all(inspector.has_table(name) for name in _TABLES):
        return None
    columns = {column["name"] for column in inspector.get_columns("user")}
    if not {"email", "emailVerified"} <= columns:
        return None
    return BetterAuthTables(has_proficiency="proficiency" in columns)
