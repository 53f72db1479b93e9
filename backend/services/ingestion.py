"""Brings the index in line with the docs: new and changed chunks in, stale ones out.

The index alone remembers what it holds: each document's record carries the hash of its file, each
point the hash of what was embedded. So a second run over unchanged files writes nothing, an edit
embeds only the chunks that it changed, and a run that was interrupted is completed by the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from backend.clock import utc_now
from backend.domain import (
    Chunk,
    DocumentRecord,
    DocumentWrite,
    IndexPoint,
    IngestJob,
    SourceFile,
)
from backend.errors import Conflict, NotConfigured, NotFound
from backend.ports import ChunkIndex, DocumentSource, Embedder
from backend.services.ingest_batches import Batch, batches, of_the_docs, unreadable_sources
from backend.services.jobs import Jobs, Run
from backend.text.markdown import ChunkedDocument
from backend.text.sparse import encode_document
from backend.text.tokens import word_counts

KEPT_ERRORS = 200
NO_DOCUMENT = "There is no document with this id in the index."

Progress = Callable[[IngestJob], None]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A document's record, chunks to embed, chunks whose payload only moves, ids that are stale."""

    record: DocumentRecord
    fresh: list[Chunk]
    same: tuple[Chunk, ...]
    stale: tuple[str, ...]


