"""Single statements to PostgreSQL from the event loop, without a thread.

A statement takes the server half a millisecond, and the thread that waits for it costs more than
that: it is woken some seven times, and fights the event loop for the interpreter. So what most
requests ask goes over a few connections of the driver's asynchronous kind. Each statement commits
by itself; what takes several goes through ``engine.Database.write``.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Mapping
from time import monotonic
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE
from sqlalchemy import Dialect, Executable, exc

from backend.adapters.sql.connections import CONNECT_TIMEOUT_S, PING_AFTER_S

LINES = 4
Row = dict[str, Any]


class Prepared:
    """A statement compiled once.

    Parameters go to the driver as they are, which knows aware datetimes; results through their
    columns' types.
    """

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        self._compiled = statement.compile(dialect=dialect)
        self.sql = str(self._compiled)
        self._columns = [
            (column.key, column.type.result_processor(dialect, None))
            for column in statement.exported_columns
        ]

    def parameters(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """With the statement's own constants."""
        parameters: Mapping[str, Any] = self._compiled.construct_params(given)
        return parameters

    def row(self, values: tuple[Any, ...]) -> Row:
        """By the columns' names."""
        return {
            name: read(value) if read is not None else value
            for (name, read), value in zip(self._columns, values, strict=True)
        }


class Lines:
    """Connections that the event loop reads from.

    Args:
        dialect: Of statements and errors.
        connect_args: Of the driver.
    """

    def __init__(self, dialect: Dialect, connect_args: Mapping[str, Any]) -> None:
        self._dialect = dialect
        self._connect_args = connect_args
        self._idle: list[Line] = []
        self._prepared: dict[Executable, Prepared] = {}
        self.in_use = 0

    async def ask(self, statement: Executable, given: Mapping[str, Any]) -> list[Row]:
        """The rows of a statement, which is kept: it is to be built once. Raises SQLAlchemy's."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = Prepared(statement, self._dialect)
        rows = await self._send(prepared.sql, prepared.parameters(given))
        return [prepared.row(row) for row in rows]

    def close(self) -> None:
        """End every connection that is idle."""
        while self._idle:
            self._idle.pop().close()

    async def _send(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        self.in_use += 1
        try:
            line = await self._alive() or Line(
                await asyncio.to_thread(_connected, self._connect_args)
            )
            try:
                return await line.ask(sql, parameters)
            finally:
                if line.usable:
                    self._idle.append(line)
        except psycopg2.Error as error:
            raise exc.DBAPIError.instance(
                sql, None, error, psycopg2.Error, hide_parameters=True, dialect=self._dialect
            ) from error
        finally:
            self.in_use -= 1

    async def _alive(self) -> Line | None:
        """The one that was used last, asked first if that is long ago."""
        while self._idle:
            line = self._idle.pop()
            line.listen()
            if not line.usable:
                continue
            if monotonic() - line.used_at < PING_AFTER_S:
                return line
            try:
                await line.ask("SELECT 1", {})
            except psycopg2.Error:
                self.close()  # the others are as old
            else:
                return line
        return None


class Line:
    """One connection; the reader stays with the loop, so a server's farewell ends it at once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._descriptor = connection.fileno()
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self.usable = True
        self.used_at = monotonic()
        self._loop.add_reader(self._descriptor, self.listen)

    async def ask(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows. Raises psycopg2's errors; a line that breaks, or is left waiting, is closed."""
        self._waiting = self._loop.create_future()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                self.listen()
                await self._waiting
                rows: list[tuple[Any, ...]] = cursor.fetchall()
        except (psycopg2.IntegrityError, psycopg2.DataError, psycopg2.ProgrammingError):
            raise  # the statement's fault
        except BaseException:  # cancelled too: what still comes is no answer to the next statement
            self.close()
            raise
        finally:
            self._waiting = None
        self.used_at = monotonic()
        return rows

    def close(self) -> None:
        """End the connection."""
        if self.usable:
            self.usable = False
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
            self._connection.close()

    def listen(self) -> None:
        """Take in what the server has sent; a farewell closes the line."""
        waiting = self._waiting
        try:
            state = self._connection.poll()
        except psycopg2.Error as error:
            if waiting is None:
                self.close()
            elif not waiting.done():
                waiting.set_exception(error)
            return
        if state == POLL_WRITE:
            self._loop.add_writer(self._descriptor, self.listen)
            return
        self._loop.remove_writer(self._descriptor)
        if state == POLL_OK and waiting is not None and not waiting.done():
            waiting.set_result(None)


def _connected(arguments: Mapping[str, Any]) -> Any:
    """A new connection. Runs in a thread: looking up a name blocks."""
    until = monotonic() + CONNECT_TIMEOUT_S
    connection = psycopg2.connect(**arguments, async_=1)
    events: dict[int, int] = {POLL_READ: select.POLLIN, POLL_WRITE: select.POLLOUT}
    while (state := connection.poll()) != POLL_OK:
        waiting = select.poll()
        waiting.register(connection.fileno(), events[state])
        if not waiting.poll(max(0.0, until - monotonic()) * 1000):
            connection.close()
            raise psycopg2.OperationalError("timeout expired")
    return connection
