"""Accounts: sign-up, sign-in, sessions that slide, and what their owner may change.

A sign-in never tells whether an address has an account: not by status, sentence or time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from backend.account_ports import (
    AccountStore,
    EmailTaken,
    NewSession,
    NewUser,
    Session,
    SignedIn,
    User,
)
from backend.clock import utc_now
from backend.crypto import normal_email
from backend.domain import Principal
from backend.errors import AppError, BadRequest, Forbidden, NotSignedIn
from backend.passwords import PasswordPool, bcrypt_cost_of
from backend.services import account_rules as rules
from backend.services.account_forms import Client, SignUp
from backend.services.auth_limits import AuthLimits
from backend.services.credentials import Shown, TokenSigner, new_token
from backend.services.identity import Current, Identity, Source

__all__ = ["Accounts", "Client", "Current", "EmailTaken", "Session", "SignUp", "SignedIn", "User"]

LIFETIME = timedelta(days=7)
SHORT_LIFETIME = timedelta(days=1)
REFRESH_AGE = timedelta(days=1)
FRESH_AGE = timedelta(days=1)
BCRYPT_LOOK_AGAIN = timedelta(minutes=10)

StoreOf = Callable[[], Awaitable[AccountStore]]


class Accounts:
    """What the account routes do, and who asks on every other route.

    Args:
        store: Gives the store; it may need the database to know which one it is.
        signer: Makes and reads tokens.
        passwords: Hashes in threads.
        identity: Finds who a credential speaks for.
        limits: Counts failed passwords.
        exporters: What other parts hold about an account, by name; called with its id.
        clock: The current time in UTC.
    """

    def __init__(
        self,
        store: StoreOf,
        signer: TokenSigner,
        passwords: PasswordPool,
        identity: Identity,
        *,
        limits: AuthLimits | None = None,
        exporters: Mapping[str, Callable[[str], Awaitable[object]]] | None = None,
        before_delete: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self.signer = signer
        self._passwords = passwords
        self._identity = identity
        self.limits = limits or AuthLimits()
        self._exporters = dict(exporters or {})
        self._before_delete = before_delete
        self.clock = clock
        self._bcrypt_cost: int | None = None
        self._bcrypt_looked_at: datetime | None = None

    async def sign_up(self, form: SignUp, client: Client) -> SignedIn:
        """Make an account and sign it in.

        Raises:
            BadRequest: A field does not fit. EmailTaken: There is one already; hashing has been
                paid for by then, so the time is the same.
        """
        if not rules.is_email(form.email):
            raise rules.invalid("email", "Invalid email address")
        rules.check_new_password(form.password)
        now = self.clock()
        user = NewUser(
            id=str(uuid4()),
            email=normal_email(form.email),
            name=rules.display_name(form.name, form.email),
            password_hash=await self._passwords.hash(form.password),
            proficiency=rules.level(form.proficiency),
            image=rules.picture(form.image),
            created_at=now,
        )
        store = await self._store()
        signed_in = await store.add(user, self._new_session(client, now, remember=form.remember))
        return self._identity.remember(signed_in)

    async def sign_in(
        self, email: str, password: str, client: Client, *, remember: bool = True
    ) -> SignedIn:
        """Sign in with a password.

        An address that no new account could have is looked up too: earlier deployments took any.

        Raises:
            NotSignedIn: No account, or another password. BadRequest: Not an address.
            RateLimited: Too many wrong passwords for this address.
        """
        account = normal_email(email)
        self.limits.admit_password(account)
        store = await self._store()
        login = await store.login(email)
        verdict = await self._passwords.verify(
            login.password_hash if login else None, password, await self._cost(store)
        )
        if login is None or not verdict.fits:
            raise _refusal(email)
        new_hash = await self._passwords.hash(password) if verdict.outdated else None
        session = self._new_session(client, self.clock(), remember=remember)
        signed_in = await store.open_session(login.user_id, session, new_hash=new_hash)
        if signed_in is None:
            raise _refusal(email)
        self.limits.password_fitted(account)
        return self._identity.remember(signed_in)

    async def current(self, shown: Shown) -> Current | None:
        """Whom the credential speaks for, its session extended when that is due; None for nobody.

        Raises:
            UpstreamError: The database is away and the credential alone proves nothing.
        """
        now = self.clock()
        return await self._identity.find(
            shown, now, refresh_below=now + LIFETIME - REFRESH_AGE, refresh_to=now + LIFETIME
        )

    async def require(self, shown: Shown) -> Current:
        """The same for routes that need the database: a session that was read from it just now.

        Raises:
            NotSignedIn: Nobody. UpstreamError: The database is away.
        """
        current = await self.current(shown)
        if current is None:
            raise NotSignedIn("Unauthorized", code="UNAUTHORIZED")
        if current.failure is not None:
            raise current.failure
        return current

    async def principal(self, shown: Shown, address: str) -> Principal:
        """Who asks; anonymous where the credential is missing, invalid or cannot be judged."""
        try:
            current = await self.current(shown)
        except AppError:
            current = None
        return Principal(user_id=current.user.id if current else None, address=address)

    async def sign_out(self, shown: Shown) -> None:
        """End the session that the credential belongs to; nothing happens without one."""
        token = self.signer.token_in(shown)
        if token is not None:
            self._identity.forget(token)
            await (await self._store()).sign_out(token)

    async def sessions(self, current: Current) -> list[Session]:
        """The owner's sessions.

        Only the current one carries its token; another is revoked by its id, which stands in for
        the token. Raises Forbidden when the sign-in is more than a day old.
        """
        if self.clock() - current.session.created_at >= FRESH_AGE:
            raise Forbidden("Session is not fresh", code="SESSION_NOT_FRESH")
        return await (await self._store()).sessions(current.user.id, self.clock())

    async def revoke(self, current: Current, token_or_id: str) -> None:
        """End one of the owner's sessions; of a foreign one nothing is told and nothing ended."""
        self._identity.forget_user(current.user.id)
        await (await self._store()).revoke(current.user.id, token_or_id)

    async def revoke_all(self, current: Current, *, but_current: bool) -> None:
        """End the owner's sessions."""
        self._identity.forget_user(current.user.id)
        keep = current.session.id if but_current else None
        await (await self._store()).revoke_all(current.user.id, keep=keep)

    async def change_password(
        self, current: Current, old: str, new: str, client: Client, *, revoke_others: bool
    ) -> SignedIn | None:
        """Replace the password; with ``revoke_others`` every session gives way to a new one.

        Raises:
            BadRequest: The new one does not fit, or the old one is wrong.
        """
        rules.check_new_password(new)
        await self._check_password(current, old)
        now = self.clock()
        session = self._new_session(client, now, remember=True) if revoke_others else None
        new_hash = await self._passwords.hash(new)
        store = await self._store()
        if revoke_others:
            self._identity.forget_user(current.user.id)
        signed_in = await store.change_password(current.user.id, new_hash, now, session)
        return self._identity.remember(signed_in) if signed_in else None

    async def update(self, current: Current, changes: Mapping[str, str | None]) -> User:
        """Change name, picture, level or profile. Raises BadRequest."""
        checked = rules.check_changes(dict(changes))
        if not checked:
            raise BadRequest("No fields to update", code="BAD_REQUEST")
        user = await (await self._store()).update(current.user.id, checked, self.clock())
        self._identity.forget_user(current.user.id)
        return user

    async def delete(self, current: Current, password: str | None) -> None:
        """Delete the account with everything that is its own.

        Raises:
            BadRequest: A wrong password; or none, and the sign-in is more than a day old.
        """
        if password:
            await self._check_password(current, password)
        elif self.clock() - current.session.created_at >= FRESH_AGE:
            raise BadRequest(
                "Session expired. Re-authenticate to perform this action.", code="SESSION_EXPIRED"
            )
        if self._before_delete is not None:
            await self._before_delete()
        await (await self._store()).delete(current.user.id)
        self._identity.forget_user(current.user.id)

    async def export(self, current: Current) -> dict[str, object]:
        """Everything that is held about the owner, in every part of the service."""
        exported: dict[str, object] = await (await self._store()).export(current.user.id)
        for name, export in self._exporters.items():
            exported[name] = await export(current.user.id)
        return exported

    def access_token(self, signed_in: SignedIn) -> str:
        """The token for clients that keep a single string; see ``credentials``."""
        token = signed_in.session.token
        assert token is not None
        return self.signer.make_access(signed_in.session, signed_in.user, token, self.clock())

    async def _check_password(self, current: Current, password: str) -> None:
        account = f"id:{current.user.id}"
        self.limits.admit_password(account)
        login = None
        if current.source is not Source.TOKEN_SERVER:
            login = await (await self._store()).login_of(current.user.id)
        if login is None:
            raise BadRequest("Credential account not found", code="CREDENTIAL_ACCOUNT_NOT_FOUND")
        verdict = await self._passwords.verify(login.password_hash, password)
        if not verdict.fits:
            raise BadRequest("Invalid password", code="INVALID_PASSWORD")
        self.limits.password_fitted(account)

    async def _cost(self, store: AccountStore) -> int | None:
        now = self.clock()
        if self._bcrypt_looked_at is None or now - self._bcrypt_looked_at >= BCRYPT_LOOK_AGAIN:
            self._bcrypt_looked_at = now
            self._bcrypt_cost = bcrypt_cost_of(await store.bcrypt_hash() or "")
        return self._bcrypt_cost

    def _new_session(self, client: Client, now: datetime, *, remember: bool) -> NewSession:
        return NewSession(
            id=str(uuid4()),
            token=new_token(),
            expires_at=now + (LIFETIME if remember else SHORT_LIFETIME),
            created_at=now,
            remember=remember,
            ip_address=client.address,
            user_agent=client.user_agent[: rules.MAX_USER_AGENT_CHARS],
        )


def _refusal(email: str) -> AppError:
    if not rules.is_email(email):
        return BadRequest("Invalid email", code="INVALID_EMAIL")
    return NotSignedIn("Invalid email or password", code="INVALID_EMAIL_OR_PASSWORD")
