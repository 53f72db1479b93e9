"""Bounds what one address may try or hold open."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.errors import RateLimited

MAX_TRIES = 5
PAUSE_S = 60.0
_MAX_ADDRESSES = 10_000


class Tries:
    """A pause after some wrong tries in a row, per address; forgotten when it is over.

    The admin gate counts as well and shuts for longer when the tries go on after the pause.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again; 0.0 when it may now."""
        count, last = self._wrong.get(address, (0, 0.0))
        return max(0.0, last + PAUSE_S - self._clock()) if count >= MAX_TRIES else 0.0

    def failed(self, address: str) -> None:
        """Count a wrong try."""
        count, last = self._wrong.pop(address, (0, 0.0))
        if self._clock() - last >= PAUSE_S:
            count = 0
        self._wrong[address] = (count + 1, self._clock())
        if len(self._wrong) > _MAX_ADDRESSES:
            self._wrong.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget what was wrong before."""
        self._wrong.pop(address, None)


class Slots:
    """How many streams may be open, per address and in all."""

    def __init__(self, *, per_address: int, total: int) -> None:
        self._per_address = per_address
        self._total = total
        self._open: Counter[str] = Counter()

    @contextmanager
    def taken(self, address: str) -> Iterator[None]:
        """Hold a slot.

        Raises:
            RateLimited: there is none left.
        """
        if self._open[address] >= self._per_address or self._open.total() >= self._total:
            raise RateLimited(
                "Too many pages of this service are open; close some and try again.",
                retry_after_s=10,
            )
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
