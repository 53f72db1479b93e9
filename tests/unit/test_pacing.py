"""The pace of embeddings: grows while it goes well, is halved by a refusal, waits as told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from backend.errors import UpstreamError, UpstreamRateLimited, UpstreamRejected, UpstreamUnavailable
from backend.pacing import CHARS, FIRST, GIVE_UP_S, MOST, TEXTS, PacedEmbedder


class Provider:
    """Embeds a text as its length; the next answers are those scripted, if any."""

    model = "model"
    dimensions: int | None = None

    def __init__(self) -> None:
        self.script: list[UpstreamError | None] = []
        self.under_way = self.most = self.requests = 0
        self.always: UpstreamError | None = None

    async def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        assert len(texts) <= TEXTS
        assert len(texts) == 1 or sum(map(len, texts)) <= CHARS
        self.requests += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        failure = self.script.pop(0) if self.script else self.always
        await asyncio.sleep(0)
        self.under_way -= 1
        if failure is not None:
            raise failure
        self.dimensions = 1
        return [(float(text),) for text in texts]


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        self.now += 0.001
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def paced(provider: Provider, time: Time) -> PacedEmbedder:
    return PacedEmbedder(provider, clock=time, sleep=time.sleep, random=lambda: 0.0)


def texts(requests: int) -> list[str]:
    return [str(number) for number in range(requests * TEXTS)]


async def test_embed_keeps_the_order_and_speeds_up_to_its_limit(
    paced: PacedEmbedder, provider: Provider
) -> None:
    found = await paced.embed(texts(100))

    assert [vector[0] for vector in found] == list(map(float, range(100 * TEXTS)))
    assert provider.most == MOST
    assert paced.dimensions == 1


async def test_embed_sends_long_texts_in_smaller_requests_under_the_same_pace(
    paced: PacedEmbedder, provider: Provider
) -> None:
    lengths = [1, CHARS - 1, 2, CHARS + 1, *[CHARS // 3] * 7 * MOST]
    found = await paced.embed(["0" * (length - 1) + "7" for length in lengths])
    assert found == [(7.0,)] * len(lengths)
    assert provider.requests >= 3 + 7 * MOST / 3
    assert provider.most <= MOST


async def test_embed_halves_once_for_requests_refused_together_and_waits_as_told(
    paced: PacedEmbedder, provider: Provider, time: Time
) -> None:
    refusal = UpstreamRateLimited("openai", "Slowly.", retry_after_s=7.0)
    provider.script = [refusal] * FIRST

    found = await paced.embed(texts(FIRST))

    assert len(found) == FIRST * TEXTS
    assert time.slept == [pytest.approx(7.0, abs=0.1)]
    assert FIRST / 2 < paced.pace.limit < FIRST
    assert provider.requests == 2 * FIRST


async def test_embed_waits_longer_with_every_refusal_in_a_row(
    paced: PacedEmbedder, provider: Provider, time: Time
) -> None:
    provider.script = [UpstreamRateLimited("openai", "Slowly.")] * 4

    await paced.embed(texts(1))

    assert time.slept == [pytest.approx(seconds, abs=0.1) for seconds in (1, 2, 4, 8)]


async def test_embed_bears_an_overload_only_after_it_went_well(
    paced: PacedEmbedder, provider: Provider
) -> None:
    away = UpstreamUnavailable("openai", "Away.")
    provider.script = [None, away]
    assert len(await paced.embed(texts(2))) == 2 * TEXTS

    provider.always = away
    with pytest.raises(UpstreamUnavailable):
        await paced.embed(texts(3))


async def test_embed_gives_up_in_the_end(
    paced: PacedEmbedder, provider: Provider, time: Time
) -> None:
    provider.always = UpstreamRateLimited("openai", "Slowly.", retry_after_s=60.0)

    with pytest.raises(UpstreamRateLimited):
        await paced.embed(texts(1))
    assert GIVE_UP_S < time.now < GIVE_UP_S + 120


async def test_embed_raises_what_waiting_does_not_mend_and_stops_the_others(
    paced: PacedEmbedder, provider: Provider
) -> None:
    provider.script = [None, UpstreamRejected("openai", "The key is wrong.")]

    with pytest.raises(UpstreamRejected):
        await paced.embed(texts(50))
    assert provider.requests <= FIRST
