from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from backend.watchdog import Watchdog, watching


def compute(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


async def step() -> None:
    compute(0.1)


async def test_watchdog_names_the_step_that_computed_too_long() -> None:
    seen: list[str] = []
    told = threading.Event()

    def report(seconds: float, place: str) -> None:
        seen.append(place)
        told.set()

    watchdog = Watchdog(report, limit_s=0.02)
    watchdog.start()
    await asyncio.create_task(step())
    while not told.is_set():
        await asyncio.sleep(0)
    watchdog.stop()
    assert seen[0].startswith(f"{__name__}.compute < {__name__}.step")


async def test_watchdog_is_silent_about_steps_within_the_limit() -> None:
    strict: list[str] = []
    lenient: list[str] = []
    watchdogs = [
        Watchdog(lambda seconds, place: strict.append(place), limit_s=0.02),
        Watchdog(lambda seconds, place: lenient.append(place), limit_s=60.0),
    ]
    for watchdog in watchdogs:
        watchdog.start()
    for number in range(1, 4):  # by the last one both have looked after the first one's end
        await asyncio.create_task(step())
        while len(strict) < number:
            await asyncio.sleep(0)
    for watchdog in watchdogs:
        watchdog.stop()
    assert not lenient


async def test_watching_starts_no_thread_above_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "backend.watchdog")
    with watching():
        assert "watchdog" not in {thread.name for thread in threading.enumerate()}


async def test_watching_at_debug_ends_with_the_block(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "backend.watchdog")
    with watching():
        assert "watchdog" in {thread.name for thread in threading.enumerate()}
    assert "watchdog" not in {thread.name for thread in threading.enumerate()}
