from __future__ import annotations

import asyncio

import pytest

from backend.errors import (
    CircuitOpen,
    UpstreamError,
    UpstreamQuota,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from backend.resilience import Deadline, Policy, current_deadline
from tests.unit.fake_time import SOON, Upstream, World, down, no_deadline, world

__all__ = ["no_deadline", "world"]


async def test_call_retries_transient_errors_with_full_jitter(world: World) -> None:
    upstream = Upstream(down(), UpstreamTimeout("openai", "slow"), "answer")
    assert await world.guard(random=0.5).call(upstream) == "answer"
    assert world.slept == [0.125, 0.25]


async def test_call_gives_up_after_its_attempts_with_the_upstreams_error(world: World) -> None:
    error = down()
    upstream = Upstream(error)
    with pytest.raises(UpstreamUnavailable) as caught:
        await world.guard().call(upstream)
    assert caught.value is error
    assert upstream.calls == 3


@pytest.mark.parametrize("kind", [UpstreamRefused, UpstreamRejected, UpstreamQuota])
async def test_call_does_not_retry_what_a_retry_cannot_mend(
    world: World, kind: type[UpstreamError]
) -> None:
    upstream = Upstream(kind("openai", "no"))
    with pytest.raises(kind):
        await world.guard().call(upstream)
    assert upstream.calls == 1


async def test_retry_after_that_fits_is_waited_out_once(world: World) -> None:
    upstream = Upstream(UpstreamRateLimited("openai", "wait", retry_after_s=2), "answer")
    assert await world.guard(random=0.0).call(upstream) == "answer"
    assert world.slept == [2]
    limited = Upstream(UpstreamRateLimited("openai", "wait", retry_after_s=2))
    with pytest.raises(UpstreamRateLimited):
        await world.guard().call(limited)
    assert limited.calls == 2


async def test_retry_after_beyond_the_deadline_goes_out_unchanged(world: World) -> None:
    current_deadline.set(Deadline.after(60, world.clock))
    upstream = Upstream(UpstreamRateLimited("openai", "wait", retry_after_s=120))
    with pytest.raises(UpstreamRateLimited) as caught:
        await world.guard(Policy(attempt_timeout_s=300)).call(upstream)
    assert caught.value.retry_after_s == 120
    assert world.slept == []


async def test_no_retry_without_room_before_the_deadline(world: World) -> None:
    current_deadline.set(Deadline.after(0.4, world.clock))
    upstream = Upstream(down())
    with pytest.raises(UpstreamUnavailable):
        await world.guard().call(upstream)
    assert upstream.calls == 1


async def test_passed_deadline_asks_nobody(world: World) -> None:
    current_deadline.set(Deadline.after(-1, world.clock))
    upstream = Upstream("answer")
    guard = world.guard()
    with pytest.raises(UpstreamTimeout):
        await guard.call(upstream)
    assert upstream.calls == 0
    assert guard.snapshot()["failure_count"] == 0


async def test_retry_budget_bounds_a_burst(world: World) -> None:
    upstream = Upstream(down())
    guard = world.guard(Policy(failure_threshold=10_000))
    for _ in range(50):
        with pytest.raises(UpstreamUnavailable):
            await guard.call(upstream)
        world.now -= sum(world.slept)  # all of it happens at one moment
        world.slept.clear()
    assert 50 < upstream.calls <= 60


async def test_fifty_calls_run_at_the_same_time(world: World) -> None:
    everybody = asyncio.Barrier(50)
    guard = world.guard()
    async with asyncio.timeout(10):  # one after the other they would wait here for ever
        await asyncio.gather(*(guard.call(everybody.wait) for _ in range(50)))


async def test_hung_call_times_out_and_counts(world: World) -> None:
    guard = world.guard(Policy(attempt_timeout_s=SOON, max_attempts=1))
    with pytest.raises(UpstreamTimeout):
        await guard.call(asyncio.Event().wait)
    assert guard.snapshot()["last_error_kind"] == "upstream_timeout"


async def test_timeout_in_the_last_moment_before_the_deadline_is_not_held_against_it(
    world: World,
) -> None:
    current_deadline.set(Deadline.after(SOON, world.clock))
    guard = world.guard()
    with pytest.raises(UpstreamTimeout):
        await guard.call(asyncio.Event().wait)
    assert guard.snapshot()["failure_count"] == 0


async def test_open_circuit_refuses_and_one_trial_of_fifty_closes_it(world: World) -> None:
    guard = world.guard(Policy(failure_threshold=5, open_s=30, max_attempts=1))
    dead = Upstream(down())
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable):
            await guard.call(dead)
    with pytest.raises(CircuitOpen):
        await guard.call(dead)
    assert dead.calls == 5
    world.now += 30
    gate, upstream = asyncio.Event(), Upstream("answer")

    async def trial() -> object:
        await gate.wait()
        return await upstream()

    calls = [asyncio.create_task(guard.call(trial)) for _ in range(50)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, CircuitOpen) for result in results) == 49
    assert upstream.calls == 1
    assert await guard.call(upstream) == "answer"


async def test_failure_that_opens_the_circuit_keeps_its_own_error(world: World) -> None:
    guard = world.guard(Policy(failure_threshold=2, max_attempts=3))
    upstream = Upstream(down())
    with pytest.raises(UpstreamUnavailable):
        await guard.call(upstream)
    assert upstream.calls == 2


async def test_cancelled_trial_frees_the_slot_for_the_next(world: World) -> None:
    guard = world.guard(Policy(failure_threshold=1, open_s=30, max_attempts=1))
    with pytest.raises(UpstreamUnavailable):
        await guard.call(Upstream(down()))
    world.now += 30
    trial = asyncio.create_task(guard.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert guard.snapshot()["failure_count"] == 1
    assert await guard.call(Upstream("answer")) == "answer"
