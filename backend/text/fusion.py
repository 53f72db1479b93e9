"""Joins what the vectors of a search found into one ranking. Pure.

Cosines and BM25 scores live on different scales, so each list is first brought to 0..1 by its own
lowest and highest score; the fused score is their weighted mean. It ranks the hits of one search
and says nothing about whether the question is answered at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from backend.domain import Chunk, ScoredChunk, SearchResult

WEIGHT_SPARSE = 0.65
"""Share of BM25: 0.55 to 0.65 measured best on SciFact, code passages and three books."""
DEPTH = 30
"""The scale ends here however long the list: who asks for more hits gets the same first ones."""
TAIL = 0.01
"""What the hits beyond have of the scale."""
FULL_LIST = 20
"""From this many hits on, a list's last hit counts as irrelevant, its normalised score is 0."""


class Candidate(NamedTuple):
    """A chunk by what the lists say of it; the chunk itself is made when it is looked at."""

    score: float
    dense_score: float | None
    sparse_score: float | None
    found: ScoredChunk

    @property
    def chunk(self) -> Chunk:
        """The chunk."""
        return self.found.chunk


def fuse(result: SearchResult, *, weight_sparse: float = WEIGHT_SPARSE) -> list[Candidate]:
    """Candidates of one query, best first; ties keep the engine's order, dense before sparse.

    ``score`` is ``w * sparse + (1 - w) * dense`` of the normalised scores, 0 where a list does not
    have the chunk: 1 means best in every list that found something. When only one list found
    something, its weight is 1, so that scores mean the same with and without embeddings.
    """
    if not result.dense or not result.sparse:
        weight_sparse = 1.0 if result.sparse else 0.0
    weight_dense = 1 - weight_sparse
    dense, sparse = _normalised(result.dense), _normalised(result.sparse)
    candidates = []
    for id_, (score, found) in dense.items():
        if other := sparse.get(id_):
            fused = weight_sparse * other[0] + weight_dense * score
            candidates.append(Candidate(fused, found.score, other[1].score, found))
        else:
            candidates.append(Candidate(weight_dense * score, found.score, None, found))
    candidates += [
        Candidate(weight_sparse * score, None, found.score, found)
        for id_, (score, found) in sparse.items()
        if id_ not in dense
    ]
    return sorted(candidates, key=_worst_last)


def fuse_queries(
    results: Sequence[SearchResult],
    weights: Sequence[float],
    *,
    weight_sparse: float = WEIGHT_SPARSE,
) -> list[Candidate]:
    """Candidates of several queries for one question; the first result is the question's own.

    ``score`` is the mean of the queries' fused scores by ``weights``, 0 where a query does not have
    the chunk; a query that found nothing is left out of the mean. The raw scores are those of the
    first query that has the chunk.

    Raises:
        ValueError: There are not as many weights as results, or one is negative.
    """
    if len(weights) != len(results) or any(weight < 0 for weight in weights):
        raise ValueError("one weight of at least 0 is needed for each result")
    rankings = [
        (weight, candidates)
        for weight, result in zip(weights, results, strict=True)
        if weight and (candidates := fuse(result, weight_sparse=weight_sparse))
    ]
    if len(rankings) == 1:
        return rankings[0][1]
    total = sum(weight for weight, _ in rankings)
    scores: dict[str, float] = {}
    first: dict[str, Candidate] = {}
    for weight, candidates in rankings:
        for candidate in candidates:
            id_ = candidate.found.id
            scores[id_] = scores.get(id_, 0.0) + weight * candidate.score / total
            first.setdefault(id_, candidate)
    merged = [candidate._replace(score=scores[id_]) for id_, candidate in first.items()]
    return sorted(merged, key=_worst_last)


def _worst_last(candidate: Candidate) -> float:
    return -candidate.score


def _normalised(hits: Sequence[ScoredChunk]) -> dict[str, tuple[float, ScoredChunk]]:
    """Chunk id -> score in 0..1, and the first hit that has it.

    The lower end of the scale moves from 0 to the list's lowest score as the list fills up: the
    last of thirty hits is noise, the second of two is not.
    """
    if not hits:
        return {}
    scores = sorted([hit.score for hit in hits], reverse=True)
    highest, lowest = scores[0], scores[:DEPTH][-1]
    floor = lowest if lowest < 0 else lowest * min(1.0, len(hits) / FULL_LIST)
    span, rest = highest - floor, floor - scores[-1]
    tail = TAIL if len(hits) > DEPTH else 0.0
    found: dict[str, tuple[float, ScoredChunk]] = {}
    for hit in hits:
        above = hit.score - floor
        if above < 0:
            value = tail * (1 + above / rest)
        else:
            value = tail + (1 - tail) * above / span if span > 0 else 1.0
        found.setdefault(hit.id, (value, hit))
    return found
