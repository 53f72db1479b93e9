"""A time limit for many short waits of one stream."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class Patience:
    """``asyncio.timeout`` for waits that follow each other, at a fraction of its cost.

    One timer serves all waits: it is armed by the first one and, when it fires early, moved to the
    end of the wait that is under way, instead of being made and cancelled for each. Only the time
    inside the block counts, so a slow consumer between two waits is never cut off.

    Use as ``with patience.wait(seconds): item = await ...``, which raises TimeoutError; and call
    :meth:`close` in the end.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = 0.0
        self._until = 0.0
        self._armed_for = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._expired = False

    def wait(self, seconds: float) -> Patience:
        """Set the limit of the wait that follows."""
        self._seconds = seconds
        return self

    def close(self) -> None:
        """Drop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "a wait needs a task that can be cancelled"
        self._until = until = self._loop.time() + self._seconds
        self._cancelling = task.cancelling()
        self._task = task
        if self._timer is None or self._armed_for > until:
            self._arm(until)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if not self._expired or task is None:
            return
        self._expired = False
        # A cancellation from outside that came at the same time goes before the timeout.
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _arm(self, until: float) -> None:
        self.close()
        self._armed_for = until
        self._timer = self._loop.call_at(until, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._until:
            self._arm(self._until)
        else:
            self._expired = True
            self._task.cancel()
