"""What was said on one page: kept on the server, so that no browser can forge a turn. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from backend.domain import Turn
from backend.text.sanitize import sanitize
from ui.answers import rated
from ui.reader import Reader

MAX_EXCHANGES = 30
"""Older ones leave the page; what is sent on every change stays bounded."""
HISTORY_TURNS = 6
EXPLAINED = 3
"""Newest exchanges whose panel "why this answer" stays on the page: each is some 20 KB."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with what came of it.

    ``text`` is the answer as the model wrote it, ``shown`` the same as Markdown that is safe to
    render, ``foot`` our own HTML below it, ``plain_foot`` the same without what makes it large.
    ``message_id`` is by what the answer is rated. Only an ``answered`` exchange becomes history.
    """

    question: str
    reader: Reader = Reader()
    text: str = ""
    shown: str = ""
    foot: str = ""
    plain_foot: str = ""
    answered: bool = False
    message_id: str = ""
    rating: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """The exchanges of a page, oldest first; ``key`` is what its browser calls it by."""

    exchanges: tuple[Exchange, ...] = ()
    key: str = ""

    def asked(self, question: str, reader: Reader | None = None) -> Conversation:
        """With another question at its end."""
        asked = Exchange(question, reader or Reader())
        older = map(_folded, self.exchanges[:-EXPLAINED])
        return self._with((*older, *self.exchanges[-EXPLAINED:], asked)[-MAX_EXCHANGES:])

    def updated(self, **changes: Any) -> Conversation:
        """With fields of the last exchange changed."""
        return self._with((*self.exchanges[:-1], replace(self.exchanges[-1], **changes)))

    def rated(self, position: int, rating: str) -> Conversation:
        """With a judgement of the answer at this position; unchanged where there is none."""
        if not 0 <= position < len(self.exchanges) or not self.exchanges[position].answered:
            return self
        changed = list(self.exchanges)
        changed[position] = replace(changed[position], rating=rating)
        return self._with(tuple(changed))

    def without_last(self) -> Conversation:
        """Before the last question."""
        return self._with(self.exchanges[:-1])

    def _with(self, exchanges: tuple[Exchange, ...]) -> Conversation:
        return replace(self, exchanges=exchanges)

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
        for position, exchange in enumerate(self.exchanges):
            shown.append({"role": "user", "content": sanitize(exchange.question)})
            foot = rated(exchange.foot, position, exchange.rating)
            content = [part for part in (exchange.shown, foot) if part]
            if content:
                shown.append({"role": "assistant", "content": content})
        return shown


def _folded(exchange: Exchange) -> Exchange:
    return replace(exchange, foot=exchange.plain_foot or exchange.foot, plain_foot="")
