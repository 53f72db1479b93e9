"""Accounts in the service's own tables: personal data encrypted, session tokens hashed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, or_, select, update
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
from backend.adapters.sql.account_rows import (
    SESSION_COLUMNS,
    RowCodec,
    export_of,
    users_with_profiles,
)
from backend.adapters.sql.data_keys import KeyLedger
from backend.adapters.sql.engine import Database
from backend.adapters.sql.ownership import delete_owned, export_owned
from backend.adapters.sql.sessions import ACTIVE, SqlSessions
from backend.adapters.sql.tables import PROFILES, USERS, auth_sessions, user_profiles, users
from backend.crypto import KeyRing, legacy_email_hashes
from backend.errors import NotFound

_NO_PASSWORD = "!"


class SqlAccounts(SqlSessions):
    """Implements :class:`backend.account_ports.AccountStore`."""

    def __init__(self, database: Database, ring: KeyRing, ledger: KeyLedger | None = None) -> None:
        super().__init__(database, RowCodec(ring))
        self._ring = ring
        self._ledger = ledger or KeyLedger(ring)

    async def login(self, email: str) -> Login | None:
        """The account with this address, found under every form it may be stored in."""

        def work(connection: Connection) -> Login | None:
            statement = select(users.c.id, users.c.password_hash).where(self._has(email), ACTIVE)
            row = connection.execute(statement.limit(1)).first()
            if row is None:
                self._ledger.check(connection)  # a missing key may hide the account
                return None
            return Login(row.id, row.password_hash)

        return await self._db.read(work)

    async def login_of(self, user_id: str) -> Login | None:
        """The password of a known account."""

        def work(connection: Connection) -> Login | None:
            where = (users.c.id == user_id, users.c.password_hash != _NO_PASSWORD, ACTIVE)
            row = connection.execute(select(users.c.password_hash).where(*where)).first()
            return Login(user_id, row.password_hash) if row else None

        return await self._db.read(work)

    async def bcrypt_hash(self) -> str | None:
        """Any hash in the old format."""
        statement = select(users.c.password_hash).where(users.c.password_hash.like("$2%")).limit(1)
        return await self._db.read(lambda connection: connection.execute(statement).scalar())

    async def add(self, user: NewUser, session: NewSession) -> SignedIn:
        """Store a new account with its first session."""

        def work(connection: Connection) -> SignedIn:
            self._ledger.record(connection, user.created_at)
            if connection.execute(select(users.c.id).where(self._has(user.email))).first():
                raise _taken()
            try:
                connection.execute(insert(users).values(self._user_row(user)))
            except IntegrityError as error:  # another sign-up won the race
                raise _taken() from error
            return self._insert_session(connection, self._user(connection, user.id), session)

        return await self._db.write(work)

    async def open_session(
        self, user_id: str, session: NewSession, *, new_hash: str | None = None
    ) -> SignedIn | None:
        """Store a session and renew what the account holds in old forms."""

        def work(connection: Connection) -> SignedIn | None:
            self._ledger.record(connection, session.created_at)
            if new_hash is not None:
                self._set_password(connection, user_id, new_hash, None)
            statement = users_with_profiles(users.c.email_lookup).where(
                users.c.id == user_id, ACTIVE
            )
            row = connection.execute(statement).mappings().first()
            if row is None:
                return None
            user = self._codec.user(row)
            self._codec.renew_user(connection, row, user)
            expired = auth_sessions.c.expires_at <= session.created_at
            connection.execute(
                delete(auth_sessions).where(auth_sessions.c.user_id == user_id, expired)
            )
            return self._insert_session(connection, user, session)

        return await self._db.write(work)

    async def change_password(
        self, user_id: str, new_hash: str, now: datetime, replace_all: NewSession | None
    ) -> SignedIn | None:
        """Replace the hash, and the sessions if asked to."""

        def work(connection: Connection) -> SignedIn | None:
            self._set_password(connection, user_id, new_hash, now)
            if replace_all is None:
                return None
            connection.execute(delete(auth_sessions).where(auth_sessions.c.user_id == user_id))
            return self._insert_session(connection, self._user(connection, user_id), replace_all)

        return await self._db.write(work)

    async def update(self, user_id: str, changes: Mapping[str, str | None], now: datetime) -> User:
        """Change what the owner may change."""

        def work(connection: Connection) -> User:
            self._ledger.record(connection, now)
            values: dict[str, Any] = {"updated_at": now}
            for column in ("name", "image"):
                if column in changes:
                    values[column] = self._codec.close(USERS, column, user_id, changes[column])
            if "proficiency" in changes:
                values["proficiency"] = changes["proficiency"] or DEFAULT_LEVEL
            # comes first: it locks the row, so that two updates cannot both insert a profile
            changed = connection.execute(update(users).where(users.c.id == user_id).values(values))
            if changed.rowcount == 0:
                raise NotFound("There is no such account any more; sign in again.")
            profile = {name: changes[name] for name in PROFILE_FIELDS if name in changes}
            if profile:
                self._save_profile(connection, user_id, profile, now)
            return self._user(connection, user_id)

        return await self._db.write(work)

    async def delete(self, user_id: str) -> None:
        """Delete every row that belongs to the account."""
        await self._db.write(lambda connection: delete_owned(connection, user_id))

    async def adopt(self, user: User, provider: str) -> bool:
        """Give an account of another server a row without password and without lookup."""

        def known(connection: Connection) -> bool | None:
            statement = select(users.c.provider, users.c.is_active).where(users.c.id == user.id)
            row = connection.execute(statement).first()
            if row is None:
                return None
            return bool(row.provider == provider and row.is_active is not False)

        def add(connection: Connection) -> bool:
            present = known(connection)
            if present is not None:
                return present
            self._ledger.record(connection, user.created_at)
            row = {
                **self._user_row(
                    NewUser(
                        user.id,
                        user.email,
                        user.name,
                        _NO_PASSWORD,
                        user.proficiency,
                        user.image,
                        user.created_at,
                    )
                ),
                # an address that another server vouches for must never meet an account of ours
                "email_hash": self._ring.current.email_lookup(f"{provider}|{user.id}"),
                "email_lookup": None,
                "provider": provider,
                "provider_id": user.id,
            }
            connection.execute(insert(users).values(row))
            return True

        present = await self._db.read(known)
        return await self._db.write(add) if present is None else present

    async def export(self, user_id: str) -> dict[str, Any]:
        """The account, its profile and sessions, and what other tables hold of it."""

        def work(connection: Connection) -> dict[str, Any]:
            row = connection.execute(users_with_profiles().where(users.c.id == user_id))
            found = row.mappings().first()
            if found is None:
                raise NotFound("There is no such account any more; sign in again.")
            statement = select(*SESSION_COLUMNS).where(auth_sessions.c.user_id == user_id)
            rows = connection.execute(statement.order_by(auth_sessions.c.created_at)).mappings()
            sessions = [self._codec.session(row) for row in rows]
            return export_of(self._codec.user(found), sessions) | export_owned(connection, user_id)

        return await self._db.read(work)

    async def profile(self, user_id: str) -> dict[str, str | None] | None:
        """The profile fields of an account; None where it has no profile."""
        columns = [user_profiles.c.id, *(user_profiles.c[name] for name in PROFILE_FIELDS)]
        statement = select(*columns).where(user_profiles.c.user_id == user_id)
        row = await self._db.read(lambda c: c.execute(statement).mappings().first())
        return self._codec.profile(row["id"], row) if row else None

    def _has(self, email: str) -> Any:
        lookups = self._ring.email_lookups(email)
        return or_(
            users.c.email_lookup.in_(lookups),
            users.c.email_hash.in_([*lookups, *legacy_email_hashes(email)]),
        )

    def _user_row(self, user: NewUser) -> dict[str, Any]:
        return {
            "id": user.id,
            "email": self._codec.close(USERS, "email", user.id, user.email),
            "name": self._codec.close(USERS, "name", user.id, user.name),
            "image": self._codec.close(USERS, "image", user.id, user.image),
            **self._codec.lookup_columns(user.email),
            "password_hash": user.password_hash,
            "proficiency": user.proficiency,
            "provider": "credentials",
            "email_verified": False,
            "is_active": True,
            "created_at": user.created_at,
            "updated_at": user.created_at,
        }

    def _user(self, connection: Connection, user_id: str) -> User:
        statement = users_with_profiles().where(users.c.id == user_id)
        return self._codec.user(connection.execute(statement).mappings().one())

    def _set_password(
        self, connection: Connection, user_id: str, new_hash: str, now: datetime | None
    ) -> None:
        values: dict[str, Any] = {"password_hash": new_hash}
        if now is not None:
            values["updated_at"] = now
        connection.execute(update(users).where(users.c.id == user_id).values(values))

    def _save_profile(
        self, connection: Connection, user_id: str, fields: Mapping[str, str | None], now: datetime
    ) -> None:
        found = connection.execute(
            select(user_profiles.c.id).where(user_profiles.c.user_id == user_id)
        ).scalar()
        row_id = found or str(uuid4())
        values: dict[str, Any] = {
            name: self._codec.close(PROFILES, name, row_id, text) for name, text in fields.items()
        } | {"updated_at": now}
        if found:
            where = user_profiles.c.id == row_id
            connection.execute(update(user_profiles).where(where).values(values))
        else:
            values |= {"id": row_id, "user_id": user_id, "created_at": now}
            connection.execute(insert(user_profiles).values(values))


def _taken() -> EmailTaken:
    return EmailTaken("User already exists. Use another email.")
