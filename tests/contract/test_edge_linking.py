"""The graph of a large embedded index: made on a copy, taken over while questions are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.adapters.edge_index import EdgeIndex
from tests.contract.index_places import chunk, document, words

EAST, NORTH = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[EdgeIndex]:
    index = EdgeIndex(tmp_path, "book", scanned_bytes=0)
    await index.open()
    yield index
    await index.close()


async def write(index: EdgeIndex, source: str, *texts: str) -> None:
    await index.begin("model", 3)
    chunks = [chunk(text, source, n) for n, text in enumerate(texts)]
    await index.write([document(source, chunks, [EAST, NORTH][: len(texts)])])
    await index.publish()


async def found(index: EdgeIndex, text: str) -> list[str]:
    (result,) = await index.search([words(text, EAST)], 1)
    return [hit.chunk.text for hit in (*result.dense, *result.sparse)]


async def test_linked_copy_takes_the_place_of_the_original(
    index: EdgeIndex, tmp_path: Path
) -> None:
    await write(index, "a.md", "alpha", "beta")
    assert await found(index, "beta") == ["alpha", "beta"]
    await index.linking.settled()

    assert await found(index, "beta") == ["alpha", "beta"]
    assert (await index.info()).collection == "book__model_3_v1_twin"
    folders = {path.name for path in (tmp_path / "index").iterdir() if path.is_dir()}
    assert folders == {"book__model_3_v1_twin"}
    assert int((tmp_path / "index/book__model_3_v1_twin/linked").read_text()) == 3


async def test_linked_copy_is_written_and_opened_like_any_other(
    index: EdgeIndex, tmp_path: Path
) -> None:
    await write(index, "a.md", "alpha", "beta")
    await index.linking.settled()
    await write(index, "b.md", "gamma")
    assert await index.forget("a.md") == 2
    await index.publish()
    await index.close()

    again = EdgeIndex(tmp_path, "book")
    assert (await again.open()).points == 1
    assert await found(again, "gamma") == ["gamma", "gamma"]
    await again.close()


async def test_ingestion_ends_the_linking_and_the_original_stays(index: EdgeIndex) -> None:
    await write(index, "a.md", "alpha")
    assert await index.begin("model", 3) is False
    assert (await index.info()).collection == "book__model_3_v1"
    assert await found(index, "alpha") == ["alpha", "alpha"]


async def test_linking_that_fails_leaves_the_original(
    index: EdgeIndex, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "index").mkdir(exist_ok=True)
    (tmp_path / "index/book__model_3_v1_twin.new").write_text("in the way")
    await write(index, "a.md", "alpha")
    await index.linking.settled()
    assert "could not be linked" in caplog.text
    assert await found(index, "alpha") == ["alpha", "alpha"]
