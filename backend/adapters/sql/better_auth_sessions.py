"""Sessions in the tables of a Better Auth server, where tokens stand in plaintext."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, or_, select, update

from backend.account_ports import DEFAULT_LEVEL, NewSession, Session, SignedIn, User
from backend.adapters.sql.accounts import SqlAccounts
from backend.adapters.sql.better_auth_tables import BetterAuthTables
from backend.adapters.sql.engine import Database

PROVIDER = "better-auth"
_SHORT_SESSION = timedelta(days=1, minutes=1)
_MAX_ADOPTED = 50_000


class BetterAuthSessions:
    """The part of :class:`backend.account_ports.AccountStore` that concerns sessions."""

    def __init__(self, database: Database, tables: BetterAuthTables, own: SqlAccounts) -> None:
        self._db = database
        self._t = tables
        self._own = own
        self._adopted: set[str] = set()

    async def session(
        self, token: str, now: datetime, *, refresh_below: datetime, refresh_to: datetime
    ) -> tuple[SignedIn, bool] | None:
        """The unexpired session, extended when it is due."""
        sessions = self._t.session
        statement = self._sessions_with_users().where(
            sessions.c.token == token, sessions.c.expiresAt > now
        )
        row = await self._db.read(
            lambda connection: connection.execute(statement).mappings().first()
        )
        if row is None:
            return None
        found = SignedIn(_session(row, prefix="s_"), self._user_row(row))
        if not await self._is_ours_to_serve(found.user):
            return None
        found = replace(found, user=await self._with_profile(found.user))
        if not found.session.remember or found.session.expires_at >= refresh_below:
            return found, False
        extended = replace(found.session, expires_at=refresh_to, updated_at=now)
        changed = (
            update(sessions)
            .where(sessions.c.id == extended.id)
            .values(expiresAt=refresh_to, updatedAt=now)
        )
        await self._db.write(lambda connection: connection.execute(changed))
        return replace(found, session=extended), True

    async def sessions(self, user_id: str, now: datetime) -> list[Session]:
        """Unexpired sessions, oldest first."""
        sessions = self._t.session
        statement = (
            select(sessions)
            .where(sessions.c.userId == user_id, sessions.c.expiresAt > now)
            .order_by(sessions.c.createdAt, sessions.c.id)
        )
        return await self._db.read(
            lambda connection: [_session(row) for row in connection.execute(statement).mappings()]
        )

    async def revoke(self, user_id: str, token_or_id: str) -> None:
        """Delete one session of this account."""
        sessions = self._t.session
        named = or_(sessions.c.token == token_or_id, sessions.c.id == token_or_id)
        statement = delete(sessions).where(sessions.c.userId == user_id, named)
        await self._db.write(lambda connection: connection.execute(statement))

    async def revoke_all(self, user_id: str, *, keep: str | None = None) -> None:
        """Delete the account's sessions."""
        statement = delete(self._t.session).where(self._t.session.c.userId == user_id)
        if keep is not None:
            statement = statement.where(self._t.session.c.id != keep)
        await self._db.write(lambda connection: connection.execute(statement))

    async def sign_out(self, token: str) -> None:
        """Delete the session with this token."""
        statement = delete(self._t.session).where(self._t.session.c.token == token)
        await self._db.write(lambda connection: connection.execute(statement))

    async def adopt(self, user: User, provider: str) -> bool:
        """Give the account a row that history can refer to."""
        return await self._own.adopt(user, provider)

    async def _is_ours_to_serve(self, user: User) -> bool:
        if user.id in self._adopted:
            return True
        if not await self.adopt(user, PROVIDER):
            return False
        if len(self._adopted) >= _MAX_ADOPTED:
            self._adopted.clear()
        self._adopted.add(user.id)
        return True

    async def _with_profile(self, user: User) -> User:
        return replace(user, profile=await self._own.profile(user.id))

    def _sessions_with_users(self) -> Select[Any]:
        sessions, user = self._t.session, self._t.user
        labelled = (column.label(f"s_{column.name}") for column in sessions.c)
        return select(user, *labelled).join(sessions, sessions.c.userId == user.c.id)

    def _user_row(self, row: Mapping[Any, Any]) -> User:
        return User(
            id=row["id"],
            email=row["email"],
            name=row["name"],
            created_at=row["createdAt"],
            updated_at=row["updatedAt"],
            email_verified=bool(row["emailVerified"]),
            image=row["image"],
            proficiency=(row["proficiency"] if self._t.has_proficiency else None) or DEFAULT_LEVEL,
        )

    def _insert_session(self, connection: Connection, user: User, session: NewSession) -> SignedIn:
        row = {
            "id": session.id,
            "token": session.token,
            "userId": user.id,
            "expiresAt": session.expires_at,
            "createdAt": session.created_at,
            "updatedAt": session.created_at,
            "ipAddress": session.ip_address,
            "userAgent": session.user_agent,
        }
        connection.execute(insert(self._t.session).values(row))
        return SignedIn(_session(row), user)


def _session(row: Mapping[Any, Any], *, prefix: str = "") -> Session:
    created, expires = row[f"{prefix}createdAt"], row[f"{prefix}expiresAt"]
    return Session(
        id=row[f"{prefix}id"],
        user_id=row[f"{prefix}userId"],
        expires_at=expires,
        created_at=created,
        updated_at=row[f"{prefix}updatedAt"],
        # that server notes "do not remember me" in a cookie only; a day of life tells it as well
        remember=expires - created > _SHORT_SESSION,
        ip_address=row[f"{prefix}ipAddress"] or "",
        user_agent=row[f"{prefix}userAgent"] or "",
        token=row[f"{prefix}token"],
    )
