"""Puts a question into words that can be searched for: on its own, and in the book's language.

A chat model does it, in one short call and only where it is needed; without one a follow-up takes
along the words of the question before, and a question in another language is searched as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from backend.domain import Question, Usage
from backend.errors import NotConfigured, UpstreamError
from backend.ports import ChatModel
from backend.services.time_limits import within
from backend.text.follow_ups import is_follow_up, with_context
from backend.text.languages import is_foreign
from backend.text.lexicon import Lexicon
from backend.text.prompts import build_rewording

log = logging.getLogger(__name__)

MAX_TOKENS = 120
MAX_CHARS = 500
LIMIT_S = 20.0
"""For a line of text; the answer itself needs the rest of the question's time."""
FOREIGN = (
    "The question seems to be in another language than the book and no chat model is there to "
    "translate it for the search; set OPENAI_API_KEY, or ask in the book's language."
)


@dataclass(frozen=True, slots=True)
class Reworded:
    """``text`` is what to search for; ``note`` says why it could be better."""

    text: str
    note: str | None = None
    usage: Usage = Usage()


class Rewording:
    """Rewords questions with the first chat model."""

    def __init__(self, models: Sequence[ChatModel]) -> None:
        self._models = tuple(models[:1])

    async def reword(self, question: Question, lexicon: Lexicon) -> Reworded:
        """What to search for; ``question.history`` is there where the question leans on it."""
        foreign = is_foreign(question.text, lexicon)
        leaning = bool(question.history) and is_follow_up(question.text)
        if not foreign and not leaning:
            return Reworded(question.text)
        plain = with_context(question.text, question.history) if leaning else question.text
        for model in self._models:
            try:
                said, usage = await self._ask(model, question, lexicon)
            except (UpstreamError, NotConfigured) as error:
                log.warning("a question was not reworded", extra={"code": error.code})
                return Reworded(plain, error.detail if foreign else None)
            if said:
                return Reworded(said, usage=usage)
        return Reworded(plain, FOREIGN if foreign else None)

    async def _ask(
        self, model: ChatModel, question: Question, lexicon: Lexicon
    ) -> tuple[str, Usage]:
        messages = build_rewording(question, lexicon.common_forms())
        with within(LIMIT_S):
            said = await model.complete(messages, max_tokens=MAX_TOKENS)
        first = next((line for line in said.text.splitlines() if line.strip()), "")
        return first.strip().strip("\"'“”")[:MAX_CHARS], said.usage or Usage()
