"""The relational database: PostgreSQL, or a SQLite file, behind a thread pool of its own.

One call of :meth:`Database.read` or :meth:`Database.write` is one short transaction. No connection
is held between calls, so a database that suspends itself (Neon) is left to sleep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import Connection, Executable, text
from sqlalchemy.pool import QueuePool

from backend.adapters.sql.connections import (
    CONNECTIONS,
    POOL_TIMEOUT_S,
    begin,
    driver_arguments,
    make_engine,
)
from backend.adapters.sql.errors import busy, translated
from backend.errors import UpstreamRateLimited

if TYPE_CHECKING:
    from backend.adapters.sql.lines import Lines
    from backend.adapters.sql.migrate import SchemaState

T = TypeVar("T")


class Guarded(Protocol):
    """Runs a call to the database, perhaps again, or refuses it; ``resilience.Guard.call``."""

    def __call__(self, fn: Callable[[], Awaitable[T]], /) -> Awaitable[T]:
        """Await ``fn()``. Raises UpstreamError."""
        ...


AGAIN_S = 0.1
"""Between attempts at a server that has no connection left for us."""
SQLITE_FILE = "book-answers.sqlite3"


def sqlite_url(data_dir: Path) -> str:
    """The URL of the embedded database's file."""
    return f"sqlite:///{(data_dir / SQLITE_FILE).absolute()}"


class Database:
    """Runs transactions in threads.

    Args:
        url: As :func:`make_engine`.
        on_first_use: Brings the schema up to date in a transaction of its own, once before all
            others, and again before the next one if it failed.
        guard: Runs each transaction under a deadline, retry and circuit breaker; none by default.
    """

    def __init__(
        self,
        url: str,
        *,
        on_first_use: Callable[[Connection], SchemaState | None] | None = None,
        guard: Guarded | None = None,
    ) -> None:
        self.engine = make_engine(url)
        self.dialect = self.engine.dialect.name
        self.problem: str | None = None
        """What is wrong with the schema, once it was looked at; a sentence."""
        self._on_first_use = on_first_use
        self._guard = guard
        self._ready = on_first_use is None
        self._preparing = asyncio.Lock()
        self._executor = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="database")
        self._free = self._free_to_write = asyncio.Semaphore(CONNECTIONS)
        self._lines: Lines | None = None
        if self.dialect == "postgresql":
            from backend.adapters.sql.lines import LINES, Lines

            self._lines = Lines(self.engine.dialect, driver_arguments(self.engine))
            self._free_lines = asyncio.Semaphore(LINES)
        if self.dialect == "sqlite":
            # it has one writer anyway: here they queue in turn, there they would poll its lock
            self._free, self._free_to_write = (
                asyncio.Semaphore(CONNECTIONS - 1), asyncio.Semaphore(1),
            )  # fmt: skip
        self.patience_s = POOL_TIMEOUT_S
        """How long a call waits for a connection that others hold."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``, which changes nothing.

        Each of its statements sees what is committed by then.

        Raises:
            UpstreamError: The database is away; see ``errors``.
        """
        run = partial(self._run_single, work)
        return await self._guarded(partial(self._in_thread, run, self._free))

    async def ask(self, statement: Executable, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of one statement by their columns' names; it commits by itself.

        On PostgreSQL no thread waits for it.

        Args:
            statement: Built once. On SQLite it must change nothing.
            given: Its parameters.

        Raises:
            UpstreamError: As :meth:`write`.
        """
        if self._lines is None:
            return await self.read(
                lambda c: [dict(row) for row in c.execute(statement, given).mappings()]
            )
        return await self._guarded(partial(self._over_line, statement, given))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction, committed when it returns and undone when it raises.

        SQLite takes its write lock at the beginning, so that nothing read can be outdated when the
        write comes.

        Raises:
            UpstreamError: The database is away. Conflict: A constraint was broken. Invalid: A value
                does not fit.
        """
        run = partial(self._run_together, work)
        return await self._guarded(partial(self._in_thread, run, self._free_to_write))

    async def prepare(self) -> None:
        """Bring the schema up to date, once. Raises UpstreamError."""
        if self._ready or self._on_first_use is None:
            return
        async with self._preparing:
            if not self._ready:
                await self._in_thread(self._prepare_now, self._free_to_write)
                self._ready = True

    async def ping(self) -> None:
        """One trivial statement. Raises UpstreamError."""
        await self._in_thread(partial(self._run_single, _select_one), self._free)

    @property
    def connections_in_use(self) -> int:
        """Connections that a transaction holds at this moment."""
        pool = self.engine.pool
        held = pool.checkedout() if isinstance(pool, QueuePool) else 0
        return held + (self._lines.in_use if self._lines else 0)

    async def aclose(self) -> None:
        """Wait for what runs, then close every connection."""
        await asyncio.to_thread(self._executor.shutdown)
        if self._lines is not None:
            self._lines.close()
        self.engine.dispose()

    async def _guarded(self, work: Callable[[], Awaitable[T]]) -> T:
        async def once() -> T:
            if not self._ready:
                await self.prepare()
            return await work()

        return await (self._guard(once) if self._guard else once())

    async def _in_thread(self, work: Callable[[], T], slots: asyncio.Semaphore) -> T:
        return await self._patiently(slots, lambda: self._started(work, slots))

    async def _over_line(
        self, statement: Executable, given: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        lines = self._lines
        assert lines is not None

        async def asked() -> list[dict[str, Any]]:
            try:
                with translated():
                    return await lines.ask(statement, given)
            finally:
                self._free_lines.release()

        return await self._patiently(self._free_lines, asked)

    async def _patiently(self, slots: asyncio.Semaphore, start: Callable[[], Awaitable[T]]) -> T:
        """Start in a free slot, which whatever is started gives back."""
        now = asyncio.get_running_loop().time
        until = now() + self.patience_s
        while True:
            await _take(slots, until - now())
            try:
                return await start()
            except (
                UpstreamRateLimited
            ):  # the server takes no more, but one of ours may be free soon
                if now() + AGAIN_S > until:
                    raise
            await asyncio.sleep(AGAIN_S)

    async def _started(self, work: Callable[[], T], slots: asyncio.Semaphore) -> T:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()
        # a thread outlives the caller that has given up, and keeps its connection until it ends
        self._executor.submit(work).add_done_callback(
            lambda done: _in_loop(loop, partial(_ended, done, waiting, slots))
        )
        return await waiting

    def _run_single(self, work: Callable[[Connection], T]) -> T:
        with translated(), self.engine.connect() as connection:
            return work(connection)

    def _run_together(self, work: Callable[[Connection], T]) -> T:
        with translated(), self.engine.connect() as connection, connection.begin():
            begin(connection)
            return work(connection)

    def _prepare_now(self) -> None:
        assert self._on_first_use is not None
        state = self._run_together(self._on_first_use)
        self.problem = state.problem if state is not None else None


async def _take(slots: asyncio.Semaphore, seconds: float) -> None:
    if not slots.locked():
        await slots.acquire()
        return
    try:
        async with asyncio.timeout(seconds):
            await slots.acquire()
    except TimeoutError:
        raise busy() from None


def _ended(done: Future[T], waiting: asyncio.Future[T], slots: asyncio.Semaphore) -> None:
    slots.release()
    if waiting.done():  # its caller was cancelled
        return
    error = done.exception()
    if error is None:
        waiting.set_result(done.result())
    else:
        waiting.set_exception(error)


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(call)


def _select_one(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
