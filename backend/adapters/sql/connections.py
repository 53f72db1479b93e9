"""Connections to PostgreSQL or to a SQLite file: how they are pooled, set up, checked and reset.

On both a statement commits by itself unless :func:`begin` was called: so what needs no transaction
pays for none, and SQLite can take its write lock first.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import QueuePool

POOL_SIZE = 3
POOL_OVERFLOW = 3
POOL_TIMEOUT_S = 3
CONNECTIONS = POOL_SIZE + POOL_OVERFLOW
POOL_RECYCLE_S = 280  # Neon suspends after 300 s without a query
CONNECT_TIMEOUT_S = 8  # a database that sleeps takes up to five to wake
PING_AFTER_S = 5.0
"""Idle for longer, a connection is tried before it is used: something on the way may have dropped
it without a word. Until then it is enough that the server has not closed it."""
SQLITE_BUSY_MS = 5_000

_USED_AT = "book_answers_used_at"
_POSTGRES_ARGS: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": "book-answers",
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def make_engine(url: str) -> Engine:
    """An engine for a normalised URL: ``postgresql+psycopg2://`` or ``sqlite:///``."""
    return _sqlite_engine(url) if url.startswith("sqlite") else _postgres_engine(url)


def begin(connection: Connection) -> None:
    """Let the statements that follow commit together."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:  # the driver begins with the first statement
        connection.connection.dbapi_connection.autocommit = False  # type: ignore[union-attr]


def driver_arguments(engine: Engine) -> dict[str, Any]:
    """What the engine would connect with."""
    _, arguments = engine.dialect.create_connect_args(engine.url)
    return {**arguments, **_POSTGRES_ARGS}


def _postgres_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        pool_recycle=POOL_RECYCLE_S,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args=_POSTGRES_ARGS,
    )
    ping = engine.dialect.do_ping

    def require_alive(connection: Any, record: Any, _proxy: object) -> None:
        if not is_alive(connection, monotonic() - record.info[_USED_AT], ping):
            raise exc.InvalidatePoolError()  # the others are as old: all are opened anew

    event.listen(engine, "connect", _configure_postgres)
    event.listen(engine, "checkout", require_alive)
    event.listen(engine, "reset", _reset_postgres)
    event.listen(engine, "checkin", _note_use)
    return engine


def is_alive(connection: Any, idle_s: float, ping: Callable[[Any], object]) -> bool:
    """Whether a driver's connection can be used; the server is asked only where that is doubtful.

    What a server sends unasked is mostly its farewell.
    """
    poll = select.poll()
    try:
        poll.register(connection.fileno(), select.POLLIN)
        if idle_s >= PING_AFTER_S or poll.poll(0):
            ping(connection)
    except connection.Error:
        return False
    return True


def _configure_postgres(connection: Any, record: Any) -> None:
    connection.autocommit = True
    _note_use(connection, record)


def _reset_postgres(connection: Any, _record: object, _state: object) -> None:
    """Leave no transaction. Where that fails the pool replaces the connection."""
    if not connection.autocommit:
        connection.rollback()
        connection.autocommit = True


def _note_use(_connection: object, record: Any) -> None:
    record.info[_USED_AT] = monotonic()


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        hide_parameters=True,
        connect_args={"timeout": SQLITE_BUSY_MS / 1000, "check_same_thread": False},
    )
    event.listen(engine, "do_connect", _make_folder)
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def _make_folder(_dialect: object, _record: object, arguments: list[Any], _more: object) -> None:
    with suppress(OSError):  # the connection's own error says it better
        Path(arguments[0]).parent.mkdir(parents=True, exist_ok=True)


def _configure_sqlite(connection: Any, _record: object) -> None:
    # the driver's own transaction handling begins too late for BEGIN IMMEDIATE
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {SQLITE_BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
