"""Finds the passages that a question is answered from: hybrid search, fusion, threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

from backend.domain import (
    UPLOADED,
    Chunk,
    Hit,
    Question,
    Retrieved,
    SearchQuery,
    SearchResult,
    Vector,
)
from backend.errors import DimensionMismatch, NotConfigured, UpstreamError
from backend.metrics import DEGRADED
from backend.ports import ChunkIndex, Embedder, Reranker
from backend.services.lexicons import Lexicons
from backend.services.query_vectors import QueryVectors
from backend.services.rewording import Rewording
from backend.services.second_opinion import second_opinion
from backend.text.comparisons import about, both_sides, compared
from backend.text.confidence import measure, says_little
from backend.text.evidence import asked
from backend.text.fusion import fuse_queries
from backend.text.lexicon import Lexicon
from backend.text.ranking import LateHits, one_per_section, rank, worth_reading
from backend.text.sparse import encode_query
from backend.text.typos import repair
from backend.turns import TURNS

CANDIDATES = 30
"""Chunks asked of the engine per vector and query."""
CLOSEST = 3
"""Sections shown to a reader whose question the book does not answer."""
SELECTION_WEIGHT = 0.5
"""Weight of the selected text's ranking against 1 for the question's own, where that says much."""
_BY_WORDS = "Searched by words only: "
EMPTY = (
    "Nothing has been read in yet, so there is nothing to answer from. DOCS_PATH says where the "
    "book is; the page under Knowledge, or POST /ingest, reads it in."
)


@dataclass(frozen=True, slots=True)
class RetrievalOptions:
    """``threshold`` is the confidence (0..1) below which a question counts as not treated."""

    top_k: int
    threshold: float
    site_url: str | None = None


class Retrieval:
    """Searches the index for a question. ``lexicons`` keeps the words of the book."""

    def __init__(
        self,
        index: ChunkIndex,
        embedder: Embedder | None,
        options: RetrievalOptions,
        reranker: Reranker | None = None,
        rewording: Rewording | None = None,
    ) -> None:
        self._index = index
        self._embedder = QueryVectors(embedder) if embedder is not None else None
        self._reranker = reranker
        self._rewording = rewording or Rewording(())
        self._options = options
        self.lexicons = Lexicons(index)

    async def search(self, question: Question, *, limit: int | None = None) -> Retrieved:
        """Passages for the question, best first, at most ``limit`` (default: the configured top k).

        A follow-up is completed by the turns that the question has with it, and one in another
        language than the book's is translated, where a model is there for that.

        Raises:
            UpstreamError: the index did not answer. Embeddings that fail, or do not fit the index,
                only degrade the search.
        """
        started = perf_counter()
        lexicon = await self.lexicons.current()
        reworded = await self._rewording.reword(question, lexicon)
        began = perf_counter()
        text, repairs = repair(reworded.text, lexicon.dictionary)
        texts = [text]
        if question.selected_text:
            texts.append(question.selected_text)
        own, sides = len(texts), compared(text)
        texts += sides
        dense, degraded = await self._embed(texts)
        embedded = perf_counter()
        queries = [
            SearchQuery(sparse=encode_query(text), dense=vector)
            for text, vector in zip(texts, dense, strict=True)
        ]
        count = limit or self._options.top_k
        results, mismatch = await self._search(queries, max(CANDIDATES, count))
        await TURNS.take(begun=True)
        searched = perf_counter()
        words = asked(text, lexicon.weight)
        weights = [1.0, 1.0 if says_little(words, lexicon) else SELECTION_WEIGHT][:own]
        question = replace(question, text=text)
        ranking = partial(rank, fuse_queries(results[:own], weights), words, question)
        ranked = ranking(enough=count)
        closest = one_per_section(ranked, CLOSEST)
        if len(ranked) < count or len(closest) < CLOSEST:
            ranked = ranking()
            closest = one_per_section(ranked, CLOSEST)
        sure = measure(
            words, question, ranked, lexicon, repaired=tuple(repairs.values())
        ).confidence
        shown = count if sure >= self._options.threshold else 0
        reordered = None
        if shown and (sides or self._reranker):
            ranked, reordered = await second_opinion(self._reranker, text, ranking())
            best = (
                _best(side, found, lexicon)
                for side, found in zip(sides, results[own:], strict=True)
            )
            ranked = both_sides(ranked, sides, [hit for hits in best for hit in hits])
        hits = tuple(worth_reading(ranked[:shown], shown))
        timings = {
            "reword": _ms(started, began),
            "search": _ms(embedded, searched),
            "rank": _ms(searched, perf_counter()),
        }
        if self._embedder is not None:
            timings["embed"] = _ms(began, embedded)
        return Retrieved(
            hits=hits,
            closest=closest,
            dropped=LateHits(lambda: _without(hits, ranking())),
            confidence=round(sure, 4),
            threshold=self._options.threshold,
            degraded=" ".join(filter(None, (reworded.note, degraded or mismatch, reordered)))
            or None,
            timings_ms=timings,
            spent=reworded.usage,
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
            found = await self._index.search(queries, limit)
            something = any(result.sparse or result.dense for result in found)
            return found, None if something else await self._emptiness()
        except DimensionMismatch as error:
            DEGRADED.add("words_only", error.code)
            words = [replace(query, dense=None) for query in queries]
            return await self._index.search(words, limit), _BY_WORDS + error.detail

    async def _emptiness(self) -> str | None:
        """What to say of an index that holds nothing at all."""
        try:
            return None if (await self._index.info()).points else EMPTY
        except (UpstreamError, NotConfigured):
            return None

    async def _embed(self, texts: Sequence[str]) -> tuple[list[Vector | None], str | None]:
        if self._embedder is None:
            return [None] * len(texts), None
        try:
            return [*await self._embedder.embed(texts)], None
        except (UpstreamError, NotConfigured) as error:
            DEGRADED.add("words_only", error.code)
            return [None] * len(texts), _BY_WORDS + error.detail


def _best(side: str, found: SearchResult, lexicon: Lexicon) -> list[Hit]:
    """The best hit of one side of a comparison; none where nothing was found."""
    words = asked(side, lexicon.weight)
    return about(side, rank(fuse_queries([found], [1.0]), words, Question(side), enough=1))


def _without(hits: Sequence[Hit], ranked: Sequence[Hit]) -> list[Hit]:
    shown = {hit.chunk.id for hit in hits}
    return [hit for hit in ranked if hit.chunk.id not in shown]


def _ms(start: float, end: float) -> float:
    return round((end - start) * 1000, 2)
