"""How often an address may ask, and how many tokens all of them may spend in a day.

Counting is behind :class:`Counters`: in this process by default, in Redis where replicas share
it. Windows are measured on a monotonic clock, so that a corrected wall clock frees or locks nobody.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from backend.clock import utc_now
from backend.errors import AppError, RateLimited

if TYPE_CHECKING:
    from backend.settings import Rate

log = logging.getLogger(__name__)


class Counters(Protocol):
    """Where counts live."""

    async def hit(self, key: str, *, amount: int, window_s: int) -> float:
        """Count a call; 0.0 when at most ``amount`` fell into the window, else seconds to wait."""
        ...

    async def add(self, key: str, amount: int) -> None:
        """Add to a total that is forgotten after a day or two."""
        ...

    async def total(self, key: str) -> int:
        """A total; 0 when nothing was added."""
        ...


class MemoryCounters:
    """Counts of this process: an exact moving window per key, the least used keys forgotten."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, max_keys: int = 10_000
    ) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()
        self._totals: OrderedDict[str, int] = OrderedDict()

    async def hit(self, key: str, *, amount: int, window_s: int) -> float:
        """See :meth:`Counters.hit`. A refused call does not count."""
        now = self._clock()
        hits = self._hits.get(key)
        if hits is None or hits.maxlen != amount:
            hits = self._hits[key] = deque(maxlen=amount)
        self._hits.move_to_end(key)
        if len(self._hits) > self._max_keys:
            self._hits.popitem(last=False)
        if len(hits) == amount and (wait := hits[0] + window_s - now) > 0:
            return wait
        hits.append(now)
        return 0.0

    async def add(self, key: str, amount: int) -> None:
        """See :meth:`Counters.add`."""
        self._totals[key] = self._totals.get(key, 0) + amount
        while len(self._totals) > 2:
            self._totals.popitem(last=False)

    async def total(self, key: str) -> int:
        """See :meth:`Counters.total`."""
        return self._totals.get(key, 0)


class FallbackCounters:
    """Shared counters while they answer, this process's own while they do not.

    A limit that cannot be counted must not take the service down, nor may it open the door.
    """

    RETRY_S = 5.0
    """Rest between attempts, so that an outage costs one timeout and not one per question."""

    def __init__(
        self, shared: Counters, own: Counters, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared = shared
        self._own = own
        self._clock = clock
        self._retry_at = -math.inf

    async def hit(self, key: str, *, amount: int, window_s: int) -> float:
        """See :meth:`Counters.hit`."""
        if self._worth_asking():
            try:
                return await self._shared.hit(key, amount=amount, window_s=window_s)
            except AppError as error:
                self._note(error)
        return await self._own.hit(key, amount=amount, window_s=window_s)

    async def add(self, key: str, amount: int) -> None:
        """See :meth:`Counters.add`. Counted here as well: this process's share is never lost."""
        await self._own.add(key, amount)
        if self._worth_asking():
            try:
                await self._shared.add(key, amount)
            except AppError as error:
                self._note(error)

    async def total(self, key: str) -> int:
        """See :meth:`Counters.total`."""
        own = await self._own.total(key)
        if self._worth_asking():
            try:
                return max(own, await self._shared.total(key))
            except AppError as error:
                self._note(error)
        return own

    def _worth_asking(self) -> bool:
        return self._clock() >= self._retry_at

    def _note(self, error: AppError) -> None:
        self._retry_at = self._clock() + self.RETRY_S
        log.warning("shared counters are away", extra={"code": error.code})


class Limits:
    """What the service allows, the same for REST callers and for the chat in the UI.

    ``chat`` and ``content`` None mean no limit per address, ``daily_tokens`` None none per day.
    """

    def __init__(
        self,
        chat: Rate | None,
        counters: Counters,
        *,
        content: Rate | None = None,
        daily_tokens: int | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._chat = chat
        self._content = content
        self._counters = counters
        self._daily_tokens = daily_tokens
        self._now = now

    async def admit_question(self, address: str) -> None:
        """Count a question of ``address``.

        Raises:
            RateLimited: the address asked too often, or the day's tokens are spent
                (``budget_exhausted``).
        """
        await self._check_budget()
        await self._count("chat", address, self._chat, "questions")

    async def admit_content(self, address: str, calls: int = 1) -> None:
        """Count calls of the content tools; raises as :meth:`admit_question`."""
        await self._check_budget()
        for _ in range(calls):
            await self._count("content", address, self._content, "calls for texts")

    async def admit_feedback(self, address: str) -> None:
        """Count a rating, apart from the content tools but as often. Raises RateLimited."""
        await self._count("feedback", address, self._content, "ratings")

    async def spend(self, tokens: int) -> None:
        """Book the tokens of an answer on today's budget."""
        if self._daily_tokens is not None and tokens > 0:
            await self._counters.add(self._budget_key(), tokens)

    async def _check_budget(self) -> None:
        if self._daily_tokens is None:
            return
        if await self._counters.total(self._budget_key()) < self._daily_tokens:
            return
        now = self._now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        raise RateLimited(
            "Today's budget for answers is spent; it starts anew at midnight UTC.",
            code="budget_exhausted",
            retry_after_s=(midnight - now).total_seconds(),
        )

    async def _count(self, kind: str, address: str, rate: Rate | None, what: str) -> None:
        if rate is None:
            return
        key = f"{kind}:{address}"
        wait = await self._counters.hit(key, amount=rate.count, window_s=rate.period_s)
        if wait > 0:
            raise RateLimited(
                f"More than {rate.count} {what} in {rate.period_s} s came from your address; "
                f"ask again in {math.ceil(wait)} s.",
                retry_after_s=wait,
            )

    def _budget_key(self) -> str:
        return f"tokens:{self._now():%Y-%m-%d}"
