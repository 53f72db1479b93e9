"""What readers ask and what the book lacks: notes of answers, ratings, and the report on both.

A note costs an answer nothing: it goes into a bounded queue, and a task of its own takes personal
data out of it and writes it down. While the database is away the queue waits, the oldest go first.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.clock import utc_now
from backend.content_ports import Feedback, Gap, NotedAnswer
from backend.domain import Answer, Mode, Question
from backend.errors import AppError, NotFound
from backend.services.insights_report import InsightsReport, make_report
from backend.text.redaction import redact_and_cut
from backend.turns import TURNS

log = logging.getLogger(__name__)

RETENTION_DAYS = 90
MAX_ANSWERS = 100_000
"""Answers kept at most, whatever their age, so that a report stays cheap."""
MAX_WAITING = 1_000
BATCH = 200
WRITE_AFTER_S = 2.0
"""Answers of so long are written together: a database that sleeps is woken less often."""
RETRY_AFTER_S = 30.0
PRUNE_EVERY = timedelta(hours=6)
CLOSE_S = 1.0
QUESTION_CHARS = 500
COMMENT_CHARS = 2_000
UNSURE_BELOW = 0.2
"""Share of the way from the threshold to certainty in which an answer counts as unsure."""
NEWEST, GAPS, RATED = 5_000, 1_000, 200
"""Rows that a report reads at most."""


@dataclass(frozen=True, slots=True)
class _Asked:
    question: str
    answer: Answer
    at: datetime


class Insights:
    """Keeps notes of answers and reports on them.

    Args:
        feedback: Where notes are kept.
        retention_days: After how many days they are deleted.
        now: The current time.
        sleep: Waits between writes.
    """

    def __init__(
        self,
        feedback: Feedback,
        *,
        retention_days: int = RETENTION_DAYS,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.retention_days = retention_days
        self._feedback = feedback
        self._now = now
        self._sleep = sleep
        self._waiting: deque[_Asked] = deque(maxlen=MAX_WAITING)
        self._some = asyncio.Event()
        self._writing = asyncio.Lock()
        self._prune_at: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def note(self, question: Question, answer: Answer) -> None:
        """Remember an answer. Returns at once and never fails."""
        self._waiting.append(_Asked(question.text, answer, self._now()))
        self._some.set()

    def start(self) -> None:
        """Begin to write notes down."""
        self._task = asyncio.create_task(self._run(), name="insights")

    async def aclose(self) -> None:
        """Write down what waits, if that goes quickly."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._flush_quietly()

    async def rate(self, message_id: str, rating: str, comment: str = "") -> None:
        """Keep a reader's judgement of an answer; a second one replaces the first.

        Args:
            message_id: The answer's.
            rating: ``up`` or ``down``.
            comment: In the reader's words; personal data is taken out.

        Raises:
            NotFound: No such answer is known.
            UpstreamError: The database is away.
        """
        await self.flush()
        kept = redact_and_cut(comment, COMMENT_CHARS)
        if not await self._feedback.rate(message_id, rating, kept, self._now()):
            raise NotFound(
                "There is no answer with this message_id; use the one that came with the answer."
            )

    async def report(self, days: int = 30) -> InsightsReport:
        """What was asked in the last ``days`` days (UTC), today included.

        Raises:
            UpstreamError: The database is away.
        """
        await self.flush()
        now = self._now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        since = midnight - timedelta(days=days - 1)
        window = await self._feedback.window(since, newest=NEWEST, gaps=GAPS, rated=RATED)
        return await asyncio.to_thread(
            make_report, window, since=since, now=now, retention_days=self.retention_days
        )

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            await self._sleep(WRITE_AFTER_S)
            self._some.clear()
            if not await self._flush_quietly():
                await self._sleep(RETRY_AFTER_S)
                self._some.set()

    async def _flush_quietly(self) -> bool:
        """Whether everything that waited is written down and what is too old is gone."""
        try:
            await self.flush()
            await self._prune()
        except AppError as error:
            extra = {"code": error.code, "waiting": len(self._waiting)}
            log.warning("notes of answers cannot be written", extra=extra)
            return False
        return True

    async def flush(self) -> None:
        """Write down now what waits.

        Raises:
            UpstreamError: the database is away; what waits goes on waiting.
        """
        async with self._writing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    notes = []
                    for asked in batch:
                        await TURNS.take()
                        notes.append(_noted(asked))
                    await self._feedback.note(notes)
                except BaseException:
                    later = (*batch, *self._waiting)
                    self._waiting.clear()
                    self._waiting.extend(later)
                    raise

    async def _prune(self) -> None:
        now = self._now()
        if self._prune_at is not None and now < self._prune_at:
            return
        await self._feedback.prune(now - timedelta(days=self.retention_days), MAX_ANSWERS)
        self._prune_at = now + PRUNE_EVERY


def _noted(asked: _Asked) -> NotedAnswer:
    answer = asked.answer
    return NotedAnswer(
        message_id=answer.message_id,
        asked_at=asked.at,
        question=redact_and_cut(asked.question, QUESTION_CHARS),
        mode=answer.mode.value,
        degraded=answer.degraded is not None,
        confidence=answer.trace.confidence if answer.trace else 0.0,
        total_ms=answer.timings_ms.get("total", 0.0),
        tokens=answer.usage.total_tokens,
        weakness=_weakness(answer),
        cost_usd=answer.usage.cost_usd,
    )


def _weakness(answer: Answer) -> Gap | None:
    if answer.mode is Mode.REFUSED:
        return Gap.REFUSED
    trace = answer.trace
    if trace is None:
        return None
    limit = trace.threshold + (1 - trace.threshold) * UNSURE_BELOW
    unsure = trace.confidence < limit or not answer.citations
    return Gap.UNSURE if unsure else None
