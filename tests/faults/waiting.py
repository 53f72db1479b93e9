"""Waiting for what a test cannot be told of: another process, or a clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.api.serving import Site
from tests.faults.figures import PATIENCE_S

T = TypeVar("T")

PAUSE_S = 0.02


async def soon(call: Callable[[], Awaitable[T]], right: Callable[[T], bool]) -> tuple[T, float]:
    """Repeat the call until its result is right; the result and the seconds that it took."""
    started = time.monotonic()
    while True:
        result = await call()
        took = time.monotonic() - started
        if right(result):
            return result, took
        assert took < PATIENCE_S, getattr(result, "body", result)
        await asyncio.sleep(PAUSE_S)


async def rested(site: Site) -> None:
    """Wait until no circuit refuses the next call any more."""

    async def resting() -> list[str]:
        circuits = site.container.circuits()
        return [name for name, circuit in circuits.items() if circuit["retry_after_s"]]

    await soon(resting, lambda names: not names)
