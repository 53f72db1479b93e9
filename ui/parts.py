"""What the UI needs of the container."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from backend.domain import AnswerEvent, DocumentRecord, Principal, Question
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


class Ingestion(Protocol):
    """Knows what is in the index."""

    async def documents(self) -> Sequence[DocumentRecord]:
        """Every document of the index."""
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
    def diagnostics(self) -> Diagnostics:
        """There from the beginning."""
        ...

    def circuits(self) -> dict[str, dict[str, Any]]:
        """Name -> state and counters, as ``/health/circuits`` shows them."""
        ...

    async def ready(self) -> Any:
        """Wait for the parts; raises Starting when that takes long."""
        ...
