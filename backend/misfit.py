"""What somebody has to correct: remembered from calls, because it trips no circuit breaker."""

from __future__ import annotations

from collections.abc import Callable

from backend.errors import DimensionMismatch, UpstreamError

MISMATCH_S = 60.0
"""For how long vectors of a wrong length are remembered: a search by words that succeeds meanwhile
does not disprove them."""


class Misfit:
    """The last fault of configuration of one upstream; the next success clears it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: UpstreamError | None = None
        self._at = 0.0

    def learn(self, error: BaseException | None) -> None:
        """A call ended: with an error, or with None well."""
        if isinstance(error, UpstreamError) and error.configuration:
            self._known, self._at = error, self._clock()
        elif error is None and not isinstance(self._known, DimensionMismatch):
            self._known = None

    def shown(self) -> UpstreamError | None:
        """A fresh copy to raise, None when there is nothing to correct."""
        known = self._known
        if isinstance(known, DimensionMismatch) and self._clock() - self._at > MISMATCH_S:
            known = None
        return type(known)(known.upstream, known.detail) if known is not None else None
