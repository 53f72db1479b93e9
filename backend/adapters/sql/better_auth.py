"""Accounts in the tables of a Better Auth server that shares the database.

Sessions and passwords made on one side hold on the other, and a revocation is seen at once. That
server stores addresses and tokens in plaintext and finds them so; only what it has no column for
(the profile) is kept in our own tables, encrypted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from backend.account_ports import (
    DEFAULT_LEVEL,
    PROFILE_FIELDS,
    EmailTaken,
    Login,
    NewSession,
    NewUser,
    SignedIn,
    User,
)
from backend.adapters.sql.account_rows import export_of
from backend.adapters.sql.better_auth_sessions import PROVIDER, BetterAuthSessions
from backend.adapters.sql.ownership import delete_owned, export_owned
from backend.crypto import normal_email
from backend.errors import NotFound


class BetterAuthAccounts(BetterAuthSessions):
    """Implements :class:`backend.account_ports.AccountStore`.

    Args:
        database: The shared database.
        tables: What :func:`find_better_auth` found in it.
        own: Our tables in the same database, for profiles and for what history refers to.
    """

    async def login(self, email: str) -> Login | None:
        """The account with this address and a password."""
        return await self._login(self._t.user.c.email == normal_email(email))

    async def login_of(self, user_id: str) -> Login | None:
        """The password of a known account."""
        return await self._login(self._t.user.c.id == user_id)

    async def bcrypt_hash(self) -> str | None:
        """None: these tables never held one."""
        return None

    async def add(self, user: NewUser, session: NewSession) -> SignedIn:
        """Store a new account with its credential and its first session."""

        def work(connection: Connection) -> SignedIn:
            email = normal_email(user.email)
            times = {"createdAt": user.created_at, "updatedAt": user.created_at}
            row: dict[str, Any] = {
                "id": user.id,
                "email": email,
                "name": user.name,
                "image": user.image,
            }
            row |= {"emailVerified": False, **times}
            if self._t.has_proficiency:
                row["proficiency"] = user.proficiency
            taken = select(self._t.user.c.id).where(self._t.user.c.email == email)
            if connection.execute(taken).first():
                raise _taken()
            try:
                connection.execute(insert(self._t.user).values(row))
            except IntegrityError as error:  # another sign-up won the race
                raise _taken() from error
            credential: dict[str, Any] = {
                "id": str(uuid4()),
                "accountId": user.id,
                "userId": user.id,
                **times,
            }
            credential |= {"providerId": "credential", "password": user.password_hash}
            connection.execute(insert(self._t.account).values(credential))
            return self._insert_session(connection, self._user_row(row), session)

        return await self._adopting(await self._db.write(work))

    async def open_session(
        self, user_id: str, session: NewSession, *, new_hash: str | None = None
    ) -> SignedIn | None:
        """Store a session."""

        def work(connection: Connection) -> SignedIn | None:
            if new_hash is not None:
                self._set_password(connection, user_id, new_hash, session.created_at)
            statement = select(self._t.user).where(self._t.user.c.id == user_id)
            row = connection.execute(statement).mappings().first()
            if row is None:
                return None
            return self._insert_session(connection, self._user_row(row), session)

        found = await self._db.write(work)
        return await self._adopting(found) if found else None

    async def change_password(
        self, user_id: str, new_hash: str, now: datetime, replace_all: NewSession | None
    ) -> SignedIn | None:
        """Replace the hash, and the sessions if asked to."""

        def work(connection: Connection) -> SignedIn | None:
            self._set_password(connection, user_id, new_hash, now)
            if replace_all is None:
                return None
            sessions, user = self._t.session, self._t.user
            connection.execute(delete(sessions).where(sessions.c.userId == user_id))
            row = connection.execute(select(user).where(user.c.id == user_id)).mappings().one()
            return self._insert_session(connection, self._user_row(row), replace_all)

        return await self._db.write(work)

    async def update(self, user_id: str, changes: Mapping[str, str | None], now: datetime) -> User:
        """Change what the owner may change; the profile goes to our own table."""

        def work(connection: Connection) -> User:
            user = self._t.user
            values: dict[str, Any] = {"updatedAt": now}
            values |= {name: changes[name] for name in ("name", "image") if name in changes}
            if self._t.has_proficiency and "proficiency" in changes:
                values["proficiency"] = changes["proficiency"] or DEFAULT_LEVEL
            connection.execute(update(user).where(user.c.id == user_id).values(values))
            row = connection.execute(select(user).where(user.c.id == user_id)).mappings().first()
            if row is None:
                raise NotFound("There is no such account any more; sign in again.")
            return self._user_row(row)

        changed = await self._db.write(work)
        own = {name: changes[name] for name in PROFILE_FIELDS if name in changes}
        if own and await self.adopt(changed, PROVIDER):
            await self._own.update(user_id, own, now)
        return await self._with_profile(changed)

    async def delete(self, user_id: str) -> None:
        """Delete the account on both sides."""

        def work(connection: Connection) -> None:
            for table in (self._t.session, self._t.account):
                connection.execute(delete(table).where(table.c.userId == user_id))
            connection.execute(delete(self._t.user).where(self._t.user.c.id == user_id))
            delete_owned(connection, user_id)

        await self._db.write(work)
        self._adopted.discard(user_id)

    async def export(self, user_id: str) -> dict[str, Any]:
        """The account of the shared tables, with our profile and what else we hold of it."""
        user = self._t.user

        def work(connection: Connection) -> tuple[RowMapping | None, dict[str, Any]]:
            found = connection.execute(select(user).where(user.c.id == user_id)).mappings().first()
            return found, export_owned(connection, user_id)

        row, owned = await self._db.read(work)
        if row is None:
            return await self._own.export(user_id)
        sessions = await self.sessions(user_id, datetime.fromtimestamp(0, UTC))
        return export_of(await self._with_profile(self._user_row(row)), sessions) | owned

    async def _login(self, where: Any) -> Login | None:
        user, account = self._t.user, self._t.account
        statement = (
            select(user.c.id, account.c.password)
            .join(account, account.c.userId == user.c.id)
            .where(where, account.c.providerId == "credential", account.c.password.is_not(None))
        )
        row = await self._db.read(lambda connection: connection.execute(statement).first())
        return Login(row.id, row.password) if row else None

    async def _adopting(self, signed_in: SignedIn) -> SignedIn:
        await self._is_ours_to_serve(signed_in.user)
        return replace(signed_in, user=await self._with_profile(signed_in.user))

    def _set_password(
        self, connection: Connection, user_id: str, new_hash: str, now: datetime
    ) -> None:
        account = self._t.account
        where = (account.c.userId == user_id, account.c.providerId == "credential")
        values = {"password": new_hash, "updatedAt": now}
        connection.execute(update(account).where(*where).values(values))


def _taken() -> EmailTaken:
    return EmailTaken("User already exists. Use another email.")
