"""Answers a question from the book: retrieve, generate or quote, check what is cited.

One answer is a sequence of events: the citations known so far, the text in pieces, and the finished
answer. Without a chat model, and whenever it fails before its first token, the answer is made of
the passages' own words; where the book does not treat the question, it says so.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import replace
from time import perf_counter
from uuid import uuid4

from backend.domain import (
    Answer,
    AnswerEvent,
    DoneEvent,
    Principal,
    Question,
    SourcesEvent,
    TokenEvent,
    Trace,
    Turn,
    Usage,
)
from backend.errors import NotConfigured, UpstreamError
from backend.ports import ChatModel
from backend.resilience import Deadline, current_deadline
from backend.services.answer_cache import AnswerCache, Slot
from backend.services.draft import Draft, count_timings, ms_since
from backend.services.retrieval import Retrieval
from backend.services.writing import Writing
from backend.text.follow_ups import is_follow_up
from backend.turns import TURNS

log = logging.getLogger(__name__)

ANSWER_DEADLINE_S = 90.0


class Answering:
    """Answers questions.

    In a stream the sources go out when they are found, before the model has said a word. Where it
    then fails and the answer becomes another one (quotes, or a refusal), sources come again: the
    last ones count.

    Args:
        retrieval: Finds the passages.
        models: Chat models in the order in which they are asked. Empty: answers are quoted.
        book_title: Named in the prompt and in refusals.
        cache: Gives the answer to a question that was asked a moment ago; None: every one is new.
    """

    def __init__(
        self,
        retrieval: Retrieval,
        models: Sequence[ChatModel],
        *,
        book_title: str,
        cache: AnswerCache | None = None,
    ) -> None:
        self._retrieval = retrieval
        self._writing = Writing(retrieval, models, book_title=book_title)
        self._cache = cache

    async def answer(
        self,
        question: Question,
        principal: Principal,
        *,
        history: Awaitable[tuple[Turn, ...]] | None = None,
        whole: bool = False,
        anew: bool = False,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the sources, the text and at last the finished answer.

        Args:
            question: What is asked.
            principal: Who asks.
            history: Gives the earlier turns; passages are searched while it is being loaded.
            whole: Nobody sees the answer before it is finished, so that is all that is yielded.
            anew: Not one that somebody else was given before.

        Raises:
            UpstreamError: the index is away, or a model whose text is shown failed after its first
                token; ``partial`` is then what it had said, as an answer that says that it broke
                off.
        """
        current_deadline.set(Deadline.after(ANSWER_DEADLINE_S))
        started = perf_counter()
        slot = None
        if self._cache is not None and history is None and not (anew or principal.is_admin):
            slot = self._cache.slot(question)
        if slot is not None and (known := self._known(slot, started)) is not None:
            if not whole:
                yield SourcesEvent(known.citations)
                yield TokenEvent(known.text)
            yield DoneEvent(known)
            return
        draft = await self._found(question, history, started)
        await TURNS.take(begun=True)
        if not principal.is_admin:
            # only maintainers see it, and with hundreds of open streams it is most of the memory
            draft.retrieved = replace(draft.retrieved, dropped=())
        if whole:
            await self._writing.complete(draft)
        else:
            try:
                async with aclosing(self._writing.stream(draft)) as events:
                    async for event in events:
                        yield event
            except (UpstreamError, NotConfigured) as error:
                error.partial = self._finish(draft)
                raise
        answer = self._finish(draft)
        if self._cache is not None and slot is not None:
            self._cache.keep(slot, answer)
        yield DoneEvent(answer)

    async def _found(
        self, question: Question, history: Awaitable[tuple[Turn, ...]] | None, started: float
    ) -> Draft:
        """A draft that has its passages."""
        if history is not None and is_follow_up(question.text):
            question, history = replace(question, history=await history), None
        retrieved = await self._retrieval.search(question)
        if history is not None:
            question = replace(question, history=await history)
        draft = Draft(
            question, question.session_id or str(uuid4()), retrieved, started,
            timings=dict(retrieved.timings_ms),
        )  # fmt: skip
        draft.spent = retrieved.spent or Usage()
        draft.notes += filter(None, (retrieved.degraded,))
        return draft

    def _known(self, slot: Slot, started: float) -> Answer | None:
        """The answer that was given a moment ago."""
        assert self._cache is not None
        found = self._cache.find(slot)
        if found is None:
            return None
        took = ms_since(started)
        timings = {"cache": took, "total": took}
        count_timings(found.mode, timings)
        log.info("answered", extra={"mode": found.mode.value, "kept": True, "total_ms": took})
        return replace(found, timings_ms=timings)

    def _finish(self, draft: Draft) -> Answer:
        draft.timings["total"] = ms_since(draft.started)
        found = draft.retrieved
        draft.count()
        log.info(
            "answered",
            extra={
                "mode": draft.mode.value,
                "passages": len(found.hits),
                "confidence": found.confidence,
                "degraded": bool(draft.notes),
                "total_ms": draft.timings["total"],
            },
        )
        return Answer(
            text=draft.text,
            mode=draft.mode,
            citations=draft.citations,
            session_id=draft.session_id,
            message_id=str(uuid4()),
            degraded=" ".join(draft.notes) or None,
            usage=draft.usage + draft.spent,
            timings_ms=draft.timings,
            trace=Trace(
                candidates=found.hits,
                dropped=found.dropped,
                threshold=found.threshold,
                confidence=found.confidence,
                prompt=draft.prompt,
            ),
        )
