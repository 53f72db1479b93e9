"""The ports with a guard around them: same interface, no foreign error, bounded in time.

The container puts these between services and adapters; neither knows of it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from backend.domain import (
    ChatDelta,
    Chunk,
    DocumentRecord,
    DocumentWrite,
    IndexInfo,
    SearchQuery,
    SearchResult,
    Vector,
    Vocabulary,
)
from backend.ports import ChatModel, ChunkIndex, Embedder, Reranker
from backend.resilience import Guard, Policy

WHOLE_S = 45.0  # half of an answer's time, so that a second model gets the other half
CHAT_POLICY = Policy(
    attempt_timeout_s=WHOLE_S, first_token_timeout_s=20.0, idle_timeout_s=20.0, max_attempts=3
)
EMBED_POLICY = Policy(attempt_timeout_s=10.0, max_attempts=3)
RERANK_POLICY = Policy(attempt_timeout_s=2.5, max_attempts=1)  # an order is there without it
INDEX_POLICY = Policy(attempt_timeout_s=10.0, max_attempts=2, max_delay_s=0.25, open_s=10.0)
DATABASE_POLICY = Policy(attempt_timeout_s=10.0, max_attempts=2, max_delay_s=0.25, open_s=4.0)

TEXTS_PER_TIMEOUT = 128  # what an embedding server manages easily within one attempt's timeout

SEARCH_S = 2.0
READ_S = 10.0
SCAN_S = 30.0
WRITE_S = 30.0
PUBLISH_S = 60.0


class GuardedChatModel:
    """A chat model behind a guard."""

    def __init__(self, inner: ChatModel, guard: Guard) -> None:
        self.name = inner.name
        self._inner = inner
        self._guard = guard

    def stream(
        self, messages: Sequence[dict[str, str]], *, max_tokens: int
    ) -> AsyncGenerator[ChatDelta, None]:
        """See the port."""
        return self._guard.stream(lambda: self._inner.stream(messages, max_tokens=max_tokens))

    async def complete(self, messages: Sequence[dict[str, str]], *, max_tokens: int) -> ChatDelta:
        """See the port; 45 s for all attempts together."""
        return await self._guard.call(
            lambda: self._inner.complete(messages, max_tokens=max_tokens),
            total_s=self._guard.policy.attempt_timeout_s,
        )


class GuardedEmbedder:
    """An embedder behind a guard; many texts get proportionally more time."""

    def __init__(self, inner: Embedder, guard: Guard) -> None:
        self.model = inner.model
        self.dimensions = inner.dimensions
        self._inner = inner
        self._guard = guard

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See the port; 10 s for each 128 texts."""
        rounds = max(1, -(-len(texts) // TEXTS_PER_TIMEOUT))
        timeout_s = self._guard.policy.attempt_timeout_s * rounds
        vectors = await self._guard.call(lambda: self._inner.embed(texts), timeout_s=timeout_s)
        self.dimensions = self._inner.dimensions  # the first answer may have told
        return vectors


class GuardedReranker:
    """A reranking model behind a guard."""

    def __init__(self, inner: Reranker, guard: Guard) -> None:
        self.model = inner.model
        self._inner = inner
        self._guard = guard

    async def relevance(self, query: str, documents: Sequence[str]) -> list[float | None]:
        """See the port; 2.5 s, once."""
        return await self._guard.call(lambda: self._inner.relevance(query, documents))


class GuardedIndex:
    """An index behind a guard. Every write of the port may be repeated without harm."""

    def __init__(self, inner: ChunkIndex, guard: Guard) -> None:
        self._inner = inner
        self._guard = guard

    async def open(self) -> IndexInfo:
        """See the port; 10 s."""
        return await self._guard.call(self._inner.open, timeout_s=READ_S)

    async def info(self) -> IndexInfo:
        """See the port; 10 s."""
        return await self._guard.call(self._inner.info, timeout_s=READ_S)

    async def search(self, queries: Sequence[SearchQuery], limit: int) -> list[SearchResult]:
        """See the port; 2 s for all attempts together."""
        return await self._guard.call(
            lambda: self._inner.search(queries, limit),
            timeout_s=min(SEARCH_S, self._guard.policy.attempt_timeout_s),
            total_s=SEARCH_S,
        )

    async def chunks(self, source: str) -> list[Chunk]:
        """See the port; as ``search``, because it is on a question's way."""
        return await self._guard.call(
            lambda: self._inner.chunks(source),
            timeout_s=min(SEARCH_S, self._guard.policy.attempt_timeout_s),
            total_s=SEARCH_S,
        )

    async def begin(self, model: str | None, dimensions: int | None, *, anew: bool = False) -> bool:
        """See the port; 30 s."""
        return await self._guard.call(
            lambda: self._inner.begin(model, dimensions, anew=anew), timeout_s=WRITE_S
        )

    async def documents(self) -> list[DocumentRecord]:
        """See the port; 30 s."""
        return await self._guard.call(self._inner.documents, timeout_s=SCAN_S)

    async def vocabulary(self) -> Vocabulary:
        """See the port; 30 s."""
        return await self._guard.call(self._inner.vocabulary, timeout_s=SCAN_S)

    async def chunk_hashes(self, source: str) -> dict[str, str]:
        """See the port; 10 s."""
        return await self._guard.call(lambda: self._inner.chunk_hashes(source), timeout_s=READ_S)

    async def write(self, documents: Sequence[DocumentWrite]) -> None:
        """See the port; 30 s."""
        await self._guard.call(lambda: self._inner.write(documents), timeout_s=WRITE_S)

    async def forget(self, source: str) -> int:
        """See the port; 30 s."""
        return await self._guard.call(lambda: self._inner.forget(source), timeout_s=WRITE_S)

    async def abandon(self) -> None:
        """See the port. Not guarded: it asks nobody."""
        await self._inner.abandon()

    async def publish(self) -> None:
        """See the port; 60 s."""
        await self._guard.call(self._inner.publish, timeout_s=PUBLISH_S)

    async def close(self) -> None:
        """See the port. Not guarded: it has to work while the circuit is open."""
        await self._inner.close()
