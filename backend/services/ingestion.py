"""Brings the index in line with the docs: new and changed chunks in, stale ones out.

The index alone remembers what it holds: each document's record carries the hash of its file, each
point the hash of what was embedded. So a second run over unchanged files writes nothing, an edit
embeds only the chunks that it changed, and a run that was interrupted is completed by the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass

from backend.clock import utc_now
from backend.domain import (
    Chunk,
    DocumentRecord,
    DocumentWrite,
    IndexPoint,
    IngestJob,
    SourceFile,
    UnreadableFile,
)
from backend.errors import Conflict, NotConfigured, NotFound
from backend.ports import ChunkIndex, DocumentSource, Embedder
from backend.services.jobs import Jobs, Run
from backend.text.markdown import ChunkedDocument, chunk_file, file_hash
from backend.text.sparse import encode_document
from backend.text.tokens import word_counts

BATCH_CHUNKS = 256
"""Chunks that are embedded and written together: large enough to fill a provider's batch and to
share one flush, small enough to keep memory flat and progress visible."""
BATCH_FILES = 64
KEPT_ERRORS = 200

Progress = Callable[[IngestJob], None]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Files read and chunked together: those to write, and how many were as the index has them."""

    documents: tuple[tuple[SourceFile, ChunkedDocument], ...]
    unchanged: tuple[DocumentRecord, ...]
    unreadable: tuple[UnreadableFile, ...]


class Ingestion:
    """Runs at most one ingestion at a time and remembers the last ones."""

    def __init__(
        self,
        source: DocumentSource,
        index: ChunkIndex,
        embedder: Embedder | None,
        *,
        published: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; ``published`` is called whenever the index has changed for its readers."""
        self._source = source
        self._index = index
        self._embedder = embedder
        self._published = published
        self._jobs = Jobs(self._ingest, subject=source.location)

    async def start(self, *, may_replace: bool = True) -> IngestJob:
        """Start a job in the background; while one runs, return that one.

        ``may_replace`` False: leave the index alone where the docs share no file with it, which is
        what a lost DOCS_PATH looks like after a restart.
        """
        return self._jobs.start(may_replace=may_replace).job

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
                return deleted
        raise NotFound("There is no document with this id in the index.")

    async def aclose(self) -> None:
        """Cancel what runs and wait for it."""
        await self._jobs.aclose()

    async def _ingest(self, run: Run) -> None:
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
        if not run.may_replace and paths and known and known.keys().isdisjoint(paths):
            raise NotConfigured(
                "None of the documents in the index is in DOCS_PATH, so this looks like another "
                "book and the index was left as it is; start an ingestion by hand to replace it."
            )
        batches = _batches(self._source, known)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            seen.update(_unreadable_sources(batch.unreadable, known))
            seen.update(record.source for record in batch.unchanged)
            seen.update(file.path for file, _ in batch.documents)
            await self._take(run, batch, known)
        if not seen:  # an empty or mistyped folder must not wipe an index
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

    async def _take(self, run: Run, batch: _Batch, known: dict[str, DocumentRecord]) -> None:
        writes, embedded, moved, deleted = [], 0, 0, 0
        plans = [
            await self._plan(file, document, known.get(file.path))
            for file, document in batch.documents
        ]
        fresh = [chunk for _, chunks, _, _ in plans for chunk in chunks]
        vectors = iter(await self._vectors(fresh))
        for record, chunks, same, stale in plans:
            points = tuple(
                IndexPoint(chunk, encode_document(chunk.indexed_text), next(vectors))
                for chunk in chunks
            )
            words = word_counts(chunk.indexed_text for chunk in (*chunks, *same))
            writes.append(DocumentWrite(record, points, same, stale, words))
            embedded, moved, deleted = (
                embedded + len(points), moved + len(same), deleted + len(stale),
            )  # fmt: skip
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
        self, file: SourceFile, document: ChunkedDocument, known: DocumentRecord | None
    ) -> tuple[DocumentRecord, list[Chunk], tuple[Chunk, ...], tuple[str, ...]]:
        """Record, chunks to embed, chunks whose payload only moves, ids that are stale."""
        held = await self._index.chunk_hashes(file.path) if known else {}
        fresh = [c for c in document.chunks if held.get(c.id) != c.content_hash]
        same = tuple(c for c in document.chunks if held.get(c.id) == c.content_hash)
        stale = tuple(held.keys() - {c.id for c in document.chunks})
        record = DocumentRecord(
            source=file.path,
            title=document.title,
            page=document.page,
            content_hash=document.content_hash,
            chunks=len(document.chunks),
            updated_at=utc_now(),
        )
        return record, fresh, same, stale

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


def _unreadable_sources(
    unreadable: Sequence[UnreadableFile], known: dict[str, DocumentRecord]
) -> set[str]:
    """What cannot be read now is not gone: the files themselves, and those of a whole folder."""
    paths = [item.path for item in unreadable]
    folders = tuple(f"{path}/" for path in paths)
    return {*paths, *(source for source in known if source.startswith(folders))}


def _batches(source: DocumentSource, known: dict[str, DocumentRecord]) -> Iterator[_Batch]:
    """Read and chunk file after file; blocking, so it is driven from a thread."""
    documents: list[tuple[SourceFile, ChunkedDocument]] = []
    unchanged: list[DocumentRecord] = []
    unreadable: list[UnreadableFile] = []
    chunks = 0
    for item in source.files():
        if isinstance(item, UnreadableFile):
            unreadable.append(item)
            continue
        record = known.get(item.path)
        if record is not None and record.content_hash == file_hash(item.text):
            unchanged.append(record)
        else:
            document = chunk_file(item)
            documents.append((item, document))
            chunks += len(document.chunks)
        if chunks >= BATCH_CHUNKS or len(documents) + len(unchanged) >= BATCH_FILES:
            yield _Batch(tuple(documents), tuple(unchanged), tuple(unreadable))
            documents, unchanged, unreadable, chunks = [], [], [], 0
    yield _Batch(tuple(documents), tuple(unchanged), tuple(unreadable))
