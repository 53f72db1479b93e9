from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.conversation_ports import COMPLETE, TRUNCATED
from backend.domain import (
    Answer,
    AnswerEvent,
    Citation,
    DoneEvent,
    Mode,
    Principal,
    Question,
    SourcesEvent,
    TokenEvent,
    Turn,
    Usage,
)
from backend.errors import Conflict, Invalid, UpstreamTimeout, UpstreamUnavailable
from backend.services.dialogues import Dialogues
from backend.services.replays import Replays
from tests.unit.services.history_fakes import FakeConversations, FakeReplays

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADA, NOBODY = Principal("ada", "203.0.113.7"), Principal(address="203.0.113.7")
AWAY = UpstreamUnavailable("database", "The database broke the connection.")
CITATIONS = tuple(
    Citation(n, "Nodes", ("Nodes", f"Part {n}"), "/read/nodes", "nodes.md", "A node", 0.9)
    for n in (1, 2)
)
ASKED = Question("What is a node?", session_id="mine")


class Answering:
    """Says two pieces, then what it was told to: finish, fail or wait."""

    def __init__(self) -> None:
        self.asked: list[tuple[Question, tuple[Turn, ...] | None]] = []
        self.failure: UpstreamTimeout | None = None
        self.hold: asyncio.Event | None = None
        self.waiting = asyncio.Event()

    async def answer(
        self,
        question: Question,
        principal: Principal,
        *,
        history: Awaitable[tuple[Turn, ...]] | None = None,
        whole: bool = False,
        anew: bool = False,
    ) -> AsyncGenerator[AnswerEvent, None]:
        self.asked.append((question, await history if history is not None else None))
        yield SourcesEvent(CITATIONS)
        for piece in ("A node ", "computes [1]."):
            yield TokenEvent(piece)
        if self.hold is not None:
            self.waiting.set()
            await self.hold.wait()
        number = len(self.asked)
        answer = Answer(
            "A node computes [1].", Mode.GENERATED, CITATIONS[:1], f"fresh-{number}",
            f"message-{number}", usage=Usage(10, 3), timings_ms={"total": 1.0},
        )  # fmt: skip
        if self.failure is not None:
            self.failure.partial = answer
            raise self.failure
        yield DoneEvent(answer)


class Parts:
    """The service with everything around it."""

    def __init__(self) -> None:
        self.now = NOW
        self.answering = Answering()
        self.replays = FakeReplays()
        self.store = FakeConversations(self.replays)
        self.store.own["ada", "mine"] = [Turn("user", "Hello?"), Turn("assistant", "Hello.")]
        self.dialogues = Dialogues(
            self.answering,
            self.store,
            Replays(self.replays, clock=lambda: self.now),
            clock=lambda: self.now,
        )

    async def ask(
        self, question: Question = ASKED, asker: Principal = ADA, key: str | None = None
    ) -> Answer:
        dialogue = await self.dialogues.open(question, asker, key=key)
        events = [event async for event in dialogue.events]
        assert [type(event) for event in (events[0], events[-1])] == [SourcesEvent, DoneEvent]
        done = events[-1]
        assert isinstance(done, DoneEvent)
        return done.answer

    @property
    def pairs(self) -> list[tuple[str, str, str]]:
        return [(s, e.answer, e.status) for s, e in self.store.recorded.values()]


@pytest.fixture
def parts() -> Parts:
    return Parts()


async def test_answer_is_stored_with_its_question_and_reads_the_last_turns(parts: Parts) -> None:
    answer = await parts.ask()
    assert parts.answering.asked[0][1] == tuple(parts.store.own["ada", "mine"])
    assert (answer.session_id, answer.saved, answer.degraded) == ("mine", True, None)
    session, stored = parts.store.recorded[answer.message_id]
    assert (session, stored.question, stored.answer) == ("mine", ASKED.text, answer.text)
    assert (stored.status, stored.sources) == (COMPLETE, ["[1] Nodes › Part 1"])
    assert [citation.n for citation in stored.citations] == [1]


async def test_answer_outside_of_a_conversation_begins_one_named_by_the_question(
    parts: Parts,
) -> None:
    answer = await parts.ask(Question("  What\nis a \u202enode?  " + "x " * 60))
    session, stored = parts.store.recorded[answer.message_id]
    assert answer.session_id == session == stored.new_session_id
    assert stored.title.startswith("What is a node? x x")
    assert len(stored.title) <= 60
    assert parts.store.recalled == []


@pytest.mark.parametrize("session_id", ["hers", "gone", "' or 1=1 --", "s" * 255])
async def test_foreign_conversation_is_neither_read_nor_written(
    parts: Parts, session_id: str
) -> None:
    parts.store.own["eve", "hers"] = [Turn("user", "secret")]
    answer = await parts.ask(Question("Why?", session_id=session_id))
    assert parts.answering.asked[0][1] == ()
    assert answer.saved
    assert answer.session_id != session_id


async def test_anonymous_caller_has_no_conversation(parts: Parts) -> None:
    answer = await parts.ask(asker=NOBODY)
    assert parts.answering.asked == [(Question(ASKED.text), None)]
    assert (parts.store.recalled, parts.pairs) == ([], [])
    assert (answer.session_id, answer.saved, answer.degraded) == ("fresh-1", False, None)


async def test_database_that_is_away_costs_the_memory_and_not_the_answer(parts: Parts) -> None:
    parts.store.failure = AWAY
    answer = await parts.ask()
    assert answer.text == "A node computes [1]."
    assert (answer.session_id, answer.saved) == ("mine", False)
    assert "without the earlier turns" in (answer.degraded or "")
    assert "Not saved" in (answer.degraded or "")


