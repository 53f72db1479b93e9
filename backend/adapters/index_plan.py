"""What both indexes do alike: which vectors to ask for, and in which order to write. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from backend.adapters.points import (
    DENSE,
    SPARSE,
    chunk_payload,
    document_payload,
    marker_id,
    words_payload,
)
from backend.adapters.steps import PointData, Step
from backend.domain import (
    DocumentRecord,
    DocumentWrite,
    IndexPoint,
    ScoredChunk,
    SearchQuery,
    SearchResult,
)
from backend.errors import DimensionMismatch

UPSTREAM = "qdrant"
BATCH = 64
"""Points per step. Searches that come in meanwhile wait for one."""


class Asked(NamedTuple):
    """One vector of one query: its number, the vector's name, the vector as in ``PointData``."""

    query: int
    using: str
    vector: Any


def plan_search(
    queries: Sequence[SearchQuery], *, dimensions: int | None, sparse: bool = True
) -> list[Asked]:
    """The vectors to ask for, those left out that the collection does not have.

    Raises:
        DimensionMismatch: A dense vector of another length than the collection's.
    """
    asked = []
    for number, query in enumerate(queries):
        if query.dense is not None and dimensions is not None:
            if len(query.dense) != dimensions:
                raise DimensionMismatch(UPSTREAM, wrong_size(dimensions, len(query.dense)))
            asked.append(Asked(number, DENSE, query.dense))
        if sparse and query.sparse is not None and query.sparse.indices:
            asked.append(Asked(number, SPARSE, (query.sparse.indices, query.sparse.values)))
    return asked


def gather_results(
    count: int, asked: Sequence[Asked], found: Iterable[Iterable[ScoredChunk]]
) -> list[SearchResult]:
    """What was found for each of ``count`` queries, from the hits of each vector asked for."""
    hits = {(a.query, a.using): tuple(f) for a, f in zip(asked, found, strict=True)}
    return [
        SearchResult(dense=hits.get((n, DENSE), ()), sparse=hits.get((n, SPARSE), ()))
        for n in range(count)
    ]


def plan_writes(documents: Sequence[DocumentWrite]) -> Iterator[Step]:
    """Unfinished records, points by the batch, what moves or goes, finished records.

    So an interruption at any step leaves records that say which documents to complete. Made one by
    one, because each takes some milliseconds: for a thread.
    """
    words = [words_payload(document.words) for document in documents]
    unfinished = (replace(document.record, content_hash="") for document in documents)
    yield Step(upsert=tuple(map(_marker, unfinished, words)))
    points = [point for document in documents for point in document.points]
    for start in range(0, len(points), BATCH):
        yield Step(upsert=tuple(map(_point, points[start : start + BATCH])))
    changes = Step(
        overwrite=tuple((c.id, chunk_payload(c)) for d in documents for c in d.moved),
        delete=tuple(id_ for d in documents for id_ in d.stale_ids),
    )
    if changes.overwrite or changes.delete:
        yield changes
    yield Step(upsert=tuple(map(_marker, (document.record for document in documents), words)))


def wrong_size(expected: int, got: int) -> str:
    """The sentence of a :class:`DimensionMismatch`."""
    return (
        f"The index holds vectors of {expected} dimensions but the embedding model gave {got}; "
        "set EMBEDDING_MODEL back to the one it was built with, or start an ingest."
    )


def _point(point: IndexPoint) -> PointData:
    vectors: dict[str, Any] = {}
    if point.sparse.indices:
        vectors[SPARSE] = (point.sparse.indices, point.sparse.values)
    if point.dense is not None:
        vectors[DENSE] = point.dense
    return point.chunk.id, vectors, chunk_payload(point.chunk)


def _marker(record: DocumentRecord, words: dict[str, str]) -> PointData:
    return marker_id(record.source), {}, document_payload(record) | {"words": words}
