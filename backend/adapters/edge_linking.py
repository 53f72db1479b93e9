"""Large collections of the embedded index get a graph, without a pause for those who search."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from backend.adapters.edge_folder import linked

SCANNED_BYTES = 64 * 2**20
"""Dense vectors up to which a search scans them all, in about 5 ms, and exactly."""
GROWTH = 1.25
"""A graph is made anew when the collection has grown so much since."""

_CODE = Path(__file__).parents[2]
_LOG = logging.getLogger(__name__)


class Linking:
    """Makes one graph at a time, in a process of its own.

    Args:
        root: The folder of the collections.
        ready: Told the name of the linked copy; takes it over.
        beyond: Bytes of dense vectors from which on it pays.
    """

    def __init__(
        self, root: Path, ready: Callable[[str], Awaitable[None]], *, beyond: int = SCANNED_BYTES
    ) -> None:
        self._root = root
        self._beyond = beyond
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self, name: str, copy: str, *, points: int, dimensions: int | None) -> None:
        """Link a collection where that pays; nobody may write to it before :meth:`stop`."""
        if points * (dimensions or 0) * 4 > self._beyond and self._task is None:
            self._stopped = False
            self._task = asyncio.create_task(self._run(name, copy, points), name="linking")

    async def stop(self) -> None:
        """End the process; a copy that is just being taken over is waited for."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def settled(self) -> None:
        """Wait until the graph is there or has failed."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, name: str, copy: str, points: int) -> None:
        code = await asyncio.to_thread(self._link, name, copy, points)
        if code == 0 and not self._stopped:
            await self._ready(copy)
        elif code and not self._stopped:
            _LOG.warning("the index could not be linked and is scanned", extra={"exit": code})

    def _link(self, name: str, copy: str, points: int) -> int | None:
        """The exit code; None where nothing was to be done."""
        if points <= GROWTH * linked(self._root / name):
            return None
        paths = (str(self._root / name), str(self._root / copy))
        try:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "backend.adapters.edge_graph", *paths),
                cwd=_CODE,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return -1
        if self._stopped:
            self._process.kill()
        code = self._process.wait()
        self._process = None
        return code
