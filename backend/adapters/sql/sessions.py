"""Sessions in the service's own tables: one row each, known by the hash of its token."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, false, insert, or_, select, update

from backend.account_ports import NewSession, Session, SignedIn, User
from backend.adapters.sql.account_rows import (
    SESSION_COLUMNS,
    RowCodec,
    token_hash,
    users_with_profiles,
)
from backend.adapters.sql.engine import Database
from backend.adapters.sql.tables import auth_sessions, users

ACTIVE = users.c.is_active.is_distinct_from(false())

SIGNED_IN = (
    users_with_profiles(*SESSION_COLUMNS)
    .join(auth_sessions, auth_sessions.c.user_id == users.c.id)
    .where(auth_sessions.c.token_hash == bindparam("hash"))
    .where(auth_sessions.c.expires_at > bindparam("now"), ACTIVE)
)
"""Built once: every request that shows a credential asks this."""


class SqlSessions:
    """The part of :class:`backend.account_ports.AccountStore` that concerns sessions."""

    def __init__(self, database: Database, codec: RowCodec) -> None:
        self._db = database
        self._codec = codec

    async def session(
        self, token: str, now: datetime, *, refresh_below: datetime, refresh_to: datetime
    ) -> tuple[SignedIn, bool] | None:
        """One statement, and a second one on the day a session is extended."""
        rows = await self._db.ask(SIGNED_IN, {"hash": token_hash(token), "now": now})
        if not rows:
            return None
        (row,) = rows
        of_session = {name: row[name] for name in row if name.startswith("s_")}
        found = SignedIn(self._codec.session(of_session, token), self._codec.user(row))
        if not found.session.remember or found.session.expires_at >= refresh_below:
            return found, False
        extended = replace(found.session, expires_at=refresh_to, updated_at=now)

        def extend(connection: Connection) -> None:
            where = (auth_sessions.c.id == extended.id, auth_sessions.c.expires_at < refresh_to)
            values = {"expires_at": refresh_to, "updated_at": now}
            connection.execute(update(auth_sessions).where(*where).values(values))

        await self._db.write(extend)
        return replace(found, session=extended), True

    async def sessions(self, user_id: str, now: datetime) -> list[Session]:
        """Unexpired sessions, without their tokens: only hashes are known."""
        statement = (
            select(*SESSION_COLUMNS)
            .where(auth_sessions.c.user_id == user_id, auth_sessions.c.expires_at > now)
            .order_by(auth_sessions.c.created_at, auth_sessions.c.id)
        )
        return await self._db.read(
            lambda connection: [
                self._codec.session(row) for row in connection.execute(statement).mappings()
            ]
        )

    async def revoke(self, user_id: str, token_or_id: str) -> None:
        """Delete one session of this account."""
        named = or_(
            auth_sessions.c.token_hash == token_hash(token_or_id), auth_sessions.c.id == token_or_id
        )
        statement = delete(auth_sessions).where(auth_sessions.c.user_id == user_id, named)
        await self._db.write(lambda connection: connection.execute(statement))

    async def revoke_all(self, user_id: str, *, keep: str | None = None) -> None:
        """Delete the account's sessions."""
        statement = delete(auth_sessions).where(auth_sessions.c.user_id == user_id)
        if keep is not None:
            statement = statement.where(auth_sessions.c.id != keep)
        await self._db.write(lambda connection: connection.execute(statement))

    async def sign_out(self, token: str) -> None:
        """Delete the session with this token."""
        statement = delete(auth_sessions).where(auth_sessions.c.token_hash == token_hash(token))
        await self._db.write(lambda connection: connection.execute(statement))

    def _insert_session(self, connection: Connection, user: User, session: NewSession) -> SignedIn:
        row = self._codec.session_row(user.id, session)
        connection.execute(insert(auth_sessions).values(row))
        return SignedIn(self._codec.session(row, session.token), user)
