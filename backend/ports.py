"""What the services need from the outside. Adapters implement these; the container wires them.

Every method may raise :class:`backend.errors.UpstreamError` or ``NotConfigured`` and nothing else
that is foreign. None retries or asks a breaker: ``resilience`` wraps the ports.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from backend.domain import (
    ChatDelta,
    Chunk,
    DocumentRecord,
    DocumentWrite,
    IndexInfo,
    PreparedFile,
    SearchQuery,
    SearchResult,
    SourceFile,
    UnreadableFile,
    Vector,
    Vocabulary,
)


class ChatModel(Protocol):
    """A model that continues a conversation."""

    name: str

    def stream(
        self, messages: Sequence[dict[str, str]], *, max_tokens: int
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield deltas; the last one carries ``finish_reason``. Closing it stops the upstream."""
        ...

    async def complete(self, messages: Sequence[dict[str, str]], *, max_tokens: int) -> ChatDelta:
        """The whole answer at once: its text, never blank, ``finish_reason`` and usage."""
        ...


class Embedder(Protocol):
    """A model that turns texts into dense vectors."""

    model: str
    dimensions: int | None
    """Length of the vectors; None until the first answer where nothing else tells."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Vectors of the texts, in order. Batches to the provider's limits by itself."""
        ...


class Reranker(Protocol):
    """A model that reads a question together with each passage."""

    model: str

    async def relevance(self, query: str, documents: Sequence[str]) -> list[float | None]:
        """How well each document fits, in order; higher is better, on a scale of the model's own.

        None for those that the model left out.
        """
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

    async def chunks(self, source: str) -> list[Chunk]:
        """All chunks of one source in the live collection, in order of position."""
        ...

    async def begin(self, model: str | None, dimensions: int | None, *, anew: bool = False) -> bool:
        """Make the collection for this embedding model (None: sparse only) ready for writes.

        ``anew``: an empty collection beside the live one, even if that is of the same model.
        Returns True when it is another one than the live collection, so that ``publish`` will swap.
        An index without a live collection makes the new one live at once.
        """
        ...

    async def documents(self) -> list[DocumentRecord]:
        """Every document in the collection of ``begin`` (else the live one), in order of source.

        One whose write was interrupted is listed with an empty ``content_hash``.
        """
        ...

    async def vocabulary(self) -> Vocabulary:
        """The words of the live collection; empty for one that did not record them."""
        ...

    async def chunk_hashes(self, source: str) -> dict[str, str]:
        """Chunk id -> content hash of one source in the collection of ``begin``."""
        ...

    async def write(self, documents: Sequence[DocumentWrite]) -> None:
        """Write several documents; they outlast this process, and a power cut after ``publish``.

        The records are first written with an empty hash, then points, moved payloads and
        deletions, then the records again: an interruption is seen and completed by the next run.
        """
        ...

    async def forget(self, source: str) -> int:
        """Delete a document with all its chunks; returns how many chunks went."""
        ...

    async def abandon(self) -> None:
        """Forget ``begin``: what it wrote waits for the next one, writes go to the live one.

        What was begun anew is deleted.
        """
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

    def paths(self) -> list[str] | None:
        """The files' paths, where they are known without fetching anything; blocking."""
        ...

    def files(self) -> Iterator[SourceFile | UnreadableFile]:
        """Every Markdown or text file, in order of path; blocking.

        One that cannot be read comes as :class:`UnreadableFile` instead of an exception.
        """
        ...


Prepare = Callable[[SourceFile], Awaitable[PreparedFile]]
"""Cuts a file and takes its text apart. Calls may overlap."""


class Preparation(Protocol):
    """Where that is done: in this process or in another."""

    def open(self) -> AbstractAsyncContextManager[Prepare]:
        """What it takes, for as long as the block lasts."""
        ...
