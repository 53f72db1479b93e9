"""Cuts the files of an ingestion in a process of its own, which lives as long as the ingestion.

So both cores work, the event loop stays free, and the memory goes back when it ends. Where no
process can be started, or it dies, the files are cut in this one.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from backend.adapters.edge_frames import Failure, read_frame, write_frame
from backend.domain import PreparedFile, SourceFile
from backend.ports import Prepare
from backend.text.preparing import prepare

COMMAND = (sys.executable, "-m", "backend.adapters.preparing_worker")

_CODE = Path(__file__).parents[2]
_LOG = logging.getLogger(__name__)


class PreparingProcess:
    """Hands out the use of a process that :func:`prepare` runs in; see ``ports.Preparation``.

    Args:
        command: What is started; for tests.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Prepare, None]:
        """The process for one ingestion: started by the first file, ended with the block."""
        worker = _Worker(self._command)
        try:
            yield worker.prepare
        finally:
            await worker.close()


class _Worker:
    """Talks to the process from a thread: starting one would stop the event loop for a while."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = asyncio.Lock()
        self._asking: asyncio.Future[PreparedFile] | None = None
        self._closed = self._gone = False

    async def prepare(self, file: SourceFile) -> PreparedFile:
        """The file's chunks with what the index needs; one file after the other."""
        async with self._turn:
            self._asking = asyncio.ensure_future(asyncio.to_thread(self._prepare, file))
            return await asyncio.shield(self._asking)

    async def close(self) -> None:
        """End the process; there is nothing in it to keep."""
        self._closed = True
        await asyncio.to_thread(self._kill)
        if self._asking is not None:  # else a process that is just being started would stay
            await asyncio.gather(self._asking, return_exceptions=True)
            await asyncio.to_thread(self._kill)

    def _prepare(self, file: SourceFile) -> PreparedFile:
        if self._process is None and not self._gone:
            self._start()
        answer = None if self._gone else self._ask(file)
        if isinstance(answer, PreparedFile):
            return answer
        if isinstance(answer, Failure):
            _LOG.warning("a file could not be cut", extra={"error": answer.text})
        elif self._closed:
            raise BrokenPipeError("the process was ended")  # nobody waits for the file
        elif not self._gone:
            _LOG.error("the process that cuts files died; they are cut in this one")
            self._gone = True
        return prepare(file)

    def _start(self) -> None:
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(self._command, cwd=_CODE, stdin=pipe, stdout=pipe)
        except OSError as error:
            _LOG.warning("files are cut in this process", extra={"error": type(error).__name__})
            self._gone = True

    def _ask(self, file: SourceFile) -> object:
        """What the process answers; None when it is gone."""
        assert self._process is not None
        with suppress(OSError, ValueError):  # it has died, or was closed meanwhile
            write_frame(cast(BinaryIO, self._process.stdin), file)
            return read_frame(cast(BinaryIO, self._process.stdout))
        return None

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):  # what was still to be sent
                    cast(BinaryIO, stream).close()
