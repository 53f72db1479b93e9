"""The reranking adapter against a double over real sockets, and the product with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.http import HttpTransport
from backend.adapters.rerank_model import MAX_CHARS, RerankModel
from backend.errors import UpstreamError, UpstreamMalformed, UpstreamRejected, UpstreamUnavailable
from tests.doubles.rerank import RerankDouble
from tests.e2e.product import product, write_book

KEY = "test-key-not-real"


@pytest.fixture
async def double() -> AsyncIterator[RerankDouble]:
    async with RerankDouble(KEY, lambda query, document: float(len(document))) as double:
        yield double


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    await transport.aclose()


def model(double: RerankDouble, transport: HttpTransport, **fields: Any) -> RerankModel:
    known = {"base_url": double.base_url, "api_key": KEY, "model": "rerank-v3.5"}
    return RerankModel(transport, **(known | fields))


def results(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    return {"results": [{"index": index, "relevance_score": score} for index, score in pairs]}


async def test_relevance_comes_in_the_order_of_the_documents(
    double: RerankDouble, transport: HttpTransport
) -> None:
    documents = ["bb", "a", "c" * (MAX_CHARS + 5)]
    assert await model(double, transport).relevance("q", documents) == [2, 1, MAX_CHARS]
    assert double.asked[0] | {"documents": []} == {
        "model": "rerank-v3.5",
        "query": "q",
        "documents": [],
        "top_n": 3,
    }


async def test_relevance_of_documents_left_out_is_none(
    double: RerankDouble, transport: HttpTransport
) -> None:
    double.reply = results((2, 0.9), (0, 1))
    assert await model(double, transport).relevance("q", ["a", "b", "c"]) == [1.0, None, 0.9]


@pytest.mark.parametrize(
    "reply",
    [
        results((3, 0.5)),
        results((-1, 0.5)),
        results((True, 0.5)),
        results(("0", 0.5)),
        results((0, 0.5), (0, 0.4)),
        results((0, None)),
        results((0, "NaN")),
        {"results": None},
        {"data": []},
        {"results": [7]},
    ],
)
async def test_answer_without_the_protocols_shape_is_malformed(
    double: RerankDouble, transport: HttpTransport, reply: dict[str, Any]
) -> None:
    double.reply = reply
    with pytest.raises(UpstreamMalformed, match="The reranking server"):
        await model(double, transport).relevance("q", ["a", "b", "c"])


@pytest.mark.parametrize(
    ("status", "fields", "kind", "named"),
    [
        (200, {"api_key": "test-other-not-real"}, UpstreamRejected, "RERANK_API_KEY"),
        (405, {}, UpstreamRejected, "RERANK_BASE_URL"),
        (404, {}, UpstreamRejected, "RERANK_MODEL"),
        (503, {}, UpstreamUnavailable, "The reranking server"),
    ],
)
async def test_refusal_names_the_variable_and_never_the_key(
    double: RerankDouble,
    transport: HttpTransport,
    status: int,
    fields: dict[str, Any],
    kind: type[UpstreamError],
    named: str,
) -> None:
    double.status = status
    with pytest.raises(kind, match=named) as caught:
        await model(double, transport, **fields).relevance("q", ["a"])
    assert "not-real" not in str(caught.value)


async def test_product_answers_in_the_models_order_and_in_its_own_when_that_fails(
    tmp_path: Path, double: RerankDouble
) -> None:
    docs = write_book(tmp_path / "docs")
    chosen = {
        "RERANK_BASE_URL": double.base_url,
        "RERANK_API_KEY": KEY,
        "RERANK_MODEL": "any",
        "SCORE_THRESHOLD": "0",
    }
    query = "What is a node and a topic?"
    body = {"query": query, "limit": 20}  # so many are all there are
    async with product(docs, tmp_path / "data", **chosen) as site:

        async def texts() -> list[str]:
            found = (await site.ask("POST", "/api/search", json=body)).json["results"]
            scores = [hit["score"] for hit in found]
            assert scores == sorted(scores, reverse=True)
            return [hit["text"] for hit in found]

        double.score = lambda query, document: -float(len(document))
        shortest_first = await texts()
        double.score = lambda query, document: float(len(document))
        assert await texts() == shortest_first[::-1]
        double.status = 500
        local = await texts()
        assert sorted(local) == sorted(shortest_first)
        answer = (await site.ask("POST", "/chat", json={"query": query})).json
        assert "Passages ordered without the reranking model" in answer["degraded"]
        assert answer["citations"]
        rows = (await site.ask("GET", "/health/config")).json["upstreams"]
        assert [row["mode"] for row in rows if row["name"] == "rerank"] == ["model"]
