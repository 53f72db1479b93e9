"""Places where an index can live: each hands out indexes over the same storage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from backend.adapters.edge_index import EdgeIndex
from backend.adapters.edge_process import EdgeProcess
from backend.adapters.http import HttpTransport
from backend.adapters.qdrant_index import QdrantIndex
from backend.domain import Chunk, DocumentRecord, DocumentWrite, IndexPoint, SearchQuery
from backend.errors import UpstreamUnavailable
from backend.ports import ChunkIndex
from backend.text.sparse import encode_document, encode_query
from tests.doubles.qdrant import Fault, QdrantDouble
from tests.unit.builders import make_chunk

CONFIGURED = "book"
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class Place(Protocol):
    """Storage that outlives the indexes on it."""

    async def index(self) -> ChunkIndex: ...

    def break_write(self, number: int) -> None:
        """Let the connection break at this step (from 1) of the next write."""

    def round_trips(self) -> int: ...

    async def close(self) -> None: ...


class RecordingProcess(EdgeProcess):
    """Counts the messages and breaks off where it is told to."""

    calls = 0
    break_at = 0

    async def call(self, operation: str, *arguments: Any) -> Any:
        self.calls += 1
        if operation == "write" and self.break_at:
            self.break_at -= 1
            if not self.break_at:
                raise UpstreamUnavailable("qdrant", "Scripted.")
        return await super().call(operation, *arguments)


class EdgePlace:
    """The embedded index in a folder; one process at a time may have it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = RecordingProcess(folder / "index")
        self._index: EdgeIndex | None = None

    async def index(self) -> EdgeIndex:
        await self.close()
        self.process = RecordingProcess(self.folder / "index")
        self._index = EdgeIndex(self.folder, CONFIGURED, process=self.process)
        await self._index.open()
        return self._index

    def break_write(self, number: int) -> None:
        self.process.break_at = number

    def round_trips(self) -> int:
        return self.process.calls

    async def close(self) -> None:
        if self._index is not None:
            await self._index.close()
            self._index = None


class ServerPlace:
    """The server index against the protocol double."""

    def __init__(self) -> None:
        self.double = QdrantDouble()
        self._transport = HttpTransport()
        self._indexes: list[QdrantIndex] = []

    async def index(self) -> QdrantIndex:
        if self.double.port == 0:
            await self.double.start()
        index = QdrantIndex(self.double.url, self.double.api_key, CONFIGURED, self._transport)
        self._indexes.append(index)
        await index.open()
        return index

    def break_write(self, number: int) -> None:
        self.double.faults.append(Fault("reset", on="POST .*/points/batch$", skip=number - 1))

    def round_trips(self) -> int:
        return len(self.double.requests)

    async def close(self) -> None:
        for index in self._indexes:
            await index.close()
        await self._transport.aclose()
        await self.double.stop()


def chunk(text: str, source: str = "guide/nodes.md", position: int = 0, **values: Any) -> Chunk:
    """A chunk whose id follows from its source and text."""
    id_ = str(uuid5(NAMESPACE_URL, f"{source}\n{text}"))
    return make_chunk(text, id=id_, source=source, position=position, **values)


def document(
    source: str,
    chunks: Sequence[Chunk],
    vectors: Sequence[tuple[float, ...] | None] = (),
    *,
    moved: Sequence[Chunk] = (),
    stale: Sequence[str] = (),
    content_hash: str = "hash",
) -> DocumentWrite:
    """A write of these chunks; ``vectors`` are their dense ones."""
    dense = [*vectors, *[None] * (len(chunks) - len(vectors))]
    points = tuple(
        IndexPoint(c, encode_document(c.indexed_text), v)
        for c, v in zip(chunks, dense, strict=True)
    )
    total = len(chunks) + len(moved)
    record = DocumentRecord(source, "Nodes", "guide/nodes", content_hash, total, NOON)
    return DocumentWrite(record, points, tuple(moved), tuple(stale))


def words(text: str, dense: tuple[float, ...] | None = None) -> SearchQuery:
    """A query by words, and by a dense vector if one is given."""
    return SearchQuery(sparse=encode_query(text), dense=dense)
