"""Deadline, timeouts, retry and circuit breaker for every call to another server.

``Guard`` is the only place with a retry loop. The container wraps the ports with it (``guarded``);
services set ``current_deadline`` once per request and otherwise know nothing of this.
"""

from __future__ import annotations

import asyncio
import random as _random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from backend.circuit import Circuit, OnChange, part_name
from backend.errors import CircuitOpen, UpstreamError, UpstreamRateLimited, UpstreamTimeout
from backend.metrics import UPSTREAM_CALLS, outcome_of
from backend.misfit import Misfit
from backend.patience import Patience
from backend.retry_budget import RetryBudget
from backend.telemetry import TRACING

T = TypeVar("T")

ROOM_S = 0.25  # a retry with less time than this could not succeed
FAIR_S = 1.0  # an attempt that got less (and less than half its limit) may time out uncounted


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of one upstream, in seconds.

    Pauses are full jitter: uniform between 0 and min(cap, base * 2 ** (attempt - 1)), so with the
    defaults up to 0.25, 0.5, 1, 2, 2 ... A Retry-After of the upstream is waited out in full with
    the jitter on top, so that those who waited together do not return together.

    ``first_token_timeout_s`` and ``idle_timeout_s`` hold for streams, ``attempt_timeout_s`` for the
    rest. Somebody watches a stream: its first token comes within that time from whichever attempt,
    or not at all. A call without a deadline of its request gets ``max_attempts`` times its timeout.
    """

    attempt_timeout_s: float = 10.0
    first_token_timeout_s: float = 20.0
    idle_timeout_s: float = 20.0
    max_attempts: int = 3
    base_delay_s: float = 0.25
    max_delay_s: float = 2.0
    failure_threshold: int = 5
    open_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock after which nobody waits for the answer any more."""

    expires_at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The moment that is ``seconds`` from now."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.expires_at - self.clock()


current_deadline: ContextVar[Deadline | None] = ContextVar("current_deadline", default=None)
"""The running request's deadline. Tasks inherit it; None where nobody waits (ingestion)."""


class Sleep(Protocol):
    """``asyncio.sleep``, or a test's own."""

    def __call__(self, delay: float, /) -> Awaitable[Any]:
        """Wait ``delay`` seconds."""
        ...


