"""Finds the passages that a question is answered from: hybrid search, fusion, threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from backend.domain import UPLOADED, Chunk, Hit, Question, Retrieved, SearchQuery, SearchResult
from backend.errors import DimensionMismatch, NotConfigured, UpstreamError
from backend.metrics import DEGRADED
from backend.ports import ChunkIndex, Embedder
from backend.services.lexicons import Lexicons
from backend.text.confidence import measure
from backend.text.evidence import asked
from backend.text.fusion import fuse_queries
from backend.text.reranking import rerank
from backend.text.sparse import encode_query
from backend.text.typos import repair

CANDIDATES = 30
"""Chunks asked of the engine per vector and query."""
CLOSEST = 3
"""Sections shown to a reader whose question the book does not answer."""
SELECTION_WEIGHT = 0.5
"""Weight of the selected text's ranking against 1 for the question's own."""
_BY_WORDS = "Searched by words only: "


@dataclass(frozen=True, slots=True)
class RetrievalOptions:
    """``threshold`` is the confidence (0..1) below which a question counts as not treated."""

    top_k: int
    threshold: float
    site_url: str | None = None


class Retrieval:
    """Searches the index for a question. ``lexicons`` keeps the words of the book."""

    def __init__(
        self, index: ChunkIndex, embedder: Embedder | None, options: RetrievalOptions
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._options = options
        self.lexicons = Lexicons(index)

    async def search(self, question: Question, *, limit: int | None = None) -> Retrieved:
        """Passages for the question, best first, at most ``limit`` (default: the configured top k).

        Raises:
            UpstreamError: the index did not answer. Embeddings that fail, or do not fit the index,
                only degrade the search.
        """
        started = perf_counter()
        lexicon = await self.lexicons.current()
        text, repairs = repair(question.text, lexicon.dictionary)
        texts = [text]
        if question.selected_text:
            texts.append(question.selected_text)
        dense, degraded = await self._embed(texts)
        embedded = perf_counter()
        queries = [
            SearchQuery(sparse=encode_query(text), dense=vector)
            for text, vector in zip(texts, dense, strict=True)
        ]
        count = limit or self._options.top_k
        results, mismatch = await self._search(queries, max(CANDIDATES, count))
        searched = perf_counter()
        weights = [1.0, SELECTION_WEIGHT][: len(results)]
        ranked = without_overlap(fuse_queries(results, weights))
        ranked = rerank(ranked, asked(text, lexicon.weight), text)
        ranked = prefer_selection(ranked, question.selected_text)
        ranked = prefer_page(ranked, question.page_url)
        sure = measure(
            text, question.selected_text, ranked, lexicon, repaired=tuple(repairs.values())
        ).confidence
        passes = sure >= self._options.threshold
        timings = {"search": _ms(embedded, searched), "rank": _ms(searched, perf_counter())}
        if self._embedder is not None:
            timings["embed"] = _ms(started, embedded)
        return Retrieved(
            hits=tuple(ranked[:count]) if passes else (),
            closest=tuple(_one_per_section(ranked)[:CLOSEST]),
            dropped=tuple(ranked[count:] if passes else ranked),
            confidence=round(sure, 4),
            threshold=self._options.threshold,
            degraded=degraded or mismatch,
            timings_ms=timings,
        )

    def link(self, chunk: Chunk) -> str:
        """Address of the chunk's heading: on the site, or on this service's own reading page."""
        base = None if chunk.source.startswith(UPLOADED) else self._options.site_url
        page = f"{base.rstrip('/')}/{chunk.page}" if base else f"/read/{chunk.page}"
        return f"{page}#{chunk.anchor}" if chunk.anchor else page

    async def _search(
        self, queries: list[SearchQuery], limit: int
    ) -> tuple[list[SearchResult], str | None]:
        """What the index finds; by words alone, and why, where the vectors do not fit it."""
        try:
            return await self._index.search(queries, limit), None
        except DimensionMismatch as error:
            DEGRADED.add("words_only", error.code)
            words = [replace(query, dense=None) for query in queries]
            return await self._index.search(words, limit), _BY_WORDS + error.detail

    async def _embed(
        self, texts: Sequence[str]
    ) -> tuple[list[tuple[float, ...] | None], str | None]:
        if self._embedder is None:
            return [None] * len(texts), None
        try:
            return list(await self._embedder.embed(texts)), None
        except (UpstreamError, NotConfigured) as error:
            DEGRADED.add("words_only", error.code)
            return [None] * len(texts), _BY_WORDS + error.detail


def without_overlap(hits: Sequence[Hit]) -> list[Hit]:
    """Leave out a hit whose text already stands in the window of a better one."""
    kept: list[Hit] = []
    windows: dict[str, list[str]] = {}
    for hit in hits:
        seen = windows.setdefault(hit.chunk.source, [])
        if any(hit.chunk.text in window for window in seen):
            continue
        seen.append(hit.chunk.window)
        kept.append(hit)
    return kept


def prefer_selection(
    hits: Sequence[Hit], selected: str, *, boost: float = 0.3, shortest: int = 8
) -> list[Hit]:
    """Lift the hits that the marked text stands in: the reader looks at one of them."""
    marked = " ".join(selected.split())
    if len(marked) < shortest:
        return list(hits)
    lifted = [
        replace(hit, score=min(1.0, hit.score + boost))
        if marked in " ".join(hit.chunk.window.split())
        else hit
        for hit in hits
    ]
    return sorted(lifted, key=lambda hit: -hit.score)


def prefer_page(hits: Sequence[Hit], page_url: str, *, boost: float = 0.08) -> list[Hit]:
    """Lift hits of the page that the reader is on, a little: a tie-breaker, not a filter."""
    path = page_url.split("#")[0].split("?")[0].rstrip("/")
    if not path:
        return list(hits)
    lifted = [
        replace(hit, score=min(1.0, hit.score + boost))
        if hit.chunk.page and path.endswith(f"/{hit.chunk.page}")
        else hit
        for hit in hits
    ]
    return sorted(lifted, key=lambda hit: -hit.score)


def _one_per_section(hits: Sequence[Hit]) -> list[Hit]:
    seen: set[tuple[str, int]] = set()
    kept = []
    for hit in hits:
        key = (hit.chunk.source, hit.chunk.section)
        if key not in seen:
            seen.add(key)
            kept.append(hit)
    return kept


def _ms(start: float, end: float) -> float:
    return round((end - start) * 1000, 2)
