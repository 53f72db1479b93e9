import pytest

from backend.errors import UpstreamTimeout
from backend.services.query_vectors import QueryVectors
from tests.unit.services.fakes import FakeEmbedder


async def test_embed_sends_only_texts_that_are_not_kept_and_keeps_the_order():
    embedder = FakeEmbedder()
    vectors = QueryVectors(embedder)
    await vectors.embed(["aa"])
    assert await vectors.embed(["bbb", "aa", "bbb"]) == [(3.0, 1.0), (2.0, 1.0), (3.0, 1.0)]
    assert embedder.batches == [["aa"], ["bbb"]]


async def test_embed_keeps_the_vectors_that_were_used_last():
    embedder = FakeEmbedder()
    vectors = QueryVectors(embedder, kept=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        await vectors.embed([text])
    assert embedder.batches == [["a"], ["b"], ["c"], ["b"]]


async def test_embed_keeps_no_failure():
    embedder = FakeEmbedder(UpstreamTimeout("openai", "No answer in time."))
    vectors = QueryVectors(embedder)
    with pytest.raises(UpstreamTimeout):
        await vectors.embed(["a"])
    embedder.failure = None
    assert await vectors.embed(["a"]) == [(1.0, 1.0)]


async def test_embed_asks_again_for_another_model():
    embedder = FakeEmbedder()
    vectors = QueryVectors(embedder)
    await vectors.embed(["a"])
    embedder.model = "another"
    await vectors.embed(["a"])
    assert embedder.batches == [["a"], ["a"]]
