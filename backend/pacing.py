"""Embeds much at a provider's own speed: faster as long as it goes well, slower when told to.

For ingestions, where nobody waits for an answer. How many requests are under way grows by one for
each round of answers and is halved by a refusal, as TCP does it; a Retry-After is waited out.
"""

from __future__ import annotations

import asyncio
import logging
import random as _random
import time
from collections.abc import Callable, Iterator, Sequence

from backend.domain import Vector
from backend.errors import CircuitOpen, UpstreamError, UpstreamRateLimited
from backend.ports import Embedder
from backend.resilience import Sleep

TEXTS, CHARS = 96, 120_000
"""Of a request. Cohere takes 96 texts at once, Gemini 100, OpenAI 2,048 and 300,000 tokens; scripts
other than Latin need up to 2 a character."""
FIRST, MOST = 4, 12
"""Requests at a time, at first and at most."""
PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""After a refusal that does not say how long; doubled with each one in a row."""
GIVE_UP_S = 600.0
"""After so long without a single answer the provider's own error is raised."""

log = logging.getLogger(__name__)


class Pace:
    """How many requests may be under way, and from when on."""

    def __init__(self, clock: Callable[[], float], random: Callable[[], float]) -> None:
        self.limit = float(FIRST)
        self._clock = clock
        self._random = random
        self._refusals = 0
        self._well = False
        self._cut_at = float("-inf")
        self._resume_at = float("-inf")
        self._answered_at = clock()

    def begin(self) -> None:
        """Before the first request: how long nothing was asked tells nothing."""
        self._answered_at = self._clock()

    def wait_s(self) -> float:
        """Seconds until the next request may begin."""
        return max(0.0, self._resume_at - self._clock())

    def answered(self) -> None:
        """Take note of an answer."""
        self.limit = min(MOST, self.limit + 1 / self.limit)
        self._refusals, self._well = 0, True
        self._answered_at = self._clock()

    def bears(self, error: UpstreamError, began: float) -> bool:
        """Whether to wait and ask again: a provider that wants it so, or that just went well."""
        if self._clock() - self._answered_at > GIVE_UP_S:
            return False
        together = began <= self._cut_at
        if isinstance(error, CircuitOpen):  # tells when, but nobody has asked the provider
            return self._well or together or self._refusals > 0
        if isinstance(error, UpstreamRateLimited) or error.retry_after_s is not None:
            return error.transient
        return error.transient and (self._well or together)

    def refused(self, began: float, retry_after_s: float | None) -> None:
        """Slow down, once for all the requests that were under way together."""
        now = self._clock()
        if began > self._cut_at:
            self.limit = max(1.0, self.limit / 2)
            self._cut_at = now
            self._refusals += 1
            self._well = False
        step = min(LONGEST_PAUSE_S, PAUSE_S * 2.0 ** (self._refusals - 1))
        pause = step if retry_after_s is None else retry_after_s
        self._resume_at = max(self._resume_at, now + pause + step * self._random() / 4)


class PacedEmbedder:
    """An embedder that sends many requests at a pace that its provider bears.

    Args:
        inner: The guarded embedder.
        clock: Monotonic seconds.
        sleep: Waits.
        random: Uniform in 0..1.
    """

    def __init__(
        self,
        inner: Embedder,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.model = inner.model
        self.dimensions = inner.dimensions
        self._inner = inner
        self._clock = clock
        self._sleep = sleep
        self.pace = Pace(clock, random)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Vectors of the texts, in order.

        Raises:
            UpstreamError: One that waiting does not mend, or that did not end.
        """
        todo = list(_requests(texts))
        found: list[list[Vector]] = [[] for _ in todo]
        waiting = list(enumerate(todo))[::-1]
        tasks: set[asyncio.Task[None]] = set()
        done: set[asyncio.Task[None]] = set()
        self.pace.begin()

        async def one(number: int, part: list[str]) -> None:
            began = self._clock()
            try:
                found[number] = await self._inner.embed(part)
            except UpstreamError as error:
                if not self.pace.bears(error, began):
                    raise
                self.pace.refused(began, error.retry_after_s)
                log.info("embedding slows down", extra={"requests": int(self.pace.limit)})
                waiting.append((number, part))
            else:
                self.pace.answered()
                self.dimensions = self._inner.dimensions  # the first answer may have told

        try:
            while waiting or tasks:
                if waiting and (pause := self.pace.wait_s()):
                    await self._sleep(pause)
                while waiting and len(tasks) < int(self.pace.limit):
                    tasks.add(asyncio.create_task(one(*waiting.pop())))
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *done, return_exceptions=True)
        return [vector for part in found for vector in part]


def _requests(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts of each request; one that is longer than ``CHARS`` has its own."""
    request: list[str] = []
    size = 0
    for text in texts:
        if request and (len(request) == TEXTS or size + len(text) > CHARS):
            yield request
            request, size = [], 0
        request.append(text)
        size += len(text)
    if request:
        yield request
