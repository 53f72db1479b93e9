"""Brings the index in line with the docs: new and changed chunks in, stale ones out.

The index alone remembers what it holds: each document's record carries the hash of its file, each
point the hash of what was embedded. So a second run over unchanged files writes nothing, an edit
embeds only the chunks that it changed, and a run that was interrupted is completed by the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from backend.domain import DocumentRecord, IngestJob
from backend.errors import Conflict, NotConfigured, NotFound
from backend.memory import give_back
from backend.pacing import PacedEmbedder
from backend.ports import ChunkIndex, DocumentSource, Embedder, Preparation
from backend.services.ingest_batches import InThread, of_the_docs
from backend.services.ingest_round import Round
from backend.services.jobs import Jobs, Run

NO_DOCUMENT = "There is no document with this id in the index."

Progress = Callable[[IngestJob], None]


class Ingestion:
    """Runs at most one ingestion at a time and remembers the last ones."""

    def __init__(
        self,
        source: DocumentSource,
        index: ChunkIndex,
        embedder: Embedder | None,
        *,
        preparation: Preparation | None = None,
        published: Callable[[], None] = lambda: None,
        forgotten: Callable[[str], None] = lambda source: None,
    ) -> None:
        """Prepare; ``published`` is called whenever the index has changed for its readers.

        ``preparation`` is where files are cut, a thread by default. ``forgotten`` is called in a
        thread with the source of a document that was deleted by hand.
        """
        self._source = source
        self._index = index
        self._embedder = embedder and PacedEmbedder(embedder)
        self._preparation = preparation or InThread()
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

        The named documents are embedded again though they have not changed. ``everything``: all are
        written into a new collection, which takes the place of the live one when it is complete;
        until then, and after a failure, questions are answered from that.

        Raises:
            NotFound: no document has one of these ids.
        """
        records = await self._index.documents() if document_ids else []
        chosen = {record.source for record in records if record.id in document_ids}
        if len(chosen) < len(document_ids):
            raise NotFound(NO_DOCUMENT)
        run = self._jobs.start(
            may_replace=True, afresh=frozenset(chosen), rebuild=everything, repeat=True
        )
        return run.job

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
        await asyncio.to_thread(give_back)

    async def _round(self, run: Run) -> None:
        model, dimensions = await self._model()
        rebuild, run.rebuild = run.rebuild, False
        afresh, run.afresh = run.afresh, frozenset()
        before = await self._index.documents() if rebuild else []
        await self._index.begin(model, dimensions, anew=rebuild)
        try:
            records = await self._index.documents()
            book = of_the_docs(record.source for record in before or records)
            known = {record.source: record for record in records}
            await self._require_the_book(run, book)
            work = Round(self._source, self._index, self._embedder, known, book, afresh, rebuild)
            async with self._preparation.open() as prepare:
                await work.synchronise(run, prepare)
        except BaseException:
            await self._index.abandon()
            raise
        await self._index.publish()
        self._published()

    async def _require_the_book(self, run: Run, book: set[str]) -> None:
        paths = await asyncio.to_thread(self._source.paths)
        run.update(documents_total=len(paths or ()))
        if not run.may_replace and paths and book and book.isdisjoint(paths):
            raise NotConfigured(
                "None of the documents in the index is in DOCS_PATH, so this looks like another "
                "book and the index was left as it is; start an ingestion by hand to replace it."
            )

    async def _model(self) -> tuple[str | None, int | None]:
        if self._embedder is None:
            return None, None
        if self._embedder.dimensions is None:
            await self._embedder.embed(["dimensions"])
        return self._embedder.model, self._embedder.dimensions
