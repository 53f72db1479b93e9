from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from backend.domain import ChatDelta
from backend.errors import CircuitOpen, UpstreamTimeout
from backend.guarded import GuardedChatModel, GuardedEmbedder, GuardedIndex
from backend.ports import ChunkIndex
from backend.resilience import Guard, Policy

METHODS = [name for name in vars(ChunkIndex) if not name.startswith("_")]
ONCE = Policy(failure_threshold=1, max_attempts=1)


class RecordingGuard(Guard):
    """Writes down the limits of each call."""

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__("qdrant", policy)
        self.limits: list[dict[str, Any]] = []

    async def call(self, fn: Any, **limits: Any) -> Any:
        self.limits.append(limits)
        return await super().call(fn, **limits)


class AnyIndex:
    """An index whose every method answers with its own name and arguments."""

    def __getattr__(self, name: str) -> Any:
        async def method(*arguments: Any, **_options: Any) -> tuple[Any, ...]:
            return (name, *arguments)

        return method


class Embedder:
    model = "m"
    dimensions: int | None = None

    async def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        self.dimensions = 2
        return [(0.0, 1.0) for _ in texts]


class Chat:
    name = "gpt"

    async def stream(
        self, messages: Sequence[dict[str, str]], *, max_tokens: int
    ) -> AsyncGenerator[ChatDelta, None]:
        yield ChatDelta(f"{messages[0]['content']} {max_tokens}")
        yield ChatDelta(finish_reason="stop")

    async def complete(self, messages: Sequence[dict[str, str]], *, max_tokens: int) -> ChatDelta:
        return ChatDelta(f"{messages[0]['content']} {max_tokens}", "stop")


def _arguments(name: str) -> list[object]:
    parameters = list(inspect.signature(getattr(ChunkIndex, name)).parameters.values())[1:]
    return [object() for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY]


ASK_NOBODY = {"abandon", "close"}


async def _trip(guard: Guard) -> None:
    async def slow() -> None:
        raise UpstreamTimeout("qdrant", "slow")

    with pytest.raises(UpstreamTimeout):
        await guard.call(slow)


@pytest.mark.parametrize("name", METHODS)
async def test_index_passes_every_method_of_the_port_on(name: str) -> None:
    arguments = _arguments(name)
    index = GuardedIndex(AnyIndex(), RecordingGuard())
    result = await getattr(index, name)(*arguments)
    assert result in (None, (name, *arguments))


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ASK_NOBODY])
async def test_index_guards_every_method_that_asks(name: str) -> None:
    guard = RecordingGuard(ONCE)
    await _trip(guard)
    with pytest.raises(CircuitOpen):
        await getattr(GuardedIndex(AnyIndex(), guard), name)(*_arguments(name))
    await GuardedIndex(AnyIndex(), guard).close()


async def test_index_gives_a_question_seconds_and_a_write_more() -> None:
    guard = RecordingGuard()
    index = GuardedIndex(AnyIndex(), guard)
    await index.search([], 5)
    await index.write([])
    assert guard.limits == [{"timeout_s": 2.0, "total_s": 2.0}, {"timeout_s": 30.0}]


async def test_embedder_scales_its_limit_and_learns_the_length() -> None:
    guard = RecordingGuard(Policy(attempt_timeout_s=10))
    embedder = GuardedEmbedder(Embedder(), guard)
    assert embedder.dimensions is None
    await embedder.embed(["x"])
    await embedder.embed(["x"] * 300)
    assert embedder.dimensions == 2
    assert [limits["timeout_s"] for limits in guard.limits] == [10, 30]


async def test_chat_streams_through_its_guard() -> None:
    guard = RecordingGuard(ONCE)
    chat = GuardedChatModel(Chat(), guard)
    deltas = [delta async for delta in chat.stream([{"content": "hi"}], max_tokens=7)]
    assert deltas == [ChatDelta("hi 7"), ChatDelta(finish_reason="stop")]
    await _trip(guard)
    with pytest.raises(CircuitOpen):
        await asyncio.wait_for(anext(chat.stream([], max_tokens=1)), 5)


async def test_chat_completes_within_one_limit_for_all_attempts() -> None:
    guard = RecordingGuard(Policy(attempt_timeout_s=45.0, failure_threshold=1, max_attempts=3))
    chat = GuardedChatModel(Chat(), guard)
    assert await chat.complete([{"content": "hi"}], max_tokens=7) == ChatDelta("hi 7", "stop")
    assert guard.limits == [{"total_s": 45.0}]
    await _trip(guard)
    with pytest.raises(CircuitOpen):
        await chat.complete([{"content": "hi"}], max_tokens=7)
