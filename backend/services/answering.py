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
    Citation,
    DoneEvent,
    Hit,
    Mode,
    Principal,
    Question,
    SourcesEvent,
    TokenEvent,
    Trace,
    Turn,
    Usage,
)
from backend.errors import AppError, NotConfigured, UpstreamError, UpstreamMalformed
from backend.metrics import BROKEN_OFF, DEGRADED
from backend.ports import ChatModel
from backend.resilience import Deadline, current_deadline
from backend.services.draft import Draft
from backend.services.retrieval import Retrieval
from backend.services.rewording import Rewording
from backend.text.citations import best_quote, cite, clean_marks, make_citation, refusal_text
from backend.text.claims import unsupported
from backend.text.extractive import compose, extract
from backend.text.follow_ups import is_follow_up
from backend.text.prompts import NOT_IN_BOOK, build_messages
from backend.text.sparse import query_terms

log = logging.getLogger(__name__)

ANSWER_DEADLINE_S = 90.0
MAX_ANSWER_TOKENS = 900
UNSUPPORTED = "The model named no source for this answer; check it against the book."
UNPROVEN = "Not everything stands in the passages that are cited; check this against the book:"
CLAIM_CHARS = 160
BROKE_OFF = "The answer broke off and is not complete: "


class Answering:
    """Answers questions.

    The sources go out when they are found, before the model has said a word. Where it then fails
    and the answer becomes another one (quotes, or a refusal), sources come again: the last ones
    count.

    Args:
        retrieval: Finds the passages.
        models: Chat models in the order in which they are asked; the next one only where the one
            before failed before its first token. Empty: answers are quoted.
        book_title: Named in the prompt and in refusals.
    """

    def __init__(
        self, retrieval: Retrieval, models: Sequence[ChatModel], *, book_title: str
    ) -> None:
        self._retrieval = retrieval
        self._models = tuple(models)
        self._rewording = Rewording(models)
        self._book_title = book_title

    async def answer(
        self,
        question: Question,
        principal: Principal,
        *,
        history: Awaitable[tuple[Turn, ...]] | None = None,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the sources, the text and at last the finished answer.

        ``history`` gives the earlier turns; passages are searched while it is being loaded.

        Raises:
            UpstreamError: the index is away, or the model failed after its first token; ``partial``
                is then what it had said, as an answer that says that it broke off.
        """
        current_deadline.set(Deadline.after(ANSWER_DEADLINE_S))
        started = perf_counter()
        if history is not None and is_follow_up(question.text):
            question, history = replace(question, history=await history), None
        asked = await self._rewording.reword(question, await self._retrieval.lexicons.current())
        reworded = perf_counter()
        retrieved = await self._retrieval.search(replace(question, text=asked.text))
        if history is not None:
            question = replace(question, history=await history)
        draft = Draft(
            question, question.session_id or str(uuid4()), retrieved, started,
            timings=dict(retrieved.timings_ms),
        )  # fmt: skip
        draft.timings["reword"] = round((reworded - started) * 1000, 2)
        draft.spent = asked.usage
        draft.notes += filter(None, (asked.note, retrieved.degraded))
        if not retrieved.hits:
            events = self._refuse(draft)
        else:
            events = self._generate(draft) if self._models else self._quote(draft)
        async with aclosing(events):
            async for event in events:
                yield event
        yield DoneEvent(self._finish(draft))

    def _finish(self, draft: Draft) -> Answer:
        draft.timings["total"] = _ms_since(draft.started)
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
            usage=Usage(
                draft.usage.prompt_tokens + draft.spent.prompt_tokens,
                draft.usage.completion_tokens + draft.spent.completion_tokens,
            ),
            timings_ms=draft.timings,
            trace=Trace(
                candidates=found.hits,
                dropped=found.dropped,
                threshold=found.threshold,
                confidence=found.confidence,
                prompt=draft.prompt,
            ),
        )

    async def _refuse(self, draft: Draft) -> AsyncGenerator[AnswerEvent, None]:
        closest = draft.retrieved.closest
        draft.mode = Mode.REFUSED
        draft.citations = self._known(draft.question, closest)
        draft.text = refusal_text(self._book_title, draft.citations)
        yield SourcesEvent(draft.citations)
        yield TokenEvent(draft.text)

    async def _quote(self, draft: Draft) -> AsyncGenerator[AnswerEvent, None]:
        question = draft.question
        spans = extract(question.text, question.selected_text, draft.retrieved.hits, query_terms)
        draft.mode = Mode.EXTRACTIVE
        draft.text = compose(spans)
        draft.citations = tuple(
            make_citation(number, span.hit, span.text, self._retrieval.link(span.hit.chunk))
            for number, span in enumerate(spans, 1)
        )
        yield SourcesEvent(draft.citations)
        yield TokenEvent(draft.text)

    async def _generate(self, draft: Draft) -> AsyncGenerator[AnswerEvent, None]:
        hits = draft.retrieved.hits
        messages = build_messages(draft.question, hits, book_title=self._book_title)
        draft.prompt = tuple(messages)
        yield SourcesEvent(self._known(draft.question, hits))
        for model in self._models:
            asked, spoken = perf_counter(), False
            texts = self._spoken(model, messages, draft)
            try:
                async with aclosing(texts):
                    async for text in texts:
                        if not spoken:
                            spoken = True
                            draft.timings["first_token"] = _ms_since(asked)
                        yield TokenEvent(text)
            except (UpstreamError, NotConfigured) as error:
                if spoken:
                    error.partial = self._broken_off(draft, error, asked)
                    raise
                log.warning("a model failed", extra={"model": model.name, "code": error.code})
                DEGRADED.add("next_model", error.code)
                draft.notes.append(error.detail)
                draft.text = ""
                draft.timings["failed"] = draft.timings.get("failed", 0.0) + _ms_since(asked)
                continue
            draft.timings["generate"] = _ms_since(asked)
            break
        else:
            DEGRADED.add("quoted", "models_failed")
            draft.notes.append("Quoted from the book instead of written by a model.")
        if draft.mode is Mode.GENERATED:
            self._settle(draft, hits)
            return
        events = self._refuse(draft) if draft.mode is Mode.REFUSED else self._quote(draft)
        async for event in events:
            yield event

    def _broken_off(self, draft: Draft, error: AppError, asked: float) -> Answer:
        """What the model had said, as an answer that says that it is not whole."""
        BROKEN_OFF.add(error.code)
        draft.timings["generate"] = _ms_since(asked)
        draft.mode = Mode.GENERATED
        self._settle(draft, draft.retrieved.hits)
        draft.notes.append(BROKE_OFF + error.detail)
        return self._finish(draft)

    def _known(self, question: Question, hits: Sequence[Hit]) -> tuple[Citation, ...]:
        """A citation for every passage that the model was shown."""
        return tuple(
            make_citation(
                number,
                hit,
                best_quote(hit.chunk.window, question.text, query_terms),
                self._retrieval.link(hit.chunk),
            )
            for number, hit in enumerate(hits, 1)
        )

    async def _spoken(
        self, model: ChatModel, messages: list[dict[str, str]], draft: Draft
    ) -> AsyncGenerator[str, None]:
        """The model's text, held back while it may still be the mark for "not in the book".

        Sets ``draft.mode`` to refused where it was that mark, else to generated, and collects text,
        usage and the note about a cut. An empty answer raises :class:`UpstreamMalformed`.
        """
        held, open_ = "", False
        stream = model.stream(messages, max_tokens=MAX_ANSWER_TOKENS)
        async with aclosing(stream):
            async for delta in stream:
                draft.take(delta)
                if not delta.text:
                    continue
                if open_:
                    yield delta.text
                    continue
                held += delta.text
                head = held.lstrip()
                if head and not NOT_IN_BOOK.startswith(head[: len(NOT_IN_BOOK)]):
                    open_ = True
                    yield held
        if not open_:
            if NOT_IN_BOOK in held:
                draft.mode = Mode.REFUSED
                return
            if not held.strip():
                raise UpstreamMalformed("openai", "The model returned an empty answer.")
            yield held
        draft.mode = Mode.GENERATED

    def _settle(self, draft: Draft, hits: Sequence[Hit]) -> None:
        draft.text, used = clean_marks(draft.text, len(hits))
        draft.citations = cite(
            hits,
            used,
            draft.text,
            link=lambda hit: self._retrieval.link(hit.chunk),
            terms=query_terms,
        )
        if not used:
            DEGRADED.add("unsupported", "no_source")
            draft.notes.append(UNSUPPORTED)
        passages = {number: hits[number - 1].chunk.window for number in used}
        if claims := unsupported(draft.text, passages):
            DEGRADED.add("unsupported", "claim")
            draft.notes.append(f"{UNPROVEN} “{claims[0][:CLAIM_CHARS]}”")


def _ms_since(start: float) -> float:
    return round((perf_counter() - start) * 1000, 2)
