"""What was said on one page: kept on the server, so that no browser can forge a turn. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from backend.domain import Turn
from backend.text.sanitize import sanitize

MAX_EXCHANGES = 30
"""Older ones leave the page; what is sent on every change stays bounded."""
HISTORY_TURNS = 6


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with what came of it.

    ``text`` is the answer as the model wrote it, ``shown`` the same as Markdown that is safe to
    render, ``foot`` our own HTML below it. Only an ``answered`` exchange becomes history.
    """

    question: str
    text: str = ""
    shown: str = ""
    foot: str = ""
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """The exchanges of a page, oldest first."""

    exchanges: tuple[Exchange, ...] = ()

    def asked(self, question: str) -> Conversation:
        """With another question at its end."""
        return Conversation((*self.exchanges, Exchange(question))[-MAX_EXCHANGES:])

    def updated(self, **changes: Any) -> Conversation:
        """With fields of the last exchange changed."""
        return Conversation((*self.exchanges[:-1], replace(self.exchanges[-1], **changes)))

    def without_last(self) -> Conversation:
        """Before the last question."""
        return Conversation(self.exchanges[:-1])

    @property
    def history(self) -> tuple[Turn, ...]:
        """The last turns that were answered, oldest first."""
        turns = [
            turn
            for exchange in self.exchanges
            if exchange.answered
            for turn in (Turn("user", exchange.question), Turn("assistant", exchange.text))
        ]
        return tuple(turns[-HISTORY_TURNS:])

    def messages(self) -> list[dict[str, Any]]:
        """For Gradio's Chatbot."""
        shown: list[dict[str, Any]] = []
        for exchange in self.exchanges:
            shown.append({"role": "user", "content": sanitize(exchange.question)})
            content = [part for part in (exchange.shown, exchange.foot) if part]
            if content:
                shown.append({"role": "assistant", "content": content})
        return shown
