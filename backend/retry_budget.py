"""How many retries there may be when much fails at once."""

from __future__ import annotations

from collections.abc import Callable

BUDGET_TOKENS = 3.0  # retries that may come at once after a quiet time ...
BUDGET_PER_CALL = 0.1  # ... plus one for ten calls ...
BUDGET_PER_S = 0.1  # ... plus one for ten seconds: 50 failing calls make at most 58 attempts


class RetryBudget:
    """A token bucket that keeps retries few when much fails at once; see the constants."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tokens = BUDGET_TOKENS
        self._at = clock()

    def earn(self) -> None:
        """A call began."""
        now = self._clock()
        more = BUDGET_PER_CALL + (now - self._at) * BUDGET_PER_S
        self._at = now
        self._tokens = min(BUDGET_TOKENS, self._tokens + more)

    def spend(self) -> bool:
        """Take a token for a retry, if there is one."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