class Guard:
    """Runs calls to one upstream under a policy and its circuit.

    Retried are transient errors only, never after the first item of a stream, only while the
    deadline leaves room and only within the retry budget; a rate limit once. What is raised is the
    last attempt's own error.

    Args:
        name: The circuit's name.
        policy: Its limits.
        circuit: A circuit to share with another guard of the same server; else one of its own.
        clock: Monotonic seconds.
        sleep: Waits between attempts.
        random: Uniform in 0..1.
        on_change: Told of (name, old state, new state); not used with ``circuit``.
    """

    def __init__(
        self,
        name: str,
        policy: Policy | None = None,
        *,
        circuit: Circuit | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = _random.random,
        on_change: OnChange | None = None,
    ) -> None:
        self.name = name
        self.policy = policy = policy or Policy()
        self.circuit = circuit or Circuit(
            name,
            failure_threshold=policy.failure_threshold,
            open_s=policy.open_s,
            clock=clock,
            on_change=on_change,
        )
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._budget = RetryBudget(clock)
        self._misfit = Misfit(clock)

    @property
    def fault(self) -> UpstreamError | None:
        """What somebody has to correct, as the last calls told; None when well."""
        return self._misfit.shown()

    def note_outage(self, error: UpstreamError) -> None:
        """Count a failure that was seen elsewhere than in a call: a probe that nobody answered."""
        with suppress(CircuitOpen):
            self.circuit.settle(self.circuit.admit(), error)

    def snapshot(self) -> dict[str, Any]:
        """The circuit's entry for ``/health/circuits``."""
        return self.circuit.snapshot()

    async def call(
        self,
        fn: Callable[[], Awaitable[T]],
        *,
        timeout_s: float | None = None,
        total_s: float | None = None,
    ) -> T:
        """Await ``fn()``, again after a transient error.

        Args:
            fn: Starts one attempt.
            timeout_s: Limit of one attempt instead of the policy's.
            total_s: Limit of all attempts and pauses together; the request's deadline holds anyway.

        Raises:
            UpstreamError: The last attempt's error, UpstreamTimeout, or CircuitOpen.
        """
        limit = timeout_s or self.policy.attempt_timeout_s
        expires_at = self._expiry(total_s or limit * self.policy.max_attempts)

        async def attempt(seconds: float) -> T:
            async with asyncio.timeout(seconds):
                return await fn()

        return await self._run(attempt, limit, expires_at)

    async def stream(self, fn: Callable[[], AsyncIterator[T]]) -> AsyncGenerator[T, None]:
        """Yield the items of ``fn()``. Closing this closes that.

        Until the first item it is a call like any other, limited by ``first_token_timeout_s``; with
        it the circuit has its outcome. Later waits are limited by ``idle_timeout_s`` and the
        request's deadline, and an error goes straight out.

        Raises:
            UpstreamError: As :meth:`call`.
        """
        patience = Patience()
        limit = self.policy.first_token_timeout_s
        expires_at = self._expiry(limit)

        async def attempt(seconds: float) -> tuple[AsyncIterator[T], list[T]]:
            source = fn()
            try:
                with patience.wait(seconds):
                    return source, [await anext(source)]
            except StopAsyncIteration:
                return source, []
            except BaseException:
                await _close(source)
                raise

        try:
            source, items = await self._run(attempt, limit, expires_at)
            try:
                for first in items:
                    yield first
                deadline = current_deadline.get()
                while items:
                    seconds = self.policy.idle_timeout_s
                    if deadline is not None:
                        seconds = min(seconds, deadline.remaining())
                    try:
                        with patience.wait(seconds):
                            item = await anext(source)
                    except StopAsyncIteration:
                        return
                    except TimeoutError as error:
                        raise self._timed_out() from error
                    yield item
            finally:
                await _close(source)
        finally:
            patience.close()

    async def _run(
        self, attempt: Callable[[float], Awaitable[T]], limit: float, expires_at: float
    ) -> T:
        """The retry loop: ``attempt`` gets the seconds that it may take."""
        self._budget.earn()
        last: UpstreamError | None = None
        number = 0
        while True:
            number += 1
            try:
                return await self._admitted(attempt, min(limit, expires_at - self._clock()), limit)
            except CircuitOpen as refusal:
                raise last or refusal from None
            except UpstreamError as error:
                last = error
                pause = self._pause(error, number, expires_at)
                if pause is None:
                    raise
            await self._sleep(pause)

    async def _admitted(
        self, attempt: Callable[[float], Awaitable[T]], seconds: float, limit: float
    ) -> T:
        if seconds <= 0:
            raise self._timed_out()
        try:
            ticket = self.circuit.admit()
        except CircuitOpen:
            UPSTREAM_CALLS.add(self.name, CircuitOpen.code)
            raise
        try:
            with TRACING.step(self.name):
                result = await attempt(seconds)
        except TimeoutError as error:
            UPSTREAM_CALLS.add(self.name, UpstreamTimeout.code)
            timeout = self._timed_out()
            if seconds >= min(limit / 2, FAIR_S):
                self.circuit.settle(ticket, timeout)
            else:
                self.circuit.release(ticket)
            raise timeout from error
        except BaseException as error:
            self.circuit.settle(ticket, error)
            self._note(error)
            raise
        self.circuit.settle(ticket)
        self._note(None)
        return result

    def _note(self, error: BaseException | None) -> None:
        UPSTREAM_CALLS.add(self.name, outcome_of(error))
        self._misfit.learn(error)

    def _pause(self, error: UpstreamError, number: int, expires_at: float) -> float | None:
        """Seconds until the next attempt; None when there is to be none."""
        policy = self.policy
        attempts = min(2, policy.max_attempts)
        if not isinstance(error, UpstreamRateLimited):
            attempts = policy.max_attempts
        if not error.transient or number >= attempts or not self.circuit.closed:
            return None
        step = min(policy.max_delay_s, policy.base_delay_s * 2.0 ** (number - 1))
        pause = (error.retry_after_s or 0.0) + step * self._random()
        if self._clock() + pause + ROOM_S > expires_at or not self._budget.spend():
            return None
        return pause

    def _expiry(self, total_s: float) -> float:
        deadline = current_deadline.get()
        if deadline is not None:
            total_s = min(total_s, deadline.remaining())
        return self._clock() + total_s

    def _timed_out(self) -> UpstreamTimeout:
        return UpstreamTimeout(
            self.name, f"{part_name(self.name)} did not answer in time; ask again in a moment."
        )


async def _close(source: AsyncIterator[Any]) -> None:
    aclose = getattr(source, "aclose", None)
    if aclose is not None:
        await aclose()
