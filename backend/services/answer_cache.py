"""Answers to the questions of the last minutes, for whoever asks the same in the same words.

Only what stands on its own is kept: no earlier turns, nothing degraded, nothing refused. What was
given for an older state of the index is forgotten at once; where another replica has ingested, it
is gone after the same time in which this one notices.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from uuid import uuid4

from backend.domain import Answer, Mode, Question, Trace, Usage
from backend.services.lexicons import KEEP_S

ENTRIES = 256
"""At about 10 kB each."""
FREE = Usage(cost_usd=0.0)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the answer to a question would be kept; belongs to one state of the index."""

    question: Question
    version: int


class AnswerCache:
    """Keeps answers by question: its text, the selected text, page, level and language.

    Args:
        entries: How many; the one that was not asked for longest goes first.
        kept_s: Seconds until an answer is made anew.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        entries: int = ENTRIES,
        kept_s: float = KEEP_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._entries = entries
        self._kept_s = kept_s
        self._clock = clock
        self._version = 0
        self._answers: OrderedDict[Question, tuple[float, Answer]] = OrderedDict()

    def slot(self, question: Question) -> Slot | None:
        """The question's place; None for one that belongs to a conversation."""
        if question.session_id is not None or question.history:
            return None
        return Slot(question, self._version)

    def find(self, slot: Slot) -> Answer | None:
        """The answer under an id of its own, its model's tokens not counted again."""
        found = self._answers.get(slot.question)
        if found is None or found[0] < self._clock():
            return None
        self._answers.move_to_end(slot.question)
        return replace(found[1], message_id=str(uuid4()), session_id=str(uuid4()), usage=FREE)

    def keep(self, slot: Slot, answer: Answer) -> None:
        """Keep a good answer, unless the index has changed since the slot was given."""
        if slot.version != self._version:
            return
        if answer.mode is not Mode.GENERATED or answer.degraded is not None:
            return
        self._answers[slot.question] = (self._clock() + self._kept_s, _small(answer))
        self._answers.move_to_end(slot.question)
        if len(self._answers) > self._entries:
            self._answers.popitem(last=False)

    def clear(self) -> None:
        """The index has changed."""
        self._version += 1
        self._answers.clear()


def _small(answer: Answer) -> Answer:
    """Without the passages of the trace, which only maintainers see, who get no kept answer."""
    trace = answer.trace
    if trace is None:
        return answer
    return replace(answer, trace=Trace(threshold=trace.threshold, confidence=trace.confidence))
