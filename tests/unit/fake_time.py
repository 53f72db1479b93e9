"""A guard in a world where time passes only while somebody sleeps, and upstreams for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from backend.errors import UpstreamUnavailable
from backend.resilience import Guard, Policy, current_deadline

SOON = 0.01


class World:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 500.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def guard(self, policy: Policy | None = None, random: float = 1.0) -> Guard:
        return Guard("openai", policy, clock=self.clock, sleep=self.sleep, random=lambda: random)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def no_deadline() -> Iterator[None]:
    token = current_deadline.set(None)
    yield
    current_deadline.reset(token)


class Upstream:
    """Answers with what it was given, errors raised, in order; the last one for ever."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.calls = 0

    async def __call__(self) -> object:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def down() -> UpstreamUnavailable:
    return UpstreamUnavailable("openai", "down")


class Source:
    """An upstream stream: errors are raised, events awaited, the rest is yielded."""

    def __init__(self, *items: object) -> None:
        self.items = items
        self.starts = 0
        self.closed = 0

    async def __call__(self) -> AsyncIterator[object]:
        self.starts += 1
        try:
            for item in self.items:
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, asyncio.Event):
                    await item.wait()
                yield item
        finally:
            self.closed += 1
