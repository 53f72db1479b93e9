"""The circuit breaker: pybreaker keeps state and counters, a thin gate makes it fit asyncio.

pybreaker's ``call`` holds a lock while the guarded function runs, counts a client's cancellation
as a failure, lets everybody through when half open and reads the wall clock. So no I/O ever runs
inside it: the gate admits a call, the caller runs it, and the finished outcome is handed over.

What an outcome means:

- success: resets the count of consecutive failures; closes a half-open circuit;
- an :class:`~backend.errors.UpstreamError` that ``trips``: counts; opens at the threshold, or at
  once when half open;
- anything else (cancellation, a refused key, a missing index, a fault of ours): neutral. It neither
  counts nor resets nor closes, because it proves neither an outage nor a recovery. A half-open
  trial that ends so gives its slot to the next call;
- the outcome of a call that was admitted before the last change of state: ignored.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any

from backend.clock import iso_ms, utc_now
from backend.domain import CircuitChange
from backend.errors import CircuitOpen, UpstreamError

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
KEPT_CHANGES = 20
TRIAL_RETRY_S = 1.0  # what a caller is told to wait while a trial is under way

OnChange = Callable[[str, str, str], None]
"""Called with (circuit's name, old state, new state), in the contract's words. Must not raise."""

_STATES = {"closed": CLOSED, "open": OPEN, "half-open": HALF_OPEN}
_PARTS = {
    "openai": "The model server",
    "embeddings": "The embedding server",
    "rerank": "The reranking server",
    "fallback": "The fallback model server",
    "qdrant": "The vector database",
    "database": "The database",
}


def part_name(upstream: str) -> str:
    """What a sentence for people calls the upstream of this circuit."""
    return _PARTS.get(upstream, "A server that this needs")


class Ticket:
    """Permission for one call, to be settled or released; knows the state it was given under."""

    __slots__ = ("generation",)

    def __init__(self, generation: int) -> None:
        self.generation = generation


class Circuit:
    """One upstream's breaker. For the event loop's thread only; nothing here waits.

    Args:
        name: The upstream's name in ``/health/circuits``.
        failure_threshold: Consecutive failures that open it.
        open_s: Seconds it stays open before a trial is let through.
        clock: Monotonic seconds; a change of the wall clock has no effect.
        now: The wall clock, for ``last_failure_at`` alone.
        on_change: Told of every change of state.
    """

    def __init__(
        self,
        name: str,
        *,
        failure_threshold: int = 5,
        open_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        on_change: OnChange | None = None,
    ) -> None:
        self.name = name
        self._open_s = open_s
        self._clock = clock
        self._now = now
        self._on_change = on_change
        self._generation = 0
        self._trial: Ticket | None = None
        self._opened_at = 0.0
        self._last_failure_at: datetime | None = None
        self._last_error_kind: str | None = None
        self._state = CLOSED
        self._counting = False
        self.changes: deque[CircuitChange] = deque(maxlen=KEPT_CHANGES)
        self._failure_threshold = failure_threshold

    @cached_property
    def _breaker(self) -> Any:
        return _breaker(self.name, self._failure_threshold, self._open_s, self._changed)

    @property
    def closed(self) -> bool:
        """Whether calls go through without a trial."""
        return self._state == CLOSED

    def admit(self) -> Ticket:
        """Let a call through.

        Raises:
            CircuitOpen: With the rest of the wait; nothing was asked.
        """
        if self._state == CLOSED:
            return Ticket(self._generation)
        if self._state == OPEN:
            rest = self._rest()
            if rest > 0:
                raise self._refusal(rest)
            self._breaker.half_open()
        if self._trial is not None:
            raise self._refusal(TRIAL_RETRY_S)
        self._trial = Ticket(self._generation)
        return self._trial

    def release(self, ticket: Ticket) -> None:
        """Give an admission back without an outcome."""
        if self._trial is ticket:
            self._trial = None

    def settle(self, ticket: Ticket, error: BaseException | None = None) -> None:
        """Record how an admitted call ended; see the module for what counts."""
        self.release(ticket)
        if ticket.generation != self._generation:
            return
        if error is None:
            if self._counting:  # else there is nothing to reset, as after nearly every call
                self._counting = False
                self._breaker.call(_succeed)
        elif isinstance(error, UpstreamError) and error.trips:
            self._last_failure_at = self._now()
            self._last_error_kind = error.code
            self._counting = True
            with suppress(UpstreamError):
                self._breaker.call(_fail, error)

    def snapshot(self) -> dict[str, Any]:
        """State and counters in the shape of ``/health/circuits``.

        An open circuit whose time is over reports ``half_open``: the next call is the trial.
        ``retry_after_s`` is null when closed; ``last_failure_at`` is ISO 8601 in UTC.
        """
        rest = self._rest() if self._state == OPEN else 0.0
        state = HALF_OPEN if self._state == OPEN and rest <= 0 else self._state
        at = self._last_failure_at
        return {
            "state": state,
            "failure_count": self._breaker.fail_counter,
            "failure_threshold": self._breaker.fail_max,
            "retry_after_s": None if state == CLOSED else round(max(rest, 0.0), 3),
            "last_failure_at": None if at is None else iso_ms(at),
            "last_error_kind": self._last_error_kind,
        }

    def _rest(self) -> float:
        return self._opened_at + self._open_s - self._clock()

    def _changed(self, new: str) -> None:
        old, self._state = self._state, new
        self._generation += 1
        self._trial = None
        self.changes.append(CircuitChange(self._now(), self.name, old, new))
        if new == OPEN:
            self._opened_at = self._clock()
        if self._on_change is not None:
            self._on_change(self.name, old, new)

    def _refusal(self, rest: float) -> CircuitOpen:
        return CircuitOpen(
            self.name,
            f"{part_name(self.name)} failed several times in a row and is left alone for a moment; "
            f"ask again in {max(1, round(rest))} s.",
            retry_after_s=rest,
        )


def _succeed() -> None:
    return None


def _fail(error: UpstreamError) -> None:
    raise error


def _breaker(name: str, threshold: int, open_s: float, changed: Callable[[str], None]) -> Any:
    """A pybreaker that reports changes; imported late, because it brings the redis client along."""
    import pybreaker

    class Listener(pybreaker.CircuitBreakerListener):
        def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
            changed(_STATES[new_state.name])

    return pybreaker.CircuitBreaker(
        fail_max=threshold,
        reset_timeout=open_s,
        state_storage=pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED),
        throw_new_error_on_trip=False,
        listeners=[Listener()],
        name=name,
    )
