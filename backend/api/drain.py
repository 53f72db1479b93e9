"""Stopping well: what may still finish, what is cut, and when.

``begin`` refuses new questions and lets the running ones go on for the grace; then they are cut,
each with an error that says so. Work that nobody would miss is cut at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import ShuttingDown

GRACE_S = 10.0


class Drain:
    """Knows the running answers. ``stopping`` is the container's event, set by ``begin``."""

    def __init__(self, stopping: asyncio.Event, grace_s: float = GRACE_S) -> None:
        self.grace_s = grace_s
        self._stopping = stopping
        self._cut_at = 0.0
        self._patient: set[asyncio.Task[object]] = set()
        self._hasty: set[asyncio.Task[object]] = set()
        self._cut: set[asyncio.Task[object]] = set()

    @property
    def stopping(self) -> bool:
        """Whether the process is being stopped."""
        return self._stopping.is_set()

    @property
    def active(self) -> int:
        """How many answers and followed jobs are under way."""
        return len(self._patient) + len(self._hasty)

    @property
    def left_s(self) -> float:
        """What is left of the grace, once ``begin`` was called."""
        return max(0.0, self._cut_at - asyncio.get_running_loop().time())

    def refuse_when_stopping(self) -> None:
        """Raise ShuttingDown once ``begin`` was called."""
        if self.stopping:
            raise _shutting_down()

    def begin(self) -> None:
        """Start stopping. Needs a running loop; a second call changes nothing."""
        if self.stopping:
            return
        self._stopping.set()
        loop = asyncio.get_running_loop()
        self._cut_at = loop.time() + self.grace_s
        loop.call_soon(self._cut_all, self._hasty)
        loop.call_at(self._cut_at, self._cut_all, self._patient)

    @contextmanager
    def running(self, *, patient: bool = True) -> Iterator[None]:
        """Mark the current task as work to wait for; ``patient`` work gets the grace.

        Raises:
            ShuttingDown: instead of the CancelledError by which the work was cut.
        """
        task = asyncio.current_task()
        assert task is not None
        tasks = self._patient if patient else self._hasty
        tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._cut:
                raise
            task.uncancel()
            raise _shutting_down() from None
        finally:
            tasks.discard(task)
            self._cut.discard(task)

    def _cut_all(self, tasks: set[asyncio.Task[object]]) -> None:
        for task in tasks:
            self._cut.add(task)
            task.cancel()


class Droppable:
    """An ASGI app whose open responses do not delay a shutdown: a UI's pages poll for ever."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; when it is cut, end what it has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = ended = False

        async def noting_send(message: Message) -> None:
            nonlocal started, ended
            started = True
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        self._drain.refuse_when_stopping()
        try:
            with self._drain.running(patient=False):
                await self._app(scope, receive, noting_send)
        except ShuttingDown:
            if not started:
                raise
            if not ended:  # some end themselves when they are cut
                await send({"type": "http.response.body", "body": b"", "more_body": False})


def _shutting_down() -> ShuttingDown:
    return ShuttingDown("The service is being restarted; ask again in a moment.")
