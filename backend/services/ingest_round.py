"""One round of an ingestion: what the files hold now goes into the index, the rest goes out.

Three things go on at the same time, each one batch ahead of the next: files are read and cut, their
chunks are embedded, and points are written.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from backend.clock import utc_now
from backend.domain import (
    Chunk,
    DocumentRecord,
    DocumentWrite,
    IndexPoint,
    PreparedFile,
    SourceFile,
    SparseVector,
    Vector,
)
from backend.errors import NotConfigured
from backend.ports import ChunkIndex, DocumentSource, Embedder, Prepare
from backend.services.ingest_batches import Batch, ahead, batches, of_the_docs, unreadable_sources
from backend.services.jobs import Run

KEPT_ERRORS = 200

_Vectors = Sequence[Vector | None]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A document's record, chunks to embed, chunks whose payload only moves, ids that are stale."""

    record: DocumentRecord
    fresh: tuple[tuple[Chunk, SparseVector], ...]
    same: tuple[Chunk, ...]
    stale: tuple[str, ...]
    words: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Work:
    """A batch that is ready to be written."""

    batch: Batch
    plans: list[_Plan]
    vectors: _Vectors


@dataclass(frozen=True, slots=True)
class Round:
    """What a round works with.

    ``known`` are the records of the collection that is written, ``book`` the sources of the docs
    that the live one held before; ``afresh`` are sources that are embedded again though nothing in
    them has changed. ``rebuild``: the collection that is written is new and will replace the other.
    """

    source: DocumentSource
    index: ChunkIndex
    embedder: Embedder | None
    known: Mapping[str, DocumentRecord]
    book: set[str]
    afresh: frozenset[str]
    rebuild: bool

    async def synchronise(self, run: Run, prepare: Prepare) -> None:
        """Write what is new or changed, then delete what is gone.

        Raises:
            NotConfigured: There is no document, or one of a rebuild cannot be read.
        """
        seen: set[str] = set()
        found = ahead(batches(self.source, self.known, self.afresh, prepare))
        async with aclosing(found), aclosing(ahead(self._embedded(found))) as ready:
            async for work in ready:
                seen |= self._seen(work.batch)
                await self._write(run, work)
        # an empty or mistyped folder must not wipe an index
        if not seen or (self.book and not of_the_docs(seen)):
            raise NotConfigured(
                "DOCS_PATH holds no Markdown or text file, so the index was left as it is; "
                "point DOCS_PATH at the folder of the chapters."
            )
        for source in self.known.keys() - seen:
            deleted = await self.index.forget(source)
            run.update(deleted=run.job.deleted + deleted)

    def _seen(self, batch: Batch) -> set[str]:
        if not self.rebuild:
            return batch.sources | unreadable_sources(batch.unreadable, self.known)
        for item in batch.unreadable:
            # what cannot be read now is not gone, but there is no copy to take over
            if not self.book.isdisjoint(unreadable_sources([item], self.book)):
                raise NotConfigured(
                    f"{item.path} cannot be read, so the index was left as it is: {item.reason}"
                )
        return batch.sources

    async def _embedded(self, found: AsyncGenerator[Batch, None]) -> AsyncGenerator[_Work, None]:
        async for batch in found:
            plans = [
                await self._plan(file, prepared)
                for file, prepared in zip(batch.changed, batch.prepared, strict=True)
            ]
            texts = [chunk.indexed_text for plan in plans for chunk, _ in plan.fresh]
            vectors: _Vectors = [None] * len(texts)
            if self.embedder is not None and texts:
                vectors = await self.embedder.embed(texts)
            yield _Work(batch, plans, vectors)

    async def _plan(self, file: SourceFile, prepared: PreparedFile) -> _Plan:
        held = await self.index.chunk_hashes(file.path) if file.path in self.known else {}
        again = file.path in self.afresh
        chunks = prepared.chunks
        fresh = tuple(
            (chunk, sparse)
            for chunk, sparse in zip(chunks, prepared.sparse, strict=True)
            if again or held.get(chunk.id) != chunk.content_hash
        )
        same = tuple(c for c in chunks if not again and held.get(c.id) == c.content_hash)
        record = DocumentRecord(
            source=file.path,
            title=prepared.title,
            page=prepared.page,
            content_hash=prepared.content_hash,
            chunks=len(chunks),
            updated_at=utc_now(),
        )
        stale = tuple(held.keys() - {chunk.id for chunk in chunks})
        return _Plan(record, fresh, same, stale, prepared.words)

    async def _write(self, run: Run, work: _Work) -> None:
        writes, dense = [], iter(work.vectors)
        for plan in work.plans:
            points = tuple(IndexPoint(chunk, sparse, next(dense)) for chunk, sparse in plan.fresh)
            writes.append(DocumentWrite(plan.record, points, plan.same, plan.stale, plan.words))
        if writes:
            await self.index.write(writes)
        job, batch = run.job, work.batch
        embedded = sum(len(plan.fresh) for plan in work.plans)
        skipped = sum(len(plan.same) for plan in work.plans)
        skipped += sum(record.chunks for record in batch.unchanged)
        documents = job.documents + len(batch.changed) + len(batch.unchanged)
        run.update(
            documents=documents,
            documents_total=max(job.documents_total, documents),
            chunks=job.chunks + embedded + skipped,
            embedded=job.embedded + embedded,
            skipped=job.skipped + skipped,
            deleted=job.deleted + sum(len(plan.stale) for plan in work.plans),
            errors=(*job.errors, *batch.unreadable)[:KEPT_ERRORS],
        )
