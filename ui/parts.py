"""What the UI needs of the container."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from backend.domain import AnswerEvent, DocumentRecord, Principal, Question
from backend.settings import Settings


class Answering(Protocol):
    """Answers questions."""

    def answer(self, question: Question, principal: Principal) -> AsyncGenerator[AnswerEvent, None]:
        """Sources, tokens, and at last the finished answer; raises AppError."""
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
    def answering(self) -> Answering:
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
