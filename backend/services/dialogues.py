"""Questions and answers as parts of a conversation.

Around one answer: the last turns are loaded while passages are searched, and the pair is stored in
one transaction when the answer is there. No database connection is held in between. A database that
is away costs the memory, never the answer; the answer then says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from backend.clock import utc_now
from backend.conversation_ports import (
    COMPLETE,
    TRUNCATED,
    Claim,
    ConversationStore,
    Exchange,
    Settlement,
)
from backend.domain import (
    Answer,
    AnswerEvent,
    DoneEvent,
    Principal,
    Question,
    SourcesEvent,
    TokenEvent,
    Turn,
)
from backend.errors import AppError, UpstreamError
from backend.metrics import DEGRADED
from backend.services.answer_records import from_record, to_record
from backend.services.conversations import known_id
from backend.services.history_window import fitting
from backend.services.replays import Replays
from backend.services.rounds import Round
from backend.services.time_limits import within

log = logging.getLogger(__name__)

RECALL_S = 3.0
"""For the last turns: searching takes about as long as this at worst, so few wait for it."""
SAVE_S = 10.0
RECALLED_MESSAGES = 12
RECALLED_CHARS = 4_000


class Answers(Protocol):
    """What answers one question; ``services.answering.Answering``."""

    def answer(
        self,
        question: Question,
        principal: Principal,
        *,
        history: Awaitable[tuple[Turn, ...]] | None = None,
        whole: bool = False,
        anew: bool = False,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the events of an answer. Raises UpstreamError."""
        ...


@dataclass(frozen=True, slots=True)
class Dialogue:
    """An answer that may begin. ``replayed``: it was given before, and costs nothing now.

    ``abandon`` is for who never iterates the events: it gives back what was claimed for them.
    """

    events: AsyncGenerator[AnswerEvent, None]
    replayed: bool = False
    abandon: Callable[[], object] | None = None


