"""Between rows of the service's own account tables and the values of ``account_ports``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from backend.account_ports import (
    DEFAULT_LEVEL,
    PROFILE_FIELDS,
    NewSession,
    Session,
    User,
)
from backend.adapters.sql.tables import (
    ENCRYPTED_COLUMNS,
    PROFILES,
    SESSIONS,
    USERS,
    auth_sessions,
    user_profiles,
    users,
)
from backend.crypto import KeyRing, context_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

USER_COLUMNS = (
    users.c.id,
    users.c.email,
    users.c.name,
    users.c.image,
    users.c.proficiency,
    users.c.email_verified,
    users.c.created_at,
    users.c.updated_at,
    user_profiles.c.id.label("profile_id"),
    *(user_profiles.c[name] for name in PROFILE_FIELDS),
)


def users_with_profiles(*more: Any) -> Select[Any]:
    """Users joined with their profiles, and whatever columns are added."""
    joined = users.outerjoin(user_profiles, user_profiles.c.user_id == users.c.id)
    return select(*USER_COLUMNS, *more).select_from(joined)


def token_hash(token: str) -> str:
    """What is stored of a session's token: it has 190 bits, so one plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


class RowCodec:
    """Opens and closes the encrypted columns. Every method may raise NotConfigured."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def user(self, row: Mapping[Any, Any]) -> User:
        """From a row of :func:`users_with_profiles`."""
        user_id, profile_id = row["id"], row["profile_id"]
        email = self._open(USERS, "email", user_id, row["email"]) or ""
        created = row["created_at"] or _EPOCH
        return User(
            id=user_id,
            email=email,
            name=self._open(USERS, "name", user_id, row["name"]) or email.partition("@")[0],
            created_at=created,
            updated_at=row["updated_at"] or created,
            email_verified=bool(row["email_verified"]),
            image=self._open(USERS, "image", user_id, row["image"]),
            proficiency=row["proficiency"] or DEFAULT_LEVEL,
            profile=self.profile(profile_id, row) if profile_id else None,
        )

    def profile(self, profile_id: str, row: Mapping[Any, Any]) -> dict[str, str | None]:
        """The fields of a row of ``user_profiles``."""
        return {name: self._open(PROFILES, name, profile_id, row[name]) for name in PROFILE_FIELDS}

    def session(self, row: Mapping[Any, Any], token: str | None = None) -> Session:
        """From a row of ``auth_sessions``, whose columns may carry the prefix ``s_``."""
        get = {name.removeprefix("s_"): value for name, value in row.items()}
        return Session(
            id=get["id"],
            user_id=get["user_id"],
            expires_at=get["expires_at"],
            created_at=get["created_at"],
            updated_at=get["updated_at"],
            remember=bool(get["remember"]),
            ip_address=self._open(SESSIONS, "ip_address", get["id"], get["ip_address"]) or "",
            user_agent=self._open(SESSIONS, "user_agent", get["id"], get["user_agent"]) or "",
            token=token,
        )

    def session_row(self, user_id: str, session: NewSession) -> dict[str, Any]:
        """The row of a new session."""
        return {
            "id": session.id,
            "user_id": user_id,
            "token_hash": token_hash(session.token),
            "expires_at": session.expires_at,
            "created_at": session.created_at,
            "updated_at": session.created_at,
            "remember": session.remember,
            "ip_address": self.close(SESSIONS, "ip_address", session.id, session.ip_address),
            "user_agent": self.close(SESSIONS, "user_agent", session.id, session.user_agent),
        }

    def close(self, table: str, column: str, row_id: str, text: str | None) -> str | None:
        """The stored form of a text."""
        return self._ring.encrypt(text, context_of(table, column, row_id))

    def renewed(self, table: str, row: Mapping[Any, Any], row_id: str) -> dict[str, str | None]:
        """The encrypted columns of a row that are in an old form, in the current one."""
        return {
            column: self.close(
                table, column, row_id, self._open(table, column, row_id, row[column])
            )
            for column in ENCRYPTED_COLUMNS[table]
            if not self._ring.is_current(row[column])
        }

    def lookup_columns(self, email: str) -> dict[str, str]:
        """Both columns that find an address; the unsalted hash of old rows goes with it."""
        lookup = self._ring.current.email_lookup(email)
        return {"email_lookup": lookup, "email_hash": lookup}

    def renew_user(self, connection: Connection, row: Mapping[Any, Any], user: User) -> None:
        """Rewrite what a row of :func:`users_with_profiles` holds in an old form."""
        changes: dict[str, Any] = self.renewed(USERS, row, user.id)
        if row["email_lookup"] != self._ring.current.email_lookup(user.email):
            changes |= self.lookup_columns(user.email)
        if changes:
            connection.execute(update(users).where(users.c.id == user.id).values(changes))
        if row["profile_id"]:
            changed = self.renewed(PROFILES, row, row["profile_id"])
            if changed:
                where = user_profiles.c.id == row["profile_id"]
                connection.execute(update(user_profiles).where(where).values(changed))

    def _open(self, table: str, column: str, row_id: str, stored: str | None) -> str | None:
        return self._ring.decrypt(stored, context_of(table, column, row_id))


SESSION_COLUMNS = tuple(
    column.label(f"s_{column.name}") for column in auth_sessions.c if column.name != "token_hash"
)


def export_of(user: User, sessions: Iterable[Session]) -> dict[str, Any]:
    """What an account's owner is given: everything but the secrets."""
    return {
        "user": asdict(user),
        "sessions": [
            {name: value for name, value in asdict(session).items() if name != "token"}
            for session in sessions
        ],
    }
