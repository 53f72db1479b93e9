"""Writes the text of an answer: by a model, or in the book's own words.

A stream shows what a model says as it comes, so nothing is run again after its first word. A whole
answer shows nothing before its end, so whatever fails, the next model is asked, and then the book
is quoted.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from time import perf_counter

from backend.domain import AnswerEvent, Citation, Hit, Mode, SourcesEvent, TokenEvent
from backend.errors import AppError, NotConfigured, UpstreamError, UpstreamMalformed
from backend.metrics import BROKEN_OFF, DEGRADED
from backend.ports import ChatModel
from backend.services.draft import Draft, ms_since
from backend.services.retrieval import Retrieval
from backend.text.citations import best_quote, cite, clean_marks, make_citation, refusal_text
from backend.text.claims import unsupported
from backend.text.extractive import compose, extract
from backend.text.foreign_links import without_foreign_links
from backend.text.prompts import NOT_IN_BOOK, build_messages
from backend.text.sparse import query_terms

log = logging.getLogger(__name__)

MAX_ANSWER_TOKENS = 900
UNSUPPORTED = "The model named no source for this answer; check it against the book."
UNPROVEN = "Not everything stands in the passages that are cited; check this against the book:"
CLAIM_CHARS = 160
BROKE_OFF = "The answer broke off and is not complete: "
_FAILURES = (UpstreamError, NotConfigured)


class Writing:
    """Fills drafts. Arguments as those of ``Answering``."""

    def __init__(
        self, retrieval: Retrieval, models: Sequence[ChatModel], *, book_title: str
    ) -> None:
        self._link = retrieval.link
        self._models = tuple(models)
        self._book_title = book_title

    async def stream(self, draft: Draft) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the sources and the text as it is made; the draft is complete at the end.

        Raises:
            UpstreamError: a model failed after its first word; the draft holds what it had said.
        """
        if draft.retrieved.hits and self._models:
            yield SourcesEvent(self._known(draft, draft.retrieved.hits))
            messages = self._messages(draft)
            for model in self._models:
                gate = Gate()
                asked = perf_counter()
                deltas = model.stream(messages, max_tokens=MAX_ANSWER_TOKENS)
                try:
                    async with aclosing(deltas):
                        async for delta in deltas:
                            draft.take(delta)
                            held = not gate.open
                            if text := gate.passes(delta.text):
                                if held:
                                    draft.timings["first_token"] = ms_since(asked)
                                yield TokenEvent(text)
                    if text := gate.rest():
                        draft.timings["first_token"] = ms_since(asked)
                        yield TokenEvent(text)
                except _FAILURES as error:
                    if gate.open:
                        self._break_off(draft, error, asked)
                        raise
                    self._failed(draft, model, error, asked)
                    continue
                draft.mode = gate.mode
                draft.timings["generate"] = ms_since(asked)
                break
            else:
                self._none_left(draft)
            if draft.mode is Mode.GENERATED:
                self._settle(draft)
                return
        self._say_without_model(draft)
        yield SourcesEvent(draft.citations)
        yield TokenEvent(draft.text)

    async def complete(self, draft: Draft) -> None:
        """Fill the draft without showing anything of it before. Never raises for a model."""
        if draft.retrieved.hits and self._models:
            await self._asked(draft)
            if draft.mode is Mode.GENERATED:
                self._settle(draft)
                return
        self._say_without_model(draft)

    async def _asked(self, draft: Draft) -> None:
        messages = self._messages(draft)
        for model in self._models:
            asked = perf_counter()
            try:
                delta = await model.complete(messages, max_tokens=MAX_ANSWER_TOKENS)
                draft.take(delta)
                draft.mode = _mode_of(delta.text)
            except _FAILURES as error:
                self._failed(draft, model, error, asked)
                continue
            draft.timings["generate"] = ms_since(asked)
            return
        self._none_left(draft)

    def _messages(self, draft: Draft) -> list[dict[str, str]]:
        messages = build_messages(draft.question, draft.retrieved.hits, book_title=self._book_title)
        draft.prompt = tuple(messages)
        return messages

    @staticmethod
    def _failed(draft: Draft, model: ChatModel, error: AppError, asked: float) -> None:
        log.warning("a model failed", extra={"model": model.name, "code": error.code})
        DEGRADED.add("next_model", error.code)
        draft.notes.append(error.detail)
        draft.text = ""
        draft.timings["failed"] = draft.timings.get("failed", 0.0) + ms_since(asked)

    @staticmethod
    def _none_left(draft: Draft) -> None:
        DEGRADED.add("quoted", "models_failed")
        draft.notes.append("Quoted from the book instead of written by a model.")

    def _break_off(self, draft: Draft, error: AppError, asked: float) -> None:
        """Make what the model had said an answer that says that it is not whole."""
        BROKEN_OFF.add(error.code)
        draft.timings["generate"] = ms_since(asked)
        draft.mode = Mode.GENERATED
        self._settle(draft)
        draft.notes.append(BROKE_OFF + error.detail)

    def _say_without_model(self, draft: Draft) -> None:
        """Refuse where the book, or the model that read the passages, has no answer; else quote."""
        if draft.mode is Mode.REFUSED or not draft.retrieved.hits:
            draft.mode = Mode.REFUSED
            draft.citations = self._known(draft, draft.retrieved.closest)
            draft.text = refusal_text(self._book_title, draft.citations)
            return
        question = draft.question
        spans = extract(question.text, question.selected_text, draft.retrieved.hits, query_terms)
        draft.text = compose(spans)
        draft.citations = tuple(
            make_citation(number, span.hit, span.text, self._link(span.hit.chunk))
            for number, span in enumerate(spans, 1)
        )

    def _known(self, draft: Draft, hits: Sequence[Hit]) -> tuple[Citation, ...]:
        """A citation for every passage that is shown before anything cites it."""
        return tuple(
            make_citation(
                number,
                hit,
                best_quote(hit.chunk.window, draft.question.text, query_terms),
                self._link(hit.chunk),
            )
            for number, hit in enumerate(hits, 1)
        )

    def _settle(self, draft: Draft) -> None:
        hits = draft.retrieved.hits
        shown = "\n".join(hit.chunk.window for hit in hits)
        draft.text, used = clean_marks(without_foreign_links(draft.text, shown), len(hits))
        draft.citations = cite(
            hits, used, draft.text, link=lambda hit: self._link(hit.chunk), terms=query_terms
        )
        if not used:
            DEGRADED.add("unsupported", "no_source")
            draft.notes.append(UNSUPPORTED)
        passages = {number: hits[number - 1].chunk.window for number in used}
        if claims := unsupported(draft.text, passages):
            DEGRADED.add("unsupported", "claim")
            draft.notes.append(f"{UNPROVEN} “{claims[0][:CLAIM_CHARS]}”")


class Gate:
    """Holds a model's text back while it may still be the mark for "not in the book"."""

    def __init__(self) -> None:
        self.open = False
        self.mode = Mode.GENERATED
        self._held = ""

    def passes(self, text: str) -> str:
        """What may be shown now that this piece has come."""
        if self.open:
            return text
        self._held += text
        head = self._held.lstrip()
        if not head or NOT_IN_BOOK.startswith(head[: len(NOT_IN_BOOK)]):
            return ""
        self.open = True
        return self._held

    def rest(self) -> str:
        """What is left at the end; decides on the mode. Raises UpstreamMalformed for no text."""
        if self.open:
            return ""
        self.mode = _mode_of(self._held)
        return self._held if self.mode is Mode.GENERATED else ""


def _mode_of(text: str) -> Mode:
    """Refused where the text is the mark for "not in the book". Raises UpstreamMalformed."""
    head = text.lstrip()
    if not head:
        raise UpstreamMalformed("openai", "The model returned an empty answer.")
    return Mode.REFUSED if head.startswith(NOT_IN_BOOK) else Mode.GENERATED
