"""The knowledge tab: what the index holds, where it comes from, and how a search sees it.

For maintainers only: the tab is not built where everybody may look in, and every handler admits
its caller anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import gradio as gr

from backend.domain import DocumentRecord, JobState, Question
from backend.errors import AppError, Forbidden
from backend.services.host import folder_bytes
from ui import bridge
from ui import knowledge_view as view
from ui.access import Access, Doorman
from ui.markup import note
from ui.parts import Parts

MAX_FILTER_CHARS = 100
MAX_SEARCH_CHARS = 1_000
_INSPECTED = 8
_SPACE_STORAGE = "/data"
_WAITING = '<p class="ba-wait">Reading the index</p>'

Shown = tuple[Any, ...]
"""Values for facts, documents, job, ingest, re-index, cancel."""


class Knowledge:
    """The tab's components and what they do."""

    def __init__(self, parts: Parts, doorman: Doorman) -> None:
        self._parts = parts
        self._doorman = doorman

    def build(self, tab: gr.Tab) -> None:
        """Place the components and wire them."""
        with gr.Column(elem_classes=["ba-section"]):
            _html("<h2>The index</h2>")
            facts = _html(_WAITING)
            with gr.Row(elem_classes=["ba-buttons"]):
                ingest = gr.Button("Ingest now", variant="primary", elem_id="ba-ingest")
                anew = gr.Button("Re-index everything", elem_id="ba-anew")
                cancel = gr.Button("Cancel", elem_id="ba-cancel", visible=False)
            _html(view.WHAT_THEY_DO)
            job = _html("", elem_id="ba-job")
        with gr.Column(elem_classes=["ba-section"]):
            _html(f"<h2>Add documents</h2>{view.upload_form(lasting=self._lasting)}")
        with gr.Column(elem_classes=["ba-section"]):
            _html("<h2>Documents</h2>")
            with gr.Row(elem_classes=["ba-form"]):
                wanted = gr.Textbox(
                    label="Filter", placeholder="Title or path", max_lines=1,
                    max_length=MAX_FILTER_CHARS, elem_id="ba-filter",
                )  # fmt: skip
            done = _html("")
            documents = _html(_WAITING, elem_id="ba-documents")
            chunks = _html("", elem_id="ba-chunks")
        with gr.Column(elem_classes=["ba-section"]):
            _html("<h2>Search inspector</h2><p>What a search finds for a question, with the scores"
                  " of both engines, before any answer is made.</p>")  # fmt: skip
            with gr.Row(elem_classes=["ba-form"]):
                query = gr.Textbox(
                    label="Question or words", max_lines=1, max_length=MAX_SEARCH_CHARS,
                    elem_id="ba-query", scale=1,
                )  # fmt: skip
                search = gr.Button("Search", elem_id="ba-search", scale=0)
            found = _html("", elem_id="ba-found")
        verbs = {verb: bridge.field(verb) for verb in ("chunks", "delete", "reindex", "follow")}
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        shown = {"outputs": [facts, documents, job, ingest, anew, cancel], **quiet}
        jobs = {**shown, "concurrency_limit": 16, "concurrency_id": "jobs"}
        tab.select(self.follow, inputs=wanted, **jobs)
        verbs["follow"].change(self.follow, inputs=wanted, **jobs)
        ingest.click(self.ingest, inputs=wanted, **jobs)
        anew.click(self.ingest_anew, inputs=wanted, **jobs)
        verbs["reindex"].change(self.reindex, inputs=[verbs["reindex"], wanted], **jobs)
        cancel.click(self.cancel, outputs=job, **quiet)
        wanted.change(self.filter, inputs=wanted, outputs=documents, **quiet)
        gone = [done, facts, documents, chunks]
        verbs["delete"].change(self.delete, inputs=[verbs["delete"], wanted], outputs=gone, **quiet)
        verbs["chunks"].change(self.chunks, inputs=verbs["chunks"], outputs=chunks, **quiet)
        gr.on([search.click, query.submit], self.search, inputs=query, outputs=found, **quiet)

    async def follow(self, wanted: str, request: gr.Request) -> AsyncGenerator[Shown, None]:
        """What is there now, and every step of the job that is under way."""
        self._admit(request)
        try:
            await self._parts.ready()
            facts, documents = await self._index(wanted)
            current = self._parts.ingestion.current
        except AppError as error:
            yield note(error.detail, kind="ba-bad"), view.NOT_KNOWN, *_same(4)
            return
        if current is None:
            last = self._parts.ingestion.last
            said = view.progress(last) if last else ""
            yield facts, documents, said, *_buttons(running=False)
            return
        yield facts, documents, view.progress(current), *_buttons(running=True)
        async with aclosing(self._parts.ingestion.events(current.job_id)) as snapshots:
            async for job in snapshots:
                running = job.state is JobState.RUNNING
                yield gr.skip(), gr.skip(), view.progress(job), *_buttons(running=running)
        facts, documents = await self._index(wanted)
        yield facts, documents, *_same(4)

    async def ingest(self, wanted: str, request: gr.Request) -> AsyncGenerator[Shown, None]:
        """Bring the index in line with the files, and show how."""
        async for shown in self._run(wanted, request, everything=False):
            yield shown

    async def ingest_anew(self, wanted: str, request: gr.Request) -> AsyncGenerator[Shown, None]:
        """Chunk and embed every document again, and show how."""
        async for shown in self._run(wanted, request, everything=True):
            yield shown

    async def reindex(
        self, action: str, wanted: str, request: gr.Request
    ) -> AsyncGenerator[Shown, None]:
        """Embed one document again."""
        async for shown in self._run(wanted, request, *bridge.words(action)[:1]):
            yield shown

    async def cancel(self, request: gr.Request) -> str:
        """Stop what runs; what is written stays."""
        self._admit(request)
        current = self._parts.ingestion.current
        if current is None:
            return note("Nothing runs any more.")
        return view.progress(await self._parts.ingestion.cancel(current.job_id))

    async def filter(self, wanted: str, request: gr.Request) -> str:
        """The documents that match."""
        self._admit(request)
        try:
            return view.documents_table(await self._documents(), bridge.typed(wanted))
        except AppError as error:
            return note(error.detail, kind="ba-bad")

    async def delete(self, action: str, wanted: str, request: gr.Request) -> Shown:
        """Delete a document."""
        self._admit(request)
        chosen = bridge.words(action)[:1]
        if not chosen:
            return _same(4)
        try:
            count = await self._parts.ingestion.delete(chosen[0])
            facts, documents = await self._index(wanted)
        except AppError as error:
            return note(error.detail, kind="ba-bad"), gr.skip(), gr.skip(), gr.skip()
        said = (
            f"Deleted, with {count} chunks. While its file is in the docs, an ingestion brings it"
        )
        return note(f"{said} back.", kind="ba-good"), facts, documents, ""

    async def chunks(self, action: str, request: gr.Request) -> str:
        """How a document was cut."""
        self._admit(request)
        chosen = bridge.words(action)[:1]
        if not chosen:
            return ""
        try:
            return view.chunks_view(*await self._parts.reading.chunks(chosen[0]))
        except AppError as error:
            return note(error.detail, kind="ba-bad")

    async def search(self, query: str, request: gr.Request) -> str:
        """What retrieval finds."""
        self._admit(request)
        words = bridge.typed(query).strip()[:MAX_SEARCH_CHARS]
        if not words:
            return ""
        try:
            await self._parts.ready()
            found = await self._parts.retrieval.search(Question(words), limit=_INSPECTED)
        except AppError as error:
            return note(error.detail, kind="ba-bad")
        return view.search_view(found)

    async def _run(
        self, wanted: str, request: gr.Request, *document_ids: str, everything: bool = False
    ) -> AsyncGenerator[Shown, None]:
        self._admit(request)
        try:
            await self._parts.ready()
            await self._parts.ingestion.start_anew(*document_ids, everything=everything)
        except AppError as error:
            failed = note(error.detail, kind="ba-bad")
            yield *_same(2), failed, *_same(3)
            return
        async with aclosing(self.follow(wanted, request)) as shown:
            async for values in shown:
                yield values

    @property
    def _lasting(self) -> bool:
        """Whether what is stored outlives a restart: a Space keeps nothing but its storage."""
        settings = self._parts.settings
        return not settings.on_space or settings.data_dir.is_relative_to(_SPACE_STORAGE)

    async def _index(self, wanted: object) -> tuple[str, str]:
        documents = await self._documents()
        info = await self._parts.index_info()
        settings = self._parts.settings
        occupied = None
        if settings.qdrant_url is None:
            occupied = await asyncio.to_thread(folder_bytes, settings.data_dir)
        facts = view.facts(info, documents, occupied, settings.qdrant_collection_name)
        return facts, view.documents_table(documents, bridge.typed(wanted))

    async def _documents(self) -> list[DocumentRecord]:
        return [*await self._parts.ingestion.documents()]

    def _admit(self, request: gr.Request) -> None:
        if self._doorman.admit_event(request).access is Access.VISITOR:
            raise Forbidden("This is for maintainers only.")


def _html(html: str, **arguments: Any) -> gr.Markdown:
    return gr.Markdown(html, sanitize_html=False, latex_delimiters=[], **arguments)


def _buttons(*, running: bool) -> Shown:
    ingest, anew = (gr.update(interactive=not running) for _ in range(2))
    return ingest, anew, gr.update(visible=running)


def _same(count: int) -> Shown:
    return tuple(gr.skip() for _ in range(count))
