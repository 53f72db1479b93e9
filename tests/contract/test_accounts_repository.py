"""One class of expectations for every account store: our tables and a Better Auth server's, on
SQLite and on a real PostgreSQL."""

# ruff: noqa: F401  fixtures are imported, then named as arguments
from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import inspect, text

from backend.account_ports import AccountStore, EmailTaken, NewSession, NewUser, User
from backend.adapters.sql import content_tables
from backend.adapters.sql.accounts import SqlAccounts
from backend.adapters.sql.better_auth import BetterAuthAccounts
from backend.adapters.sql.better_auth_tables import find_better_auth
from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.migrate import upgrade
from backend.adapters.sql.tables import metadata
from backend.crypto import DataKey, KeyRing
from backend.errors import NotFound
from tests.better_auth_schema import better_auth_schema
from tests.contract.postgres import postgres
from tests.postgres import PostgresServer

NOW = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)
WEEK = timedelta(days=7)
RING = KeyRing(DataKey("test-key-not-real"))


@pytest.fixture(params=["own-sqlite", "own-postgresql", "shared-sqlite", "shared-postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    layout, dialect = request.param.split("-")
    schema = better_auth_schema(dialect) if layout == "shared" else ""
    if dialect == "sqlite":
        url = sqlite_url(tmp_path)
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript(schema)
        connection.close()
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        name = server.database()
        if schema:
            server.psql(name, schema)
        url = server.url(name)
    database = Database(url, on_first_use=lambda c: None if upgrade(c) else None)
    yield database
    await database.aclose()


@pytest.fixture
async def store(database: Database) -> AccountStore:
    await database.prepare()
    own = SqlAccounts(database, RING)
    tables = await database.read(lambda connection: find_better_auth(inspect(connection)))
    return BetterAuthAccounts(database, tables, own) if tables else own


def new_user(email: str = "ada@example.test", **changes: Any) -> NewUser:
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "email": email,
        "name": "Ada",
        "password_hash": "salt:hash",
        "proficiency": "beginner",
        "image": None,
        "created_at": NOW,
    }
    return NewUser(**(values | changes))


def new_session(token: str = "t" * 32, at: datetime = NOW, **changes: Any) -> NewSession:
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "token": token,
        "expires_at": at + WEEK,
        "created_at": at,
        "remember": True,
        "ip_address": "203.0.113.7",
        "user_agent": "test/1",
    }
    return NewSession(**(values | changes))


async def find(store: AccountStore, token: str, now: datetime = NOW) -> Any:
    return await store.session(
        token, now, refresh_below=now + timedelta(days=6), refresh_to=now + WEEK
    )


