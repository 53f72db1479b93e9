"""What only the server index can meet: earlier layouts, other replicas, refusals, faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from backend.adapters.http import HttpTransport
from backend.adapters.qdrant_index import QdrantIndex
from backend.errors import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.contract.index_places import CONFIGURED, ServerPlace, chunk, document, words
from tests.doubles.qdrant import Fault, QdrantDouble
from tests.doubles.qdrant_store import Collection

KEY = "test-key-not-real"
EAST, NORTH = (1.0, 0.0), (0.0, 1.0)


@pytest.fixture
async def place() -> AsyncIterator[ServerPlace]:
    place = ServerPlace()
    yield place
    await place.close()


async def _filled(place: ServerPlace, text: str = "alpha") -> QdrantIndex:
    index = await place.index()
    await index.begin("model", 2)
    await index.write([document("a.md", [chunk(text, "a.md")], [EAST])])
    await index.publish()
    return index


def _legacy(place: ServerPlace) -> Collection:
    """The collection of an earlier deployment: two chunks, and a point that is something else."""
    collection = Collection({"vectors": {"size": 2, "distance": "Cosine"}})
    payloads: list[dict[str, Any]] = [
        {
            "content": text,
            "context": "Robots",
            "headers": {"h1": "Robots", "h2": text.title()},
            "file_path": "/srv/docs/week1/robots.md",
            "chunk_index": number,
        }
        for number, text in enumerate(("arms", "legs"))
    ]
    for payload, vector in zip(
        [*payloads, {"note": "no content"}], (EAST, NORTH, EAST), strict=True
    ):
        id_ = str(uuid5(NAMESPACE_URL, str(payload)))
        collection.points[id_] = ({"": list(vector)}, payload)
    place.double.collections[CONFIGURED] = collection
    return collection


async def test_legacy_collection_is_searched_by_meaning_only(place: ServerPlace) -> None:
    _legacy(place)
    index = await place.index()
    info = await index.info()
    assert (info.legacy, info.dimensions, info.points, info.fingerprint) == (True, 2, 3, "legacy")
    assert info.problem is not None
    assert "ingest" in info.problem
    (result,) = await index.search([words("arms", EAST)], 5)
    assert [hit.chunk.text for hit in result.dense] == ["arms", "legs"]
    assert result.sparse == ()
    best = result.dense[0].chunk
    assert (best.source, best.page, best.anchor) == ("week1/robots.md", "week1/robots", "arms")
    assert [c.text for c in await index.chunks("week1/robots.md")] == ["arms", "legs"]
    assert ("week1/robots.md", 2, "") in {
        (record.source, record.chunks, record.content_hash) for record in await index.documents()
    }


async def test_legacy_collection_outlives_the_new_layout(place: ServerPlace) -> None:
    legacy = _legacy(place)
    index = await place.index()
    assert await index.begin("model", 2) is True
    assert await index.documents() == []
    assert await index.forget("week1/robots.md") == 0
    await index.write([document("a.md", [chunk("alpha", "a.md")], [EAST])])
    (before,) = await index.search([words("alpha", EAST)], 1)
    assert before.dense[0].chunk.text == "arms"
    await index.publish()
    (after,) = await index.search([words("alpha", EAST)], 1)
    assert after.sparse[0].chunk.text == "alpha"
    assert place.double.aliases == {f"{CONFIGURED}__current": f"{CONFIGURED}__model_2_v1"}
    assert place.double.collections[CONFIGURED] is legacy
    assert len(legacy.points) == 3
    await index.begin("other", 2)
    await index.publish()
    assert place.double.aliases == {f"{CONFIGURED}__current": f"{CONFIGURED}__other_2_v1"}
    assert set(place.double.collections) == {CONFIGURED, f"{CONFIGURED}__other_2_v1"}


async def test_new_layout_has_alias_vectors_and_payload_indexes(place: ServerPlace) -> None:
    await _filled(place)
    assert place.double.aliases == {CONFIGURED: f"{CONFIGURED}__model_2_v1"}
    collection = place.double.collection(CONFIGURED)
    assert collection.dense == {"dense": {"size": 2, "distance": "Cosine"}}
    assert collection.sparse == {"bm25": {"modifier": "idf"}}
    assert collection.indexes == {"source": "keyword", "kind": "keyword", "section": "integer"}


async def test_another_replicas_swap_is_noticed(place: ServerPlace) -> None:
    first = await _filled(place, "alpha old")
    second = await place.index()
    await second.begin("wider", 3)
    await second.write([document("a.md", [chunk("alpha new", "a.md")], [(1.0, 0.0, 0.0)])])
    await second.publish()
    (result,) = await first.search([words("alpha", (1.0, 0.0, 0.0))], 5)
    assert [hit.chunk.text for hit in result.dense + result.sparse] == ["alpha new"] * 2


async def test_two_replicas_begin_at_the_same_time(place: ServerPlace) -> None:
    first, second = await place.index(), await place.index()
    place.double.latency_s = 0.01  # both see that there is nothing yet
    await asyncio.gather(first.begin("model", 2), second.begin("model", 2))
    assert place.double.asked("PUT /collections/[^/]+$") == 2
    assert place.double.aliases == {CONFIGURED: f"{CONFIGURED}__model_2_v1"}


async def test_point_of_somebody_else_is_left_out(place: ServerPlace) -> None:
    index = await _filled(place)
    points = place.double.collection(CONFIGURED).points
    vectors = next(v for v, payload in points.values() if payload["kind"] == "chunk")
    points["00000000-0000-0000-0000-000000000001"] = (vectors, {"kind": "chunk"})
    (result,) = await index.search([words("alpha", EAST)], 5)
    assert [hit.chunk.text for hit in result.dense + result.sparse] == ["alpha"] * 2


async def test_key_is_sent_and_its_refusal_explained(place: ServerPlace) -> None:
    place.double.api_key = KEY
    await _filled(place)
    place.double.api_key = "another-test-key-not-real"
    index = QdrantIndex(place.double.url, KEY, CONFIGURED, HttpTransport())
    with pytest.raises(UpstreamRejected, match="QDRANT_API_KEY") as caught:
        await index.open()
    assert KEY not in caught.value.detail
    await index.close()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", status=503), UpstreamUnavailable),
        (Fault("status", status=401), UpstreamRejected),
        (Fault("status", status=429, retry_after="2"), UpstreamRateLimited),
        (Fault("reset"), UpstreamUnavailable),
        (Fault("garbage"), UpstreamMalformed),
        (Fault("hang"), UpstreamTimeout),
    ],
)
@pytest.mark.parametrize("call", ["search", "info"])
async def test_fault_becomes_our_error_and_passes(
    place: ServerPlace, fault: Fault, kind: type[UpstreamError], call: str
) -> None:
    await _filled(place)
    transport = HttpTransport()
    index = QdrantIndex(
        place.double.url, None, CONFIGURED, transport, timeout_s=0.3, write_timeout_s=1
    )
    await index.open()
    place.double.faults = [Fault(**{f: getattr(fault, f) for f in fault.__slots__})]
    ask = {"search": lambda: index.search([words("alpha", EAST)], 5), "info": index.info}[call]
    with pytest.raises(kind):
        await ask()
    assert await ask()
    await index.close()
    await transport.aclose()


async def test_server_that_is_not_there_is_no_crash(place: ServerPlace) -> None:
    index = await _filled(place)
    await place.double.stop()
    with pytest.raises((UpstreamRefused, UpstreamUnavailable)):
        await index.search([words("alpha")], 5)
    with pytest.raises(UpstreamRefused, match="QDRANT_URL"):
        await index.info()
    await place.double.start()
    assert (await index.info()).points == 1


async def test_index_opened_while_the_server_was_away_works_later() -> None:
    async with QdrantDouble() as double:
        url = double.url
        await double.stop()
        transport = HttpTransport()
        index = QdrantIndex(f"{url}/", None, CONFIGURED, transport)
        with pytest.raises(UpstreamRefused):
            await index.open()
        await double.start()
        assert await index.begin(None, None) is False
        await index.write([document("a.md", [chunk("alpha", "a.md")])])
        assert len((await index.search([words("alpha")], 5))[0].sparse) == 1
        await index.close()
        await transport.aclose()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://"])
async def test_address_that_is_none_is_a_sentence(url: str) -> None:
    index = QdrantIndex(url, None, CONFIGURED, HttpTransport())
    with pytest.raises(UpstreamError, match="QDRANT_URL"):
        await index.open()
    await index.close()
