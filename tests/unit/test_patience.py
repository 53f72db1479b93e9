from __future__ import annotations

import asyncio

import pytest

from backend.patience import Patience


async def _let_timers_fire() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_wait_ends_by_timeout_and_leaves_the_task_uncancelled() -> None:
    patience = Patience()
    with pytest.raises(TimeoutError), patience.wait(0):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_timer_of_an_earlier_wait_does_not_end_a_later_one() -> None:
    patience = Patience()
    with patience.wait(0):
        pass
    with patience.wait(1000):
        await _let_timers_fire()
    patience.close()


async def test_shorter_wait_after_a_longer_one_is_kept() -> None:
    patience = Patience()
    with patience.wait(1000):
        pass
    with pytest.raises(TimeoutError), patience.wait(0):
        await asyncio.Event().wait()


async def test_cancellation_from_outside_goes_before_the_timeout() -> None:
    patience = Patience()

    async def wait() -> None:
        with patience.wait(0):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    loop.call_at(loop.time(), task.cancel)  # runs right after the timer that is due already
    with pytest.raises(asyncio.CancelledError):
        await task
    patience.close()
