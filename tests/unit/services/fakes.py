"""Deterministic, recording stand-ins for the ports that services use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from backend.domain import (
    ChatDelta,
    Chunk,
    DocumentRecord,
    DocumentWrite,
    IndexInfo,
    ScoredChunk,
    SearchQuery,
    SearchResult,
    SourceFile,
    UnreadableFile,
    Usage,
    Vocabulary,
)

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class FakeModel:
    """Says the scripted pieces; an exception among them is raised at its place."""

    name = "fake"

    def __init__(self, *script: str | Exception, finish: str = "stop") -> None:
        self.script = script
        self.finish = finish
        self.asked: list[list[dict[str, str]]] = []
        self.closed = False

    async def stream(
        self, messages: Sequence[dict[str, str]], *, max_tokens: int
    ) -> AsyncGenerator[ChatDelta, None]:
        self.asked.append(list(messages))
        try:
            for piece in self.script:
                if isinstance(piece, Exception):
                    raise piece
                yield ChatDelta(text=piece)
            yield ChatDelta(finish_reason=self.finish, usage=Usage(10, 3))
        finally:
            self.closed = True

    async def complete(self, messages: Sequence[dict[str, str]], *, max_tokens: int) -> ChatDelta:
        deltas = [delta async for delta in self.stream(messages, max_tokens=max_tokens)]
        return ChatDelta("".join(delta.text for delta in deltas), self.finish, deltas[-1].usage)


class FakeEmbedder:
    """Vectors of two numbers; records the batches."""

    model = "fake-embedding"
    dimensions: int | None = 2

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.batches: list[list[str]] = []

    async def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        self.batches.append(list(texts))
        if self.failure is not None:
            raise self.failure
        return [(float(len(text)), 1.0) for text in texts]


class FakeIndex:
    """Keeps everything in dictionaries; a search answers what was scripted."""

    def __init__(self, *found: ScoredChunk) -> None:
        self.found = found
        self.queries: list[Sequence[SearchQuery]] = []
        self.records: dict[str, DocumentRecord] = {}
        self.points: dict[str, Chunk] = {}
        self.writes: list[Sequence[DocumentWrite]] = []
        self.failure: Exception | None = None
        self.failure_in_write: Exception | None = None
        self.published = 0
        self.words = Vocabulary()
        self.abandoned = 0
        self.live: tuple[dict[str, DocumentRecord], dict[str, Chunk]] | None = None

    async def open(self) -> IndexInfo:
        return await self.info()

    async def info(self) -> IndexInfo:
        return IndexInfo("fake", "book", "fake", len(self.points), 2)

    async def search(self, queries: Sequence[SearchQuery], limit: int) -> list[SearchResult]:
        self.queries.append(queries)
        if self.failure is not None:
            raise self.failure
        return [SearchResult(sparse=self.found[:limit]) for _ in queries]

    async def chunks(self, source: str) -> list[Chunk]:
        mine = [chunk for chunk in self.points.values() if chunk.source == source]
        return sorted(mine, key=lambda chunk: chunk.position)

    async def begin(self, model: str | None, dimensions: int | None, *, anew: bool = False) -> bool:
        if anew:
            self.live, self.records, self.points = (self.records, self.points), {}, {}
        return anew

    async def documents(self) -> list[DocumentRecord]:
        return [self.records[source] for source in sorted(self.records)]

    async def vocabulary(self) -> Vocabulary:
        return self.words

    async def chunk_hashes(self, source: str) -> dict[str, str]:
        return {chunk.id: chunk.content_hash for chunk in await self.chunks(source)}

    async def write(self, documents: Sequence[DocumentWrite]) -> None:
        self.writes.append(documents)
        for document in documents:
            self.records[document.record.source] = replace(document.record, content_hash="")
            self.points |= {point.chunk.id: point.chunk for point in document.points}
            self.points |= {chunk.id: chunk for chunk in document.moved}
            for stale in document.stale_ids:
                self.points.pop(stale, None)
            if self.failure_in_write is not None:
                raise self.failure_in_write
            self.records[document.record.source] = document.record

    async def forget(self, source: str) -> int:
        gone = [chunk.id for chunk in self.points.values() if chunk.source == source]
        for chunk_id in gone:
            del self.points[chunk_id]
        self.records.pop(source, None)
        return len(gone)

    async def abandon(self) -> None:
        self.abandoned += 1
        if self.live is not None:
            (self.records, self.points), self.live = self.live, None

    async def publish(self) -> None:
        self.published += 1
        self.live = None

    async def close(self) -> None:
        pass


class FakeSource:
    """Files from a dictionary of path -> text."""

    location = "docs"

    def __init__(self, files: dict[str, str], unreadable: Sequence[UnreadableFile] = ()) -> None:
        self.contents = files
        self.unreadable = unreadable

    def paths(self) -> list[str] | None:
        return sorted([*self.contents, *(item.path for item in self.unreadable)])

    def files(self) -> Iterator[SourceFile | UnreadableFile]:
        yield from self.unreadable
        for path in sorted(self.contents):
            yield SourceFile(path, self.contents[path], NOON)
