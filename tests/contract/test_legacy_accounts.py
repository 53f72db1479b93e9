"""The database of a running deployment is served as it is, and renewed by use."""

# ruff: noqa: F401  fixtures are imported, then named as arguments
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from backend.adapters.sql.account_store import AccountStoreChooser
from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.migrate import VERSION_TABLE, upgrade
from backend.adapters.sql.rotation import SqlKeyRotation
from backend.crypto import KeyRing, make_ring
from backend.errors import BadRequest, NotConfigured, NotSignedIn
from backend.services.accounts import Accounts, Client, EmailTaken, SignUp
from backend.services.credentials import Shown
from backend.services.key_rotation import rotate_keys
from tests import legacy_database as legacy
from tests.api.auth_app import SECRET, make_accounts
from tests.contract.postgres import postgres
from tests.postgres import PostgresServer

CLIENT = Client("203.0.113.7", "test/1")


DUMP_15 = Path(__file__).parent / "legacy_postgresql15.sql"
"""What ``pg_dump --no-owner`` of PostgreSQL 15 wrote of a database with the rows of ``_fill``."""


@pytest.fixture(params=["sqlite", "postgresql", "postgresql-dump", "postgresql-15-dump"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database made by the earlier backend's statements; also taken through dumps."""
    server: PostgresServer | None = None
    if request.param == "postgresql-15-dump":
        server = request.getfixturevalue("postgres")
        name = server.database()
        server.restore(DUMP_15.read_text(encoding="utf-8"), name)
        return server.url(name)
    if request.param == "sqlite":
        url = sqlite_url(tmp_path)
    else:
        server = request.getfixturevalue("postgres")
        name = server.database()
        url = server.url(name)
    database = Database(url)
    await database.write(_fill)
    await database.aclose()
    if request.param == "postgresql-dump":
        assert server is not None
        restored = server.database()
        server.copy_by_dump(name, restored)
        url = server.url(restored)
    return url


def _fill(connection: Connection) -> None:
    legacy.create(connection)
    legacy.add_user(connection, "Ada@x.test", "ada-password", encrypted=True)
    legacy.add_user(connection, "bob@x.test", "b", encrypted=False)
    legacy.add_user(connection, "not an email", "eve-password", encrypted=True)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, on_first_use=upgrade)
    yield database
    await database.aclose()


def accounts_with(database: Database, ring: KeyRing) -> Accounts:
    return make_accounts(AccountStoreChooser(database, ring, shared=False))


async def rows(database: Database, statement: str, **values: Any) -> list[Any]:
    return await database.read(lambda c: list(c.execute(text(statement), values).mappings()))


RING = make_ring(legacy.KEY, SECRET)


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@x.test", "ada-password"), ("BOB@x.test", "b"), ("not an email", "eve-password")],
)
async def test_sign_in_works_at_once_and_renews_the_row(
    database: Database, email: str, password: str
) -> None:
    accounts = accounts_with(database, RING)
    signed_in = await accounts.sign_in(email, password, CLIENT)
    user = signed_in.user
    assert user.email.lower() == email.lower()
    assert (user.name, user.proficiency) == ("Ada", "beginner")
    assert user.created_at.isoformat() == "2026-01-02T03:04:05.678901+00:00"
    assert dict(user.profile or {})["learning_goals"] == "robots"

    (row,) = await rows(database, "SELECT * FROM users WHERE id = :id", id=user.id)
    assert row["password_hash"].count(":") == 1
    assert row["email_hash"] == row["email_lookup"] == RING.current.email_lookup(email)
    (profile,) = await rows(database, "SELECT * FROM user_profiles WHERE user_id = :id", id=user.id)
    for value in (row["email"], row["name"], profile["learning_goals"]):
        assert RING.is_current(value)
    assert profile["preferences"] == "{}"

    again = await accounts.sign_in(email, password, CLIENT)
    assert again.user == signed_in.user
    with pytest.raises((NotSignedIn, BadRequest)):
        await accounts.sign_in(email, password + "x", CLIENT)


async def test_nothing_is_dropped(database: Database) -> None:
    before = {"users": 3, "user_profiles": 3, "chat_sessions": 3, "chat_messages": 6}
    await database.prepare()
    for table, count in before.items():
        assert len(await rows(database, f"SELECT id FROM {table}")) == count
    names = await database.read(
        lambda c: {i["name"] for i in inspect(c).get_indexes("chat_sessions")}
    )
    assert names >= {"idx_chat_sessions_user_id", "idx_chat_sessions_updated_at"}
    assert "ix_chat_sessions_user_id" not in names  # no second index on the same column