async def test_caller_whose_credential_cannot_be_judged_keeps_the_conversations_id(
    parts: Parts,
) -> None:
    answer = await parts.ask(asker=Principal(address="203.0.113.7", unidentified=True))
    assert (parts.store.recalled, parts.pairs) == ([], [])
    assert "sign-in could not be checked" in (answer.degraded or "")


async def test_answer_that_breaks_off_is_kept_as_truncated(parts: Parts) -> None:
    parts.answering.failure = UpstreamTimeout("openai", "The model went silent.")
    with pytest.raises(UpstreamTimeout) as broken:
        await parts.ask()
    partial = broken.value.partial
    assert partial is not None
    assert (partial.session_id, partial.saved) == ("mine", True)
    assert parts.pairs == [("mine", "A node computes [1].", TRUNCATED)]


@pytest.mark.parametrize("how", ["cancel", "close"])
async def test_reader_who_leaves_finds_what_was_said(parts: Parts, how: str) -> None:
    parts.answering.hold = asyncio.Event()
    dialogue = await parts.dialogues.open(ASKED, ADA)

    async def read() -> None:
        async with aclosing(dialogue.events) as events:
            async for event in events:
                if how == "close" and isinstance(event, TokenEvent):
                    return

    reading = asyncio.create_task(read())
    if how == "cancel":
        await parts.answering.waiting.wait()
        reading.cancel()
    await asyncio.wait([reading])
    await parts.dialogues.aclose()
    said = "A node computes [1]." if how == "cancel" else "A node"
    assert parts.pairs == [("mine", said, TRUNCATED)]


async def test_answer_is_stored_although_the_reader_leaves_while_it_is_stored(
    parts: Parts,
) -> None:
    parts.store.hold = asyncio.Event()
    asking = asyncio.create_task(parts.ask())
    while not parts.answering.asked:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    assert parts.pairs == []
    parts.store.hold.set()
    await parts.dialogues.aclose()
    assert parts.pairs == [("mine", "A node computes [1].", COMPLETE)]


@pytest.mark.parametrize("asker", [ADA, NOBODY])
async def test_same_key_and_question_have_the_same_answer_once(
    parts: Parts, asker: Principal
) -> None:
    first = await parts.ask(asker=asker, key="k")
    dialogue = await parts.dialogues.open(ASKED, asker, key="k")
    assert dialogue.replayed
    events: list[Any] = [event async for event in dialogue.events]
    assert events == [
        SourcesEvent(first.citations), TokenEvent(first.text), DoneEvent(first)
    ]  # fmt: skip
    assert len(parts.answering.asked) == 1
    assert len(parts.pairs) == (1 if asker is ADA else 0)


async def test_key_belongs_to_its_caller_its_question_and_its_day(parts: Parts) -> None:
    first = await parts.ask(key="k")
    for other in (Principal("eve", ADA.address), NOBODY, Principal(address="198.51.100.1")):
        assert (await parts.ask(asker=other, key="k")).message_id != first.message_id
    with pytest.raises(Invalid) as other_body:
        await parts.ask(Question("Why?"), key="k")
    assert "another request" in other_body.value.detail
    for key in ("", "k" * 256):
        with pytest.raises(Invalid):
            await parts.ask(key=key)
    parts.now += timedelta(hours=24)
    assert (await parts.ask(Question("Why?"), key="k")).message_id != first.message_id
    assert parts.replays.pruned == [NOW - timedelta(hours=24), NOW]


async def test_second_request_with_a_key_in_use_has_to_wait(parts: Parts) -> None:
    parts.answering.hold = asyncio.Event()
    asking = asyncio.create_task(parts.ask(key="k"))
    await parts.answering.waiting.wait()
    with pytest.raises(Conflict) as busy:
        await parts.ask(key="k")
    assert 1 <= (busy.value.retry_after_s or 0) <= 2
    parts.answering.hold.set()
    assert (await asking).message_id == (await parts.ask(key="k")).message_id
    assert len(parts.answering.asked) == 1


async def test_answer_that_nobody_began_gives_its_key_back(parts: Parts) -> None:
    dialogue = await parts.dialogues.open(ASKED, ADA, key="k")
    assert dialogue.abandon is not None
    dialogue.abandon()
    await parts.dialogues.aclose()
    await parts.ask(key="k")
    assert len(parts.answering.asked) == 1
    await dialogue.events.aclose()


async def test_retry_of_a_broken_answer_completes_it_in_place(parts: Parts) -> None:
    parts.answering.failure = UpstreamTimeout("openai", "The model went silent.")
    with pytest.raises(UpstreamTimeout):
        await parts.ask(key="k")
    await parts.dialogues.aclose()
    assert [status for *_, status in parts.pairs] == [TRUNCATED]
    parts.answering.failure = None
    await parts.ask(key="k")
    assert [status for *_, status in parts.pairs] == [COMPLETE]


async def test_key_has_no_effect_without_the_database_and_the_answer_says_so(
    parts: Parts,
) -> None:
    parts.replays.failure = AWAY
    answer = await parts.ask(asker=NOBODY, key="k")
    assert answer.text == "A node computes [1]."
    assert "Idempotency-Key" in (answer.degraded or "")


async def test_text_that_no_database_takes_is_cleaned(parts: Parts) -> None:
    answer = await parts.ask(Question("a\x00b \ud800"))
    assert parts.store.recorded[answer.message_id][1].question == "ab ?"