class TestAccountStore:
    async def test_add_stores_account_and_session(self, store: AccountStore) -> None:
        user = new_user()
        signed_in = await store.add(user, new_session())
        assert signed_in.user.id == user.id
        assert signed_in.user.email == "ada@example.test"
        assert signed_in.user.proficiency == "beginner"
        assert signed_in.session.token == "t" * 32
        found, refreshed = await find(store, "t" * 32)
        assert not refreshed
        assert found.user == signed_in.user
        assert found.session == signed_in.session
        assert found.session.ip_address == "203.0.113.7"

    async def test_login_ignores_case_width_and_spaces(self, store: AccountStore) -> None:
        user = new_user("kate@example.test")
        await store.add(user, new_session())
        for spelling in ("KATE@example.test", " kate@example.test ", "\u212aate\uff20example.test"):
            login = await store.login(spelling)
            assert login is not None
            assert (login.user_id, login.password_hash) == (user.id, "salt:hash")
        assert await store.login("nobody@example.test") is None

    async def test_parallel_sign_ups_of_one_address_store_one(self, store: AccountStore) -> None:
        outcomes = await asyncio.gather(
            *(store.add(new_user(), new_session(f"token-{n}")) for n in range(8)),
            return_exceptions=True,
        )
        assert sum(isinstance(outcome, EmailTaken) for outcome in outcomes) == 7

    async def test_session_ends_with_its_time(self, store: AccountStore) -> None:
        await store.add(new_user(), new_session())
        assert await find(store, "t" * 32, NOW + WEEK) is None
        assert await find(store, "x" * 32) is None

    async def test_session_is_extended_when_it_is_a_day_old(self, store: AccountStore) -> None:
        await store.add(new_user(), new_session())
        later = NOW + timedelta(days=1, seconds=1)
        found, refreshed = await find(store, "t" * 32, later)
        assert refreshed
        assert found.session.expires_at == later + WEEK
        again, refreshed = await find(store, "t" * 32, later)
        assert not refreshed
        assert again.session.expires_at == later + WEEK

    async def test_session_that_is_not_remembered_is_never_extended(
        self, store: AccountStore
    ) -> None:
        short = new_session(expires_at=NOW + timedelta(days=1), remember=False)
        await store.add(new_user(), short)
        found, refreshed = await find(store, "t" * 32, NOW + timedelta(hours=23))
        assert not refreshed
        assert not found.session.remember

    async def test_sessions_are_listed_and_revoked_by_their_owner_only(
        self, store: AccountStore
    ) -> None:
        ada, eve = new_user(), new_user("eve@example.test")
        first = await store.add(ada, new_session("a" * 32))
        await store.add(eve, new_session("e" * 32))
        second = await store.open_session(ada.id, new_session("b" * 32, NOW + timedelta(seconds=1)))
        assert second is not None
        listed = await store.sessions(ada.id, NOW)
        assert [session.id for session in listed] == [first.session.id, second.session.id]
        await store.revoke(eve.id, "a" * 32)
        await store.revoke(eve.id, first.session.id)
        assert await find(store, "a" * 32) is not None
        await store.revoke(ada.id, "a" * 32)
        assert await find(store, "a" * 32) is None
        await store.revoke(ada.id, second.session.id)
        assert await store.sessions(ada.id, NOW) == []

    async def test_revoke_all_may_keep_one(self, store: AccountStore) -> None:
        ada = new_user()
        first = await store.add(ada, new_session("a" * 32))
        await store.open_session(ada.id, new_session("b" * 32))
        await store.revoke_all(ada.id, keep=first.session.id)
        assert [s.id for s in await store.sessions(ada.id, NOW)] == [first.session.id]
        await store.revoke_all(ada.id)
        assert await store.sessions(ada.id, NOW) == []

    async def test_sign_out_deletes_the_row(self, store: AccountStore) -> None:
        await store.add(new_user(), new_session())
        await store.sign_out("t" * 32)
        await store.sign_out("t" * 32)
        assert await find(store, "t" * 32) is None

    async def test_change_password_replaces_sessions_if_asked(self, store: AccountStore) -> None:
        ada = new_user()
        await store.add(ada, new_session("a" * 32))
        assert await store.change_password(ada.id, "salt:second", NOW, None) is None
        assert await find(store, "a" * 32) is not None
        changed = await store.change_password(ada.id, "salt:third", NOW, new_session("n" * 32))
        assert changed is not None
        assert await find(store, "a" * 32) is None
        assert await find(store, "n" * 32) is not None
        login = await store.login_of(ada.id)
        assert login is not None
        assert login.password_hash == "salt:third"

    async def test_update_changes_account_and_profile(self, store: AccountStore) -> None:
        ada = new_user()
        await store.add(ada, new_session())
        later = NOW + timedelta(minutes=1)
        await store.update(ada.id, {"learning_goals": "robots"}, NOW)
        changes = {"name": "Ada L", "image": "/a.png", "technical_background": "اردو"}
        user = await store.update(ada.id, changes, later)
        assert (user.name, user.image, user.updated_at) == ("Ada L", "/a.png", later)
        found, _ = await find(store, "t" * 32)
        assert found.user == user
        assert dict(found.user.profile or {}) == {
            "technical_background": "اردو",
            "hardware_access": None,
            "learning_goals": "robots",
        }
        with pytest.raises(NotFound):
            await store.update(str(uuid4()), {"name": "x"}, NOW)

    async def test_delete_leaves_no_row_and_no_other_account_loses_one(
        self, store: AccountStore, database: Database
    ) -> None:
        ada, eve = new_user(), new_user("eve@example.test")
        await store.add(ada, new_session("a" * 32))
        await store.add(eve, new_session("e" * 32))
        for user in (ada, eve):
            await store.update(user.id, {"learning_goals": "x"}, NOW)
            await database.write(lambda c, i=user.id: _insert_chat(c, i))
        await store.delete(ada.id)
        tables = await database.read(lambda c: sorted(inspect(c).get_table_names()))
        for table in tables:
            dump = await database.read(
                lambda c, t=table: str(c.execute(text(f'SELECT * FROM "{t}"')).all())
            )
            assert ada.id not in dump, table
        counted = await database.read(
            lambda c: c.execute(text("SELECT count(*) FROM chat_messages")).scalar()
        )
        assert counted == 1
        assert await find(store, "e" * 32) is not None

    async def test_export_holds_everything_but_secrets(self, store: AccountStore) -> None:
        ada = new_user()
        await store.add(ada, new_session("a" * 32))
        await store.update(ada.id, {"learning_goals": "robots"}, NOW)
        exported = await store.export(ada.id)
        assert exported["user"]["email"] == "ada@example.test"
        assert exported["user"]["profile"]["learning_goals"] == "robots"
        assert exported["sessions"][0]["ip_address"] == "203.0.113.7"
        assert (exported["answers"], exported["requests"]) == ([], [])
        assert "a" * 32 not in str(exported)
        assert "salt:hash" not in str(exported)

    async def test_adopted_account_cannot_take_over_another(self, store: AccountStore) -> None:
        ada = new_user()
        await store.add(ada, new_session())
        foreign = User("sub-1", "ada@example.test", "Ada", NOW, NOW)
        assert await store.adopt(foreign, "issuer")
        assert await store.adopt(foreign, "issuer")
        assert not await store.adopt(User(ada.id, "x@example.test", "X", NOW, NOW), "issuer")
        assert await store.login_of("sub-1") is None
        login = await store.login("ada@example.test")
        assert login is not None
        assert login.user_id == ada.id


