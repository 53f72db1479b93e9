from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from backend.errors import UpstreamTimeout, UpstreamUnavailable
from backend.resilience import Deadline, Guard, Policy, current_deadline
from tests.unit.fake_time import SOON, Source, Upstream, World, down, no_deadline, world

__all__ = ["no_deadline", "world"]


async def _collect(stream: AsyncIterator[object], into: list[object]) -> list[object]:
    async for item in stream:
        into.append(item)
    return into


async def test_stream_passes_items_on_and_closes_its_source(world: World) -> None:
    source = Source(1, 2, 3)
    assert await _collect(world.guard().stream(source), []) == [1, 2, 3]
    assert source.closed == 1
    assert await _collect(world.guard().stream(Source()), []) == []


async def test_stream_is_retried_before_its_first_item_only(world: World) -> None:
    sources = [Source(down()), Source(1, down())]
    remaining = iter(sources)
    seen: list[object] = []
    with pytest.raises(UpstreamUnavailable):
        await _collect(world.guard().stream(lambda: next(remaining)()), seen)
    assert seen == [1]
    assert [(source.starts, source.closed) for source in sources] == [(1, 1), (1, 1)]


async def test_stream_settles_the_trial_with_its_first_item(world: World) -> None:
    guard = world.guard(Policy(failure_threshold=1, open_s=30, max_attempts=1))
    with pytest.raises(UpstreamUnavailable):
        await guard.call(Upstream(down()))
    world.now += 30
    source = Source("first", asyncio.Event())
    async with aclosing(guard.stream(source)) as stream:
        assert await anext(stream) == "first"
        assert guard.snapshot()["state"] == "closed"
    assert source.closed == 1, "leaving closes the source at once"


async def _hangs(world: World, policy: Policy, source: Source) -> tuple[Guard, list[object]]:
    guard, seen = world.guard(policy), list[object]()
    with pytest.raises(UpstreamTimeout):
        await _collect(guard.stream(source), seen)
    assert source.closed == source.starts == 1
    return guard, seen


async def test_stream_that_never_begins_times_out_and_counts(world: World) -> None:
    policy = Policy(first_token_timeout_s=SOON, max_attempts=1)
    guard, seen = await _hangs(world, policy, Source(asyncio.Event()))
    assert (seen, guard.snapshot()["failure_count"]) == ([], 1)


async def test_stream_that_stops_in_the_middle_times_out(world: World) -> None:
    source = Source(1, 2, asyncio.Event())
    _, seen = await _hangs(world, Policy(idle_timeout_s=SOON), source)
    assert seen == [1, 2]


async def test_stream_ends_at_the_deadline_of_its_request(world: World) -> None:
    current_deadline.set(Deadline.after(SOON, world.clock))
    _, seen = await _hangs(world, Policy(), Source(1, asyncio.Event()))
    assert seen == [1]


async def test_slow_reader_is_not_taken_for_an_idle_upstream(world: World) -> None:
    guard, problems = world.guard(Policy(idle_timeout_s=0)), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    async with aclosing(guard.stream(Source(1, 2, 3))) as stream:
        assert [await anext(stream), await anext(stream)] == [1, 2]
        for _ in range(5):  # the timer of the last wait fires here
            await asyncio.sleep(0)
        assert await anext(stream) == 3
    assert not problems


@pytest.mark.parametrize("items", [(), (1,)])
async def test_cancelled_stream_is_neutral_and_closes_its_source(
    world: World, items: tuple[int, ...]
) -> None:
    guard, source, seen = world.guard(), Source(*items, asyncio.Event()), list[object]()
    reader = asyncio.create_task(_collect(guard.stream(source), seen))
    while len(seen) < len(items) or not source.starts:
        await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert source.closed == 1
    assert guard.snapshot()["failure_count"] == 0
