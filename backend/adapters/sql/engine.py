"""The relational database: PostgreSQL, or a SQLite file, behind a thread pool of its own.

One call of :meth:`Database.read` or :meth:`Database.write` is one short transaction. No connection
is held between calls, so a database that suspends itself (Neon) is left to sleep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import QueuePool

from backend.adapters.sql.errors import busy, translated
from backend.errors import UpstreamRateLimited

if TYPE_CHECKING:
    from backend.adapters.sql.migrate import SchemaState

T = TypeVar("T")


class Guarded(Protocol):
    """Runs a call to the database, perhaps again, or refuses it; ``resilience.Guard.call``."""

    def __call__(self, fn: Callable[[], Awaitable[T]], /) -> Awaitable[T]:
        """Await ``fn()``. Raises UpstreamError."""
        ...


POOL_SIZE = 5
POOL_OVERFLOW = 5
POOL_TIMEOUT_S = 3
CONNECTIONS = POOL_SIZE + POOL_OVERFLOW
POOL_RECYCLE_S = 280  # Neon suspends after 300 s without a query
CONNECT_TIMEOUT_S = 8  # a database that sleeps takes up to five to wake
AGAIN_S = 0.1
"""Between attempts at a server that has no connection left for us."""
SQLITE_BUSY_MS = 5_000
SQLITE_FILE = "book-answers.sqlite3"
_WRITES = "book_answers_writes"

_READS: dict[str, dict[str, Any]] = {
    "sqlite": {_WRITES: False},
    # every statement sees what is committed by then, in a transaction or not: two round trips less
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}
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
    if url.startswith("sqlite"):
        return _sqlite_engine(url)
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        pool_recycle=POOL_RECYCLE_S,
        pool_pre_ping=True,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args=_POSTGRES_ARGS,
    )
    _give_back_dead_ones(engine)
    return engine


def _give_back_dead_ones(engine: Engine) -> None:
    """Let the pool take back a connection that died while it was read from.

    SQLAlchemy sets back what a reading connection had of its own. Where that fails, the driver's
    error goes out as it is, and the pool counts the connection as taken for ever.
    """
    dialect = engine.dialect
    reset = dialect.reset_isolation_level

    def reset_or_close(connection: Any) -> None:
        try:
            reset(connection)
        except dialect.loaded_dbapi.Error:
            connection.close()  # the ping before its next use replaces it

    dialect.reset_isolation_level = reset_or_close  # type: ignore[method-assign, assignment]


def sqlite_url(data_dir: Path) -> str:
    """The URL of the embedded database's file."""
    return f"sqlite:///{(data_dir / SQLITE_FILE).absolute()}"


class Database:
    """Runs transactions in threads.

    Args:
        url: As :func:`make_engine`.
        on_first_use: Brings the schema up to date; runs once before the first transaction, and
            again before the next one if it failed.
        guard: Runs each transaction under a deadline, retry and circuit breaker; none by default.
    """

    def __init__(
        self,
        url: str,
        *,
        on_first_use: Callable[[Engine], SchemaState | None] | None = None,
        guard: Guarded | None = None,
    ) -> None:
        self.engine = make_engine(url)
        self.dialect = self.engine.dialect.name
        self._reading = self.engine.execution_options(**_READS[self.dialect])
        self.problem: str | None = None
        """What is wrong with the schema, once it was looked at; a sentence."""
        self._on_first_use = on_first_use
        self._guard = guard
        self._ready = on_first_use is None
        self._preparing = asyncio.Lock()
        self._executor = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="database")
        self._free = asyncio.Semaphore(CONNECTIONS)
        self.patience_s = POOL_TIMEOUT_S
        """How long a call waits for a connection that others hold."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction that changes nothing.

        Raises:
            UpstreamError: The database is away; see ``errors``.
        """
        return await self._transaction(work, writes=False)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction, committed when it returns and undone when it raises.

        SQLite takes its write lock at the beginning, so that nothing read can be outdated when the
        write comes.

        Raises:
            UpstreamError: The database is away. Conflict: A constraint was broken. Invalid: A value
                does not fit.
        """
        return await self._transaction(work, writes=True)

    async def prepare(self) -> None:
        """Bring the schema up to date, once. Raises UpstreamError."""
        if self._ready or self._on_first_use is None:
            return
        async with self._preparing:
            if not self._ready:
                await self._in_thread(self._prepare_now)
                self._ready = True

    async def ping(self) -> None:
        """One trivial statement. Raises UpstreamError."""
        await self._in_thread(lambda: self._run(_select_one, writes=False))

    @property
    def connections_in_use(self) -> int:
        """Connections that a transaction holds at this moment."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    async def aclose(self) -> None:
        """Wait for what runs, then close every connection."""
        await asyncio.to_thread(self._executor.shutdown)
        self.engine.dispose()

    async def _transaction(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        async def once() -> T:
            if not self._ready:
                await self.prepare()
            return await self._in_thread(lambda: self._run(work, writes=writes))

        return await (self._guard(once) if self._guard else once())

    async def _in_thread(self, work: Callable[[], T]) -> T:
        now = asyncio.get_running_loop().time
        until = now() + self.patience_s
        while True:
            await self._wait_for_slot(until - now())
            try:
                return await self._started(work)
            except (
                UpstreamRateLimited
            ):  # the server takes no more, but one of ours may be free soon
                if now() + AGAIN_S > until:
                    raise
            await asyncio.sleep(AGAIN_S)

    async def _wait_for_slot(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError:
            raise busy() from None

    async def _started(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        running = self._executor.submit(work)
        # a thread outlives the caller that has given up, and keeps its connection until it ends
        running.add_done_callback(lambda _: _in_loop(loop, self._free.release))
        return await asyncio.wrap_future(running)

    def _run(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        engine = self.engine if writes else self._reading
        with translated(), engine.connect() as connection, connection.begin():
            return work(connection)

    def _prepare_now(self) -> None:
        assert self._on_first_use is not None
        with translated():
            state = self._on_first_use(self.engine)
        self.problem = state.problem if state is not None else None


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(call)


def _select_one(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


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
    event.listen(engine, "begin", _begin_sqlite)
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


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
