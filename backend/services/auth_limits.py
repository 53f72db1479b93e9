"""How often one address and one account may try: counted in memory, per process.

The windows are Better Auth's: a request is counted if it is let through, and the count starts anew
when nobody was let through for the length of the window.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from backend.errors import RateLimited

MAX_ENTRIES = 100_000
_STRICT = ("/sign-in", "/sign-up", "/change-password", "/delete-user")


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``limit`` within ``seconds``."""

    limit: int
    seconds: float


PER_ADDRESS = Window(100, 10)
PER_ADDRESS_STRICT = Window(3, 10)
PER_ACCOUNT_FAILURES = Window(10, 60)


class AuthLimits:
    """Counts requests per address and path, and failed passwords per account.

    Args:
        address: For ordinary routes; None switches the count off.
        strict: For routes that try a password.
        failures: Wrong passwords for one account, from wherever they come.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        address: Window | None = PER_ADDRESS,
        strict: Window | None = PER_ADDRESS_STRICT,
        failures: Window | None = PER_ACCOUNT_FAILURES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._strict, self._failures = address, strict, failures
        self._clock = clock
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def admit(self, address: str, path: str) -> None:
        """Count a request; ``path`` is below ``/api/auth``. Raises RateLimited."""
        window = self._strict if path.startswith(_STRICT) else self._address
        if window is not None:
            self._take(f"{address}|{path}", window)

    def admit_password(self, account: str) -> None:
        """Count an attempt as failed before it is made. Raises RateLimited."""
        if self._failures is not None:
            self._take(f"account|{account}", self._failures)

    def password_fitted(self, account: str) -> None:
        """Take the attempt back."""
        key = f"account|{account}"
        count, since = self._counts.get(key, (0, 0.0))
        if count > 0:
            self._counts[key] = (count - 1, since)

    def _take(self, key: str, window: Window) -> None:
        now = self._clock()
        count, last = self._counts.get(key, (0, now))
        if now - last >= window.seconds:
            count = 0
        elif count >= window.limit:
            wait = max(1, math.ceil(last + window.seconds - now))
            raise RateLimited(
                "Too many requests. Please try again later.",
                code="TOO_MANY_REQUESTS",
                retry_after_s=wait,
            )
        self._counts[key] = (count + 1, now)
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_ENTRIES:
            self._counts.popitem(last=False)
