"""Thumbs below an answer, and the comment that may follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from backend.errors import AppError
from backend.services.limits import Limits
from ui import bridge
from ui.access import Doorman
from ui.conversation import Conversation
from ui.kept import Kept
from ui.parts import Parts

MAX_COMMENT_CHARS = 2_000
_ASKED = {
    "up": "Noted as helpful. What was good about it?",
    "down": "Noted as not helpful. What was wrong or missing?",
}

Outputs = tuple[Any, ...]
"""Values for messages, conversation, rated, row, said, comment."""


class Rating:
    """The row below the answers that asks for a comment, and what it does."""

    def __init__(self, parts: Parts, doorman: Doorman, limits: Limits, kept: Kept) -> None:
        self._parts = parts
        self._doorman = doorman
        self._limits = limits
        self._kept = kept

    def place(self) -> None:
        """Place the row."""
        with gr.Column(elem_id="ba-rating", visible=False) as self._row:
            self._said = gr.Markdown("", elem_id="ba-rating-said", latex_delimiters=[])
            with gr.Row(elem_id="ba-rating-row"):
                self._comment = gr.Textbox(
                    label="Your comment",
                    show_label=False,
                    container=False,
                    placeholder="A comment, if you like",
                    max_length=MAX_COMMENT_CHARS,
                    max_lines=4,
                    scale=1,
                )
                self._send = gr.Button("Send", size="sm", scale=0, min_width=72)
                self._close = gr.Button("Close", size="sm", scale=0, min_width=72)

    def wire(self, messages: gr.Chatbot, conversation: gr.State, *, left: Sequence[Any]) -> None:
        """Say what the row does; the events in ``left`` put it away."""
        pressed = bridge.field("rate")
        rated = gr.State(("", ""))
        row = [self._row, self._said, self._comment]
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        pressed.change(
            self.rate,
            inputs=[pressed, conversation],
            outputs=[messages, conversation, rated, *row],
            **quiet,
        )
        gr.on(
            [self._send.click, self._comment.submit],
            self.say,
            inputs=[self._comment, rated],
            outputs=row,
            **quiet,
        )
        gr.on([self._close.click, *left], self.close, outputs=row, **quiet)

    async def rate(self, action: str, conversation: Conversation, request: gr.Request) -> Outputs:
        """Keep a thumb, and ask for a comment."""
        caller = self._doorman.admit_event(request)
        position, rating = _meant(bridge.words(action))
        changed = conversation.rated(position, rating) if rating else conversation
        if changed is conversation:
            return (gr.skip(),) * 6
        message_id = changed.exchanges[position].message_id
        try:
            await self._limits.admit_feedback(caller.address)
            await self._parts.insights.rate(message_id, rating)
        except AppError as error:
            shown = gr.update(visible=True)
            return gr.skip(), gr.skip(), ("", ""), shown, error.detail, gr.update(visible=False)
        self._kept.keep(changed)
        return (
            changed.messages(),
            changed,
            (message_id, rating),
            gr.update(visible=True),
            _ASKED[rating],
            gr.update(value="", visible=True),
        )

    async def say(
        self, comment: str, rated: tuple[str, str], request: gr.Request
    ) -> tuple[Any, Any, Any]:
        """Keep the comment beside the thumb."""
        caller = self._doorman.admit_event(request)
        message_id, rating = rated
        comment = bridge.typed(comment).strip()
        if not message_id or not comment:
            return gr.update(visible=False), "", ""
        try:
            await self._limits.admit_feedback(caller.address)
            await self._parts.insights.rate(message_id, rating, comment[:MAX_COMMENT_CHARS])
        except AppError as error:
            return gr.skip(), error.detail, gr.skip()
        return gr.skip(), "Thank you. It stands under Insights now.", gr.update(visible=False)

    def close(self, request: gr.Request) -> tuple[Any, str, str]:
        """Put the row away."""
        self._doorman.admit_event(request)
        return gr.update(visible=False), "", ""


def _meant(words: list[str]) -> tuple[int, str]:
    """Position and rating; -1 and nothing where the page sent something else."""
    if len(words) == 2 and words[0].isdecimal() and words[1] in _ASKED:
        return int(words[0]), words[1]
    return -1, ""
