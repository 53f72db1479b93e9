from __future__ import annotations

from collections.abc import Sequence

from backend.errors import UpstreamTimeout
from backend.services.second_opinion import READ, second_opinion
from tests.unit.builders import make_hit


class FakeReranker:
    model = "fake"

    def __init__(self, *scores: float | None, failure: Exception | None = None) -> None:
        self.scores = list(scores)
        self.failure = failure
        self.read: list[str] = []

    async def relevance(self, query: str, documents: Sequence[str]) -> list[float | None]:
        self.read = list(documents)
        if self.failure:
            raise self.failure
        return (self.scores + [None] * len(documents))[: len(documents)]


HITS = [make_hit(f"text {n}", 1 - n / 100, id=f"{n}") for n in range(READ + 2)]


async def test_hits_take_the_models_order_and_the_places_scores() -> None:
    model = FakeReranker(-3.0, None, 7.5)
    found, note = await second_opinion(model, "q", HITS)
    assert [hit.chunk.id for hit in found[:4]] == ["2", "0", "1", "3"]
    assert [hit.score for hit in found] == [hit.score for hit in HITS]
    assert found[READ:] == HITS[READ:]
    assert note is None
    assert model.read[0] == "Nodes > What is a node?\ntext 0"


async def test_hits_keep_their_order_when_the_model_fails_and_a_note_says_so() -> None:
    model = FakeReranker(failure=UpstreamTimeout("rerank", "No answer in time."))
    found, note = await second_opinion(model, "q", HITS)
    assert found == HITS
    assert note == "Passages ordered without the reranking model: No answer in time."


async def test_nobody_is_asked_about_a_single_hit() -> None:
    model = FakeReranker()
    assert await second_opinion(model, "q", HITS[:1]) == (HITS[:1], None)
    assert not model.read