def _insert_chat(connection: Any, user_id: str) -> None:
    chat = str(uuid4())
    connection.execute(
        text("INSERT INTO chat_sessions (id, user_id) VALUES (:i, :u)"), {"i": chat, "u": user_id}
    )
    connection.execute(
        text(
            "INSERT INTO chat_messages (id, session_id, role, content) VALUES (:i, :s, 'user', :c)"
        ),
        {"i": str(uuid4()), "s": chat, "c": f"of {user_id}"},
    )


@pytest.mark.parametrize("database", ["own-sqlite", "own-postgresql"], indirect=True)
class TestOwnTables:
    async def test_blocked_account_loses_every_credential(
        self, store: AccountStore, database: Database
    ) -> None:
        ada = new_user()
        await store.add(ada, new_session())
        await database.write(lambda c: c.execute(text("UPDATE users SET is_active = false")))
        assert await store.login(ada.email) is None
        assert await store.login_of(ada.id) is None
        assert await find(store, "t" * 32) is None
        assert await store.open_session(ada.id, new_session("n" * 32)) is None

    async def test_nothing_personal_stands_in_plaintext(
        self, store: AccountStore, database: Database
    ) -> None:
        ada = new_user(name="Lovelace")
        await store.add(ada, new_session("secret-token"))
        await store.update(ada.id, {"learning_goals": "robots"}, NOW)
        names = await database.read(lambda c: inspect(c).get_table_names())
        dump = ""
        for table in names:
            dump += await database.read(
                lambda c, t=table: str(c.execute(text(f'SELECT * FROM "{t}"')).all())
            )
        for secret in ("ada@", "Lovelace", "robots", "203.0.113", "test/1", "secret-token"):
            assert secret not in dump

    async def test_migrated_schema_is_the_declared_one(
        self, store: AccountStore, database: Database
    ) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        options = {
            "version_table": "book_answers_version",
            "compare_type": database.dialect == "postgresql",
        }
        found = await database.read(
            lambda c: compare_metadata(MigrationContext.configure(c, opts=options), metadata)
        )
        assert found == []


@pytest.mark.parametrize("database", ["own-sqlite"], indirect=True)
async def test_lookups_use_indexes_only(store: AccountStore, database: Database) -> None:
    for table, condition in (
        ("auth_sessions", "token_hash = 'x'"),
        ("auth_sessions", "user_id = 'x'"),
        ("user_profiles", "user_id = 'x'"),
        ("users", "email_lookup IN ('x') OR email_hash IN ('x', 'y')"),
    ):
        statement = text(f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {condition}")
        plan = str(await database.read(lambda c, s=statement: c.execute(s).all()))
        assert "SCAN" not in plan, plan
