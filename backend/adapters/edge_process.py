"""Keeps the process of the embedded index and talks to it over its pipes."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.adapters.edge_frames import LENGTH, Failure, decode, encode
from backend.adapters.index_plan import UPSTREAM, wrong_size
from backend.errors import (
    DimensionMismatch,
    IndexMissing,
    ShuttingDown,
    UpstreamError,
    UpstreamRejected,
    UpstreamUnavailable,
)

STARTS = 5
PER_S = 60.0
"""At most STARTS processes in PER_S seconds: a fault that returns must not become a busy loop."""
HANG_S = 300.0
"""A request unanswered for so long means that the process hangs; no operation takes this long."""
CLOSE_S = 10.0

FRAME_BYTES = 4 * 2**20
"""What asyncio buffers of an answer before it makes the process wait."""

_CODE = Path(__file__).parents[2]
_LOG = logging.getLogger(__name__)


class CorruptIndex(UpstreamError):
    """A collection that the engine cannot open."""


_ERRORS: dict[str, tuple[type[UpstreamError], str]] = {
    "locked": (
        UpstreamError,
        "Another process uses the index in DATA_DIR; stop it or give this one another DATA_DIR.",
    ),
    "unwritable": (
        UpstreamRejected,
        "The index in DATA_DIR cannot be written; set DATA_DIR to a folder that can be written.",
    ),
    "full": (
        UpstreamRejected,
        "The disk that holds DATA_DIR is full; free some space or let DATA_DIR name another disk.",
    ),
    "missing": (
        IndexMissing,
        "Nothing is indexed yet; start an ingest, or wait for the running one.",
    ),
    "corrupt": (
        CorruptIndex,
        "The index in DATA_DIR cannot be read; start an ingest, which rebuilds it.",
    ),
    "failed": (UpstreamError, "The embedded index refused an operation; the log has the reason."),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Child:
    """A process with its pipes as streams."""

    process: subprocess.Popen[bytes]
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader


class EdgeProcess:
    """Starts the process at the first call, and again at the first call after it died.

    Args:
        root: Folder of the index; made when it is not there.
        clock: Monotonic seconds.
    """

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root.absolute()
        self._clock = clock
        self._child: _Child | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._asked: dict[int, tuple[asyncio.Future[Any], float]] = {}
        self._number = 0
        self._starts: deque[float] = deque(maxlen=STARTS)
        self._starting = asyncio.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process' id while it runs."""
        return self._child.process.pid if self._child else None

    @property
    def root(self) -> Path:
        """The folder of the index."""
        return self._root

    def successor(self) -> EdgeProcess:
        """Another process for the same folder, which this one has to lend to it."""
        return type(self)(self._root, clock=self._clock)

    async def call(self, operation: str, *arguments: Any) -> Any:
        """The result of one operation of ``edge_store.EdgeStore``.

        Calls may overlap; they are answered in order. Cancelling one does not stop the operation.

        Raises:
            UpstreamError: By the table above; UpstreamUnavailable when the process died meanwhile.
            ShuttingDown: After :meth:`close`.
        """
        child = await self._running()
        self._number += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[self._number] = (future, self._clock())
        try:
            child.stdin.write(encode((self._number, operation, arguments)))
            await child.stdin.drain()
        except ConnectionError:
            pass  # it just died: the reader ends every call that waits, this one too
        result = await future
        if isinstance(result, Failure):
            raise _error(result)
        return result

    async def close(self) -> None:
        """Let the process finish what it was asked and end; kill it if it takes too long."""
        self._closed = True
        async with self._starting:
            if self._child is not None:
                self._child.stdin.close()
                await self._ended(self._child)

    async def _running(self) -> _Child:
        child = self._child
        if child is not None and not self._hangs():
            return child
        # shielded: of one that is just being started, nobody else would know
        return await asyncio.shield(self._replaced())

    async def _replaced(self) -> _Child:
        async with self._starting:
            if self._child is not None and self._hangs():
                _LOG.error("the process of the embedded index hangs and is replaced")
                self._child.process.kill()
                await self._ended(self._child)
            if self._closed:
                raise ShuttingDown("The service is being stopped; ask again in a moment.")
            if self._child is None:
                await self._start()
            assert self._child is not None
            return self._child

    def _hangs(self) -> bool:
        oldest = next(iter(self._asked.values()), None)
        return oldest is not None and self._clock() - oldest[1] > HANG_S

    async def _start(self) -> None:
        now = self._clock()
        if len(self._starts) == STARTS and now - self._starts[0] < PER_S:
            raise UpstreamUnavailable(
                UPSTREAM,
                "The embedded index keeps failing and is not restarted for a minute; see the log.",
                retry_after_s=PER_S - (now - self._starts[0]),
            )
        self._starts.append(now)
        try:
            # in a thread: starting a process stops its caller for some ten milliseconds
            process = await asyncio.to_thread(_started, self._root)
        except OSError as error:
            raise UpstreamUnavailable(
                UPSTREAM, "The embedded index could not be started; the machine lacks resources."
            ) from error
        child = self._child = await _connected(process)
        self._tasks = [
            asyncio.create_task(self._read(child)),
            asyncio.create_task(_log_lines(child.stderr)),
        ]

    async def _read(self, child: _Child) -> None:
        stdout = child.stdout
        try:
            while True:
                (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
                number, result = decode(await stdout.readexactly(length))
                future, _ = self._asked.pop(number)
                if not future.done():
                    future.set_result(result)
        except asyncio.IncompleteReadError:
            pass
        finally:
            self._lose(child)
        await asyncio.to_thread(child.process.wait)

    def _lose(self, child: _Child) -> None:
        """The process is gone or going: nobody waits for it any longer."""
        child.stdin.close()
        if self._child is child:
            self._child = None
        if self._asked and not self._closed:
            _LOG.error("the process of the embedded index died; it is restarted when needed")
        waiting = [future for future, _ in self._asked.values()]
        self._asked.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(
                    UpstreamUnavailable(UPSTREAM, "The embedded index was restarted; ask again.")
                )

    async def _ended(self, child: _Child) -> None:
        done, _ = await asyncio.wait(self._tasks, timeout=CLOSE_S)
        if len(done) < len(self._tasks):
            child.process.kill()
        await asyncio.gather(*self._tasks)


def _started(root: Path) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    command = (sys.executable, "-m", "backend.adapters.edge_worker", str(root))
    return subprocess.Popen(command, cwd=_CODE, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)


async def _connected(process: subprocess.Popen[bytes]) -> _Child:
    loop = asyncio.get_running_loop()
    stdout, stderr = asyncio.StreamReader(FRAME_BYTES), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdout), process.stdout)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stderr), process.stderr)
    # the writer asks the protocol when it may go on; nothing is ever read from this pipe
    transport, flow = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), process.stdin
    )
    return _Child(process, asyncio.StreamWriter(transport, flow, None, loop), stdout, stderr)


async def _log_lines(stderr: asyncio.StreamReader) -> None:
    """Pass on what the engine complains about, a piece at a time: a panic may lack line ends."""
    while piece := await stderr.read(4096):
        _LOG.warning("embedded index: %s", piece.decode("utf-8", "replace").rstrip())


def _error(failure: Failure) -> UpstreamError:
    if failure.text:
        _LOG.error("embedded index: %s: %s", failure.kind, failure.text)
    if failure.kind == "dimension":
        expected, got = failure.numbers
        return DimensionMismatch(UPSTREAM, wrong_size(expected, got))
    kind, sentence = _ERRORS.get(failure.kind, _ERRORS["failed"])
    return kind(UPSTREAM, sentence)
