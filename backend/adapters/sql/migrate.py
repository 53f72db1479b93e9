"""Brings the schema up to date at the first use of the database, however many replicas start.

The whole way to the newest revision is one transaction under a lock: an advisory one on PostgreSQL,
the write lock on SQLite. A database that a newer program has changed is reported and left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

VERSION_TABLE = "book_answers_version"
_LOCK_KEY = 0x626F6F6B  # any number that other programs on this database do not use
_LOCK_TIMEOUT_MS = 20_000
_SCRIPTS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Where the schema is; ``problem`` is a sentence when the database is ahead of the program."""

    revision: str | None
    problem: str | None = None


def upgrade(connection: Connection) -> SchemaState:
    """Create or extend the tables in the transaction under way. Raises SQLAlchemy's errors."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    _lock(connection)
    current = _current(connection)
    if current is not None and current not in _known(scripts):
        return SchemaState(
            current,
            "The database was changed by a newer version of this service and is left as it is; "
            "deploy that version, or expect parts of accounts and history to fail.",
        )
    if current != scripts.get_current_head():
        _run(config, scripts, connection)
    return SchemaState(scripts.get_current_head())


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_MS}ms'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _current(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _known(scripts: ScriptDirectory) -> set[str]:
    return {script.revision for script in scripts.walk_revisions()}


def _run(config: Config, scripts: ScriptDirectory, connection: Connection) -> None:
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    with EnvironmentContext(
        config,
        scripts,
        fn=lambda revision, _context: scripts._upgrade_revs("head", revision),
        destination_rev="head",
    ):
        scripts.run_env()
