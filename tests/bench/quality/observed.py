"""What the product knows of a question when it decides whether the book treats it.

The product's own retrieval over an index in memory, so that the decision can be studied, and its
weights fitted, without a running service.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from unittest.mock import patch

import numpy as np

from backend.domain import (
    Chunk,
    Hit,
    IndexInfo,
    Question,
    ScoredChunk,
    SearchQuery,
    SearchResult,
    SourceFile,
    SparseVector,
    Vocabulary,
)
from backend.ports import ChunkIndex
from backend.services import retrieval
from backend.text.evidence import Asked
from backend.text.lexicon import Lexicon
from backend.text.preparing import prepare
from tests.bench.quality.naive import embed
from tests.bench.quality.pack import Book


@dataclass(frozen=True)
class Observed:
    """A question with all that ``measure`` is given; ``dense`` says whether there were vectors."""

    asked: Mapping[str, Any]
    book: str
    dense: bool
    words: Asked
    question: Question
    hits: Sequence[Hit]
    lexicon: Lexicon
    repaired: Sequence[str]


class Memory:
    """A book as the engine would hold it."""

    def __init__(self, book: Book, embeddings: str | None) -> None:
        now = datetime.now(UTC)
        files = [prepare(SourceFile(path, text, now)) for path, text in book.files.items()]
        self.name = book.name
        self._chunks: list[Chunk] = [chunk for file in files for chunk in file.chunks]
        self._postings: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        for row, vector in enumerate(vector for file in files for vector in file.sparse):
            for term, value in zip(vector.indices, vector.values, strict=True):
                self._postings[term].append((row, value))
        words: Counter[str] = Counter()
        for file in files:
            words.update(file.words)
        self._words = Vocabulary(dict(words), len(self._chunks))
        texts = [chunk.indexed_text for chunk in self._chunks]
        self._matrix = None if embeddings is None else embed(embeddings, texts)

    async def info(self) -> IndexInfo:
        return IndexInfo("memory", self.name, self.name, len(self._chunks), None)

    async def vocabulary(self) -> Vocabulary:
        return self._words

    async def search(self, queries: Sequence[SearchQuery], limit: int) -> list[SearchResult]:
        return [
            SearchResult(dense=self._dense(query.dense, limit), sparse=self._sparse(query, limit))
            for query in queries
        ]

    def _dense(self, vector: Sequence[float] | None, limit: int) -> tuple[ScoredChunk, ...]:
        if vector is None or self._matrix is None:
            return ()
        return self._best(self._matrix @ np.array(vector), limit)

    def _sparse(self, query: SearchQuery, limit: int) -> tuple[ScoredChunk, ...]:
        asked, count = query.sparse or SparseVector(indices=(), values=()), len(self._chunks)
        scores = np.zeros(count)
        for term, weight in zip(asked.indices, asked.values, strict=True):
            found = self._postings.get(term, [])
            rarity = np.log(1 + (count - len(found) + 0.5) / (len(found) + 0.5))
            for row, value in found:
                scores[row] += weight * value * rarity
        return tuple(hit for hit in self._best(scores, limit) if hit.score > 0)

    def _best(self, scores: Any, limit: int) -> tuple[ScoredChunk, ...]:
        rows = np.argsort(-scores, kind="stable")[:limit]
        return tuple(ScoredChunk(self._chunks[row], float(scores[row])) for row in rows)


class Embeddings:
    """The port's side of the measuring server."""

    model = "MiniLM"
    dimensions = 384

    def __init__(self, url: str) -> None:
        self._url = url

    async def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        return [tuple(map(float, row)) for row in embed(self._url, texts)]


def observe(
    book: Book, asked: Sequence[Mapping[str, Any]], embeddings: str | None
) -> Iterator[Observed]:
    """Search the book for each question."""
    memory = Memory(book, embeddings)
    search = retrieval.Retrieval(
        cast(ChunkIndex, memory),
        Embeddings(embeddings) if embeddings else None,
        retrieval.RetrievalOptions(top_k=6, threshold=0.0),
    )
    seen: list[Any] = []
    measured = retrieval.measure

    def record(*args: Any, **more: Any) -> Any:
        seen.append((args, more))
        return measured(*args, **more)

    with patch.object(retrieval, "measure", record):
        for item in asked:
            question = Question(item["question"], selected_text=item.get("selected_text", ""))
            asyncio.run(search.search(question))
            (words, searched, hits, lexicon), more = seen.pop()
            yield Observed(
                item, book.name, embeddings is not None, words, searched, list(hits[:12]),
                lexicon, more["repaired"],
            )  # fmt: skip
