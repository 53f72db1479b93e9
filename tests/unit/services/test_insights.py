from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.content_ports import Gap
from backend.domain import Answer, Mode, Question, Trace, Usage
from backend.errors import NotFound, UpstreamUnavailable
from backend.services.insights import BATCH, MAX_WAITING, Insights
from tests.unit.services.content_fakes import MemoryFeedback

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AWAY = UpstreamUnavailable("database", "Away.")
CITED: Any = ("citation",)


class Clock:
    """Time that passes only while somebody sleeps, and sleeps that end when a test says so."""

    def __init__(self) -> None:
        self.now = NOON
        self.sleeping: list[float] = []
        self.wake = asyncio.Event()

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeping.append(seconds)
        await self.wake.wait()
        self.wake.clear()
        self.now += timedelta(seconds=seconds)


def make(feedback: MemoryFeedback, clock: Clock | None = None) -> Insights:
    clock = clock or Clock()
    return Insights(feedback, now=clock, sleep=clock.sleep)


def answered(message_id: str = "m1", **changes: Any) -> Answer:
    answer = Answer(
        text="A node is a process [1].",
        mode=Mode.GENERATED,
        citations=CITED,
        session_id="s1",
        message_id=message_id,
        usage=Usage(100, 20),
        timings_ms={"total": 840.0},
        trace=Trace(threshold=0.5, confidence=0.9),
    )
    return replace(answer, **changes)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_note_is_written_later_without_personal_data() -> None:
    feedback, clock = MemoryFeedback(), Clock()
    insights = make(feedback, clock)
    insights.start()
    insights.note(Question("I am ada@example.org,\n what is a node?"), answered())
    assert feedback.notes == {}
    await until(lambda: clock.sleeping)
    clock.wake.set()
    await until(lambda: feedback.notes)
    note = feedback.notes["m1"]
    assert note.question == "I am [email], what is a node?"
    assert (note.mode, note.degraded, note.confidence) == ("generated", False, 0.9)
    assert (note.total_ms, note.tokens, note.asked_at, note.gaps) == (840.0, 120, NOON, ())
    await until(lambda: feedback.pruned)
    assert feedback.pruned[0][0] == clock.now - timedelta(days=90)
    await insights.aclose()


async def test_notes_wait_while_the_database_is_away() -> None:
    feedback, clock = MemoryFeedback(), Clock()
    feedback.failure = AWAY
    insights = make(feedback, clock)
    insights.start()
    insights.note(Question("first"), answered("m1"))
    await until(lambda: clock.sleeping == [2.0])
    clock.wake.set()
    await until(lambda: clock.sleeping == [2.0, 30.0])
    insights.note(Question("second"), answered("m2"))
    feedback.failure = None
    for sleeps in (3, 4):
        clock.wake.set()
        await until(lambda wanted=sleeps: len(clock.sleeping) >= wanted or feedback.notes)
    await until(lambda: feedback.notes)
    assert list(feedback.notes) == ["m1", "m2"]
    await insights.aclose()


async def test_queue_is_bounded_and_keeps_the_newest() -> None:
    feedback = MemoryFeedback()
    feedback.failure = AWAY
    insights = make(feedback)
    for number in range(MAX_WAITING + 50):
        insights.note(Question("q"), answered(f"m{number}"))
    with pytest.raises(UpstreamUnavailable):
        await insights.report()
    insights.note(Question("q"), answered("last"))
    feedback.failure = None
    await insights.aclose()
    assert len(feedback.notes) == MAX_WAITING
    assert "last" in feedback.notes
    assert "m50" not in feedback.notes
    assert max(feedback.batches) == BATCH


async def test_stopping_writes_what_waits() -> None:
    feedback = MemoryFeedback()
    insights = make(feedback)
    insights.start()
    insights.note(Question("q"), answered())
    await insights.aclose()
    assert list(feedback.notes) == ["m1"]


