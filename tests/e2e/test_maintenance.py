"""What is done to the database from the command line, as a process."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from backend.adapters.sql.engine import Database, sqlite_url
from backend.crypto import make_ring
from backend.services.credentials import Shown
from tests import legacy_database as legacy
from tests.api.auth_app import always, make_accounts
from tests.e2e.test_command_line import ROOT

OLD, NEW = legacy.KEY, "renewed-key-not-real"
AUTH = "test-secret-not-real-0123456789-abcdef"


def run(folder: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "app.py", command],
        cwd=ROOT,
        env=environment | {"BETTER_AUTH_SECRET": AUTH} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """With the database of an earlier deployment: an encrypted account and a plain one."""
    database = Database(sqlite_url(tmp_path))

    def fill(connection):
        legacy.create(connection)
        legacy.add_user(connection, "ada@x.test", "ada-password", encrypted=True)
        legacy.add_user(connection, "bob@x.test", "bob-password", encrypted=False)

    await database.write(fill)
    await database.aclose()
    return tmp_path


def stored(folder: Path, statement: str) -> list[tuple]:
    (file,) = folder.glob("*.sqlite3")
    connection = sqlite3.connect(file)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_migrate_extends_an_existing_database_and_may_be_repeated(folder):
    for _ in range(2):
        done = run(folder, "migrate")
        assert done.returncode == 0, done.stderr
        assert "revision" in done.stdout
    assert stored(folder, "SELECT count(*) FROM chat_messages") == [(4,)]
    assert stored(folder, "SELECT count(*) FROM auth_sessions") == [(0,)]
    assert stored(folder, "SELECT email FROM users WHERE email = 'bob@x.test'") != []


def test_migrate_says_in_a_sentence_that_the_database_is_newer(folder):
    run(folder, "migrate")
    (file,) = folder.glob("*.sqlite3")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE book_answers_version SET version_num = '9999'")
    connection.close()
    done = run(folder, "migrate")
    assert done.returncode == 1
    assert "newer version" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_says_in_a_sentence_that_the_database_is_away(tmp_path):
    done = run(tmp_path, "migrate", NEON_API_KEY="postgresql://u:canary@127.0.0.1:9/d")
    assert done.returncode == 1
    assert "database" in done.stderr.lower()
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


async def test_rotation_leaves_nothing_that_an_older_key_opens(folder):
    first = run(folder, "rotate-keys", DATA_ENCRYPTION_KEY=OLD)
    assert first.returncode == 0, first.stderr
    refused = run(folder, "rotate-keys", DATA_ENCRYPTION_KEY=NEW)
    assert refused.returncode == 1
    assert "DATA_ENCRYPTION_KEY" in refused.stderr
    assert "Traceback" not in refused.stderr

    done = run(folder, "rotate-keys", DATA_ENCRYPTION_KEY=NEW, DATA_ENCRYPTION_KEY_PREVIOUS=OLD)
    assert done.returncode == 0, done.stderr
    assert "users: 2 of 2 rows rewritten" in done.stdout
    assert "users" in done.stderr  # the progress bar
    for text in (done.stdout, done.stderr):
        assert OLD not in text
        assert NEW not in text
    again = run(folder, "rotate-keys", DATA_ENCRYPTION_KEY=NEW)
    assert "users: 0 of 2 rows rewritten" in again.stdout
    assert "@x.test" not in str(stored(folder, "SELECT * FROM users"))
    assert await name_after_sign_in(folder, NEW) == "Ada"


async def test_secret_that_stood_in_for_a_data_key_can_be_replaced(folder):
    """Without a data key the keys come from BETTER_AUTH_SECRET: then that is the previous one."""
    run(folder, "rotate-keys", DATA_ENCRYPTION_KEY=OLD)
    to_derived = run(folder, "rotate-keys", DATA_ENCRYPTION_KEY_PREVIOUS=OLD)
    assert to_derived.returncode == 0, to_derived.stderr
    other = AUTH[::-1]
    refused = run(folder, "rotate-keys", BETTER_AUTH_SECRET=other, DATA_ENCRYPTION_KEY=NEW)
    assert refused.returncode == 1
    done = run(
        folder,
        "rotate-keys",
        BETTER_AUTH_SECRET=other,
        DATA_ENCRYPTION_KEY=NEW,
        DATA_ENCRYPTION_KEY_PREVIOUS=AUTH,
    )
    assert done.returncode == 0, done.stderr
    assert await name_after_sign_in(folder, NEW) == "Ada"


def test_rotation_refuses_a_key_that_only_this_machine_would_have(tmp_path):
    done = run(
        tmp_path,
        "rotate-keys",
        NEON_API_KEY="postgresql://u:p@127.0.0.1:9/d",
        BETTER_AUTH_SECRET="",
    )
    assert done.returncode == 1
    assert "set DATA_ENCRYPTION_KEY or BETTER_AUTH_SECRET" in done.stderr


async def name_after_sign_in(folder: Path, key: str) -> str:
    """Whom the new key alone finds."""
    from backend.adapters.sql.accounts import SqlAccounts
    from backend.services.accounts import Client

    database = Database(sqlite_url(folder))
    try:
        accounts = make_accounts(always(SqlAccounts(database, make_ring(key, None))))
        signed_in = await accounts.sign_in("ada@x.test", "ada-password", Client("", ""))
        found = await accounts.current(Shown(bearer=signed_in.session.token))
        return found.user.name
    finally:
        await database.aclose()
