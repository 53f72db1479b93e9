"""What the accounts service needs from the outside, and the values that go to and fro.

Two stores implement :class:`AccountStore`: the service's own tables, and the tables of a separate
Better Auth server that shares the database. Errors: :class:`backend.errors.UpstreamError` for a
database that is away, :class:`~backend.errors.NotConfigured` for personal data that no key opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from backend.errors import Invalid

PROFILE_FIELDS = ("technical_background", "hardware_access", "learning_goals")
LEVELS = ("beginner", "intermediate", "advanced", "pro")
DEFAULT_LEVEL = "pro"


class EmailTaken(Invalid):
    """There is an account with this address."""

    code = "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"


@dataclass(frozen=True, slots=True)
class User:
    """An account as its owner sees it. ``profile`` has the keys of :data:`PROFILE_FIELDS`."""

    id: str
    email: str
    name: str
    created_at: datetime
    updated_at: datetime
    email_verified: bool = False
    image: str | None = None
    proficiency: str = DEFAULT_LEVEL
    profile: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in on one device. ``token`` is None where the store keeps only its hash."""

    id: str
    user_id: str
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    remember: bool = True
    ip_address: str = ""
    user_agent: str = ""
    token: str | None = None


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a sign-up brings; ``password_hash`` in the format of ``backend.passwords``."""

    id: str
    email: str
    name: str
    password_hash: str
    proficiency: str
    image: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be stored. ``token`` is the secret that the client will show."""

    id: str
    token: str
    expires_at: datetime
    created_at: datetime
    remember: bool
    ip_address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Login:
    """What a password is compared with; nothing personal has been opened yet."""

    user_id: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with its owner."""

    session: Session
    user: User


class AccountStore(Protocol):
    """Accounts, sessions and profiles. Every method is one short transaction."""

    async def login(self, email: str) -> Login | None:
        """The active account with this address and a password, looked up under every known form."""
        ...

    async def login_of(self, user_id: str) -> Login | None:
        """The same for an account that is known already."""
        ...

    async def bcrypt_hash(self) -> str | None:
        """Any password hash in the old format, or None when no account has one left."""
        ...

    async def add(self, user: NewUser, session: NewSession) -> SignedIn:
        """Store a new account with its first session. Raises EmailTaken, also in a race."""
        ...

    async def open_session(
        self, user_id: str, session: NewSession, *, new_hash: str | None = None
    ) -> SignedIn | None:
        """Store a session; None if the account has gone meanwhile.

        Replaces the password's hash if one is given, and rewrites personal data in old forms.
        """
        ...

    async def session(
        self, token: str, now: datetime, *, refresh_below: datetime, refresh_to: datetime
    ) -> tuple[SignedIn, bool] | None:
        """The unexpired session of an active account, and whether it was extended.

        A remembered session that ends before ``refresh_below`` is extended to ``refresh_to``.
        """
        ...

    async def sessions(self, user_id: str, now: datetime) -> list[Session]:
        """Every unexpired session of the account, oldest first."""
        ...

    async def revoke(self, user_id: str, token_or_id: str) -> None:
        """Delete a session of this account, named by its token or its id; silently nothing else."""
        ...

    async def revoke_all(self, user_id: str, *, keep: str | None = None) -> None:
        """Delete every session of the account but the one with the id ``keep``."""
        ...

    async def sign_out(self, token: str) -> None:
        """Delete the session with this token, if there is one."""
        ...

    async def change_password(
        self, user_id: str, new_hash: str, now: datetime, replace_all: NewSession | None
    ) -> SignedIn | None:
        """Store a new hash; with ``replace_all`` every session gives way to this one."""
        ...

    async def update(self, user_id: str, changes: Mapping[str, str | None], now: datetime) -> User:
        """Change name, image, proficiency or profile fields. Raises NotFound."""
        ...

    async def delete(self, user_id: str) -> None:
        """Delete the account with everything that belongs to it, in every table."""
        ...

    async def adopt(self, user: User, provider: str) -> bool:
        """Make sure that an account of another server has a row that history can refer to.

        False if the id belongs to an account that is not the provider's, or that is blocked here.
        """
        ...

    async def export(self, user_id: str) -> dict[str, Any]:
        """Everything these tables hold about the account, without secrets. Raises NotFound."""
        ...


class KeySource(Protocol):
    """Where a token server publishes its public keys."""

    async def fetch(self) -> Mapping[str, Any]:
        """The JSON Web Key Set; raises UpstreamError."""
        ...


class KeyRotation(Protocol):
    """Rewrites stored personal data under the current key."""

    async def rewrite_batch(self, table: str, after: str, size: int) -> tuple[int, int, str | None]:
        """Rewrite up to ``size`` rows whose id is greater than ``after``.

        Returns rows seen, rows rewritten, and the last id seen (None at the end of the table).
        """
        ...

    async def encrypted_tables(self) -> list[str]:
        """Names of the tables that hold personal data."""
        ...

    async def count(self, table: str) -> int:
        """How many rows one of them has."""
        ...

    async def forget_older_keys(self) -> None:
        """Record that nothing is stored under another key than the current one."""
        ...
