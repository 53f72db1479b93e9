"""What every index does: one set of expectations, run over the embedded and the server index."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.domain import SearchQuery, Vocabulary
from backend.errors import DimensionMismatch, IndexMissing, UpstreamError
from backend.ports import ChunkIndex
from backend.text.sparse import encode_document
from tests.contract.index_places import (
    EdgePlace,
    Place,
    ServerPlace,
    chunk,
    document,
    words,
)

MODEL = "text-embedding-3-small"
NODES, TOPICS = chunk("A node is a process."), chunk("Topics carry messages.", position=1)
EAST, NORTH, MOSTLY_EAST = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.8, 0.6, 0.0)


@pytest.fixture(params=["edge", "server"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    place: Place = EdgePlace(tmp_path) if request.param == "edge" else ServerPlace()
    yield place
    await place.close()


@pytest.fixture
async def index(place: Place) -> ChunkIndex:
    return await place.index()


async def _fill(index: ChunkIndex, *texts: str) -> None:
    """A sparse-only index of one document."""
    await index.begin(None, None)
    await index.write([document("a.md", [chunk(text, "a.md", n) for n, text in enumerate(texts)])])
    await index.publish()


async def _found(index: ChunkIndex, text: str) -> list[str]:
    (result,) = await index.search([words(text)], 10)
    return [hit.chunk.text for hit in result.sparse]


class TestChunkIndex:
    async def test_open_creates_nothing(self, index: ChunkIndex) -> None:
        info = await index.info()
        assert (info.points, info.fingerprint, info.problem) == (0, "", None)
        assert await index.documents() == []
        assert await index.chunks("a.md") == []
        assert await index.forget("a.md") == 0
        with pytest.raises(IndexMissing, match="ingest"):
            await index.search([words("node")], 5)

    async def test_search_gives_both_scores_in_one_round_trip(
        self, place: Place, index: ChunkIndex
    ) -> None:
        assert await index.begin(MODEL, 3) is False
        await index.write([document("guide/nodes.md", [NODES, TOPICS], [EAST, NORTH])])
        await index.publish()
        before = place.round_trips()
        both, second = await index.search(
            [words("What is a node?", MOSTLY_EAST), words("topics")], 5
        )
        assert place.round_trips() - before == 1
        assert [hit.chunk.text for hit in both.dense] == [NODES.text, TOPICS.text]
        assert [hit.score for hit in both.dense] == pytest.approx([0.8, 0.6], abs=1e-5)
        weight = dict(zip(*_vector(NODES.indexed_text), strict=True))
        idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
        (hit,) = both.sparse
        assert hit.chunk == replace(NODES, indexed_text="")
        assert hit.score == pytest.approx(max(weight.values()) * idf, rel=1e-4)
        assert second.dense == ()
        assert [hit.chunk.text for hit in second.sparse] == [TOPICS.text]

    async def test_search_limits_each_list(self, index: ChunkIndex) -> None:
        await index.begin(MODEL, 3)
        chunks = [chunk(f"node {n}") for n in range(5)]
        await index.write([document("guide/nodes.md", chunks, [EAST] * 5)])
        (result,) = await index.search([words("node", EAST)], 2)
        assert (len(result.dense), len(result.sparse)) == (2, 2)

    async def test_search_leaves_out_what_the_collection_lacks(self, index: ChunkIndex) -> None:
        await _fill(index, NODES.text)
        result, empty = await index.search([words("node", EAST), SearchQuery()], 5)
        assert (len(result.dense), len(result.sparse)) == (0, 1)
        assert (empty.dense, empty.sparse) == ((), ())
        assert await index.search([words("what is the")], 5) == [empty]

    async def test_search_names_both_lengths_of_a_wrong_vector(self, index: ChunkIndex) -> None:
        await index.begin(MODEL, 3)
        with pytest.raises(DimensionMismatch, match=r"3 dimensions .* gave 2"):
            await index.search([words("node", (1.0, 0.0))], 5)

    async def test_write_of_a_wrong_vector_names_both_lengths(self, index: ChunkIndex) -> None:
        await index.begin(MODEL, 3)
        with pytest.raises(DimensionMismatch, match=r"3 dimensions .* gave 2"):
            await index.write([document("guide/nodes.md", [NODES], [(1.0, 0.0)])])

    async def test_every_script_survives(self, index: ChunkIndex) -> None:
        texts = [
            "روبوٹ ایک مشین ہے",
            "机器人操作系统",
            "Ein Größenmaß — naïve 🤖",
            'a "b" \\ \t`c`',
        ]
        await _fill(index, *texts)
        assert [c.text for c in await index.chunks("a.md")] == texts
        assert await _found(index, "روبوٹ") == texts[:1]
        assert await _found(index, "操作系统") == texts[1:2]
        assert await _found(index, "GRÖSSENMASS") == texts[2:3]

    async def test_chunks_come_in_order_with_everything(self, index: ChunkIndex) -> None:
        whole = [
            chunk("first", "a.md", 0, window="first\nsecond", heading_path=("A", "B"), end_line=7),
            chunk("second", "a.md", 1, window="first\nsecond\nthird", anchor="b", page="p/q"),
            chunk("third", "a.md", 2, section=2, title="T", window="unrelated"),
        ]
        await index.begin(None, None)
        await index.write([document("a.md", whole[::-1]), document("b.md", [NODES])])
        expected = [replace(c, indexed_text="") for c in whole]
        expected[2] = replace(expected[2], window="third")  # a window holds its text
        assert await index.chunks("a.md") == expected

    async def test_write_replaces_moves_and_deletes(self, index: ChunkIndex) -> None:
        old, stays, new = chunk("alpha", "a.md"), chunk("beta", "a.md", 1), chunk("gamma", "a.md")
        await index.begin(None, None)
        await index.write([document("a.md", [old, stays])])
        moved = replace(stays, start_line=40, end_line=40)
        await index.search([words("beta")], 5)  # what it has read must not be kept
        await index.write(
            [document("a.md", [new], moved=[moved], stale=[old.id], content_hash="h2")]
        )
        await index.publish()
        assert await index.chunk_hashes("a.md") == {c.id: c.content_hash for c in (new, stays)}
        assert await _found(index, "alpha") == []
        (result,) = await index.search([words("beta")], 5)
        assert result.sparse[0].chunk.start_line == 40
        (record,) = await index.documents()
        assert (record.content_hash, record.chunks) == ("h2", 2)
        assert (await index.info()).points == 2

    async def test_write_twice_changes_nothing(self, index: ChunkIndex) -> None:
        await _fill(index, "alpha", "beta")
        before = await index.documents(), await index.chunks("a.md"), await index.info()
        await _fill(index, "alpha", "beta")
        assert (await index.documents(), await index.chunks("a.md"), await index.info()) == before

    async def test_write_of_many_points_is_complete(self, index: ChunkIndex) -> None:
        texts = [f"alpha{n}" for n in range(150)]
        await _fill(index, *texts)
        assert (await index.info()).points == 150
        assert (await _found(index, "alpha149"))[0] == "alpha149"

    @pytest.mark.parametrize("step", [2, 3])
    async def test_interrupted_write_is_listed_without_hash(
        self, place: Place, index: ChunkIndex, step: int
    ) -> None:
        await index.begin(None, None)
        await index.write([document("b.md", [chunk("beta", "b.md")])])
        place.break_write(step)
        with pytest.raises(UpstreamError):
            await index.write([document("a.md", [chunk("alpha", "a.md")])])
        listed = {record.source: record.content_hash for record in await index.documents()}
        assert listed == {"a.md": "", "b.md": "hash"}
        await index.write([document("a.md", [chunk("alpha", "a.md")])])
        assert {r.content_hash for r in await index.documents()} == {"hash"}

    async def test_vocabulary_sums_up_the_words_of_the_live_documents(
        self, index: ChunkIndex
    ) -> None:
        assert await index.vocabulary() == Vocabulary()
        await index.begin(None, None)
        first = document("a.md", [chunk("alpha", "a.md"), chunk("beta", "a.md", 1)])
        await index.write([replace(first, words={"alpha": 1, "beta": 2})])
        second = document("b.md", [chunk("gamma", "b.md")])
        await index.write([replace(second, words={"beta": 1, "گاما": 1})])
        await index.publish()
        assert await index.vocabulary() == Vocabulary({"alpha": 1, "beta": 3, "گاما": 1}, 3)
        await index.forget("a.md")
        assert await index.vocabulary() == Vocabulary({"beta": 1, "گاما": 1}, 1)

    async def test_forget_removes_a_document_with_its_chunks(self, index: ChunkIndex) -> None:
        await index.begin(None, None)
        two = [chunk("alpha", "a.md"), chunk("beta", "a.md", 1)]
        await index.write([document("a.md", two), document("b.md", [chunk("gamma", "b.md")])])
        await index.publish()
        assert await index.forget("a.md") == 2
        assert [record.source for record in await index.documents()] == ["b.md"]
        assert await index.chunk_hashes("a.md") == {}
        assert await _found(index, "alpha beta gamma") == ["gamma"]
        assert await index.forget("a.md") == 0

    async def test_publish_renews_the_statistics(self, index: ChunkIndex) -> None:
        await index.begin(None, None)
        filler = [chunk(f"alpha {n}", "a.md", n) for n in range(9)]
        await index.write([document("a.md", filler), document("b.md", [chunk("alpha", "b.md")])])
        await index.forget("a.md")
        await index.publish()
        (result,) = await index.search([words("alpha")], 5)
        (weight,) = encode_document("alpha").values
        idf = math.log(1 + (1 - 1 + 0.5) / (1 + 0.5))
        assert result.sparse[0].score == pytest.approx(weight * idf, rel=1e-4)

    async def test_publish_swaps_without_an_empty_moment(self, index: ChunkIndex) -> None:
        await _fill(index, "alpha old")
        seen: list[list[str]] = []
        done = asyncio.Event()

        async def ask() -> None:
            while not done.is_set():
                seen.append(await _found(index, "alpha"))

        asking = asyncio.create_task(ask())
        assert await index.begin(MODEL, 3) is True
        assert await index.documents() == []
        await index.write([document("a.md", [chunk("alpha new", "a.md")], [EAST])])
        assert await _found(index, "alpha") == ["alpha old"]
        await index.publish()
        assert await _found(index, "alpha") == ["alpha new"]
        done.set()
        await asking
        assert {tuple(texts) for texts in seen} <= {("alpha old",), ("alpha new",)}
        info = await index.info()
        assert (info.dimensions, info.fingerprint) == (3, f"{MODEL}_3_v1")
        assert await index.begin(MODEL, 3) is False

    async def test_unfinished_rebuild_is_continued(self, place: Place, index: ChunkIndex) -> None:
        await _fill(index, "alpha old")
        await index.begin(MODEL, 3)
        await index.write([document("a.md", [chunk("alpha new", "a.md")], [EAST])])
        again = await place.index()
        assert await _found(again, "alpha") == ["alpha old"]
        assert await again.begin(MODEL, 3) is True
        assert [record.source for record in await again.documents()] == ["a.md"]

    async def test_abandoned_rebuild_leaves_the_live_one_and_is_continued_later(
        self, index: ChunkIndex
    ) -> None:
        await _fill(index, "alpha old")
        live = await index.documents()
        await index.begin(MODEL, 3)
        await index.write([document("b.md", [chunk("alpha new", "b.md")], [EAST])])
        await index.abandon()
        assert await index.documents() == live
        await index.publish()
        assert await _found(index, "alpha") == ["alpha old"]
        assert await index.begin(MODEL, 3) is True
        assert [record.source for record in await index.documents()] == ["b.md"]

    async def test_reopened_index_holds_everything(self, place: Place, index: ChunkIndex) -> None:
        await index.begin(MODEL, 3)
        await index.write([document("guide/nodes.md", [NODES, TOPICS], [EAST, NORTH])])
        await index.publish()
        before = await index.info(), await index.documents(), await index.chunks(NODES.source)
        again = await place.index()
        after = await again.info(), await again.documents(), await again.chunks(NODES.source)
        assert after == before
        (result,) = await again.search([words("node", EAST)], 5)
        assert (len(result.dense), len(result.sparse)) == (2, 1)


def _vector(text: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
    vector = encode_document(text)
    return vector.indices, vector.values


class TestRebuild:
    async def test_rebuild_swaps_when_it_is_complete_and_can_be_done_again(
        self, place: Place, index: ChunkIndex
    ) -> None:
        await _fill(index, "old words")
        for text in ("new words", "newer words", "newest words"):
            before = await _found(index, "words")
            assert await index.begin(None, None, anew=True) is True
            assert await index.documents() == []
            await index.write([document("a.md", [chunk(text, "a.md")])])
            assert await _found(index, "words") == before
            await index.publish()
            assert await _found(index, "words") == [text]
        info = await index.info()
        assert (info.points, info.fingerprint) == (1, "sparse_v1")
        assert await index.begin(None, None) is False

    async def test_rebuild_that_is_given_up_leaves_nothing(self, index: ChunkIndex) -> None:
        await _fill(index, "old words")
        await index.begin(None, None, anew=True)
        await index.write([document("b.md", [chunk("new words", "b.md")])])
        await index.abandon()
        assert await _found(index, "words") == ["old words"]
        assert [record.source for record in await index.documents()] == ["a.md"]
        await index.begin(None, None, anew=True)
        assert await index.documents() == []
        await index.abandon()

    async def test_rebuild_that_a_crash_cut_off_begins_again(self, place: Place) -> None:
        index = await place.index()
        await _fill(index, "old words")
        await index.begin(None, None, anew=True)
        await index.write([document("b.md", [chunk("new words", "b.md")])])
        index = await place.index()
        assert await _found(index, "words") == ["old words"]
        assert await index.begin(None, None) is False
        assert [record.source for record in await index.documents()] == ["a.md"]
        await index.publish()
        await index.begin(None, None, anew=True)
        assert await index.documents() == []
