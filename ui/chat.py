"""The chat tab: asks the same service as the REST route, and shows why the answer is what it is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from backend.domain import Answer, DoneEvent, SourcesEvent, TokenEvent
from backend.errors import AppError, Invalid
from backend.services.limits import Limits
from ui import answers, bridge
from ui.access import Access, Doorman
from ui.conversation import Conversation
from ui.kept import Kept
from ui.parts import Parts
from ui.rating import Rating
from ui.reader import LEVELS, MAX_PAGE_CHARS, MAX_SELECTION_CHARS, Reader
from ui.welcome import plain

log = logging.getLogger(__name__)

MAX_QUESTION_CHARS = 4_000
CONCURRENT_CHATS = 32
_TICK_S = 0.06
"""Between two updates of the page while tokens come: each renders the whole answer."""
_STOPPED = "Stopped. The answer is as far as it got."
_NOT_BEGUN = "Stopped before the answer began."

Outputs = tuple[Any, ...]
"""Values for messages, conversation, box, send, stop."""


class Chat:
    """The tab's components and what they do. Every handler admits its caller anew."""

    def __init__(
        self,
        parts: Parts,
        doorman: Doorman,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = parts
        self._doorman = doorman
        self._limits = limits
        self._clock = clock
        self._kept = Kept()

    def build(self) -> gr.Chatbot:
        """Place the components; returns the one that shows the example questions."""
        state = gr.State(Conversation(), time_to_live=24 * 3600)
        messages = gr.Chatbot(
            elem_id="ba-chat",
            show_label=False,
            container=False,
            layout="panel",
            height="auto",
            buttons=[],
            placeholder=plain(self._parts.settings).placeholder,
            latex_delimiters=[
                {"left": "$$", "right": "$$", "display": True},
                {"left": "\\[", "right": "\\]", "display": True},
                {"left": "\\(", "right": "\\)", "display": False},
            ],
            autoscroll=False,
            allow_file_downloads=False,
            feedback_options=None,
        )
        rating = Rating(self._parts, self._doorman, self._limits, self._kept)
        rating.place()
        with gr.Row(elem_id="ba-composer", equal_height=False):
            box = gr.Textbox(
                elem_id="ba-question",
                label="Your question",
                show_label=False,
                container=False,
                placeholder="Ask a question",
                lines=1,
                max_lines=8,
                max_length=MAX_QUESTION_CHARS,
                autofocus=True,
                scale=1,
            )
            send = gr.Button("Ask", elem_id="ba-send", variant="primary", scale=0, min_width=88)
            stop = gr.Button("Stop", elem_id="ba-stop", visible=False, scale=0, min_width=88)
        rating.wire(messages, state, left=[box.submit, send.click])
        again, resumed = bridge.field("retry"), bridge.field("resume")
        with gr.Row(elem_id="ba-under"):
            clear = gr.Button("New conversation", elem_id="ba-clear", size="sm", scale=0)
        reader = _reader_fields()
        outputs = [messages, state, box, send, stop]
        common: dict[str, Any] = {
            "outputs": outputs,
            "api_visibility": "private",
            "show_progress": "hidden",
        }
        asking = {**common, "concurrency_limit": CONCURRENT_CHATS, "concurrency_id": "chat"}
        runs = [
            gr.on([box.submit, send.click], self.ask, inputs=[box, state, *reader], **asking),
            again.change(self.retry, inputs=[state], **asking),
            messages.example_select(self.ask_example, inputs=[state, *reader], **asking),
        ]
        stop.click(self.stop, inputs=[state], cancels=runs, **common)
        clear.click(self.clear, inputs=[state], cancels=runs, **common)
        resumed.change(self.resume, inputs=[resumed, state], **{**common, "outputs": outputs[:2]})
        return messages

    async def ask(
        self,
        text: str,
        conversation: Conversation,
        level: str,
        language: str,
        selected: str,
        page: str,
        request: gr.Request,
    ) -> AsyncGenerator[Outputs, None]:
        """Answer what was typed, as a reader with these fields would be answered."""
        text = bridge.typed(text).strip()
        if not text:
            yield conversation.messages(), conversation, *_idle()
            return
        reader = Reader.of(level, language, selected, page)
        async with aclosing(self._answer(text, reader, conversation, request)) as outputs:
            async for output in outputs:
                yield output

    async def ask_example(
        self,
        conversation: Conversation,
        level: str,
        language: str,
        selected: str,
        page: str,
        request: gr.Request,
        event: gr.SelectData,
    ) -> AsyncGenerator[Outputs, None]:
        """Answer an example question; what was chosen comes from the browser like typed text."""
        chosen = event.value
        text = str(chosen.get("text", "")) if isinstance(chosen, dict) else str(chosen)
        fields = (level, language, selected, page)
        async with aclosing(self.ask(text, conversation, *fields, request)) as outputs:
            async for output in outputs:
                yield output

    async def retry(
        self, conversation: Conversation, request: gr.Request
    ) -> AsyncGenerator[Outputs, None]:
        """Ask the last question again, with what surrounded it."""
        if not conversation.exchanges:
            yield [], conversation, *_idle()
            return
        last, before = conversation.exchanges[-1], conversation.without_last()
        async with aclosing(self._answer(last.question, last.reader, before, request)) as outputs:
            async for output in outputs:
                yield output

    def stop(self, conversation: Conversation, request: gr.Request) -> Outputs:
        """Mark the answer that was just cut."""
        self._doorman.admit_event(request)
        if conversation.exchanges and not conversation.exchanges[-1].answered:
            conversation = _cut(conversation)
            self._kept.keep(conversation)
        return conversation.messages(), conversation, *_idle()

    def clear(self, conversation: Conversation, request: gr.Request) -> Outputs:
        """Begin anew."""
        self._doorman.admit_event(request)
        conversation = Conversation(key=conversation.key)
        self._kept.keep(conversation)
        return [], conversation, *_idle()

    def resume(
        self, action: str, conversation: Conversation, request: gr.Request
    ) -> tuple[Any, Any]:
        """Show again what the page had said before it was loaded anew."""
        self._doorman.admit_event(request)
        key = "".join(bridge.words(action)[:1])
        if conversation.exchanges:
            return gr.skip(), replace(conversation, key=key)
        known = self._kept.of(key)
        return known.messages() if known.exchanges else gr.skip(), known

    async def _answer(
        self, text: str, reader: Reader, before: Conversation, request: gr.Request
    ) -> AsyncGenerator[Outputs, None]:
        """Show the question at once, the answer as it comes, and an error as a sentence."""
        now = before.asked(text[: MAX_QUESTION_CHARS + 1], reader)
        now = now.updated(foot=answers.waiting("Searching the book"))
        yield now.messages(), now, *_busy()
        try:
            async with aclosing(self._progress(text, before, now, request)) as steps:
                async for now in steps:
                    yield now.messages(), now, *_same()
        except (asyncio.CancelledError, GeneratorExit):  # stopped, or the page was left
            self._kept.keep(_cut(now))
            raise
        except AppError as error:
            now = now.updated(foot=answers.problem(error.detail))
        except Exception:
            # A traceback must not end in a page, whatever the reason.
            log.exception("chat failed")
            now = now.updated(foot=answers.problem(AppError().detail))
        self._kept.keep(now)
        yield now.messages(), now, *_idle()

    async def _progress(
        self, text: str, before: Conversation, now: Conversation, request: gr.Request
    ) -> AsyncGenerator[Conversation, None]:
        """The conversation as the answer grows, at most every tick; the last one is finished."""
        caller = self._doorman.admit_event(request)
        if len(text) > MAX_QUESTION_CHARS:
            raise Invalid(f"A question may have {MAX_QUESTION_CHARS:,} characters.")
        question = now.exchanges[-1].reader.question(text, before.history)
        await self._limits.admit_question(caller.address)
        await self._parts.ready()
        written, shown_at = "", -_TICK_S
        citations: tuple[Any, ...] = ()
        dialogue = await self._parts.dialogues.open(question, caller.principal)
        async with aclosing(dialogue.events) as events:
            async for event in events:
                if isinstance(event, TokenEvent):
                    written += event.text
                    if self._clock() - shown_at >= _TICK_S:
                        shown_at = self._clock()
                        shown = answers.text_of(written, citations)
                        now = now.updated(text=written, shown=shown, foot="")
                        yield now
                elif isinstance(event, SourcesEvent):
                    citations = event.citations
                    yield now.updated(foot=answers.waiting(_found(len(citations))))
                elif isinstance(event, DoneEvent):
                    await self._limits.spend(event.answer.usage.total_tokens)
                    explained = caller.access is not Access.VISITOR
                    yield _finished(now, event.answer, explained=explained)


def _cut(now: Conversation) -> Conversation:
    said = _STOPPED if now.exchanges[-1].text else _NOT_BEGUN
    return now.updated(foot=answers.stopped(said))


def _finished(now: Conversation, answer: Answer, *, explained: bool) -> Conversation:
    plain = answers.foot_of(answer)
    return now.updated(
        text=answer.text,
        shown=answers.shown_of(answer),
        foot=answers.foot_of(answer, explained=True) if explained else plain,
        plain_foot=plain,
        answered=True,
        message_id=answer.message_id,
    )


def _reader_fields() -> list[Any]:
    """Level, language, selected text and page, folded away."""
    with gr.Accordion("As a reader", open=False, elem_id="ba-reader"), gr.Row():
        level = gr.Dropdown(
            [(level.capitalize() or "Any level", level) for level in LEVELS],
            value="", label="Level", min_width=140,
        )  # fmt: skip
        language = gr.Textbox(
            label="Language", placeholder="As the question", max_length=40, min_width=140
        )
        page = gr.Textbox(
            label="Page", placeholder="/docs/chapter", max_length=MAX_PAGE_CHARS, min_width=140
        )
        selected = gr.Textbox(
            label="Selected text", placeholder="What the reader has marked on the page",
            max_length=MAX_SELECTION_CHARS, max_lines=3, min_width=240,
        )  # fmt: skip
    return [level, language, selected, page]


def _found(passages: int) -> str:
    return "Reading 1 passage" if passages == 1 else f"Reading {passages} passages"


# Made anew each time: Gradio empties the updates that it is given.


def _same() -> Outputs:
    return gr.skip(), gr.skip(), gr.skip()


def _busy() -> Outputs:
    return gr.update(value=""), gr.update(visible=False), gr.update(visible=True)


def _idle() -> Outputs:
    return gr.skip(), gr.update(visible=True), gr.update(visible=False)