async def test_replicas_that_start_at_once_migrate_once(database: Database, url: str) -> None:
    replicas = [Database(url, on_first_use=upgrade) for _ in range(4)]
    await asyncio.gather(*(replica.prepare() for replica in replicas))
    assert len(await rows(database, f"SELECT * FROM {VERSION_TABLE}")) == 1
    for replica in replicas:
        await replica.aclose()


async def test_address_of_an_old_account_is_taken(database: Database) -> None:
    accounts = accounts_with(database, RING)
    for email in ("ada@x.test", "ADA@X.test", "bob@x.test"):
        with pytest.raises(EmailTaken):
            await accounts.sign_up(SignUp(email, "long-enough", "X"), CLIENT)


async def test_missing_key_is_said_and_nothing_is_overwritten(database: Database) -> None:
    """The password is right, so it is told why; a stranger learns nothing."""
    accounts = accounts_with(database, make_ring(None, SECRET))
    before = await rows(database, "SELECT * FROM users ORDER BY id")
    with pytest.raises(NotConfigured, match="DATA_ENCRYPTION_KEY"):
        await accounts.sign_in("ada@x.test", "ada-password", CLIENT)
    with pytest.raises(NotSignedIn):
        await accounts.sign_in("ada@x.test", "wrong-password", CLIENT)
    with pytest.raises(NotConfigured, match="DATA_ENCRYPTION_KEY"):
        await accounts.sign_up(SignUp("new@x.test", "long-enough", "N"), CLIENT)
    assert await rows(database, "SELECT * FROM users ORDER BY id") == before


async def test_changed_key_hides_no_account_and_doubles_none(database: Database) -> None:
    first = accounts_with(database, RING)
    signed_in = await first.sign_in("ada@x.test", "ada-password", CLIENT)
    wrong = accounts_with(database, make_ring("another-key-not-real", "another-secret"))
    for attempt in (
        wrong.sign_in("ada@x.test", "ada-password", CLIENT),
        wrong.sign_in("nobody@x.test", "ada-password", CLIENT),
        wrong.sign_up(SignUp("ada@x.test", "long-enough", "X"), CLIENT),
        wrong.current(Shown(bearer=signed_in.session.token)),
    ):
        with pytest.raises(NotConfigured, match="DATA_ENCRYPTION_KEY"):
            await attempt


async def test_rotation_leaves_nothing_under_an_older_key(database: Database) -> None:
    accounts = accounts_with(database, RING)
    await accounts.sign_in("ada@x.test", "ada-password", CLIENT)
    ring = make_ring("renewed-key-not-real", None, older=[legacy.KEY])
    done = await rotate_keys(SqlKeyRotation(database, ring))
    assert {one.table: (one.seen, one.rewritten) for one in done} == {
        "users": (3, 3),
        "user_profiles": (3, 3),
        "auth_sessions": (1, 1),
    }
    again = await rotate_keys(SqlKeyRotation(database, ring))
    assert sum(one.rewritten for one in again) == 0
    only = make_ring("renewed-key-not-real", None)
    renewed = accounts_with(database, only)
    assert (await renewed.sign_in("ada@x.test", "ada-password", CLIENT)).user.name == "Ada"
    assert (await renewed.sign_in("bob@x.test", "b", CLIENT)).user.email == "bob@x.test"
    assert len(await rows(database, "SELECT id FROM data_keys")) == 1


async def test_swapped_ciphertexts_are_refused(database: Database) -> None:
    accounts = accounts_with(database, RING)
    ada = await accounts.sign_in("ada@x.test", "ada-password", CLIENT)
    bob = await accounts.sign_in("bob@x.test", "b", CLIENT)

    def swap(connection: Connection) -> None:
        statement = text(
            "UPDATE users SET name = (SELECT name FROM users WHERE id = :b) WHERE id = :a"
        )
        connection.execute(statement, {"a": ada.user.id, "b": bob.user.id})

    await database.write(swap)
    with pytest.raises(NotConfigured):
        await accounts.sign_in("ada@x.test", "ada-password", CLIENT)


async def test_database_ahead_of_the_program_is_reported_and_left_alone(
    database: Database,
) -> None:
    await database.prepare()
    await database.write(
        lambda c: c.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    )
    state = await database.write(upgrade)
    assert state.revision == "9999"
    assert state.problem is not None
    assert "newer version" in state.problem
    assert await rows(database, f"SELECT version_num FROM {VERSION_TABLE}") == [
        {"version_num": "9999"}
    ]
