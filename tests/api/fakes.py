"""Services that record what they are asked and answer as a test tells them to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from backend.domain import (
    Answer,
    AnswerEvent,
    Citation,
    DocumentRecord,
    DoneEvent,
    IngestJob,
    JobState,
    Mode,
    Principal,
    Question,
    Retrieved,
    SourcesEvent,
    Status,
    TokenEvent,
    UnreadableFile,
    Usage,
)
from backend.errors import NotConfigured, NotFound
from backend.services.accounts import Accounts
from backend.services.dialogues import Dialogues
from backend.services.readiness import Readiness, ReadyCheck
from backend.services.reading import ReadingPage
from backend.services.replays import Replays
from backend.services.report import Report, UpstreamRow, VariableRow
from backend.settings import Settings
from tests.unit.builders import make_hit
from tests.unit.services.history_fakes import FakeConversations, FakeReplays

NOW = datetime(2026, 1, 31, 8, 15, 30, 250_000, tzinfo=UTC)
CITATION = Citation(
    n=1,
    title="Nodes",
    heading_path=("Nodes", "What is a node?"),
    url="/read/guide/nodes#what-is-a-node",
    source="guide/nodes.md",
    quote="A node is a process.",
    score=0.9,
)
ANSWER = Answer(
    text="A node is a process [1].",
    mode=Mode.GENERATED,
    citations=(CITATION,),
    session_id="session-1",
    message_id="message-1",
    usage=Usage(100, 20),
    timings_ms={"search": 4.0, "total": 9.5},
)
EVENTS: tuple[AnswerEvent, ...] = (
    SourcesEvent((CITATION,)),
    TokenEvent("A node is "),
    TokenEvent("a process [1]."),
    DoneEvent(ANSWER),
)
RECORD = DocumentRecord("guide/nodes.md", "Nodes", "guide/nodes", "0" * 64, 31, NOW)


class FakeAnswering:
    """Yields ``events``; an exception among them is raised, an asyncio.Event waited for."""

    def __init__(self) -> None:
        self.events: list[Any] = list(EVENTS)
        self.asked: list[tuple[Question, Principal]] = []
        self.waiting = asyncio.Event()
        self.closed = asyncio.Event()
        self.history: Any = None

    async def answer(
        self, question: Question, principal: Principal, *, history: Any = None, **_how: bool
    ) -> AsyncIterator[AnswerEvent]:
        self.asked.append((question, principal))
        self.history = await history if history is not None else None
        try:
            for item in self.events:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, asyncio.Event):
                    self.waiting.set()
                    await item.wait()
                else:
                    yield item
        finally:
            self.closed.set()


class FakeRetrieval:
    def __init__(self) -> None:
        self.asked: list[tuple[Question, int | None]] = []
        self.error: Exception | None = None
        self.spent: Usage | None = None

    async def search(self, question: Question, *, limit: int | None = None) -> Retrieved:
        self.asked.append((question, limit))
        if self.error is not None:
            raise self.error
        hits = (make_hit(score=0.5, sparse_score=3.5),)
        return Retrieved(hits=hits, closest=hits, confidence=0.75, spent=self.spent)

    def link(self, chunk: Any) -> str:
        return f"/read/{chunk.page}#{chunk.anchor}"


class FakeIngestion:
    def __init__(self) -> None:
        self.jobs: list[IngestJob] = [
            IngestJob("job-1", JobState.RUNNING, documents=1, documents_total=2),
            IngestJob(
                "job-1", JobState.DONE, 2, 2, 9, 4, 5, 1, (UnreadableFile("old.md", "No."),), 1.5
            ),
        ]
        self.hold: asyncio.Event | None = None
        self.started = self.rebuilt = 0
        self.deleted: list[str] = []
        self.records = [RECORD]

    async def start(self) -> IngestJob:
        self.started += 1
        return self.jobs[0]

    async def start_anew(self, *document_ids: str, everything: bool = False) -> IngestJob:
        self.rebuilt += everything
        if set(document_ids) - {record.id for record in self.records}:
            raise NotFound("There is no document with this id in the index.")
        return await self.start()

    def job(self, job_id: str) -> IngestJob:
        if job_id != "job-1":
            raise NotFound("There is no ingestion job with this id since the service started.")
        return self.jobs[-1]

    async def events(self, job_id: str) -> AsyncIterator[IngestJob]:
        for job in self.jobs:
            yield job
            if self.hold is not None:
                await self.hold.wait()

    async def documents(self) -> list[DocumentRecord]:
        return self.records

    async def delete(self, document_id: str) -> int:
        if document_id != RECORD.id:
            raise NotFound("There is no document with this id in the index.")
        self.deleted.append(document_id)
        return RECORD.chunks


class FakeDiagnostics:
    def __init__(self) -> None:
        self.probed: list[bool] = []
        self.refreshed = 0
        check = ReadyCheck("qdrant", Status.OK, "embedded", 0.4, None)
        self.ready = Readiness(Status.OK, (check,))

    async def report(self, *, probe: bool) -> Report:
        self.probed.append(probe)
        variable = VariableRow(
            "OPENAI_API_KEY", "off", False, True, "not set", "chat", "Not set.", "Set it.", "https://a"
        )  # fmt: skip
        upstream = UpstreamRow(
            "qdrant", "ok", "embedded", "", None, None, None, "Vectors", "embedded"
        )
        return Report(NOW, (variable,), (upstream,))

    async def refresh(self) -> None:
        self.refreshed += 1

    async def readiness(self) -> Readiness:
        return self.ready


class FakeReading:
    async def page(self, page: str) -> ReadingPage:
        if page != "guide/nodes":
            raise NotFound("The book has no page at this address.")
        return ReadingPage("Nodes & <topics>", '<h1 id="nodes">Nodes {x}</h1>')


class FakeContainer:
    """What the server takes for a container."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**settings)
        self.answering = FakeAnswering()
        replays = FakeReplays()
        self.dialogues = Dialogues(self.answering, FakeConversations(replays), Replays(replays))
        self.retrieval = FakeRetrieval()
        self.ingestion = FakeIngestion()
        self.diagnostics = FakeDiagnostics()
        self.reading = FakeReading()
        self.stopping = asyncio.Event()
        self.not_ready: Exception | None = None
        self.start_hold: asyncio.Event | None = None
        self.start_error: Exception | None = None
        self.closed = False

    async def open_accounts(self) -> Accounts:
        raise NotConfigured("Accounts are off.")

    async def start(self) -> None:
        if self.start_hold is not None:
            await self.start_hold.wait()
        if self.start_error is not None:
            raise self.start_error

    async def ready(self) -> None:
        if self.not_ready is not None:
            raise self.not_ready

    def circuits(self) -> dict[str, dict[str, Any]]:
        return {
            "qdrant": {
                "state": "open",
                "failure_count": 5,
                "failure_threshold": 5,
                "retry_after_s": 12.5,
                "last_failure_at": "2026-01-31T08:15:30.250Z",
                "last_error_kind": "upstream_timeout",
            }
        }

    def gauges(self) -> dict[str, float]:
        return {"index_points": 31.0}

    async def aclose(self) -> None:
        self.closed = True


class FakeUi:
    """A mounted app that tells its path, and at /admin/poll streams until it is cut."""

    def __init__(self) -> None:
        self.started = self.closed = False
        self.polling = asyncio.Event()

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"].endswith("/poll"):
            await send({"type": "http.response.body", "body": b"polling", "more_body": True})
            self.polling.set()
            await asyncio.Event().wait()
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def start(self) -> None:
        self.started = True

    async def aclose(self) -> None:
        self.closed = True
