"""Lets those who have something to compute do so one after the other, a round of the loop each.

Answers of other servers come in waves, and the event loop would work off a whole wave before it
looks at its sockets again: ``/health`` and the next words of streams would wait for all of it. Who
takes a turn before it computes leaves the loop a look in between.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Turns in the order in which they are asked for. For one event loop at a time."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False

    async def take(self, *, begun: bool = False) -> None:
        """Return at once where nobody has had this round's turn, else when it comes.

        ``begun``: it is a further part of what the caller is at, and goes before what has not begun
        yet. Otherwise a whole wave would be finished at its end, instead of one by one.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._taken = loop, False
            self._waiting.clear()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next)
            return
        turn = loop.create_future()
        if begun:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else whoever waited was cancelled
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False


TURNS = Turns()
