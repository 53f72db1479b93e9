"""What the UI needs of the container."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from backend.domain import (
    AnswerEvent,
    Chunk,
    CircuitChange,
    DocumentRecord,
    IndexInfo,
    IngestJob,
    Principal,
    Question,
    Retrieved,
)
from backend.services.insights_report import InsightsReport
from backend.settings import Settings


class Dialogue(Protocol):
    """An answer that may begin."""

    @property
    def events(self) -> AsyncGenerator[AnswerEvent, None]:
        """Sources, tokens, and at last the finished answer; raises AppError."""
        ...


class Dialogues(Protocol):
    """Answers questions; the service behind ``POST /chat``."""

    async def open(self, question: Question, asker: Principal) -> Dialogue:
        """Admit a question; nothing is searched before the events are iterated."""
        ...


class Insights(Protocol):
    """What readers ask, and what they think of the answers."""

    async def rate(self, message_id: str, rating: str, comment: str = "") -> None:
        """Keep ``up`` or ``down``; raises NotFound and UpstreamError."""
        ...

    async def report(self, days: int = 30) -> InsightsReport:
        """What was asked in the last days; raises UpstreamError."""
        ...


class Ingestion(Protocol):
    """Knows what is in the index, and changes it."""

    @property
    def current(self) -> IngestJob | None:
        """The job that is under way."""
        ...

    @property
    def last(self) -> IngestJob | None:
        """The newest job that has ended."""
        ...

    async def documents(self) -> Sequence[DocumentRecord]:
        """Every document of the index."""
        ...

    async def start_anew(self, *document_ids: str, everything: bool = False) -> IngestJob:
        """Start a job; the named documents, or all, are embedded again."""
        ...

    def events(self, job_id: str) -> AsyncGenerator[IngestJob, None]:
        """A snapshot per change; the last one is terminal."""
        ...

    async def cancel(self, job_id: str) -> IngestJob:
        """Stop a job."""
        ...

    async def delete(self, document_id: str) -> int:
        """Delete a document; returns how many chunks went. Raises NotFound and Conflict."""
        ...


class Reading(Protocol):
    """Reads documents back."""

    async def chunks(self, document_id: str) -> tuple[DocumentRecord, Sequence[Chunk]]:
        """A document and how it was cut; raises NotFound."""
        ...


class Retrieval(Protocol):
    """Searches."""

    async def search(self, question: Question, *, limit: int | None = None) -> Retrieved:
        """What is found for a question."""
        ...


class Report(Protocol):
    """A diagnostics report."""

    def to_dict(self) -> dict[str, Any]:
        """``status``, ``generated_at``, ``variables`` and ``upstreams`` as in the REST contract."""
        ...

    def to_markdown(self) -> str:
        """The same for an issue or a chat."""
        ...


class Diagnostics(Protocol):
    """Makes reports."""

    async def report(self, *, probe: bool) -> Report:
        """A report; ``probe`` asks every part now."""
        ...


class Parts(Protocol):
    """The container as the UI sees it."""

    @property
    def settings(self) -> Settings:
        """Every setting."""
        ...

    @property
    def dialogues(self) -> Dialogues:
        """Once :meth:`ready` returned."""
        ...

    @property
    def insights(self) -> Insights:
        """Once :meth:`ready` returned."""
        ...

    @property
    def ingestion(self) -> Ingestion:
        """Once :meth:`ready` returned."""
        ...

    @property
    def reading(self) -> Reading:
        """Once :meth:`ready` returned."""
        ...

    @property
    def retrieval(self) -> Retrieval:
        """Once :meth:`ready` returned."""
        ...

    async def index_info(self) -> IndexInfo:
        """Facts about the index; raises AppError."""
        ...

    @property
    def diagnostics(self) -> Diagnostics:
        """There from the beginning."""
        ...

    def circuits(self) -> dict[str, dict[str, Any]]:
        """Name -> state and counters, as ``/health/circuits`` shows them."""
        ...

    def circuit_changes(self) -> Sequence[CircuitChange]:
        """Changes of circuits, newest first."""
        ...

    async def ready(self) -> Any:
        """Wait for the parts; raises Starting when that takes long."""
        ...
