from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import pytest

from backend.account_ports import Login, NewSession, NewUser, Session, SignedIn, User
from backend.errors import AppError, BadRequest, NotSignedIn, RateLimited, UpstreamRefused
from backend.passwords import PasswordPool, Verdict
from backend.services.accounts import Accounts, Client, SignUp
from backend.services.auth_limits import AuthLimits
from backend.services.credentials import Shown, TokenSigner
from backend.services.identity import Identity, Source
from backend.services.tokens import TokenIdentity

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIENT = Client("203.0.113.7", "test/1")


class FakeStore:
    """Accounts in memory, as far as the service's own decisions need them; records its calls."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.hashes: dict[str, str] = {}
        self.live: dict[str, Session] = {}
        self.adopted: list[str] = []
        self.blocked: set[str] = set()
        self.away: AppError | None = None

    async def __call__(self) -> FakeStore:
        return self

    async def login(self, email: str) -> Login | None:
        found = [user.id for user in self.users.values() if user.email == email.strip().lower()]
        return Login(found[0], self.hashes[found[0]]) if found else None

    async def login_of(self, user_id: str) -> Login | None:
        return Login(user_id, self.hashes[user_id]) if user_id in self.hashes else None

    async def bcrypt_hash(self) -> str | None:
        return next((one for one in self.hashes.values() if one.startswith("$2")), None)

    async def add(self, user: NewUser, session: NewSession) -> SignedIn:
        made = User(user.id, user.email, user.name, user.created_at, user.created_at)
        self.users[user.id] = replace(made, proficiency=user.proficiency)
        self.hashes[user.id] = user.password_hash
        opened = await self.open_session(user.id, session)
        assert opened is not None
        return opened

    async def open_session(
        self, user_id: str, session: NewSession, *, new_hash: str | None = None
    ) -> SignedIn | None:
        if new_hash:
            self.hashes[user_id] = new_hash
        opened = Session(
            session.id,
            user_id,
            session.expires_at,
            session.created_at,
            session.created_at,
            session.remember,
            token=session.token,
        )
        self.live[session.token] = opened
        return SignedIn(opened, self.users[user_id])

    async def session(
        self, token: str, now: datetime, *, refresh_below: datetime, refresh_to: datetime
    ) -> tuple[SignedIn, bool] | None:
        if self.away:
            raise self.away
        found = self.live.get(token)
        return (SignedIn(found, self.users[found.user_id]), False) if found else None

    async def sign_out(self, token: str) -> None:
        self.live.pop(token, None)

    async def adopt(self, user: User, provider: str) -> bool:
        if self.away:
            raise self.away
        self.adopted.append(user.id)
        return user.id not in self.blocked

    async def export(self, user_id: str) -> dict[str, Any]:
        return {"user": user_id}


class FakePasswords(PasswordPool):
    """Hashes that cost nothing; records what was compared."""

    def __init__(self) -> None:
        self.compared: list[tuple[str | None, int | None]] = []

    async def hash(self, password: str) -> str:
        return f"scrypt:{password}"

    async def verify(
        self, stored: str | None, password: str, bcrypt_cost: int | None = None
    ) -> Verdict:
        self.compared.append((stored, bcrypt_cost))
        if stored and stored.startswith("$2"):
            fits = bcrypt.checkpw(password.encode(), stored.encode())
            return Verdict(fits, outdated=fits)
        return Verdict(stored == f"scrypt:{password}")


class FakeVerifier:
    def __init__(self, claims: Mapping[str, Any]) -> None:
        self.claims = claims

    async def verify(self, token: str) -> TokenIdentity | None:
        subject = str(self.claims["sub"])
        return TokenIdentity(subject, NOW + timedelta(minutes=15), NOW, self.claims)


class Bench:
    def __init__(self, claims: Mapping[str, Any] | None = None) -> None:
        self.store = FakeStore()
        self.passwords = FakePasswords()
        self.now = NOW
        self.signer = TokenSigner("test-secret-not-real-0123456789-abcdef")
        verifier: Any = FakeVerifier(claims) if claims else None
        self.identity = Identity(self.store, self.signer, verifier)  # type: ignore[arg-type]
        self.accounts = Accounts(
            self.store,  # type: ignore[arg-type]
            self.signer,
            self.passwords,
            self.identity,
            limits=AuthLimits(clock=lambda: 0.0),
            exporters={"conversations": self.conversations},
            clock=lambda: self.now,
        )

    async def conversations(self, user_id: str) -> list[str]:
        return [f"of {user_id}"]

    async def sign_up(self, email: str = "ada@x.test", **more: Any) -> SignedIn:
        return await self.accounts.sign_up(SignUp(email, "ada-password", **more), CLIENT)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_name_and_level_have_defaults(bench: Bench) -> None:
    user = (await bench.sign_up(name=" ")).user
    assert (user.name, user.proficiency) == ("ada", "pro")


async def test_unknown_account_is_compared_with_something_too(bench: Bench) -> None:
    with pytest.raises(NotSignedIn):
        await bench.accounts.sign_in("nobody@x.test", "whatever", CLIENT)
    assert bench.passwords.compared == [(None, None)]


async def test_bcrypt_is_replaced_once_it_fitted(bench: Bench) -> None:
    user = (await bench.sign_up()).user
    old = bcrypt.hashpw(b"old-password", bcrypt.gensalt(4)).decode()
    bench.store.hashes[user.id] = old
    with pytest.raises(NotSignedIn):
        await bench.accounts.sign_in("ada@x.test", "wrong-password", CLIENT)
    assert bench.store.hashes[user.id] == old
    assert bench.passwords.compared[-1] == (old, 4)
    await bench.accounts.sign_in("ada@x.test", "old-password", CLIENT)
    assert bench.store.hashes[user.id] == "scrypt:old-password"


async def test_old_hashes_are_looked_for_every_ten_minutes(bench: Bench) -> None:
    user = (await bench.sign_up()).user
    await bench.accounts.sign_in("ada@x.test", "ada-password", CLIENT)
    bench.store.hashes[user.id] = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
    for minutes, cost in ((9, None), (10, 4)):
        bench.now = NOW + timedelta(minutes=minutes)
        with pytest.raises(NotSignedIn):
            await bench.accounts.sign_in("nobody@x.test", "y", CLIENT)
        assert bench.passwords.compared[-1] == (None, cost)


async def test_only_failures_count_against_an_account(bench: Bench) -> None:
    await bench.sign_up()
    for _ in range(20):
        await bench.accounts.sign_in("ada@x.test", "ada-password", CLIENT)
    for _ in range(10):
        with pytest.raises(NotSignedIn):
            await bench.accounts.sign_in("ADA@x.test", "wrong-password", CLIENT)
    with pytest.raises(RateLimited):
        await bench.accounts.sign_in("ada@x.test", "ada-password", CLIENT)


async def test_odd_address_of_an_old_account_signs_in_and_tells_nothing(bench: Bench) -> None:
    user = (await bench.sign_up()).user
    bench.store.users[user.id] = replace(user, email="not an email")
    await bench.accounts.sign_in("not an email", "ada-password", CLIENT)
    for email in ("not an email", "unknown nonsense"):
        with pytest.raises(BadRequest) as caught:
            await bench.accounts.sign_in(email, "wrong-password", CLIENT)
        assert caught.value.code == "INVALID_EMAIL"


async def test_export_asks_every_part(bench: Bench) -> None:
    signed_in = await bench.sign_up()
    current = await bench.accounts.require(Shown(bearer=signed_in.session.token))
    exported = await bench.accounts.export(current)
    assert exported["conversations"] == [f"of {signed_in.user.id}"]


async def test_principal_is_anonymous_where_nothing_can_be_said(bench: Bench) -> None:
    bench.store.away = UpstreamRefused("database", "away")
    principal = await bench.accounts.principal(Shown(bearer="r" * 32), "203.0.113.7")
    assert (principal.user_id, principal.address) == (None, "203.0.113.7")


async def test_what_needs_the_database_says_so(bench: Bench) -> None:
    signed_in = await bench.sign_up()
    shown = Shown(bearer=bench.accounts.access_token(signed_in))
    bench.store.away = UpstreamRefused("database", "away")
    principal = await bench.accounts.principal(shown, "")
    assert principal.user_id == signed_in.user.id
    with pytest.raises(UpstreamRefused):
        await bench.accounts.require(shown)


async def test_signed_out_session_is_not_believed_from_memory(bench: Bench) -> None:
    signed_in = await bench.sign_up()
    shown = Shown(bearer=signed_in.session.token)
    await bench.accounts.sign_out(shown)
    bench.store.away = UpstreamRefused("database", "away")
    with pytest.raises(UpstreamRefused):
        await bench.accounts.current(shown)


CLAIMS = {
    "sub": "u1",
    "email": "ada@x.test",
    "name": "Ada",
    "createdAt": "2026-01-02T03:04:05.678Z",
    "proficiency": "wizard",
    "emailVerified": "yes",
}
TOKEN = Shown(bearer="ey.ey.ey")


class TestTokenServer:
    async def test_claims_make_the_user(self) -> None:
        bench = Bench(CLAIMS)
        current = await bench.accounts.current(TOKEN)
        assert current is not None
        assert current.source is Source.TOKEN_SERVER
        assert (current.user.id, current.user.email, current.user.name) == (
            "u1",
            "ada@x.test",
            "Ada",
        )
        assert current.user.created_at.isoformat() == "2026-01-02T03:04:05.678000+00:00"
        assert (current.user.proficiency, current.user.email_verified) == ("pro", False)

    async def test_row_is_made_once_a_minute_at_most(self) -> None:
        bench = Bench(CLAIMS)
        for seconds in (0, 30, 61):
            bench.now = NOW + timedelta(seconds=seconds)
            await bench.accounts.current(TOKEN)
        assert bench.store.adopted == ["u1", "u1"]

    async def test_blocked_account_is_nobody(self) -> None:
        bench = Bench(CLAIMS)
        bench.store.blocked.add("u1")
        assert await bench.accounts.current(TOKEN) is None

    async def test_long_subject_gets_an_id_that_fits(self) -> None:
        bench = Bench(CLAIMS | {"sub": "s" * 200})
        current = await bench.accounts.current(TOKEN)
        assert current is not None
        assert len(current.user.id) == 36

    async def test_its_user_has_no_password_here(self) -> None:
        bench = Bench(CLAIMS)
        current = await bench.accounts.require(TOKEN)
        with pytest.raises(BadRequest) as caught:
            await bench.accounts.change_password(
                current, "ada-password", "new-password", CLIENT, revoke_others=False
            )
        assert caught.value.code == "CREDENTIAL_ACCOUNT_NOT_FOUND"

    async def test_database_away_keeps_the_identity(self) -> None:
        bench = Bench(CLAIMS)
        bench.store.away = UpstreamRefused("database", "away")
        assert (await bench.accounts.principal(TOKEN, "")).user_id == "u1"
        with pytest.raises(UpstreamRefused):
            await bench.accounts.require(TOKEN)