async def test_stopping_does_not_wait_for_a_database_that_is_away() -> None:
    feedback = MemoryFeedback()
    feedback.failure = AWAY
    insights = make(feedback)
    insights.note(Question("q"), answered())
    await insights.aclose()
    assert feedback.notes == {}


@pytest.mark.parametrize(
    ("changes", "gap"),
    [
        ({}, None),
        ({"mode": Mode.REFUSED}, Gap.REFUSED),
        ({"trace": Trace(threshold=0.5, confidence=0.59)}, Gap.UNSURE),
        ({"trace": Trace(threshold=0.5, confidence=0.61)}, None),
        ({"citations": ()}, Gap.UNSURE),
        ({"trace": None}, None),
    ],
)
async def test_weak_answers_are_gaps(changes: dict[str, Any], gap: Gap | None) -> None:
    feedback = MemoryFeedback()
    insights = make(feedback)
    insights.note(Question("q"), answered(**changes))
    await insights.aclose()
    assert feedback.notes["m1"].weakness == gap


async def test_answer_can_be_rated_at_once() -> None:
    feedback = MemoryFeedback()
    insights = make(feedback)
    insights.note(Question("q"), answered())
    await insights.rate("m1", "down", "Write me: ada@example.org")
    note = feedback.notes["m1"]
    assert (note.rating, note.comment, note.gaps) == ("down", "Write me: [email]", (Gap.DISLIKED,))
    with pytest.raises(NotFound, match="message_id"):
        await insights.rate("unknown", "up")


async def test_rating_says_when_the_database_is_away() -> None:
    feedback = MemoryFeedback()
    feedback.failure = AWAY
    with pytest.raises(UpstreamUnavailable):
        await make(feedback).rate("m1", "up")


async def test_report_groups_gaps_and_sums_up() -> None:
    feedback, clock = MemoryFeedback(), Clock()
    insights = make(feedback, clock)
    asked = [
        ("How do I install ROS 2 on Windows?", {"mode": Mode.REFUSED}),
        ("install ROS 2 windows", {"mode": Mode.REFUSED}),
        ("What is a node?", {}),
        ("what is a quaternion?", {"trace": Trace(threshold=0.5, confidence=0.5)}),
    ]
    for number, (text, changes) in enumerate(asked):
        timings = {"total": 100.0 * (number + 1)}
        insights.note(Question(text), answered(f"m{number}", timings_ms=timings, **changes))
    await insights.rate("m1", "down", "Not helpful")
    await insights.rate("m2", "up")
    report = await insights.report(days=7)
    assert report.since == datetime(2026, 11, 17, tzinfo=UTC)
    assert (report.questions, report.refused, report.answered) == (4, 2, 2)
    first, second = report.gaps
    assert (first.count, first.reasons) == (2, {"refused": 2, "thumbs_down": 1})
    assert {first.question, *first.examples} == {asked[0][0], asked[1][0]}
    assert (second.question, second.reasons) == (asked[3][0], {"low_confidence": 1})
    assert len(report.top_questions) == 3
    assert (report.latency.answers, report.latency.p50, report.latency.p99) == (4, 200.0, 400.0)
    assert (report.ups, report.downs) == (1, 1)
    assert [note.comment for note in report.comments] == ["Not helpful"]


async def test_report_of_nothing_is_empty() -> None:
    report = await make(MemoryFeedback()).report()
    assert (report.questions, report.gaps, report.latency.p50) == (0, (), None)


async def test_many_notes_leave_the_loop_to_others_in_between() -> None:
    feedback = MemoryFeedback()
    insights = make(feedback)
    for number in range(BATCH):
        insights.note(Question("What is a node?"), answered(f"m{number}"))
    writing, rounds = asyncio.create_task(insights.flush()), 0
    while not writing.done():
        await asyncio.sleep(0)
        rounds += 1
    assert rounds >= BATCH
