"""What rewriting and insights need of a database. Implemented in ``adapters/sql``.

Every method may raise :class:`backend.errors.UpstreamError` and nothing else that is foreign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class RewriteCache(Protocol):
    """Finished translations and rewritten texts, shared by all replicas; bounded in age and size.

    A key is 64 hexadecimal digits and says everything that the text depends on.
    """

    async def get(self, keys: Sequence[str]) -> dict[str, str]:
        """The texts that are there, by key."""
        ...

    async def put(self, texts: Mapping[str, str], now: datetime) -> None:
        """Keep texts; a key that is there already stays as it is."""
        ...


class Gap(StrEnum):
    """Why a question counts as one that the book does not answer well."""

    REFUSED = "refused"
    UNSURE = "low_confidence"
    DISLIKED = "thumbs_down"


@dataclass(frozen=True, slots=True)
class NotedAnswer:
    """What is kept of an answer: no caller, and the question without personal data.

    ``weakness`` is ``refused``, ``low_confidence`` or None. ``rating`` is ``up``, ``down`` or None.
    ``cost_usd`` is None where no price is known.
    """

    message_id: str
    asked_at: datetime
    question: str
    mode: str
    degraded: bool
    confidence: float
    total_ms: float
    tokens: int
    weakness: Gap | None = None
    rating: str | None = None
    comment: str = ""
    rated_at: datetime | None = None
    cost_usd: float | None = None

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Every reason why this is a gap; empty where it is none."""
        disliked = (Gap.DISLIKED,) if self.rating == "down" else ()
        return ((self.weakness,) if self.weakness else ()) + disliked


@dataclass(frozen=True, slots=True)
class DayCount:
    """Sums of one day (UTC, ``YYYY-MM-DD``), and how long its answers took, by nearest rank.

    ``cost_usd`` is that of the answers whose price is known; None where none is.
    """

    day: str
    questions: int
    refused: int
    degraded: int
    tokens: int
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What is known since a moment; lists are newest first and cut at the limits asked for."""

    days: tuple[DayCount, ...]
    newest: tuple[NotedAnswer, ...]
    gaps: tuple[NotedAnswer, ...]
    rated: tuple[NotedAnswer, ...]
    ups: int
    downs: int


class Feedback(Protocol):
    """Answers that were given, and what readers thought of them."""

    async def note(self, answers: Sequence[NotedAnswer]) -> None:
        """Keep answers; one that is there already stays as it is."""
        ...

    async def rate(self, message_id: str, rating: str, comment: str, now: datetime) -> bool:
        """Keep a reader's judgement, the last one counts; False where the answer is not known."""
        ...

    async def window(self, since: datetime, *, newest: int, gaps: int, rated: int) -> Window:
        """Everything for a report, at most so many rows of each kind."""
        ...

    async def prune(self, before: datetime, keep: int) -> int:
        """Delete what is older than ``before`` or beyond the newest ``keep``; how many went."""
        ...