class Ingestion:
    """Runs at most one ingestion at a time and remembers the last ones."""

    def __init__(
        self,
        source: DocumentSource,
        index: ChunkIndex,
        embedder: Embedder | None,
        *,
        published: Callable[[], None] = lambda: None,
        forgotten: Callable[[str], None] = lambda source: None,
    ) -> None:
        """Prepare; ``published`` is called whenever the index has changed for its readers.

        ``forgotten`` is called in a thread with the source of a document that was deleted by hand.
        """
        self._source = source
        self._index = index
        self._embedder = embedder
        self._published = published
        self._forgotten = forgotten
        self._jobs = Jobs(self._ingest, subject=source.location)

    async def start(self, *, may_replace: bool = True) -> IngestJob:
        """Start a job in the background; while one runs, return that one.

        ``may_replace`` False: leave the index alone where the docs share no file with it, which is
        what a lost DOCS_PATH looks like after a restart.
        """
        return self._jobs.start(may_replace=may_replace).job

    async def start_anew(self, *document_ids: str, everything: bool = False) -> IngestJob:
        """Start a job that sees the files as they are now; one that runs makes another round.

        The named documents, or all, are embedded again though they have not changed.

        Raises:
            NotFound: no document has one of these ids.
        """
        records = await self._index.documents() if document_ids or everything else []
        chosen = {r.source for r in records if everything or r.id in document_ids}
        if len(chosen) < len(document_ids):
            raise NotFound(NO_DOCUMENT)
        return self._jobs.start(may_replace=True, afresh=frozenset(chosen), repeat=True).job

    @property
    def current(self) -> IngestJob | None:
        """The job that is under way."""
        run = self._jobs.current
        return run.job if run else None

    @property
    def last(self) -> IngestJob | None:
        """The newest job that has ended since the service started."""
        return self._jobs.last

    def job(self, job_id: str) -> IngestJob:
        """The job as it stands.

        Raises:
            NotFound: no such job since this process started.
        """
        return self._jobs.find(job_id).job

    def events(self, job_id: str) -> AsyncGenerator[IngestJob, None]:
        """A snapshot now and after each change; the last one is terminal."""
        return self._jobs.follow(job_id)

    async def cancel(self, job_id: str) -> IngestJob:
        """Stop a running job; what is written stays, and the next one completes it."""
        return await self._jobs.cancel(job_id)

    async def run(self, on_progress: Progress, *, may_replace: bool = True) -> IngestJob:
        """Run a job to its end, reporting each change: the command line's way."""
        started = await self.start(may_replace=may_replace)
        async for job in self.events(started.job_id):
            on_progress(job)
        return self.job(started.job_id)

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self._jobs.running

    async def documents(self) -> list[DocumentRecord]:
        """What the index holds, in order of source."""
        return await self._index.documents()

    async def delete(self, document_id: str) -> int:
        """Delete a document's chunks from the index; returns how many went.

        The next ingestion brings it back as long as its file is there.

        Raises:
            NotFound: no document has this id.
            Conflict: an ingestion runs.
        """
        if self._jobs.running:
            raise Conflict("An ingestion is running; delete the document when it has ended.")
        for record in await self._index.documents():
            if record.id == document_id:
                deleted = await self._index.forget(record.source)
                await self._index.publish()
                self._published()
                await asyncio.to_thread(self._forgotten, record.source)
                return deleted
        raise NotFound(NO_DOCUMENT)

    async def aclose(self) -> None:
        """Cancel what runs and wait for it."""
        await self._jobs.aclose()

    async def _ingest(self, run: Run) -> None:
        await self._round(run)
        while run.repeat:
            run.repeat = False
            run.update(documents=0, chunks=0, skipped=0, errors=())
            await self._round(run)

    async def _round(self, run: Run) -> None:
        model, dimensions = await self._model()
        await self._index.begin(model, dimensions)
        try:
            await self._synchronise(run)
        except BaseException:
            await self._index.abandon()
            raise
        await self._index.publish()
        self._published()

    async def _synchronise(self, run: Run) -> None:
        known = {record.source: record for record in await self._index.documents()}
        seen: set[str] = set()
        paths = await asyncio.to_thread(self._source.paths)
        run.update(documents_total=len(paths or ()))
        book = of_the_docs(known)
        if not run.may_replace and paths and book and book.isdisjoint(paths):
            raise NotConfigured(
                "None of the documents in the index is in DOCS_PATH, so this looks like another "
                "book and the index was left as it is; start an ingestion by hand to replace it."
            )
        afresh, run.afresh = run.afresh, frozenset()
        reading = batches(self._source, known, afresh)
        while (batch := await asyncio.to_thread(next, reading, None)) is not None:
            seen.update(unreadable_sources(batch.unreadable, known))
            seen.update(record.source for record in batch.unchanged)
            seen.update(file.path for file, _ in batch.documents)
            await self._take(run, batch, known, afresh)
        # an empty or mistyped folder must not wipe an index
        if not seen or (book and not of_the_docs(seen)):
            raise NotConfigured(
                "DOCS_PATH holds no Markdown or text file, so the index was left as it is; "
                "point DOCS_PATH at the folder of the chapters."
            )
        await self._forget_missing(run, seen, known)

    async def _model(self) -> tuple[str | None, int | None]:
        if self._embedder is None:
            return None, None
        if self._embedder.dimensions is None:
            await self._embedder.embed(["dimensions"])
        return self._embedder.model, self._embedder.dimensions

    async def _take(
        self, run: Run, batch: Batch, known: dict[str, DocumentRecord], afresh: frozenset[str]
    ) -> None:
        plans = [
            await self._plan(file, document, known.get(file.path), again=file.path in afresh)
            for file, document in batch.documents
        ]
        fresh = [chunk for plan in plans for chunk in plan.fresh]
        vectors = await self._vectors(fresh)
        writes = await asyncio.to_thread(_writes, plans, vectors)
        embedded, moved, deleted = (
            sum(len(plan.fresh) for plan in plans),
            sum(len(plan.same) for plan in plans),
            sum(len(plan.stale) for plan in plans),
        )
        if writes:
            await self._index.write(writes)
        job = run.job
        unchanged = sum(record.chunks for record in batch.unchanged)
        files = len(batch.documents) + len(batch.unchanged)
        run.update(
            documents=job.documents + files,
            documents_total=max(job.documents_total, job.documents + files),
            chunks=job.chunks + embedded + moved + unchanged,
            embedded=job.embedded + embedded,
            skipped=job.skipped + moved + unchanged,
            deleted=job.deleted + deleted,
            errors=(*job.errors, *batch.unreadable)[:KEPT_ERRORS],
        )

    async def _plan(
        self,
        file: SourceFile,
        document: ChunkedDocument,
        known: DocumentRecord | None,
        *,
        again: bool,
    ) -> _Plan:
        held = await self._index.chunk_hashes(file.path) if known else {}
        fresh = [c for c in document.chunks if again or held.get(c.id) != c.content_hash]
        same = tuple(c for c in document.chunks if not again and held.get(c.id) == c.content_hash)
        stale = tuple(held.keys() - {c.id for c in document.chunks})
        record = DocumentRecord(
            source=file.path,
            title=document.title,
            page=document.page,
            content_hash=document.content_hash,
            chunks=len(document.chunks),
            updated_at=utc_now(),
        )
        return _Plan(record, fresh, same, stale)

    async def _vectors(self, chunks: Sequence[Chunk]) -> Sequence[tuple[float, ...] | None]:
        if self._embedder is None or not chunks:
            return [None] * len(chunks)
        return await self._embedder.embed([chunk.indexed_text for chunk in chunks])

    async def _forget_missing(
        self, run: Run, seen: set[str], known: dict[str, DocumentRecord]
    ) -> None:
        for source in known.keys() - seen:
            deleted = await self._index.forget(source)
            run.update(deleted=run.job.deleted + deleted)


def _writes(
    plans: Sequence[_Plan], vectors: Sequence[tuple[float, ...] | None]
) -> list[DocumentWrite]:
    """What the plans come to. Takes every text apart, so it is for a thread."""
    writes, dense = [], iter(vectors)
    for plan in plans:
        points = tuple(
            IndexPoint(chunk, encode_document(chunk.indexed_text), next(dense))
            for chunk in plan.fresh
        )
        words = word_counts(chunk.indexed_text for chunk in (*plan.fresh, *plan.same))
        writes.append(DocumentWrite(plan.record, points, plan.same, plan.stale, words))
    return writes
