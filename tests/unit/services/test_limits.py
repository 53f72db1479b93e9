from __future__ import annotations

import pytest

from backend.errors import RateLimited, UpstreamUnavailable
from backend.services.limits import FallbackCounters, Limits, MemoryCounters
from backend.settings import Rate


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_window_moves_exactly() -> None:
    clock = Clock()
    counters = MemoryCounters(clock)

    async def hit() -> float:
        return await counters.hit("a", amount=2, window_s=60)

    assert await hit() == 0
    clock.now = 50
    assert await hit() == 0
    clock.now = 59
    assert (await hit(), await hit()) == (1, 1)
    clock.now = 60
    assert await hit() == 0
    assert await hit() == 50
    assert await counters.hit("b", amount=2, window_s=60) == 0


async def test_least_used_keys_are_forgotten_first() -> None:
    counters = MemoryCounters(Clock(), max_keys=2)
    for key in ("a", "b", "a", "c"):
        await counters.hit(key, amount=1, window_s=60)
    assert await counters.hit("a", amount=1, window_s=60) > 0
    assert await counters.hit("b", amount=1, window_s=60) == 0


async def test_totals_of_earlier_days_are_forgotten() -> None:
    counters = MemoryCounters()
    for day in ("1", "2", "3"):
        await counters.add(day, 5)
    await counters.add("3", 5)
    assert [await counters.total(day) for day in ("1", "2", "3")] == [0, 5, 10]


class Flaky(MemoryCounters):
    """Counters that may be away."""

    away = False
    asked = 0

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise UpstreamUnavailable("redis", "Redis does not answer.")

    async def hit(self, key: str, *, amount: int, window_s: int) -> float:
        self._ask()
        return await super().hit(key, amount=amount, window_s=window_s)

    async def add(self, key: str, amount: int) -> None:
        self._ask()
        await super().add(key, amount)

    async def total(self, key: str) -> int:
        self._ask()
        return await super().total(key)


async def test_own_counters_stand_in_while_the_shared_ones_are_away() -> None:
    clock, shared = Clock(), Flaky()
    counters = FallbackCounters(shared, MemoryCounters(clock), clock)
    shared.away = True
    assert await counters.hit("a", amount=1, window_s=60) == 0
    assert await counters.hit("a", amount=1, window_s=60) == 60
    await counters.add("day", 7)
    assert await counters.total("day") == 7
    assert shared.asked == 1
    clock.now += FallbackCounters.RETRY_S
    shared.away = False
    assert await counters.hit("a", amount=1, window_s=60) == 0
    await counters.add("day", 7)
    await shared.add("day", 100)
    assert await counters.total("day") == 107


async def test_limits_name_the_rate_and_the_wait() -> None:
    limits = Limits(Rate(1, 60), MemoryCounters(Clock()))
    await limits.admit_question("a")
    with pytest.raises(RateLimited, match="More than 1 questions in 60 s .* in 60 s"):
        await limits.admit_question("a")
    await limits.admit_question("b")
