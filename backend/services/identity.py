"""Who a credential speaks for.

The database decides, always. Only when it does not answer, two things are believed: a sealed access
token of ours, and a session that this process has seen lately. So nobody is signed out because a
database sleeps; whoever needs to know that it was not asked finds ``failure`` set.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from backend.account_ports import DEFAULT_LEVEL, LEVELS, AccountStore, Session, SignedIn, User
from backend.errors import AppError, NotConfigured, UpstreamError
from backend.services.credentials import Shown, TokenSigner
from backend.services.tokens import TokenIdentity, TokenVerifier, looks_like_jwt

PROVIDER = "better-auth"
TRUST_SEALED_FOR = timedelta(days=30)
ADOPTION_HOLDS = timedelta(minutes=1)
MAX_REMEMBERED = 10_000
_ROW_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")


class Source(StrEnum):
    """What an identity was read from."""

    SESSION = "session"
    TOKEN_SERVER = "token_server"
    MEMORY = "memory"

    @property
    def is_foreign(self) -> bool:
        """Whether another server keeps the session."""
        return self is Source.TOKEN_SERVER


@dataclass(frozen=True, slots=True)
class Current:
    """Whom a credential speaks for; ``failure`` is why the database could not be asked."""

    session: Session
    user: User
    source: Source
    refreshed: bool = False
    failure: AppError | None = None


class Identity:
    """Finds the session and the user behind a credential.

    Args:
        store: Gives the account store.
        signer: Reads our own tokens.
        verifier: Checks tokens of a separate Better Auth server, if there is one.
    """

    def __init__(
        self,
        store: Callable[[], Awaitable[AccountStore]],
        signer: TokenSigner,
        verifier: TokenVerifier | None = None,
    ) -> None:
        self._store = store
        self._signer = signer
        self._verifier = verifier
        self._seen: OrderedDict[str, SignedIn] = OrderedDict()
        self._adopted: OrderedDict[str, datetime] = OrderedDict()

    async def find(
        self, shown: Shown, now: datetime, *, refresh_below: datetime, refresh_to: datetime
    ) -> Current | None:
        """The identity, or None. Raises UpstreamError or NotConfigured where neither is known."""
        if shown.bearer and looks_like_jwt(shown.bearer) and self._verifier is not None:
            current = await self._of_token_server(shown.bearer, now)
            if current is not None:
                return current
        token = self._signer.token_in(shown)
        if token is None:
            return None
        try:
            store = await self._store()
            found = await store.session(
                token, now, refresh_below=refresh_below, refresh_to=refresh_to
            )
        except (UpstreamError, NotConfigured) as error:
            return self._without_database(shown, token, now, error)
        if found is None:
            self.forget(token)
            return None
        signed_in, refreshed = found
        self.remember(signed_in)
        return Current(signed_in.session, signed_in.user, Source.SESSION, refreshed)

    def remember(self, signed_in: SignedIn) -> SignedIn:
        """Note a session that the database has just confirmed; returns it."""
        key = _key(signed_in.session.token or "")
        self._seen[key] = signed_in
        self._seen.move_to_end(key)
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return signed_in

    def forget(self, token: str) -> None:
        """Believe this token no more without the database."""
        self._seen.pop(_key(token), None)

    def forget_user(self, user_id: str) -> None:
        """Believe none of this account's tokens without the database."""
        for key in [key for key, seen in self._seen.items() if seen.user.id == user_id]:
            del self._seen[key]
        self._adopted.pop(user_id, None)

    def _without_database(
        self, shown: Shown, token: str, now: datetime, error: AppError
    ) -> Current | None:
        seen = self._seen.get(_key(token))
        if seen is None:
            access = self._signer.open_access(shown)
            if access is None or now - access.issued_at > TRUST_SEALED_FOR:
                raise error
            session = replace(access.session, expires_at=access.issued_at + TRUST_SEALED_FOR)
            seen = SignedIn(session, access.user)
        if seen.session.expires_at <= now:
            return None
        return Current(seen.session, seen.user, Source.MEMORY, failure=error)

    async def _of_token_server(self, token: str, now: datetime) -> Current | None:
        assert self._verifier is not None
        identity = await self._verifier.verify(token)
        if identity is None:
            return None
        user, issued = _user_of(identity, now), identity.issued_at or now
        session = Session(
            id=str(uuid5(NAMESPACE_URL, token)),
            user_id=user.id,
            expires_at=identity.expires_at,
            created_at=issued,
            updated_at=issued,
            token=token,
        )
        try:
            if not await self._is_welcome(user, now):
                return None
        except (UpstreamError, NotConfigured) as error:
            return Current(session, user, Source.TOKEN_SERVER, failure=error)
        return Current(session, user, Source.TOKEN_SERVER)

    async def _is_welcome(self, user: User, now: datetime) -> bool:
        """Whether the account has a row here and is not blocked; asked once a minute."""
        asked_at = self._adopted.get(user.id)
        if asked_at is not None and now - asked_at < ADOPTION_HOLDS:
            return True
        if not await (await self._store()).adopt(user, PROVIDER):
            return False
        self._adopted[user.id] = now
        self._adopted.move_to_end(user.id)
        if len(self._adopted) > MAX_REMEMBERED:
            self._adopted.popitem(last=False)
        return True


def _user_of(identity: TokenIdentity, now: datetime) -> User:
    claims = identity.claims
    subject = identity.subject
    row_id = subject if _ROW_ID.fullmatch(subject) else str(uuid5(NAMESPACE_URL, subject))
    email, name, image = (_text(claims.get(field)) for field in ("email", "name", "image"))
    proficiency = claims.get("proficiency")
    return User(
        id=row_id,
        email=email,
        name=name or email.partition("@")[0],
        created_at=_moment(claims.get("createdAt")) or now,
        updated_at=_moment(claims.get("updatedAt")) or now,
        email_verified=claims.get("emailVerified") is True,
        image=image or None,
        proficiency=proficiency if proficiency in LEVELS else DEFAULT_LEVEL,
    )


def _text(value: Any) -> str:
    return value[:2_048] if isinstance(value, str) else ""


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _key(token: str) -> str:
    return sha256(token.encode()).hexdigest()
