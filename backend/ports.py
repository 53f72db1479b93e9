"""What the services need from the outside. Adapters implement these; the container wires them.

Every method may raise :class:`backend.errors.UpstreamError` or :class:`~backend.errors.NotConfigured`
and nothing else that is foreign. None retries or asks a breaker: ``resilience`` wraps the ports.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

from backend.domain import (
    ChatDelta,
    Chunk,
    DocumentRecord,
    IndexInfo,
    IndexPoint,
    SearchQuery,
    SearchResult,
    SourceFile,
    UnreadableFile,
)


class ChatModel(Protocol):
    """A model that continues a conversation."""

    name: str

    def stream(
        self, messages: Sequence[dict[str, str]], *, max_tokens: int
    ) -> AsyncIterator[ChatDelta]:
        """Yield deltas; the last one carries ``finish_reason``. Closing the iterator stops the upstream."""
        ...


class Embedder(Protocol):
    """A model that turns texts into dense vectors."""

    model: str
    dimensions: int | None
    """Length of the vectors; None until the first answer when neither settings nor tables know it."""

    async def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """Vectors of the texts, in order. Batches to the provider's limits by itself."""
        ...


class ChunkIndex(Protocol):
    """Stores chunks with a named dense and a named BM25 sparse vector.

    Reads go to the live collection. Writes go to the collection of the fingerprint given to
    ``begin``, which may be another one until ``publish`` swaps it in.
    """

    async def open(self) -> IndexInfo:
        """Connect and find the live collection. Creates nothing."""
        ...

    async def info(self) -> IndexInfo:
        """Facts about the live collection; ``points`` counts chunks."""
        ...

    async def search(self, queries: Sequence[SearchQuery], limit: int) -> list[SearchResult]:
        """Answer all queries in one round trip, ``limit`` chunks per vector and query.

        A query's dense part is left out where the live collection has no dense vector.
        """
        ...

    async def section(self, source: str, section: int) -> list[Chunk]:
        """All chunks of one section in order of position."""
        ...

    async def begin(self, model: str | None, dimensions: int | None) -> bool:
        """Make the collection for this embedding model (None: sparse only) ready for writes.

        Returns True when it is another one than the live collection, so that ``publish`` will swap.
        An index without a live collection makes the new one live at once.
        """
        ...

    async def documents(self) -> list[DocumentRecord]:
        """Every document that was completely written to the collection of ``begin`` (else the live one)."""
        ...

    async def chunk_hashes(self, source: str) -> dict[str, str]:
        """Chunk id -> content hash of one source in the collection of ``begin``."""
        ...

    async def write(
        self, document: DocumentRecord, points: Sequence[IndexPoint], stale_ids: Sequence[str]
    ) -> None:
        """Upsert new or changed points, delete stale ones, then record the document: last, so that an
        interruption leaves it unrecorded and the next run completes it. Durable on return.
        """
        ...

    async def forget(self, source: str) -> int:
        """Delete a document with all its chunks; returns how many chunks went."""
        ...

    async def publish(self) -> None:
        """Make the written collection the live one and refresh its statistics (IDF)."""
        ...

    async def close(self) -> None:
        """Release connections, files and processes."""
        ...


class DocumentSource(Protocol):
    """Where the book comes from."""

    location: str
    """For people: the folder or address, without credentials."""

    def files(self) -> Iterator[SourceFile | UnreadableFile]:
        """Every Markdown or text file, in order of path; blocking. One that cannot be read comes as
        :class:`UnreadableFile` instead of an exception.
        """
        ...
