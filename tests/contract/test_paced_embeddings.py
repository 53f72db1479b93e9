"""Many embeddings under the limits of a provider: pace, guard and adapter against the double."""

from __future__ import annotations

import pytest

from backend.adapters.http import HttpTransport
from backend.adapters.openai_models import OpenAIEmbedder
from backend.guarded import GuardedEmbedder
from backend.pacing import FIRST, MOST, TEXTS, PacedEmbedder
from tests.doubles.openai import OpenAIDouble
from tests.doubles.openai_replies import embedding
from tests.unit.fake_time import World

KEY = "test-key-not-real"
REQUESTS = 30


@pytest.mark.parametrize("status", [429, 503])
async def test_every_text_is_embedded_at_the_pace_that_the_provider_bears(status: int) -> None:
    world = World()
    texts = [f"passage {number}" for number in range(REQUESTS * TEXTS)]
    async with OpenAIDouble() as double:
        double.api_key = KEY
        transport = HttpTransport()
        inner = OpenAIEmbedder(
            transport, base_url=double.base_url, api_key=KEY, model="text-embedding-3-small"
        )
        paced = PacedEmbedder(
            GuardedEmbedder(inner, world.guard()),
            clock=world.clock, sleep=world.sleep, random=lambda: 0.0,
        )  # fmt: skip
        double.fail("status", on="embeddings", status=status, retry_after="9", times=2 * FIRST)
        vectors = await paced.embed(texts)

        assert len(vectors) == len(texts)
        last = embedding(texts[-1], len(vectors[-1]))
        assert vectors[-1] == pytest.approx(last, abs=1e-5)
        assert double.max_concurrent <= MOST
        assert sum(world.slept) >= 9
        # what had been answered is not asked for again
        assert double.calls("embeddings") == REQUESTS + 2 * FIRST
        await transport.aclose()
