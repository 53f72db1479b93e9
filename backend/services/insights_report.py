"""Sums up what is known of a time: days, latency, questions, gaps, ratings. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.content_ports import DayCount, NotedAnswer, Window
from backend.text.grouping import group_alike, spoken_for

__all__ = ["DayCount", "InsightsReport", "Latency", "QuestionGroup", "make_report"]

TOP_QUESTIONS = 20
TOP_GAPS = 50
GROUPED = 1_000
"""Newest questions that are compared with each other."""
EXAMPLES = 5
COMMENTS = 100


@dataclass(frozen=True, slots=True)
class QuestionGroup:
    """Questions that ask for the same: how often, why they count as a gap, other wordings."""

    question: str
    count: int
    last_asked_at: datetime
    reasons: dict[str, int]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from question to finished answer, of the newest ``answers``; None without."""

    answers: int
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class InsightsReport:
    """The report. ``questions`` = ``answered`` + ``refused``; ``gaps`` are most frequent first.

    ``cost_usd`` is that of the answers whose price is known; None where none is.
    """

    generated_at: datetime
    since: datetime
    retention_days: int
    questions: int
    answered: int
    refused: int
    degraded: int
    tokens: int
    cost_usd: float | None
    days: tuple[DayCount, ...]
    latency: Latency
    top_questions: tuple[QuestionGroup, ...]
    gaps: tuple[QuestionGroup, ...]
    ups: int
    downs: int
    comments: tuple[NotedAnswer, ...]


def make_report(
    window: Window, *, since: datetime, now: datetime, retention_days: int
) -> InsightsReport:
    """The report on a window."""
    questions = sum(day.questions for day in window.days)
    refused = sum(day.refused for day in window.days)
    return InsightsReport(
        generated_at=now,
        since=since,
        retention_days=retention_days,
        questions=questions,
        answered=questions - refused,
        refused=refused,
        degraded=sum(day.degraded for day in window.days),
        tokens=sum(day.tokens for day in window.days),
        cost_usd=_sum(day.cost_usd for day in window.days),
        days=window.days,
        latency=_latency([answer.total_ms for answer in window.newest]),
        top_questions=_grouped(window.newest[:GROUPED], TOP_QUESTIONS),
        gaps=_grouped(window.gaps[:GROUPED], TOP_GAPS),
        ups=window.ups,
        downs=window.downs,
        comments=tuple(answer for answer in window.rated if answer.comment)[:COMMENTS],
    )


def _sum(costs: Iterable[float | None]) -> float | None:
    """The known ones together; None where none is known."""
    known = [cost for cost in costs if cost is not None]
    return round(sum(known), 6) if known else None


def _latency(values: Sequence[float]) -> Latency:
    ordered = sorted(values)

    def at(share: float) -> float | None:
        """By nearest rank."""
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None

    return Latency(len(ordered), at(0.5), at(0.9), at(0.95), at(0.99))


def _grouped(answers: Sequence[NotedAnswer], limit: int) -> tuple[QuestionGroup, ...]:
    groups = group_alike([answer.question for answer in answers])
    return tuple(_group([answers[index] for index in group]) for group in groups[:limit])


def _group(answers: Sequence[NotedAnswer]) -> QuestionGroup:
    questions = [answer.question for answer in answers]
    name = spoken_for(questions)
    others = [text for text in dict.fromkeys(questions) if text != name]
    return QuestionGroup(
        question=name,
        count=len(answers),
        last_asked_at=max(answer.asked_at for answer in answers),
        reasons=dict(Counter(reason.value for answer in answers for reason in answer.gaps)),
        examples=tuple(others[:EXAMPLES]),
    )