class Dialogues:
    """Answers questions inside their conversations.

    Args:
        answering: Answers one question.
        store: Where conversations are.
        replays: Outcomes of requests that carry an ``Idempotency-Key``.
        clock: The current time in UTC.
        on_answer: Told of every answer that was made, as its caller gets it; must return at once.
    """

    def __init__(
        self,
        answering: Answers,
        store: ConversationStore,
        replays: Replays,
        *,
        clock: Callable[[], datetime] = utc_now,
        on_answer: Callable[[Question, Answer], None] | None = None,
    ) -> None:
        self._answering = answering
        self._store = store
        self._replays = replays
        self._clock = clock
        self._on_answer = on_answer
        self._running: set[asyncio.Task[Any]] = set()

    async def open(
        self,
        question: Question,
        asker: Principal,
        *,
        key: str | None = None,
        whole: bool = False,
    ) -> Dialogue:
        """Admit a question; nothing is searched or asked before the events are iterated.

        Args:
            question: With the conversation it belongs to, if any.
            asker: Its owner; anonymous callers have no conversations.
            key: The request's ``Idempotency-Key``.
            whole: Nobody sees the answer before it is finished, so only that is yielded.

        Raises:
            Conflict, Invalid: See :meth:`Replays.begin`.
        """
        claim: Claim | None = None
        notes: list[str] = []
        if key is not None:
            try:
                found = await self._replays.begin(asker, key, "chat", asdict(question))
            except UpstreamError as error:
                DEGRADED.add("unrepeatable", error.code)
                notes.append(f"The Idempotency-Key has no effect now: {error.detail}")
            else:
                if isinstance(found, bytes):
                    return Dialogue(_replay(from_record(found)), replayed=True)
                claim = found
        round_ = Round.of(question, asker, claim, notes)
        return Dialogue(
            self._events(round_, whole),
            abandon=lambda: self._in_background(self._break_off(round_)) if claim else None,
        )

    async def aclose(self) -> None:
        """Wait for what is being stored."""
        if self._running:
            await asyncio.wait(self._running)

    async def _events(self, round_: Round, whole: bool) -> AsyncGenerator[AnswerEvent, None]:
        history, finished = self._history(round_), False
        try:
            answering = self._answering.answer(
                round_.question,
                round_.asker,
                history=history,
                whole=whole,
                anew=round_.claim is not None,
            )
            async with aclosing(answering) as events:
                async for event in events:
                    if isinstance(event, DoneEvent):
                        finished = True
                        event = DoneEvent(await self._kept(round_, event.answer, COMPLETE))
                    elif isinstance(event, TokenEvent):
                        round_.written.write(event.text)
                    else:
                        round_.citations = event.citations
                    yield event
        except AppError as error:
            if error.partial is not None:
                finished = True
                error.partial = await self._kept(round_, error.partial, TRUNCATED)
            raise
        finally:
            if history is not None:
                history.cancel()
            if not finished:
                # not awaited: whoever leaves, or stops the process, does not wait here
                self._in_background(self._break_off(round_))

    def _history(self, round_: Round) -> asyncio.Task[tuple[Turn, ...]] | None:
        if round_.asker.user_id is None or round_.wanted is None:
            return None
        return self._in_background(self._recall(round_, round_.asker.user_id, round_.wanted))

    async def _recall(self, round_: Round, user_id: str, session_id: str) -> tuple[Turn, ...]:
        try:
            with within(RECALL_S):
                turns = await self._store.last_turns(
                    user_id, known_id(session_id), RECALLED_MESSAGES, RECALLED_CHARS
                )
        except UpstreamError as error:
            DEGRADED.add("without_turns", error.code)
            round_.notes.append(f"Answered without the earlier turns: {error.detail}")
            return ()
        except AppError:  # an id that no conversation can have
            return ()
        return fitting(turns)

    async def _kept(self, round_: Round, answer: Answer, status: str) -> Answer:
        """The answer as the caller gets it, stored if it can be; a retry may complete a cut one."""
        if round_.claim is None:
            round_.answer_id = answer.message_id
        else:
            answer = replace(answer, message_id=round_.answer_id)
        claim = round_.claim if status == COMPLETE else None
        if round_.asker.user_id is not None:
            answer = await self._saved(round_, answer, status, claim)
        elif round_.asker.unidentified:
            round_.notes.append("Not in your history: the sign-in could not be checked just now.")
        answer = round_.noted(answer)
        if self._on_answer is not None:
            self._on_answer(round_.question, answer)
        if claim is not None and not answer.saved:
            await asyncio.shield(self._in_background(self._settle(claim, answer)))
        elif round_.claim is not None and claim is None:
            self._in_background(self._replays.release(round_.claim))
        return answer

    async def _saved(
        self, round_: Round, answer: Answer, status: str, claim: Claim | None
    ) -> Answer:
        exchange = round_.exchange(answer.text, answer.citations, status, self._clock())

        def record(session_id: str) -> bytes:
            saved = replace(answer, session_id=session_id, saved=True)
            return to_record(round_.noted(saved))

        settlement = Settlement(claim, record) if claim is not None else None
        storing = self._in_background(self._store_exchange(exchange, settlement))
        try:
            session_id = await asyncio.shield(storing)
        except AppError as error:
            log.warning("an answer was not saved", extra={"code": error.code})
            DEGRADED.add("unsaved", error.code)
            round_.notes.append(f"Not saved in your history: {error.detail}")
            return replace(answer, session_id=round_.wanted or exchange.new_session_id)
        return replace(answer, session_id=session_id, saved=True)

    async def _store_exchange(self, exchange: Exchange, settlement: Settlement | None) -> str:
        with within(SAVE_S):
            return await self._store.record(exchange, settlement)

    async def _settle(self, claim: Claim, answer: Answer) -> None:
        """Keep an answer that stands in no history, for repetitions of its request."""
        try:
            with within(SAVE_S):
                await self._replays.settle(claim, to_record(answer))
        except AppError as error:
            log.warning("an answer cannot be repeated", extra={"code": error.code})

    async def _break_off(self, round_: Round) -> None:
        """Keep what was said of an answer that nobody waits for any more."""
        text, cited = round_.cut()
        if text and round_.asker.user_id is not None:
            exchange = round_.exchange(text, cited, TRUNCATED, self._clock())
            try:
                await self._store_exchange(exchange, None)
            except AppError as error:
                log.warning("a partial answer was not saved", extra={"code": error.code})
        if round_.claim is not None:
            with within(SAVE_S):
                await self._replays.release(round_.claim)

    def _in_background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run to its end even if whoever waits for it is cancelled."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


async def _replay(answer: Answer) -> AsyncGenerator[AnswerEvent, None]:
    yield SourcesEvent(answer.citations)
    yield TokenEvent(answer.text)
    yield DoneEvent(answer)
